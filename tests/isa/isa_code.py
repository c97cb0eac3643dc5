# SPDX-License-Identifier: MIT
"""One kernel as a driver compiled it: its statistics, NIR and instructions, and how two differ.

Mesa's drivers print NIR in one form, instructions each in its own; isa_vendors.py has a class for
each. All numbers are what the driver says of itself.
"""

import collections
import hashlib
import re

STATISTIC = re.compile(r"^[^/\n]*/([^=\n]+) = (\d+)$", re.M)
SECTION = re.compile(r"^# (.*)$", re.M)
# float additions and products of NIR; "!" tells that the operation is exact: no rule of the
# compiler may reassociate or fuse it
NIR_FLOAT = re.compile(r" = (fadd|fsub|fmul|ffma|fmad|flrp|fdot\w*|fsum\w*)(!?) ")
NIR_MODE = re.compile(r"^float_controls_execution_mode: 0x([0-9a-f]+)$", re.M)
# bits of that mask, for 32 bits; of the last all three are one wish of NUMERICS.md 5
NIR_MODES = {"flush": 1 << 13, "nearest": 1 << 16, "preserve": 1 << 1 | 1 << 4 | 1 << 7}


class Code:
    """What is common to all compilers. A class of a vendor sets these and `count`."""

    ASSEMBLY = ""  # the section with the instructions
    COMPARED = []  # statistics that an idle hook may not change
    SPILLS = []  # statistics that are not 0 where registers or arrays live in memory
    SHOWN = []  # (head, statistic) of the table
    REGISTERS, WAVES = "", ""  # statistics of the table of all chips
    CLASSES = []  # (head, start of an opcode); the first that fits
    FUSES = True  # it has an instruction that multiplies, adds and rounds once
    NOT_WORK = re.compile(r"(?!)")  # instructions that only wait
    WAITS_IN = {}  # what each of them adds to statistics

    def __init__(self, text):
        head = text.split("\n# ", 1)[0]
        self.statistics = {name: int(value) for name, value in STATISTIC.findall(head)}
        parts = SECTION.split("\n" + text)
        sections = dict(zip(parts[1::2], parts[2::2]))
        nir = next((body for name, body in sections.items() if "NIR" in name and
                    name != "NIR from SPIRV"), "")
        assembly = next((body for name, body in sections.items()
                         if name.startswith(self.ASSEMBLY)), "")
        if not self.statistics or not assembly:
            raise RuntimeError("the driver gave no statistics or no instructions: "
                               f"{sorted(self.statistics)}, sections {sorted(sections)}")
        self.read_nir(nir)
        self.opcodes = collections.Counter()
        self.fused = collections.Counter()  # float multiply-adds that round once
        self.unfused = collections.Counter()  # that round twice
        self.mode_words = []  # what sets the float mode, in order
        lines = self.lines(assembly)
        self.hash = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        for line in lines:
            self.count(line)
        if not self.opcodes:
            raise RuntimeError(f"found no instruction in {len(lines)} lines of the driver's text")

    def read_nir(self, nir):
        found = NIR_FLOAT.findall(nir)
        self.nir_floats = len(found)
        self.nir_inexact = sum(not exact for _, exact in found)
        self.nir_fused = sum(op in ("ffma", "fmad", "flrp") for op, _ in found)
        mask = NIR_MODE.search(nir)
        self.nir_modes = {name for name, bits in NIR_MODES.items()
                          if int(mask[1], 16) & bits == bits} if mask else None

    def lines(self, assembly):
        """The instructions, one a line, without what differs between equal codes."""
        return [line.strip() for line in assembly.splitlines() if line.strip()]

    def count(self, line):
        """Counts the instructions of a line."""
        raise NotImplementedError

    def classes(self):
        counts = collections.Counter()
        for opcode, count in self.opcodes.items():
            counts[next((n for n, rule in self.CLASSES if re.match(rule, opcode)), "other")] += count
        return counts

    def modes(self):
        """Names of NIR_MODES that the code runs with, null where the driver does not tell."""
        return self.nir_modes

    def spills(self):
        """{statistic: value} of registers and arrays in memory."""
        return {name: self.statistics[name] for name in self.SPILLS if self.statistics.get(name)}

    def work(self):
        """What is compared: statistics and opcodes, without the instructions that only wait."""
        waits = sum(count for opcode, count in self.opcodes.items() if self.NOT_WORK.match(opcode))
        found = {name: self.statistics.get(name, 0) - waits * self.WAITS_IN.get(name, 0)
                 for name in self.COMPARED}
        found.update((o, c) for o, c in self.opcodes.items() if not self.NOT_WORK.match(o))
        return found

    def difference(self, other):
        """{name: (value of this, value of other)} where the two differ in work."""
        mine, its = self.work(), other.work()
        names = [*mine, *(o for o in its if o not in mine)]
        return {name: (mine.get(name, 0), its.get(name, 0)) for name in names
                if mine.get(name, 0) != its.get(name, 0)}
