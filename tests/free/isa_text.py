# SPDX-License-Identifier: MIT
"""RADV's null device on kernels: statistics and opcodes, by GPU family."""

import collections
import os
import re
import subprocess
import tempfile

# Name of the family, names RADV_FORCE_FAMILY knows it by (Mesa 22, Mesa 25).
FAMILIES = {
    "gfx9": ["vega10"],
    "gfx10.3": ["navi21"],
    "gfx11": ["gfx1100", "navi31"],
}

# First fit wins; by the start of the opcode.
CLASSES = [
    ("f32", r"v_(dual_|pk_)?(add|sub|subrev|mul|mad|mac|fma|fmac)\w*_f32"),
    ("vector", r"v_"),
    ("lds", r"ds_"),
    ("vmem", r"(buffer|tbuffer|global|flat|scratch|image)_"),
    ("smem", r"s_(load|buffer_load|store|atomic|dcache)"),
    ("flow", r"s_(branch|cbranch|barrier|endpgm|waitcnt|nop|sleep|delay_alu|inst_prefetch|clause)"),
    ("scalar", r"s_"),
]
# What hooks that are off may not change; the driver's estimates (latency, ...) are not among them.
COMPARED = ["VGPRs", "SGPRs", "Spilled VGPRs", "Spilled SGPRs", "Scratch size", "LDS size",
            "Subgroups per SIMD", "Instructions", "Branches", "Code size"]
# Words of four bytes that only tell the hardware to wait for a hazard. Where gfx11 needs one
# depends on the block of a scalar constant, so they are not work and not compared.
HAZARD = re.compile(r"s_(waitcnt_depctr|delay_alu|nop)$")
MULTIPLY_ADD = re.compile(r"v_(dual_|pk_)?(fma|mad|mac|dot)")
ON_INTEGERS = re.compile(r"v_(pk_)?(mad|dot\w+?)_[iu]\d+")
UNFUSED = re.compile(r"v_(mad|mac|madak|madmk)_f32(_e32|_e64)?$")  # two roundings; only gfx9 has it


class Code:
    """One kernel as compiled."""

    def __init__(self, text):
        head, _, assembly = text.partition("\n# Assembly\n")
        self.statistics = {name: int(value) for name, value in
                           re.findall(r"^[^/\n]*/([^=\n]+) = (\d+)$", head, re.M)}
        code = [line.split(";")[0] for line in assembly.splitlines() if line.startswith("\t")]
        self.text = "\n".join(line.rstrip() for line in code)
        # an instruction of gfx11 may do two things: a :: b
        self.opcodes = collections.Counter(part.split()[0] for line in code
                                           for part in line.split("::") if part.split())
        if not self.opcodes or "VGPRs" not in self.statistics:
            raise RuntimeError("the driver gave no statistics or no ISA: "
                               f"{sorted(self.statistics)}, {len(self.opcodes)} opcodes")

    def classes(self):
        counts = collections.Counter()
        for opcode, count in self.opcodes.items():
            counts[next((n for n, rule in CLASSES if re.match(rule, opcode)), "other")] += count
        return counts

    def multiply_adds(self):
        """Opcodes that make a product and a sum of floats."""
        return sorted(o for o in self.opcodes
                      if MULTIPLY_ADD.match(o) and not ON_INTEGERS.match(o))

    def fused(self, family):
        """Those that round once."""
        return [o for o in self.multiply_adds() if family != "gfx9" or not UNFUSED.match(o)]

    def work(self):
        """Statistics and opcodes without the hazard words."""
        hazards = sum(count for opcode, count in self.opcodes.items() if HAZARD.match(opcode))
        found = {name: self.statistics.get(name) for name in COMPARED}
        found["Instructions"] -= hazards
        found["Code size"] -= 4 * hazards
        found.update((o, c) for o, c in self.opcodes.items() if not HAZARD.match(o))
        return found

    def difference(self, other):
        """Where the two differ in work, null if they do not."""
        mine, its = self.work(), other.work()
        pairs = [(name, mine.get(name, 0), its.get(name, 0))
                 for name in [*mine, *(o for o in its if o not in mine)]]
        found = [f"{name} {a}, not {b}" for name, a, b in pairs if a != b]
        return ", ".join(found[:6]) + (", ..." if len(found) > 6 else "") if found else None


class Compiler:
    """isa_dump on the null device of one family."""

    def __init__(self, program, driver, family):
        self.program = program
        self.family = family
        self.env = dict(os.environ, VK_DRIVER_FILES=driver, VK_ICD_FILENAMES=driver,
                        MESA_SHADER_CACHE_DISABLE="true")
        self.env.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        # leaks of the driver are not this program's
        self.env["ASAN_OPTIONS"] = self.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        for name in FAMILIES[family]:
            self.env["RADV_FORCE_FAMILY"] = name
            done = self.call("")
            if done.returncode == 0:
                self.device = done.stdout.splitlines()[0].partition(" = ")[2]
                return
        raise RuntimeError(f"{family}: {done.stderr.strip()}")

    def call(self, jobs):
        return subprocess.run([self.program], env=self.env, input=jobs, check=False,
                              capture_output=True, text=True, errors="replace")

    def compile(self, jobs):
        """A Code for each job: (exact, path, {id: value})."""
        lines = []
        for exact, path, settings in jobs:
            constants = [f"{i}={v}" for i, v in sorted(settings.items())]
            lines.append(" ".join(["exact" if exact else "native", str(path), *constants]))
        done = self.call("\n".join(lines) + "\n")
        parts = re.split(r"^job = \d+\n", done.stdout, flags=re.M)[1:]
        if done.returncode != 0:
            at = lines[len(parts) - 1] if parts else "start"
            raise RuntimeError(f"{self.family}: {at}: exit {done.returncode}: "
                               f"{done.stderr.strip()}")
        return [Code(part) for part in parts]
