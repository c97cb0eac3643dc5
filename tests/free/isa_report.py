# SPDX-License-Identifier: MIT
"""The report of isa_free.py: the cost of each kernel on each family, and what that shows."""

import isa_text

SHOWN = ["VGPRs", "SGPRs", "Scratch size", "LDS size", "Subgroups per SIMD", "Code size"]
HEADS = ["VGPRs", "SGPRs", "scratch", "LDS", "waves", "bytes"]

START = """\
# What the kernels are on AMD GPUs

Made by `cmake --build build --target amd_isa_table` from RADV's null device: kernels are compiled by
the driver, nothing is run, no such GPU is needed. Driver: {driver}.

Registers, scratch (bytes a wave), LDS (bytes a workgroup), waves that fit a SIMD, bytes of
code, and instructions by kind: `f32` is add, sub and mul on floats, `vector` all else of the vector
unit, `flow` branches, barriers and waits. Constants: HOOK off, activations and K/V f32, workgroups
of discrete GPUs. An instruction of gfx11 that does two things counts as two.

## What it shows
"""


def table(rows):
    kinds = [name for name, _ in isa_text.CLASSES]
    lines = ["| kernel | " + " | ".join(HEADS + ["instructions"] + kinds) + " |",
             "|---|" + "--:|" * (len(HEADS) + 1 + len(kinds))]
    for row in rows:
        code = row.free[0]
        classes = code.classes()
        cells = [code.statistics.get(name, 0) for name in SHOWN]
        cells += [code.statistics["Instructions"]] + [classes[kind] for kind in kinds]
        lines.append(f"| {row.shader.name} | " + " | ".join(str(c) for c in cells) + " |")
    return "\n".join(lines)


def settings_with(rows, wanted):
    """(row, free code) of all settings for which `wanted` of the statistics is not 0."""
    return [(row, code.statistics[wanted]) for row in rows for code in row.free
            if code.statistics.get(wanted, 0) > 0]


def name_all(found):
    """Names and largest values by family: "gfx9: a 8, b 16; gfx11: a 8"."""
    families = {}
    for row, value in found:
        names = families.setdefault(row.family, {})
        names[row.shader.name] = max(value, names.get(row.shader.name, 0))
    return "; ".join(f"{family}: " + ", ".join(f"{name} {value}" for name, value in names.items())
                     for family, names in families.items()) or "none"


def findings(rows):
    pairs = [(a, b) for row in rows for a, b in zip(row.hooked, row.free)]
    hooked = [row for row in rows if row.shader.has_hook]
    differ = [(row, len(row.differences())) for row in rows if row.differences()]
    same_text = sum(a.text == b.text for a, b in pairs)
    exact = [row for row in rows if row.shader.exact]
    fused = sum(bool(row.fused()) for row in exact)
    unfused = sum(count for row in exact for code in row.free for opcode, count in
                  code.opcodes.items() if isa_text.UNFUSED.match(opcode))
    least = min(rows, key=lambda row: row.free[0].statistics.get("Subgroups per SIMD", 99))
    return [
        f"Hooks that are off: {len(pairs)} pairs of pipelines were compiled (f32, f16, bf16), "
        f"{sum(len(row.settings) for row in hooked)} of shaders that have a hook. Registers, "
        "scratch, size and the count of every opcode are the same as without hooks in "
        f"{len(pairs) - sum(n for _, n in differ)}, and the whole text of the ISA in {same_text}. "
        f"Not the same, and in how many settings: {name_all(differ)}.",
        f"Fused multiply-add: in {fused} of {len(exact)} exact kernels. gfx9 has {unfused} "
        "v_mad_f32 and v_mac_f32, which round twice.",
        "Scratch, largest of all settings, bytes a wave: "
        f"{name_all(settings_with(rows, 'Scratch size'))}.",
        f"Spilled VGPRs: {name_all(settings_with(rows, 'Spilled VGPRs'))}.",
        f"Fewest waves a SIMD: {least.shader.name} on {least.family}, "
        f"{least.free[0].statistics.get('Subgroups per SIMD')}.",
    ]


def write(devices, tables):
    """The report; `tables` has the rows of each family, `devices` its name."""
    rows = [row for table_rows in tables for row in table_rows]
    driver = sorted({device.partition(", ")[2] for device in devices})
    text = START.format(driver=", ".join(driver))
    text += "".join(f"- {line}\n" for line in findings(rows))
    for device, table_rows in zip(devices, tables):
        text += f"\n## {table_rows[0].family}: {device.partition(', ')[0]}\n\n"
        text += table(table_rows) + "\n"
    return text
