# SPDX-License-Identifier: MIT
"""Each vendor's instructions as its driver in Mesa prints them."""

import re

from isa_code import Code


class Amd(Code):
    """ACO of RADV."""

    ASSEMBLY = "Assembly"
    COMPARED = ["VGPRs", "SGPRs", "Spilled VGPRs", "Spilled SGPRs", "Scratch size", "LDS size",
                "Subgroups per SIMD", "Instructions", "Branches", "Code size"]
    SPILLS = ["Spilled VGPRs", "Spilled SGPRs", "Scratch size"]
    SHOWN = [("VGPRs", "VGPRs"), ("SGPRs", "SGPRs"), ("scratch", "Scratch size"), ("LDS", "LDS size"),
             ("waves", "Subgroups per SIMD"), ("bytes", "Code size"), ("instructions", "Instructions")]
    REGISTERS, WAVES = "VGPRs", "Subgroups per SIMD"
    CLASSES = [
        ("f32", r"v_(dual_|pk_)?(add|sub|subrev|mul|mad|mac|fma|fmac)\w*_f32"),
        ("vector", r"v_"),
        ("lds", r"ds_"),
        ("vmem", r"(buffer|tbuffer|global|flat|scratch|image)_"),
        ("smem", r"s_(load|buffer_load|store|atomic|dcache)"),
        ("flow", r"s_(branch|cbranch|barrier|endpgm|waitcnt|wait|nop|sleep|delay_alu|inst_prefetch|"
                 r"clause)"),
        ("scalar", r"s_"),
    ]
    # Words of four bytes that only tell the hardware to wait for a hazard. Where gfx11 needs one
    # depends on the block of a scalar constant, so they are not work and not compared.
    NOT_WORK = re.compile(r"s_(waitcnt_depctr|wait_alu|delay_alu|nop)$")
    WAITS_IN = {"Instructions": 1, "Code size": 4}
    MULTIPLY_ADD = re.compile(r"v_(dual_|pk_)?(fma|mad|mac|dot)")
    ON_INTEGERS = re.compile(r"v_(pk_)?(mad|dot\w+?)_[iu]\d+")
    UNFUSED = re.compile(r"v_(mad|mac|madak|madmk)_f32(_e32|_e64)?$")  # two roundings; gfx9 alone

    def lines(self, assembly):
        return [line.split(";")[0].strip() for line in assembly.splitlines()
                if line.startswith("\t")]

    def count(self, line):
        # an instruction of gfx11 may do two things: a :: b
        for opcode in (part.split()[0] for part in line.split("::") if part.split()):
            self.opcodes[opcode] += 1
            if self.MULTIPLY_ADD.match(opcode) and not self.ON_INTEGERS.match(opcode):
                (self.unfused if self.UNFUSED.match(opcode) else self.fused)[opcode] += 1


class Intel(Code):
    """The compiler of ANV."""

    ASSEMBLY = "GEN Assembly"
    COMPARED = ["SIMD width", "Instruction Count", "SEND Count", "Loop Count", "Spill Count", "Fill Count",
                "Scratch Memory Size", "Workgroup Memory Size"]
    SPILLS = ["Spill Count", "Fill Count", "Scratch Memory Size"]
    WIDTH = "SIMD width"  # of the instructions that follow the mask
    SHOWN = [("SIMD", WIDTH), ("instructions", "Instruction Count"), ("sends", "SEND Count"), ("loops", "Loop Count"),
             ("cycles", "Cycle Count"), ("spills", "Spill Count"), ("fills", "Fill Count"),
             ("scratch", "Scratch Memory Size"), ("SLM", "Workgroup Memory Size"),
             ("live", "Max live registers")]
    REGISTERS, WAVES = "Max live registers", "SIMD width"
    CLASSES = [("f32", r"(add|mul|mad|mac)\.f$"), ("memory", r"send"),
               ("flow", r"(if|else|endif|while|do|break|cont|halt|jmpi|sync|wait|nop)\b")]
    NOT_WORK = re.compile(r"(nop|sync)\b")
    WAITS_IN = {"Instruction Count": 1}
    # "(+f0.0) sel(16) g67<1>UD", "math inv(16) g68<1>F", "cmp.nz.f0.0(16) null<1>D"
    INSTRUCTION = re.compile(r"(?:\([^)]*\)\s*)*([a-z][a-z0-9]*(?: [a-z]+)?)(?:\.\S+)?\((\d+)\)\s+(\S+)")
    CR0 = re.compile(r"(and|or)\(1\)\s+cr0\S*\s+cr0\S*\s+(0x[0-9a-f]+)UD")
    NEAREST, FLUSH = 0x30, 0x80  # bits of cr0.0: rounding mode, denormals of f32 kept

    def lines(self, assembly):
        lines = [line.split("/*")[0].strip() for line in assembly.splitlines()]
        return [line for line in lines if self.INSTRUCTION.match(line)]

    def count(self, line):
        opcode, width, target = self.INSTRUCTION.match(line).groups()
        if "WE_all" not in line:
            self.statistics[self.WIDTH] = max(int(width), self.statistics.get(self.WIDTH, 0))
        kind = re.search(r"([A-Z]+)$", target)
        floats = kind and kind[1] in ("F", "HF", "DF", "BF")
        self.opcodes[f"{opcode}.{kind[1].lower()}" if floats else opcode] += 1
        if floats and opcode in ("mad", "mac", "madm", "lrp", "pln", "line"):
            self.fused[opcode] += 1
        found = self.CR0.match(line)
        if found:
            self.mode_words.append((found[1], int(found[2], 16)))

    def modes(self):
        """By what is written to the control register; NIR's mask tells what becomes of NaN."""
        cr0, known = 0, 0
        for op, word in self.mode_words:
            cr0, known = (cr0 & word, known | ~word) if op == "and" else (cr0 | word, known | word)
        written = {name for name, bits in (("nearest", self.NEAREST), ("flush", self.FLUSH))
                   if known & bits == bits and cr0 & bits == 0}
        return written | ((self.nir_modes or {"preserve"}) & {"preserve"})


class Adreno(Code):
    """ir3 of Turnip."""

    ASSEMBLY = "IR3 Assembly"
    COMPARED = ["Max Waves Per Core", "Instruction Count", "Registers used", "Half-registers used",
                "STP Count", "LDP Count"]
    SPILLS = ["STP Count", "LDP Count"]
    SHOWN = [("instructions", "Instruction Count"), ("nops", "NOPs Count"),
             ("registers", "Registers used"), ("half", "Half-registers used"),
             ("waves", "Max Waves Per Core"), ("stores", "STP Count"), ("loads", "LDP Count"),
             ("words", "Code size")]
    REGISTERS, WAVES = "Registers used", "Max Waves Per Core"
    CLASSES = [("f32", r"(add|mul|mad|sub)\.f"),
               ("memory", r"(ldib|stib|ldg|stg|isam|ldl|stl|ldc|ldp|stp|atomic)"),
               ("flow", r"(jump|br|end|bar|fence|pred|getone|shps|shpe)"), ("nop", r"nop")]
    # How many wait states lie between two instructions is the scheduler's.
    NOT_WORK = re.compile(r"nop$")
    # "(sy)(rpt1)mul.f r0.x, (r)r1.x, r2.x": the same instruction twice; "(nop2) add.s r0.x, ..."
    INSTRUCTION = re.compile(r"((?:\([a-z0-9]+\)\s*)*)([a-z][a-z0-9._]*)(?:\s|$)")

    def lines(self, assembly):
        return [line.strip() for line in assembly.splitlines() if self.INSTRUCTION.match(line.strip())]

    def count(self, line):
        prefix, opcode = self.INSTRUCTION.match(line).groups()
        repeat = re.search(r"\(rpt(\d+)\)", prefix)
        times = 1 + int(repeat[1]) if repeat else 1
        self.opcodes[opcode] += times
        if re.match(r"(mad|sad)\.f", opcode):
            self.fused[opcode] += times

    def work(self):
        found = super().work()
        found["Instruction Count"] -= self.statistics["NOPs Count"]
        return found


class Mali(Code):
    """Valhall's compiler in PanVK, which tells the size alone: the rest is counted in its text."""

    ASSEMBLY = "Assembly"
    COMPARED = ["Instructions", "Registers", "Stack stores", "Stack loads"]
    SPILLS = ["Stack stores", "Stack loads"]
    SHOWN = [("instructions", "Instructions"), ("registers", "Registers"), ("threads", "Threads"),
             ("stores", "Stack stores"), ("loads", "Stack loads"), ("bytes", "Code Size")]
    REGISTERS, WAVES = "Registers", "Threads"
    CLASSES = [("f32", r"F(ADD|MA|ADD_IMM)\."), ("memory", r"(LD|ST|LOAD|STORE|LEA|ATOM)"),
               ("flow", r"(BRANCH|JUMP|BARRIER|NOP)")]
    # What waits for a message is a suffix of an instruction, or has one of its own.
    NOT_WORK = re.compile(r"NOP$")
    WAITS_IN = {"Instructions": 1}
    # "FMA.f32.wait0 r22, ^r22, r38, 0x0.neg": a product is a multiply-add of -0.0
    INSTRUCTION = re.compile(r"([A-Z][A-Z0-9_]*)((?:\.[a-z0-9]+)*) (.*)$")
    NO_KIND = re.compile(r"\.(wait\d*|slot\d|reconverge|force|end)(?![a-z0-9])")

    def __init__(self, text):
        self.count_of = dict.fromkeys(["Instructions", "Registers", "Stack stores", "Stack loads"], 0)
        super().__init__(text)
        self.statistics.update(self.count_of)
        # 64 registers are shared by two threads if each has at most half
        self.statistics["Threads"] = 2 if self.count_of["Registers"] <= 32 else 1

    def lines(self, assembly):
        return [line.strip() for line in assembly.splitlines()
                if self.INSTRUCTION.match(line.strip() + " ")]

    def count(self, line):
        name, suffixes, operands = self.INSTRUCTION.match(line + " ").groups()
        self.opcodes[name + self.NO_KIND.sub("", suffixes)] += 1
        if name.startswith("FMA") and not operands.rstrip().endswith(" 0x0.neg"):
            self.fused[name] += 1
        found = self.count_of
        found["Instructions"] += 1
        found["Registers"] = max([found["Registers"]] +
                                 [int(n) + 1 for n in re.findall(r"\br(\d+)", operands)])
        if "thread_local_pointer" in operands:
            found["Stack stores" if name == "STORE" else "Stack loads"] += 1


class V3d(Code):
    """Broadcom's QPU in V3DV: each instruction adds, multiplies and signals."""

    ASSEMBLY = "QPU"
    FUSES = False
    COMPARED = ["Compile Strategy", "Instruction Count", "Thread Count", "Spill Size", "TMU Spills",
                "TMU Fills"]
    SPILLS = ["Spill Size", "TMU Spills", "TMU Fills"]
    SHOWN = [("strategy", "Compile Strategy"), ("instructions", "Instruction Count"),
             ("threads", "Thread Count"), ("stack", "Spill Size"), ("spills", "TMU Spills"),
             ("fills", "TMU Fills"), ("stalls", "QPU Read Stalls")]
    WAVES = "Thread Count"
    CLASSES = [("f32", r"(fadd|faddnf|fsub|fmul)"), ("memory", r"(tmu|ldtmu|ldunif|ldvpm|stvpm)"),
               ("flow", r"(b|bu|barrierid|thrsw)$"), ("nop", r"nop")]
    INSTRUCTION = re.compile(r"[a-z][a-z0-9]*(\.[a-z0-9]+)*(\s|$)")

    def lines(self, assembly):
        return [line.strip() for line in assembly.splitlines() if self.INSTRUCTION.match(line.strip())]

    def count(self, line):
        for part in (part.split() for part in line.split(";")):
            if part:
                self.opcodes[part[0].split(".")[0]] += 1
