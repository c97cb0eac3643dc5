#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A kernel whose hook is off is the kernel built without hooks: the same SPIR-V (ENGINE.md 5).

usage: spirv_free.py NAMES SHADERS SAMPLES

NAMES lists the shaders, SHADERS is where the build put them. Constants are frozen to the same values
in both builds, HOOK to HOOK_OFF, both are optimised, and the rest must be the same line by line.
SAMPLES has kernels made for this test, good and bad: the comparison must tell them apart.
"""

import re
import shutil
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import free_shaders as fs  # noqa: E402
import spirv_canon  # noqa: E402

# Storage types and workgroup shapes are taken from these in turn, so that each is used.
SETTINGS = [
    {fs.ACT_ID: fs.F32, fs.KV_ID: fs.F32, fs.LANES_X_ID: 8, fs.LANES_Y_ID: 1},
    {fs.ACT_ID: fs.F16, fs.KV_ID: fs.BF16, fs.LANES_X_ID: 64, fs.LANES_Y_ID: 8},
    {fs.ACT_ID: fs.BF16, fs.KV_ID: fs.F16, fs.LANES_X_ID: 1, fs.LANES_Y_ID: 16},
]
TRACES = [1, 2, 3, 4, 5]  # of hook_trace.comp


def compare(shader):
    """(lines compared, text of the first difference or null)."""
    count = 0
    if shader.same_file:
        return count, None
    for settings in fs.distinct([shader.settings(s) for s in SETTINGS]):
        off = {fs.HOOK_ID: 0} if shader.has_hook else {}
        hooked = spirv_canon.canon(shader.path, {**settings, **off})
        free = spirv_canon.canon(shader.free_path, settings)
        difference = spirv_canon.first_difference(hooked, free)
        if difference:
            line, a, b = difference
            return count, f"{settings}, line {line}:\n    with hooks: {a}\n    without:    {b}"
        count += len(free)
    return count, None


def missing_hooks(shaders):
    """Ops and weight types without a hooked kernel. Of linear the form for one column is enough:
    patches are made of it."""
    hooked = {}
    for shader in shaders:
        if shader.op in fs.OPS:
            group = re.sub(r"^(linear_.*)_\d+(_texel)?$", r"\1\2", shader.name)
            hooked[group] = hooked.get(group, False) or shader.has_hook
    absent = [op for op in fs.OPS if not any(group.split("_")[0] == op for group in hooked)]
    return absent, sorted(group for group, has in hooked.items() if not has)


def check_samples(folder):
    """The comparison's errors on the sample kernels."""
    def sample(name):
        return fs.Shader(name, Path(folder, name + ".spv"), Path(folder, "hook_trace_free.spv"))

    wrong = []
    difference = compare(sample("hook_trace"))[1]
    if difference:
        wrong.append(f"the sample whose hook leaves nothing was found to differ: {difference}")
    for trace in TRACES:
        difference = compare(sample(f"hook_trace_{trace}"))[1]
        if not difference:
            wrong.append(f"trace {trace} of hook_trace.comp was not found")
        else:
            print(f"sample with trace {trace} is told apart at {difference.splitlines()[0][:-1]}")
    return wrong


def main():
    if len(sys.argv) != 4:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for tool in ("spirv-opt", "spirv-dis"):
        if not shutil.which(tool):
            print(f"skipped: {tool} is not on this machine")
            return 77
    wrong = check_samples(sys.argv[3])
    shaders = fs.load(sys.argv[1], sys.argv[2])
    for shader, (count, difference) in zip(shaders, fs.each(compare, shaders)):
        if difference:
            wrong.append(f"{shader.name}: differs from the build without hooks: {difference}")
        else:
            same = f"{count} lines are the same" if count else "the files are the same"
            what = "hook leaves nothing" if shader.has_hook else "has no hook"
            print(f"{shader.name:16} {what}, {same}")
    absent, unhooked = missing_hooks(shaders)
    wrong += [f"op {op}: no shader of that name" for op in absent]
    wrong += [f"{group}: computes a site of faults and has no hook" for group in unhooked]
    for text in wrong:
        print(f"wrong: {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
