#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What lint needs of C text. Exact because the format is fixed: a function's braces stand
alone in the first column (.clang-format, BreakBeforeBraces: Linux)."""

import re
from typing import NamedTuple

STANDARD = {f"{name}.h" for name in (
    "assert ctype errno fenv float inttypes limits locale math setjmp signal stdalign stdarg "
    "stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string threads time "
    "dirent dlfcn endian fcntl fnmatch getopt glob libgen poll pthread pwd sched spawn strings "
    "termios unistd wchar link omp "
    "cpuid immintrin xmmintrin emmintrin x86intrin").split()}
FORBIDDEN = re.compile(r"\b(exit|_exit|_Exit|quick_exit|abort|getenv|secure_getenv|setenv|putenv|"
                       r"unsetenv)\s*\(")
# The one dialect (CONTRIBUTING.md): what is found, and what is written instead.
DIALECT = (
    (re.compile(r"\bsizeof(?!\()"), "sizeof without its parenthesis, expected sizeof(x)"),
    (re.compile(r"[^\s)]\s*[!=]=\s*STATUS_OK\b|\bSTATUS_OK\s*[!=]="),
     "a variable compared with STATUS_OK, expected it tested as truth (if (st), !st)"),
)


class Function(NamedTuple):
    name: str
    line: int        # of its first word
    lines: int       # from there to the closing brace
    parameters: int
    is_static: bool


def is_third_party(header):
    return header not in STANDARD and not header.startswith(("sys/", "linux/", "arpa/", "netinet/"))


def blank(text):
    """The text with comments and literals emptied; line numbers stay."""
    def empty(match):
        found = match.group(0)
        if found.startswith("/"):
            return "\n" * found.count("\n") or " "
        return found[0] + found[0]

    pattern = r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    return re.sub(pattern, empty, text, flags=re.DOTALL)


def includes(text):
    """(line, '<' or '"', name) of each include."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)


def forbidden_calls(text):
    for number, line in enumerate(blank(text).splitlines(), 1):
        for match in FORBIDDEN.finditer(line):
            yield number, match.group(1)


def other_dialect(text):
    """(line, finding) of each form that has another here. A call's result is compared by name."""
    text = blank(text)
    for pattern, finding in DIALECT:
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.end()) + 1, finding


def split_signature(signature):
    """(name, text between the parentheses) of a function's head, or null."""
    signature = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", " ", signature).rstrip()
    if not signature.endswith(")"):
        return None
    depth = 0
    for at in range(len(signature) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(signature[at], 0)
        if depth == 0:
            name = re.search(r"(\w+)\s*$", signature[:at])
            return (name.group(1), signature[at + 1:-1]) if name else None
    return None


def count_parameters(inside):
    if inside.strip() in ("", "void"):
        return 0
    depth = commas = 0
    for char in inside:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(char, 0)
        commas += char == "," and depth == 0
    return commas + 1


def functions(text):
    """Every function that the text defines."""
    lines = blank(text).splitlines()
    for opening, line in enumerate(lines):
        if line.rstrip() != "{":
            continue
        start = opening
        while start > 0 and lines[start - 1].strip() and not re.match(r"#|.*[;}]\s*$", lines[start - 1]):
            start -= 1
        signature = " ".join(lines[start:opening])
        head = split_signature(signature)
        end = next((n for n in range(opening, len(lines)) if lines[n].startswith("}")), opening)
        if head:
            is_static = any(re.match(r"(?:.*\s)?(?:static|\w+_INLINE)\b", l) for l in lines[start:opening])
            theirs = "VKAPI_CALL" in signature  # Vulkan calls it, and says what it is given
            yield Function(head[0], start + 1, end - start + 1, 0 if theirs else count_parameters(head[1]),
                           is_static)
