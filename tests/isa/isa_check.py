#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What each vendor's compiler makes of every kernel (ENGINE.md 5, NUMERICS.md 5); no chip is needed.

usage: isa_check.py [--idle] [--write FOLDER] PROGRAM NAMES SHADERS SAMPLES CHIP...

PROGRAM is isa_dump, NAMES lists the shaders, SHADERS is where the build put them, SAMPLES has kernels
made for this test. On each CHIP (isa_chips.py lists them) each shader is compiled in all storage types
without hooks, with the hook off and, without --idle, at each of its points:
  - it compiles;
  - an exact kernel has no fused multiply-add and no float operation that may be reassociated, and has
    the float modes that the device can be asked for;
  - with the hook off it is the same work as without hooks: statistics and the count of each opcode;
  - without an active hook, registers and occupancy are within what isa_chips.py states, and neither
    registers nor arrays are in memory.
Prints what it found, and with --write puts a table for each chip into FOLDER. Exit status: 0 all hold,
1 one does not, 77 no driver of these chips is on this machine.
"""

import argparse
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
import isa_chips  # noqa: E402
import isa_report  # noqa: E402
import isa_rows  # noqa: E402
from isa_compiler import Compiler  # noqa: E402
from isa_rows import fs  # noqa: E402


def check_samples(compiler, folder):
    """The checks must be able to fail: their errors on the sample kernels."""
    def sample(name):
        return fs.Shader(name, Path(folder, name + ".spv"), Path(folder, "hook_trace_free.spv"))

    good, *traced = isa_rows.compile_rows(
        compiler, [sample("hook_trace"), sample("hook_trace_1"), sample("hook_trace_4")], False)
    wrong = good.wrong(compiler.controls)
    wrong += [f"{compiler.chip.name}: what {row.shader.name}.spv leaves was not found"
              for row in traced if not list(row.wrong_hook())]
    loose = compiler.compile([(False, Path(folder, "loose.spv"), {})])[0]
    found = {"the fused multiply-add": not loose.FUSES or loose.fused or loose.unfused,
             "the addition that may be reassociated": loose.nir_inexact,
             "the array in memory": loose.spills(),
             "the absence of float modes": loose.modes() is None or
             compiler.controls - loose.modes()}
    wrong += [f"{compiler.chip.name}: {what} of loose.spv was not found"
              for what, seen in found.items() if not seen]
    return wrong


def check_chip(chip, driver, shaders, arguments):
    """What is wrong on one chip."""
    began = time.monotonic()
    compiler = Compiler(arguments.program, chip, driver)
    wrong = check_samples(compiler, arguments.samples)
    rows = isa_rows.compile_rows(compiler, shaders, not arguments.idle)
    wrong += [text for row in rows for text in row.wrong(compiler.controls)]
    took = time.monotonic() - began
    print(isa_report.summary(compiler, rows) + f"- {took:.0f} s")
    if arguments.write:
        isa_report.write(Path(arguments.write), compiler, rows)
    return wrong


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--idle", action="store_true", help="no active hooks")
    parser.add_argument("--write", metavar="FOLDER", help="put a table for each chip there")
    for name in ("program", "names", "shaders", "samples"):
        parser.add_argument(name)
    parser.add_argument("chips", nargs="+", choices=[chip.name for chip in isa_chips.CHIPS])
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    shaders = fs.load(arguments.names, arguments.shaders)
    asked = [(chip, isa_chips.find_driver(chip.driver)) for chip in isa_chips.CHIPS
             if chip.name in arguments.chips]
    for reason in sorted({driver for _, driver in asked if isinstance(driver, str)}):
        print(f"skipped: {reason}")
    there = [(chip, driver) for chip, driver in asked if not isinstance(driver, str)]
    if not there:
        return 77
    wrong = fs.each(lambda pair: check_chip(*pair, shaders, arguments), there)
    if arguments.write:
        isa_report.write_chips(Path(arguments.write), [chip.name for chip in isa_chips.CHIPS])
    for text in (text for texts in wrong for text in texts):
        print(f"wrong: {text}")
    return 1 if any(wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
