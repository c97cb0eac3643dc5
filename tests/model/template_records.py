# SPDX-License-Identifier: MIT
"""Templates of tasks over records, by the program and by PyPI's jinja2, set up as evaluation harnesses do.

usage: template_records.py TOOL

Pieces of templates with blanks and line feeds around their marks, put together with a seed: every blank
counts, the last line feed too, and what is undefined is an error once it is printed or gone over. Exit
status 0: the same texts and the same refusals; 1: a difference (printed); 77: jinja2 is not there."""
import json
import os
import random
import struct
import subprocess
import sys

PYTHON = os.environ.get("VKFI_PYTHON")
if PYTHON and sys.executable != PYTHON and not os.environ.get("TEMPLATE_RECORDS"):
    os.execve(PYTHON, [PYTHON, *sys.argv], {**os.environ, "TEMPLATE_RECORDS": "1"})
try:
    from jinja2 import BaseLoader, Environment, StrictUndefined
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

ENVIRONMENT = Environment(loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True)
RECORDS = [
    {"question": "How much is 1 + 1?", "answer": "two\n#### 1,234", "choices": {"text": ["a", "é"], "label": ["A", "B"]},
     "n": 3, "yes": True, "none": None, "list": [1, "b", [2]], "file": "dev-de"},
    {"question": " 水 \t", "answer": "", "choices": {"text": [], "label": []}, "n": -7, "yes": False, "none": None,
     "list": [], "file": "x_test"},
]
PIECES = ["{{ question }}", "{{ question | trim }}", "{{ answer.split('####')[-1] | trim | replace(',', '') }}", "\n", " ",
          "\n\n", "Question: ", "\tx", "{% if yes %}", "{% endif %}", "{% if yes -%}", "{%- endif %}", "{% else %}",
          "{% for t in choices.text %}", "{% endfor %}", "{{ choices.label.index('B') }}", "{{ loop.index }}",
          "{{ choices.text | join('\\n') }}", "{{ missing }}", "{{ missing | default('d') }}", "{{ n + 1 }}", "{{ none }}",
          "{% if missing is defined %}", "{{ file[4:] }}", "{{ file.removesuffix('_test').replace('_', ' ') }}",
          "{# c #}", "{#- c -#}", "{% set v = n %}", "{{ v }}", "{{ list[1] }}", "{{ list | length }}", "{{ yes }}",
          "{% for t in missing %}", "{{ question ~ n }}", "{{ [question, n | string] | join('/') }}", "{{ choices.text[0] }}"]


def theirs(source, record):
    try:
        return ENVIRONMENT.from_string(source).render(**record).encode()
    except Exception:  # errors of Python's own operators and methods too
        return None


def ours(tool, cases):
    data = b"".join(struct.pack("<I", len(part)) + part for source, record in cases
                    for part in (source.encode(), json.dumps(record).encode()))
    out = subprocess.run([tool, "record"], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         check=True).stdout
    at = 0
    while at < len(out):
        refused, size = struct.unpack_from("<II", out, at)
        yield None if refused else out[at + 8:at + 8 + size], out[at + 8:at + 8 + size]
        at += 8 + size


def main(tool):
    draw = random.Random(5)
    cases = [("".join(draw.choice(PIECES) for _ in range(draw.randrange(1, 6))), record)
             for _ in range(4000) for record in RECORDS]
    run = bad = 0
    for (source, record), (text, said) in zip(cases, ours(tool, cases), strict=True):
        wanted = theirs(source, record)
        run += wanted is not None
        if text != wanted:
            bad += 1
            if bad <= 5:
                print(f"{source!r} over {record['file']}\n  ours   {said!r}\n  jinja2 {wanted!r}")
    print(f"{len(cases)} templates, {run} of them run by jinja2: {bad} differ")
    return bad > 0 or run < 1000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
