# SPDX-License-Identifier: MIT
"""SPIR-V reduced to what it does: constants frozen, optimised, ids and global order taken out.

Types and constants stand in a module in the order of their first use, so a dropped hook moves them
although nothing else changed. Here each is written out where it is used, and the other ids are numbered
in order. Names, dead variables and their bindings are removed.
"""

import re
import tempfile
from pathlib import Path

import free_shaders

ID = re.compile(r"%\d+")
FREEZE = ["--freeze-spec-const", "--fold-spec-const-op-composite"]
CLEAN = ["-O", "--eliminate-dead-variables", "--eliminate-dead-const",
         "--eliminate-dead-code-aggressive", "--strip-debug", "--compact-ids"]


class Module:
    """A disassembly split into its parts."""

    def __init__(self, text):
        self.head, self.body = [], []
        self.globals = {}      # id: text after the "="
        self.decorations = {}  # id: sorted texts
        self.short = {}        # id of a global: what stands for it
        self.variables = {}    # id: number in order of use
        for line in text.splitlines():
            self.add(line)

    def add(self, line):
        result, _, rest = line.partition(" = ")
        word = line.split(" ", 1)[0]
        if self.body or rest.startswith("OpFunction "):
            self.body.append(line)
        elif word in ("OpDecorate", "OpMemberDecorate"):
            _, target, decoration = line.split(" ", 2)
            if word == "OpMemberDecorate":
                decoration = "member " + decoration
            self.decorations.setdefault(target, []).append(decoration)
        elif rest:
            self.globals[result] = rest
        else:
            self.head.append(line)

    def decoration(self, name):
        found = sorted(self.decorations.get(name, []))
        return "{" + ", ".join(found) + "}" if found else ""

    def global_text(self, name):
        """The text of a global: its operation, operands written out, decorations."""
        if name not in self.short:
            text = ID.sub(lambda m: self.global_text(m[0]), self.globals[name])
            text = re.sub(r"^Op(Type)?", "", text)
            op, _, operands = text.partition(" ")
            self.short[name] = f"{op}({operands}){self.decoration(name)}"
        if self.globals[name].startswith("OpVariable "):
            number = self.variables.setdefault(name, len(self.variables))
            return f"{self.short[name]}#{number}"
        return self.short[name]

    def lines(self):
        """The module, comparable line by line with that of another build."""
        truth = {"OpConstantTrue": True, "OpConstantFalse": False}
        constants = {g: truth.get(t.split()[0]) for g, t in self.globals.items()}
        body = simplify(self.body, constants)
        results = [line.partition(" = ")[0] for line in body if " = " in line]
        number = {result: i for i, result in enumerate(results)}

        def name(match):
            found = match[0]
            return self.global_text(found) if found in self.globals else f"%{number[found]}"

        lines = []
        for line in body:
            more = self.decoration(line.partition(" = ")[0])
            lines.append(ID.sub(name, sort_phi(line, number)) + more)
        head = [self.head_line(line, name) for line in self.head]
        sizes = sorted(self.global_text(g) for g in self.globals
                       if "BuiltIn WorkgroupSize" in self.decoration(g))
        return head + sizes + lines

    def head_line(self, line, name):
        if line.startswith("OpEntryPoint"):
            start, _, interface = line.partition('"main"')
            used = sorted(ID.sub(name, i) for i in ID.findall(interface))
            return ID.sub(name, start) + '"main" ' + " ".join(used)
        return ID.sub(name, line)


def same_as(words, constants, defined):
    """The id that a redundant boolean operation equals, else null."""
    op, operands = words[0], words[2:]
    truth = [constants.get(o) for o in operands]
    if op in ("OpLogicalAnd", "OpLogicalOr"):
        for i in (0, 1):
            if truth[i] is not None:  # true is the identity of and, false that of or
                return operands[1 - i] if truth[i] == (op == "OpLogicalAnd") else operands[i]
    if op == "OpSelect":
        if truth[1] is True and operands[2] == operands[0]:
            return operands[0]  # c ? true : c
        opposite = defined.get(operands[0], [])
        if truth[1] is False and opposite[:1] == ["OpLogicalNot"] and opposite[2] == operands[2]:
            return operands[2]  # !c ? false : c
    return None


def is_unused_not(result, rest, body):
    return rest.startswith("OpLogicalNot ") and sum(result in ID.findall(b) for b in body) == 1


def simplify(body, constants):
    """The lines without redundant boolean operations: what spirv-opt leaves of
    `a && !(HOOK_SKIP(b))`. `constants`: {id: bool}."""
    while True:
        defined = {r: t.split() for r, _, t in (line.partition(" = ") for line in body) if t}
        same = {r: same_as(words, constants, defined) for r, words in defined.items()}
        same = {r: s for r, s in same.items() if s}
        for result in same:  # one may stand for another
            while same[result] in same:
                same[result] = same[same[result]]
        kept = [ID.sub(lambda m: same.get(m[0], m[0]), line) for line in body
                if line.partition(" = ")[0] not in same]
        kept = [line for line in kept
                if not is_unused_not(*line.partition(" = ")[::2], kept)]
        if len(kept) == len(body):
            return body
        body = kept


def sort_phi(line, number):
    """The (value, block) pairs of a phi have no order."""
    head, _, rest = line.partition(" = OpPhi ")
    if not rest:
        return line
    kind, *words = rest.split()
    pairs = sorted(zip(words[::2], words[1::2]), key=lambda pair: number[pair[1]])
    return f"{head} = OpPhi {kind} " + " ".join(f"{value} {block}" for value, block in pairs)


def canon(path, settings):
    """Lines of the SPIR-V file with its constants set ({id: value}) and frozen."""
    with tempfile.TemporaryDirectory(prefix="vkfi-free-") as folder:
        out = Path(folder, "frozen.spv")
        values = " ".join(f"{i}:{v}" for i, v in sorted(settings.items()))
        command = ["spirv-opt", *FREEZE, *CLEAN, path, "-o", out]
        if values:
            command[1:1] = ["--set-spec-const-default-value", values]
        free_shaders.run(command)
        return Module(free_shaders.disassemble(out)).lines()


def first_difference(one, other):
    """(line number, line of one, line of other), null if both are the same."""
    for i in range(max(len(one), len(other))):
        a = one[i] if i < len(one) else "(end)"
        b = other[i] if i < len(other) else "(end)"
        if a != b:
            return i + 1, a, b
    return None
