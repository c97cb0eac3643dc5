# SPDX-License-Identifier: MIT
"""The reports of isa_check.py: what a chip's compiler made of the kernels, and the cost of each."""

START = """\
# What the kernels are on {title}

Made by `cmake --build build --target isa_tables`: the vendor's compiler compiled every kernel, nothing
was run. Device and driver: {device}. All numbers are the driver's own; instructions by kind are counted in its
text. Constants of the last table: hook off, activations and K/V f32, workgroups of GPUs.

"""
CHIPS = """\
# What the kernels are on each chip

The first table of each file of this folder, which says what the columns mean; those of a chip are
renewed with `cmake --build build --target isa_tables`, where its driver is there
(`third_party/vendor_compilers.sh`).

"""
# (head, what it means)
COLUMNS = [
    ("chip", "its name in `tests/isa/isa_chips.py`"),
    ("pipelines", "kernels compiled in all storage types with the hook off, hook free, and at hook "
                  "points, and how many of them the last are (0: made with --idle)"),
    ("fused", "fused multiply-adds in exact kernels"),
    ("loose", "float additions and products of NIR, in exact kernels, that may be reassociated"),
    ("modes asked", "float modes that the program asks this device for: denormals flushed, rounding "
                    "to nearest, zeros' signs, infinities and NaN preserved"),
    ("modes seen", "those that every exact kernel is seen to run with; `-`: the driver shows none"),
    ("idle = free", "pairs of hook off and hook free that are the same work, and how many there are"),
    ("same text", "those whose instructions are the same line by line"),
    ("in memory", "kernels without an active hook that keep registers or arrays in memory"),
    ("most registers", "of a kernel without an active hook, and its name"),
    ("fewest waves", "likewise: waves, threads or SIMD width, whichever the driver tells"),
]


def heads(names):
    return "| " + " | ".join(names) + " |\n|" + "---|" * len(names) + "\n"


def extreme(rows, statistic, pick):
    """"252 (linear_f32_2)": the least or most of a statistic of the kernels without active hook."""
    found = [(code.statistics[statistic], row.shader.name) for row in rows
             for code in row.hooked + row.free if statistic in code.statistics]
    return "{} ({})".format(*pick(found)) if found else "-"


def line(compiler, rows):
    """The chip's line of the table of all chips."""
    codes = [code for row in rows if row.shader.exact for _, code in row.all_codes()]
    pairs = [(a, b) for row in rows for a, b in zip(row.hooked, row.free)]
    modes = [code.modes() for code in codes]
    seen = "-" if None in modes else ", ".join(sorted(set.intersection(*modes))) or "none"
    spill = sum(any(code.spills() for code in row.hooked + row.free) for row in rows)
    kind = type(codes[0])
    cells = [f"`{compiler.chip.name}`",
             f"{sum(1 for row in rows for _ in row.all_codes())}, {sum(len(r.struck) for r in rows)}",
             sum(sum(code.fused.values()) for code in codes),
             f"{sum(code.nir_inexact for code in codes)} of {sum(code.nir_floats for code in codes)}",
             ", ".join(sorted(compiler.controls)) or "none", seen,
             f"{sum(not a.difference(b) for a, b in pairs)} of {len(pairs)}",
             sum(a.hash == b.hash for a, b in pairs), spill,
             extreme(rows, kind.REGISTERS, max), extreme(rows, kind.WAVES, min)]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def name_all(found):
    """[(kernel, value)] as "a 8, b 16", the largest value of each."""
    names = {}
    for name, value in found:
        names[name] = max(value, names.get(name, 0))
    return ", ".join(f"{name} {value}" for name, value in names.items()) or "none"


def notes(compiler, rows):
    """What the line does not tell."""
    scheduled = [(row.shader.name, sum(bool(a.difference(b)) for a, b in zip(row.hooked, row.free)))
                 for row in rows]
    twice = sum(sum(code.unfused.values()) for row in rows if row.shader.exact
                for _, code in row.all_codes())
    if any(count for _, count in scheduled):
        yield "Idle and free are not the same work, in how many of their settings: " + \
            name_all((name, count) for name, count in scheduled if count) + "."
    if twice:
        yield f"Multiply-adds that round twice: {twice}."
    for statistic in rows[0].hooked[0].SPILLS:
        found = [(row.shader.name, code.statistics[statistic]) for row in rows
                 for code in row.hooked + row.free if code.statistics.get(statistic)]
        if found:
            yield f"{statistic}, largest of all settings: {name_all(found)}."
    yield from (why for _, why in compiler.chip.spills)
    yield from (why for *_, why in compiler.chip.schedules)


def table(rows):
    """The cost of each kernel."""
    kinds = [name for name, _ in rows[0].hooked[0].CLASSES]
    shown = [(head, name) for head, name in rows[0].hooked[0].SHOWN
             if name in rows[0].hooked[0].statistics]
    lines = []
    for row in rows:
        code = row.hooked[0]
        classes = code.classes()
        cells = [code.statistics[name] for _, name in shown] + [classes[kind] for kind in kinds]
        lines.append(f"| {row.shader.name} | " + " | ".join(str(c) for c in cells) + " |\n")
    return heads(["kernel"] + [head for head, _ in shown] + kinds) + "".join(lines)


def summary(compiler, rows):
    """What is printed: the chip's line, cell by cell, and the notes."""
    cells = line(compiler, rows).strip("| ").split(" | ")
    text = f"{compiler.chip.title}: {compiler.device}\n"
    text += "".join(f"- {head}: {cell}\n" for (head, _), cell in zip(COLUMNS, cells))
    return text + "".join(f"- {note}\n" for note in notes(compiler, rows))


def write(folder, compiler, rows):
    names = [head for head, _ in COLUMNS]
    text = START.format(title=compiler.chip.title, device=compiler.device)
    text += heads(names) + line(compiler, rows) + "\n\n"
    text += "".join(f"- {note}\n" for note in notes(compiler, rows))
    text += "".join(f"- {head}: {meaning}\n" for head, meaning in COLUMNS) + "\n" + table(rows)
    (folder / f"{compiler.chip.name}.md").write_text(text, encoding="utf-8")


def write_chips(folder, names):
    """The table of all chips whose files are there, in the order of `names`."""
    files = [folder / f"{name}.md" for name in names]
    lines = [next(text for text in file.read_text(encoding="utf-8").splitlines()
                  if text.startswith("| `")) for file in files if file.exists()]
    text = CHIPS + heads([head for head, _ in COLUMNS]) + "\n".join(lines) + "\n"
    (folder / "chips.md").write_text(text, encoding="utf-8")
