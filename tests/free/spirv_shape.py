#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LINEAR needs no compiler that unrolls loops or turns branches into selects (shaders/README.md).

usage: spirv_shape.py NAMES SHADERS

NAMES lists the shaders, SHADERS is where the build put them. In the forms that GPUs run, with hooks
and without, no variable of a function is an array: one that a loop indexes lies in memory. In every
form F16 has no more branches than BF16: a weight of either is decoded without.
"""

import re
import shutil
import sys

sys.dont_write_bytecode = True
import free_shaders as fs  # noqa: E402

ARRAY = re.compile(r"^(%\d+) = OpTypeArray ", re.M)
POINTER = re.compile(r"^(%\d+) = OpTypePointer (?:Function|Private) (%\d+)$", re.M)
VARIABLE = re.compile(r"^%\d+ = OpVariable (%\d+) (?:Function|Private)", re.M)
BRANCH = re.compile(r"^Op(?:BranchConditional|Switch) ", re.M)


def arrays(text):
    """How many variables of a module's functions are arrays."""
    kinds = set(ARRAY.findall(text))
    pointers = {pointer for pointer, kind in POINTER.findall(text) if kind in kinds}
    return sum(pointer in pointers for pointer in VARIABLE.findall(text))


def measure(shader):
    """{build: (arrays, branches)} of a shader."""
    texts = {"with hooks": fs.disassemble(shader.path), "hook free": fs.disassemble(shader.free_path)}
    return {build: (arrays(text), len(BRANCH.findall(text))) for build, text in texts.items()}


def wrong_arrays(measured):
    for name, builds in measured.items():
        for build, (count, _) in builds.items():
            if name.endswith("_texel") and count == 0:
                yield f"{name}, {build}: no array was found, which lavapipe's form has"
            if re.search("_[12]$", name) and count > 0:
                yield f"{name}, {build}: {count} arrays in functions, expected none"


def wrong_branches(measured):
    for name, builds in measured.items():
        other = measured.get(name.replace("_f16_", "_bf16_"))
        for build, (_, count) in builds.items() if "_f16_" in name else []:
            most = other[build][1]
            if count > most:
                yield f"{name}, {build}: {count} branches, expected {most}, as for bf16"


def main():
    if len(sys.argv) != 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if not shutil.which("spirv-dis"):
        print("skipped: spirv-dis is not on this machine")
        return 77
    shaders = [s for s in fs.load(sys.argv[1], sys.argv[2]) if s.op == "linear"]
    measured = dict(zip([s.name for s in shaders], fs.each(measure, shaders)))
    for name, builds in measured.items():
        print(name, *(f"{build}: {a} arrays, {b} branches" for build, (a, b) in builds.items()),
              sep="; ")
    wrong = [*wrong_arrays(measured), *wrong_branches(measured)]
    for text in wrong:
        print(f"wrong: {text}")
    return 1 if wrong or not measured else 0


if __name__ == "__main__":
    sys.exit(main())
