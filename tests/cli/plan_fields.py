# SPDX-License-Identifier: MIT
"""Checks that every field of a plan is described, and that its default and example are right.

usage: plan_fields.py VKFI SOURCE

Each field of the JSON Schema has a description and examples, and a default, or a description that
says what holds without the field; the manual page describes it too, and the README of the ready
plans defines the words. Each example, put into a plan, is accepted by the schema and by
`vkfi plan check`; each default gives the plan the identity that it has without the field. Exit
status: 0 all of it holds, 1 it does not.
"""

import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import jsonschema

program, source = sys.argv[1], pathlib.Path(sys.argv[2])
schema = json.loads((source / "inject/plan.schema.json").read_text())
validator = jsonschema.Draft202012Validator(schema)
wrong = []

PLAN = {"model": "smollm2-135m", "prompts": {"texts": ["Hello.", "Good morning."]},
        "population": "ops", "sampling": {"trials": 1000}}
STORED = {"population": "bits"}
LAYERS = {"strata": ["layer"]}
ZERO = "0" * 64

# What a field needs beside it, by its path.
BESIDE = {
    "groups": {"strata": ["site_group"]},
    "hypotheses": LAYERS, "faults_per_trial": STORED, "confirm": LAYERS,
    "confirm/strata": LAYERS | {"confirm": {"of": ZERO}},
    "confirm/of": LAYERS | {"confirm": {"strata": ["layer=3"]}},
    "where/readers": {"where": {"point": "weight"}},
    "where/field": STORED, "when/rate": {"when": {"duration": "intermittent"}},
    "when/scrub": STORED, "faults_per_trial/ber": STORED,
    "what/value": {"what": {"kind": "set"}}, "what/factor": {"what": {"kind": "scale"}},
    "what/term": {"what": {"kind": "add"}}, "what/low": {"what": {"kind": "clamp", "high": 2}},
    "what/high": {"what": {"kind": "clamp", "low": -2}},
    "what/only/mask": {"what": {"only": {"value": "0x80000000"}}},
    "what/only/value": {"what": {"only": {"mask": "0x80000000"}}},
    "sampling/relative_half_width": {"sampling": {"expected_rate": 0.5}},
    "sampling/upper_bound": {"sampling": {"expected_rate": 0.01}},
    "stop/looks": {"stop": {"rule": "spending"}},
    "stop/spending": {"stop": {"rule": "spending", "looks": [0.5, 1]}},
    "stop/rule": {"stop": {}},
    "stop/gate": {"stop": {"rule": "time_uniform"}},
    "stop/gate/max": {"stop": {"rule": "time_uniform"}},
    "stop/gate/": {"stop": {"rule": "time_uniform", "gate": {"max": 0.1}}},
    "stop/gate/stratum": LAYERS | {"stop": {"rule": "time_uniform", "gate": {"max": 0.1}}},
    "hypothesis/": LAYERS | {"hypotheses": [{"name": "a", "contrast": "layer: 0 > 1"}]},
    "hypothesis/margin": LAYERS | {"hypotheses": [{"name": "a", "contrast": "layer: 0 ~ 1"}]},
    "prompt_set/file": {"prompts": {}}, "prompt_set/ids": {"prompts": {}},
    "prompt_set/lines": {"prompts": {"file": "prompts.txt"}},
    "prompt_set/texts": {"prompts": {}},
    "items/": {"items": {"tasks": "arc_challenge"}}, "items/tasks": {"items": {}}, "items/list": {"items": {}},
    "arm/": {"arms": [{"name": "a", "policy": "nan_trap"}]},
    "arm/calibration": {"arms": [{"name": "a", "policy": {"protect": [{"kind": "nan_trap"}], "calibration": "absent"}}]},
    "task_item/": {"items": {"list": [{"task": "a", "prompt": "b"}]}},
    "task_item/kind": {"items": {"list": [{"task": "a", "prompt": "b", "test": "c()"}]}},
    "task_item/choices": {"items": {"list": [{"task": "a", "kind": "choices"}]}},
    "task_item/gold": {"items": {"list": [{"task": "a", "kind": "choices", "choices": [["b"], ["c"]]}]}},
}
# Where the objects of lists, which are definitions of the schema, stand in a plan.
AT = {"arm": "arms/0", "hypothesis": "hypotheses/0", "prompt_set": "prompts", "task_item": "items/list/0"}
GOALS = {"trials", "half_width", "relative_half_width", "upper_bound"}


def merge(into, other):
    """The members of `other`, objects into objects; prompts have one source, which is replaced."""
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict) and key != "prompts":
            merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


def plan_with(path, place, value, beside):
    """A plan with the value at its place; without it if it is None."""
    plan = copy.deepcopy(PLAN)
    if path in {f"sampling/{goal}" for goal in GOALS}:
        plan["sampling"] = {}
    merge(plan, beside)
    *keys, last = place.split("/")
    at = plan
    for key in keys:
        at = at[int(key)] if isinstance(at, list) else at.setdefault(key, {})
    if value is not None:
        at[last] = value
    else:
        at.pop(last, None)
    return plan


def identity_of(plan, folder, path):
    """What `vkfi plan check` says of it: the identity, or None and a complaint."""
    errors = [error.message[:120] for error in validator.iter_errors(plan)]
    file = folder / "plan.json"
    file.write_text(json.dumps(plan))
    done = subprocess.run([program, "plan", "check", "--json", file], capture_output=True, text=True,
                          check=False, env=os.environ | {"VKFI_DATA": "own"})
    if errors or done.returncode != 0:
        wrong.append(f"{path}: {json.dumps(plan)}: schema {errors or 'good'}, program "
                     f"{done.stderr.strip() or 'good'}")
        return None
    return json.loads(done.stdout)[0]["identity"]


def check_field(path, place, field, folder):
    """Its words, examples and default."""
    beside = BESIDE.get(path, BESIDE.get(path.rpartition("/")[0] + "/", {}))
    if not field.get("description"):
        wrong.append(f"{path}: no description")
    if not field.get("examples"):
        wrong.append(f"{path}: no example")
    words = ("Must be given", "must give", "must be given", "by default", "a goal")
    if "default" not in field and not any(word in field.get("description", "") for word in words):
        wrong.append(f"{path}: no default, and no word of what holds without it")
    for example in field.get("examples", []):
        identity_of(plan_with(path, place, example, beside), folder, path)
    if "default" in field:
        given = identity_of(plan_with(path, place, field["default"], beside), folder, path)
        if given != identity_of(plan_with(path, place, None, beside), folder, path):
            wrong.append(f"{path}: {field['default']} is not what holds without it")


def fields_of(node, path, place):
    """All fields below a schema, with their paths and their places in a plan."""
    for key, value in node.get("properties", {}).items():
        yield f"{path}{key}", f"{place}{key}", value
        yield from fields_of(value, f"{path}{key}/", f"{place}{key}/")
        for form in value.get("oneOf", []):
            yield from fields_of(form, f"{path}{key}/", f"{place}{key}/")


count = 0
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / "data").symlink_to(source / "tests/tasks/items")
    (folder / "prompts.txt").write_text("One.\nTwo.\n")
    everything = [*fields_of(schema, "", "")]
    for definition, place in AT.items():
        everything += fields_of(schema["$defs"][definition], f"{definition}/", f"{place}/")
    for path, place, field in everything:
        check_field(path, place, field, folder)
        count += 1
manual = subprocess.run([program, "plan", "--help"], capture_output=True, text=True, check=True).stdout
for path, _, field in everything:
    name = path.replace("/", ".").replace("prompt_set.", "prompts[].").replace("hypothesis.", "hypotheses[].")
    name = name.replace("task_item.", "items.list[].").replace("arm.", "arms[].")
    if name != "faults_per_trial.ber" and f"\n    {name}: {field['description'].split()[0]}" not in manual:
        wrong.append(f"vkfi plan --help describes no {name}")
readme = (source / "inject/plans/README.md").read_text()
definitions = schema["$defs"]
for words in [schema["properties"][key]["enum"] for key in ("population", "design", "item_weight")] + [
        definitions[key]["enum"] for key in ("stage", "field", "duration")]:
    for word in words:
        if word != "any" and f"`{word}`" not in readme:
            wrong.append(f"inject/plans/README.md defines no `{word}`")
if count < 75:
    wrong.append(f"found {count} fields, expected more")
print("\n".join(wrong) or f"{count} fields described, their examples and defaults hold")
sys.exit(1 if wrong else 0)
