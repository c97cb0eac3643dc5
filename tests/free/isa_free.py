#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A kernel whose hook is off is the kernel built without hooks: the same AMD ISA (ENGINE.md 5).

usage: isa_free.py PROGRAM NAMES SHADERS SAMPLES [MARKDOWN]

PROGRAM is isa_dump, NAMES lists the shaders, SHADERS is where the build put them, SAMPLES has kernels
made for this test. Each shader is compiled in both builds for three families of GPUs that need not
be there. Registers, scratch, size and the count of every opcode must be the same, and exact kernels
may have no fused multiply-add. Prints a table, and writes it to MARKDOWN. Exit status 77: no driver.
"""

import os
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import free_shaders as fs  # noqa: E402
import isa_report  # noqa: E402
import isa_text  # noqa: E402

# Storage types of activations and of K and V; the first is what the table shows.
STORAGE = [(fs.F32, fs.F32), (fs.F16, fs.F16), (fs.BF16, fs.BF16)]
# The shapes of workgroups are the executor's for GPUs.
SHAPES = Path(__file__).resolve().parents[2] / "host" / "vk" / "vk_kernels.c"


def read_shapes():
    """{id: {op: value}} of `shape_gpu`."""
    text = SHAPES.read_text(encoding="utf-8")
    found = re.search(r"vk_shape shape_gpu = \{\s*\.x = \{(.*?)\},\s*\.y = \{(.*?)\},", text, re.S)
    if not found:
        raise RuntimeError(f"{SHAPES}: no shape_gpu with .x and .y")
    return {spec: {op.lower(): int(value) for op, value in
                   re.findall(r"\[VK_SHADER_(\w+)\] = (\d+)", found[part])}
            for spec, part in ((fs.LANES_X_ID, 1), (fs.LANES_Y_ID, 2))}


def read_forms():
    """Numbers of columns the forms of LINEAR have on GPUs, from `shape_gpu`."""
    text = SHAPES.read_text(encoding="utf-8")
    found = re.search(r"vk_shape shape_gpu = \{.*?\.forms = \{(\{.*?\})\},", text, re.S)
    if not found:
        raise RuntimeError(f"{SHAPES}: no shape_gpu with .forms")
    return re.findall(r"\{(\d+), \d+\}", found[1])


def is_for_gpus(name, forms):
    """Texel forms, and some forms of LINEAR, are for CPU drivers only."""
    op, *rest = name.split("_")
    return not name.endswith("_texel") and (op != "linear" or rest[-1] in forms)


def settings_of(shader, shapes):
    """Distinct {id: value} of a shader, the one of the table first."""
    shape = {spec: values[shader.op] for spec, values in shapes.items() if shader.op in values}
    return fs.distinct([shader.settings({fs.ACT_ID: act, fs.KV_ID: kv, **shape})
                        for act, kv in STORAGE])


class Row:
    """One shader on one family: its code in both builds, by setting."""

    def __init__(self, shader, family, shapes):
        self.shader = shader
        self.family = family
        self.settings = settings_of(shader, shapes)
        self.same = shader.same_file  # then once is enough
        self.hooked, self.free = [], []

    def jobs(self):
        off = {fs.HOOK_ID: 0} if self.shader.has_hook else {}
        for settings in self.settings:
            yield self.shader.exact, self.shader.path, {**settings, **off}
            if not self.same:
                yield self.shader.exact, self.shader.free_path, settings

    def take(self, codes):
        for _ in self.settings:
            self.hooked.append(next(codes))
            self.free.append(self.hooked[-1] if self.same else next(codes))

    def differences(self):
        """(settings, text) where the builds are not the same work."""
        found = [(s, h.difference(f)) for s, h, f in zip(self.settings, self.hooked, self.free)]
        return [(settings, text) for settings, text in found if text]

    def fused(self):
        return sorted({opcode for code in self.hooked + self.free
                       for opcode in code.fused(self.family)})

    def wrong(self):
        """A text for each violation."""
        where, found, differences = f"{self.shader.name} on {self.family}", [], self.differences()
        if differences:
            settings, text = differences[0]
            found.append(f"{where}: differs with hooks in {len(differences)} of "
                         f"{len(self.settings)} settings; {settings}: {text}")
        if self.shader.exact and self.fused():
            found.append(f"{where}: fused multiply-add in an exact kernel: {self.fused()}")
        return found


def compile_family(compiler, shaders):
    """A Row for each shader."""
    shapes = read_shapes()
    rows = [Row(shader, compiler.family, shapes) for shader in shaders]
    codes = iter(compiler.compile([job for row in rows for job in row.jobs()]))
    for row in rows:
        row.take(codes)
    return rows


def check_samples(compiler, folder):
    """The checks must be able to fail: their errors on the sample kernels."""
    def sample(name):
        return fs.Shader(name, Path(folder, name + ".spv"), Path(folder, "hook_trace_free.spv"))

    good, *traced = compile_family(compiler, [sample("hook_trace"), sample("hook_trace_1"),
                                              sample("hook_trace_4")])
    wrong = good.wrong()
    wrong += [f"{compiler.family}: what {row.shader.name}.spv leaves was not found"
              for row in traced if not row.wrong()]
    fused = compiler.compile([(False, Path(folder, "fused.spv"), {})])[0]
    if not fused.multiply_adds() or (compiler.family != "gfx9" and
                                     not fused.fused(compiler.family)):
        wrong.append(f"{compiler.family}: the fused multiply-add of fused.spv was not found")
    return wrong


def find_driver():
    """The file that names RADV for the Vulkan loader, null if there is none."""
    given = os.environ.get("VKFI_ICD_RADEON")
    found = [Path(given)] if given else sorted(
        Path("/usr/share/vulkan/icd.d").glob("radeon_icd*.json"))
    return next((str(path) for path in found if path.is_file()), None)


def main():
    if len(sys.argv) not in (5, 6):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    program, names, folder, samples = sys.argv[1:5]
    driver = find_driver()
    if not driver:
        print("skipped: no RADV on this machine (mesa-vulkan-drivers has it; VKFI_ICD_RADEON names "
              "its radeon_icd file)")
        return 77
    compilers = fs.each(lambda family: isa_text.Compiler(program, driver, family),
                        isa_text.FAMILIES)
    wrong = [text for compiler in compilers for text in check_samples(compiler, samples)]
    forms = read_forms()
    shaders = [s for s in fs.load(names, folder) if is_for_gpus(s.name, forms)]
    tables = fs.each(lambda compiler: compile_family(compiler, shaders), compilers)
    wrong += [text for rows in tables for row in rows for text in row.wrong()]
    report = isa_report.write([compiler.device for compiler in compilers], tables)
    print(report)
    if len(sys.argv) == 6:
        Path(sys.argv[5]).write_text(report, encoding="utf-8")
    for text in wrong:
        print(f"wrong: {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
