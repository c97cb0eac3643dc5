# SPDX-License-Identifier: MIT
"""Checks that the JSON Schema and `vkfi plan check` agree on the corpus of good and bad plans.

usage: plan_corpus.py VKFI SOURCE

Plans under tests/inject/plans: good, bad (both refuse), beyond (only the program refuses: fields
that do not make sense together, contrasts, files). Plans of inject/plans must be good. Exit status: 0 they agree, 1 they do not.
"""

import json
import pathlib
import subprocess
import sys

import jsonschema

program, source = sys.argv[1], pathlib.Path(sys.argv[2])
wrong = []


def complain(path, text):
    wrong.append(f"{path.relative_to(source)}: {text}")


def check(path, by_schema, by_program):
    """Both verdicts as expected; a refusal by the program is one line with exit code 2."""
    done = subprocess.run([program, "plan", "check", path], capture_output=True, text=True,
                          check=False)
    if (done.returncode == 0) != by_program:
        complain(path, f"exit code {done.returncode}: {done.stderr.strip()}")
    if not by_program:
        lines = done.stderr.splitlines()
        if done.returncode != 2 or len(lines) != 1 or done.stdout:
            complain(path, f"exit code {done.returncode}, expected 2 and one line: {done.stderr}")
    errors = [error.message[:100] for error in validator.iter_errors(json.loads(path.read_text()))]
    if (not errors) != by_schema:
        complain(path, f"the schema says {errors or 'good'}")


schema = json.loads((source / "inject/plan.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
corpus = source / "tests/inject/plans"
counts = {}
for folder, by_schema, by_program in [("good", True, True), ("bad", False, False),
                                      ("beyond", True, False)]:
    paths = sorted((corpus / folder).glob("*.json"))
    counts[folder] = len(paths)
    for plan in paths:
        check(plan, by_schema, by_program)
ready = sorted((source / "inject/plans").glob("*.json"))
for plan in ready:
    check(plan, True, True)
if counts["good"] < 25 or counts["bad"] < 40 or len(ready) < 12:
    wrong.append(f"found {counts} and {len(ready)} ready plans, expected more")
print("\n".join(wrong) or f"{counts} and {len(ready)} ready plans: schema and program agree")
sys.exit(1 if wrong else 0)
