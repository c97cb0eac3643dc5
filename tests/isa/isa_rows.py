# SPDX-License-Identifier: MIT
"""One shader on one chip: its variants, their codes, and what is wrong with them."""

import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "free"))
import free_shaders as fs  # noqa: E402

# Storage types of activations and of K and V; the first is what the table shows.
STORAGE = [(fs.F32, fs.F32), (fs.F16, fs.F16), (fs.BF16, fs.BF16)]
NAMES = {fs.F32: "f32", fs.F16: "f16", fs.BF16: "bf16"}
KEEP_ID, REREAD_ID, NEXT_ID = 5, 6, 8  # SPEC_* of shaders/shared/push.h
# What LINEAR does besides its rows: nothing, which the table shows, and the rest one by one.
BESIDE = [("", {KEEP_ID: 0, NEXT_ID: 0}), ("keep", {KEEP_ID: 1, NEXT_ID: 0}),
          ("norm", {KEEP_ID: 0, NEXT_ID: 1}), ("gate", {KEEP_ID: 0, NEXT_ID: 2})]
HOOK_OUT, HOOK_SEVERAL = 4, 7  # of shaders/shared/hook_kinds.h
# The shapes of workgroups are the executor's for GPUs.
SHAPES = Path(__file__).resolve().parents[2] / "host" / "vk" / "vk_kernels.c"
# What the program asks every exact kernel for, where the device can be asked (NUMERICS.md 5).
MODES = ["flush", "nearest", "preserve"]


def read_shapes(few):
    """{id: {op: value}} of `shape_gpu`; `few`: with what `take_few_registers` changes."""
    text = SHAPES.read_text(encoding="utf-8")
    found = re.search(r"vk_shape shape_gpu = \{\s*\.x = \{(.*?)\},\s*\.y = \{(.*?)\},", text, re.S)
    changed = re.search(r"void take_few_registers\(.*?\n\{\n(.*?)\n\}\n", text, re.S)
    if not found or not changed:
        raise RuntimeError(f"{SHAPES}: no shape_gpu with .x and .y, or no take_few_registers")
    shapes = {spec: {op.lower(): int(value) for op, value in
                     re.findall(r"\[VK_SHADER_(\w+)\] = (\d+)", found[part])}
              for spec, part in ((fs.LANES_X_ID, 1), (fs.LANES_Y_ID, 2))}
    if few:
        shapes[fs.LANES_Y_ID].update((op.lower(), int(value)) for op, value in re.findall(
            r"shape->y\[VK_SHADER_(\w+)\] = (\d+);", changed[1]))
        shapes[REREAD_ID] = {"linear": int("shape->reread = true;" in changed[1])}
    return shapes


def read_forms(few):
    """Numbers of columns the forms of LINEAR have on GPUs, from `shape_gpu`; `few`: the first."""
    text = SHAPES.read_text(encoding="utf-8")
    found = re.search(r"vk_shape shape_gpu = \{.*?\.forms = \{(\{.*?\})\},", text, re.S)
    if not found:
        raise RuntimeError(f"{SHAPES}: no shape_gpu with .forms")
    return re.findall(r"\{(\d+), \d+\}", found[1])[:1 if few else None]


def read_patch_shape():
    """{id: value} of LINEAR with hooks, from `shape_gpu`."""
    text = SHAPES.read_text(encoding="utf-8")
    found = re.search(r"vk_shape shape_gpu = \{.*?\.patch_y = (\d+),", text, re.S)
    if not found:
        raise RuntimeError(f"{SHAPES}: no shape_gpu with .patch_y")
    return {fs.LANES_Y_ID: int(found[1])}


def is_for_gpus(name, forms):
    """Texel forms, and some forms of LINEAR, are for CPU drivers only."""
    op, *rest = name.split("_")
    return not name.endswith("_texel") and (op not in ("linear", "experts") or rest[-1] in forms)


def settings_of(shader, shapes, beside):
    """Distinct {id: value} of a shader, the one of the table first. `beside`: also those that do
    more than their rows."""
    name = shader.name.removesuffix("_texel")
    shape = {spec: values.get(name, values.get(shader.op)) for spec, values in shapes.items()
             if name in values or shader.op in values}
    return fs.distinct([shader.settings({fs.ACT_ID: act, fs.KV_ID: kv, **more, **shape})
                        for _, more in (BESIDE if beside else BESIDE[:1]) for act, kv in STORAGE])


def points_of(shader):
    """Values of the hook's constant that make different kernels: those that the module compares
    it with, and one that only says that there is a hook."""
    if not shader.has_hook:
        return []
    text = fs.disassemble(shader.path)
    hook = re.search(rf"OpDecorate (%\d+) SpecId {fs.HOOK_ID}$", text, re.M)[1]
    constants = dict(re.findall(r"^(%\d+) = OpConstant %\d+ (\d+)$", text, re.M))
    compared = re.findall(rf" (?:Op)?I(?:Not)?Equal (?:%\d+ )?{hook} (%\d+)$", text, re.M)
    return sorted({int(constants[c]) for c in compared if c in constants} - {0} |
                  {HOOK_OUT, HOOK_SEVERAL})


def tell(settings):
    """"f16", "bf16 keep"."""
    types = [NAMES[settings[i]] for i in (fs.ACT_ID, fs.KV_ID) if i in settings]
    more = [word for word, beside in BESIDE[1:] if beside.items() <= settings.items()]
    return " ".join(types[:1] + more) or "one form"


class Row:
    """A shader without hooks, with the hook off and, if asked for, at each of its points."""

    def __init__(self, shader, chip, shapes, at_points):
        self.shader = shader
        self.chip = chip
        self.settings = settings_of(shader, shapes, at_points)
        self.points = points_of(shader) if at_points else []
        self.patch_shape = read_patch_shape() if shader.op == "linear" else {}
        # patches go on with nothing
        self.patched = [s for s in self.settings if not s.get(NEXT_ID)]
        self.same = shader.same_file  # then once is enough
        self.hooked, self.free, self.struck = [], [], []  # struck: (point, settings, code)

    def jobs(self):
        off = {fs.HOOK_ID: 0} if self.shader.has_hook else {}
        for settings in self.settings:
            yield self.shader.exact, self.shader.path, {**settings, **off}
            if not self.same:
                yield self.shader.exact, self.shader.free_path, settings
        for point in self.points:
            for settings in self.patched:
                yield (self.shader.exact, self.shader.path,
                       {**settings, **self.patch_shape, fs.HOOK_ID: point})

    def take(self, codes):
        for _ in self.settings:
            self.hooked.append(next(codes))
            self.free.append(self.hooked[-1] if self.same else next(codes))
        for point in self.points:
            self.struck += [(point, settings, next(codes)) for settings in self.patched]

    def all_codes(self):
        """(where, code) of all that was compiled."""
        for settings, hooked, free in zip(self.settings, self.hooked, self.free):
            yield tell(settings), hooked
            if free is not hooked:
                yield f"{tell(settings)}, hook free", free
        for point, settings, code in self.struck:
            yield f"{tell(settings)}, hook point {point}", code

    def differences(self):
        """(settings, {name: (hooked, free)}) where the builds are not the same work; what the chip
        states as scheduling is not among them."""
        found = []
        for settings, hooked, free in zip(self.settings, self.hooked, self.free):
            names = {name: pair for name, pair in hooked.difference(free).items()
                     if not self.is_scheduling(name, pair)}
            if names:
                found.append((settings, names))
        return found

    def is_scheduling(self, name, pair):
        return any(re.fullmatch(kernels, self.shader.name) and re.fullmatch(names, name) and
                   abs(pair[0] - pair[1]) <= most
                   for kernels, names, most, _ in self.chip.schedules)

    def may_spill(self, patch):
        name = self.shader.name + (" patch" if patch else "")
        return any(re.fullmatch(kernels, name) for kernels, _ in self.chip.spills)

    def wrong_hook(self):
        found = self.differences()
        if found:
            settings, names = found[0]
            text = ", ".join(f"{n} {a}, not {b}" for n, (a, b) in list(names.items())[:6])
            yield f"differs with hooks in {len(found)} of {len(self.settings)} settings; " \
                  f"{tell(settings)}: {text}"

    def wrong_floats(self, modes):
        """The first variant of an exact kernel that is not exact; `modes`: those that the device can
        be asked for."""
        for where, code in self.all_codes() if self.shader.exact else []:
            found = list(self.wrong_code(where, code, modes))
            if found:
                return found
        return []

    def wrong_code(self, where, code, modes):
        if code.fused or code.nir_fused:
            yield f"{where}: fused multiply-add in an exact kernel: " \
                  f"{dict(code.fused) or 'in NIR'}"
        if code.nir_inexact:
            yield f"{where}: {code.nir_inexact} of {code.nir_floats} float additions and " \
                  "products may be reassociated"
        known = code.modes()
        missing = [m for m in MODES if m in modes and known is not None and m not in known]
        if missing:
            yield f"{where}: compiled without the float modes {', '.join(missing)}"

    def wrong_cost(self):
        """Of kernels without an active hook; of LINEAR with one too, what is in memory."""
        spills, limits = [], []
        for where, code in self.all_codes():
            patch = "hook point" in where
            if patch and self.shader.op != "linear":
                continue
            if code.spills() and not self.may_spill(patch):
                spills.append(f"{where}: registers or arrays in memory: {code.spills()}")
            if patch:
                continue
            for name, (least, most) in self.chip.limits.items():
                value = code.statistics[name]
                if not least <= value <= most:
                    limits.append(f"{where}: {name} {value}, stated are {least} to {most}")
        return spills[:1] + limits[:1]

    def wrong(self, modes):
        """A text for each kind of violation."""
        found = [*self.wrong_hook(), *self.wrong_floats(modes), *self.wrong_cost()]
        return [f"{self.shader.name} on {self.chip.name}: {text}" for text in found]


def compile_rows(compiler, shaders, at_points):
    """A Row for each shader that the chip uses."""
    shapes, forms = read_shapes(compiler.chip.few), read_forms(compiler.chip.few)
    rows = [Row(shader, compiler.chip, shapes, at_points) for shader in shaders
            if is_for_gpus(shader.name, forms)]
    codes = iter(compiler.compile([job for row in rows for job in row.jobs()]))
    for row in rows:
        row.take(codes)
    return rows
