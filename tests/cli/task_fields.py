# SPDX-License-Identifier: MIT
"""Checks that the schema of tasks and the program agree on each field.

usage: task_fields.py VKFI SOURCE

Every definition of the tree fits the schema. Each field is described, with examples, and a default
or a word of what holds without it. Definitions with one value replaced, left out or added are taken
by both or refused by both, as far as one field alone decides. Exit status: 0 all of it holds, 1 not.
"""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile

import jsonschema

program, source = sys.argv[1], pathlib.Path(sys.argv[2])
schema = json.loads((source / "tasks/task.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
wrong = []


def fits(definition):
    return not list(validator.iter_errors(definition))


def fields_of(node, path=()):
    """All fields, with their places."""
    for key, value in node.get("properties", {}).items():
        yield path + (key,), value
        yield from fields_of(value, path + (key,))


definitions = {path.stem: json.loads(path.read_text())
               for path in sorted((source / "tasks/definitions").glob("*.json"))}
for name, definition in definitions.items():
    if not fits(definition):
        wrong.append(f"{name}: {[e.message[:100] for e in validator.iter_errors(definition)]}")
    if definition["name"] != name:
        wrong.append(f"{name}: is called {definition['name']}")

fields = list(fields_of(schema))
for path, field in fields:
    words = ("Must be given", "must give", "by default", "By default", "default:", "It or contexts", "must be given")
    if not field.get("description") or not field.get("examples"):
        wrong.append(f"{'/'.join(path)}: no description or no example")
    if "default" not in field and not any(word in field["description"] for word in words):
        wrong.append(f"{'/'.join(path)}: no default, and no word of what holds without it")

# What is read of a file decides alone whether the program takes a definition: its items need data.
VALUES = [None, True, -1, 0, 1, 2.5, 10**9, "", "x", "acc", "{{ a", [], ["a"], ["a", "a"], [""], {}, {"a": 1}, {"a": "b"}]
BASE = {"name": "own", "kind": "generation", "data": {"format": "jsonl", "files": ["own.jsonl"]},
        "template": "{{ q }}", "target": "{{ a }}", "extract": "first_line"}
# Fields that other fields decide about, or whose text the schema does not look into.
TOGETHER = {"choices", "contexts", "gold", "labels", "prefix", "test", "entry_point", "integrand",
            "variable", "kind", "metrics", "few_shot", "data/columns", "data/files", "data/format",
            "template", "target", "extract", "delimiter"}
count = 0
with tempfile.TemporaryDirectory() as folder:
    place = pathlib.Path(folder)
    (place / "own.jsonl").write_text('{"q": "1 + 1?", "a": "2"}\n')

    def taken(definition):
        (place / "own.json").write_text(json.dumps(definition))
        done = subprocess.run([program, "task", "show", place / "own.json"], capture_output=True, text=True,
                              check=False)
        if done.returncode not in (0, 2):
            wrong.append(f"{json.dumps(definition)}: exit status {done.returncode}")
        refused = done.stderr.strip().replace("vkfi: error: ", "")
        return done.returncode == 0 or not refused.startswith(str(place / "own.json")), refused

    if not taken(BASE)[0] or not fits(BASE):
        wrong.append(f"the definition to start from is not good: {taken(BASE)[1]}")
    for path, field in fields:
        for value in VALUES + field.get("examples", []):
            definition = copy.deepcopy(BASE)
            at = definition
            for key in path[:-1]:
                at = at.setdefault(key, {})
            at[path[-1]] = value
            good, said = taken(definition)
            together = "/".join(path) in TOGETHER or path[0] == "few_shot" or "{{" in json.dumps(value)
            if fits(definition) and not good and not together or good and not fits(definition):
                wrong.append(f"{'/'.join(path)} = {json.dumps(value)}: schema "
                             f"{'good' if fits(definition) else 'bad'}, program {said or 'good'}")
            count += 1
print("\n".join(wrong) or f"{len(definitions)} definitions fit, {count} changed ones agree")
sys.exit(1 if wrong else 0)
