#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the written rules of the tree: folder order, sizes, names, forbidden words, dialect, format, headers,
and what clang-tidy finds: `tidy` all of .clang-tidy but its analyzer, which takes a second a file: `analyze`.
FOLDER has the headers that the build makes.

usage: lint.py tree|format|headers|tidy|analyze ROOT [FOLDER]

Prints one line per finding. Exit status: 0 nothing found, 1 findings, 77 a tool is missing.
"""

import ast
import concurrent.futures
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the checked tree stays unchanged
import lint_braces  # noqa: E402
import lint_c  # noqa: E402

MAX_FILE_LINES = 499
MAX_FUNCTION_LINES = 60
MAX_PARAMETERS = 5
# Functions whose parameters a library says.
CALLBACKS = {"serve_call_handle"}
MAX_README_LINES = 60
MAX_README_WIDTH = 120

# What the files of a folder may include: its own folder and these (README.md has the table).
BASE = ["shaders/shared", "host/base"]
MODEL = [*BASE, "host/gpu", "host/model"]
EXECUTORS = [*MODEL, "host/cpu", "host/vk"]
FOLDERS = {
    "shaders/shared": [],
    "host/base": BASE,
    "host/gpu": [*BASE, "host/gpu"],
    "host/probe": [*BASE, "host/gpu", "host/probe"],
    "host/model": MODEL,
    "host/cpu": [*MODEL, "host/cpu"],
    "host/vk": [*MODEL, "host/vk"],
    "tasks": EXECUTORS,
    "mitigations": EXECUTORS,
}
# inject's own order, bottom up: each sees those before it.
UPPER = [*EXECUTORS, "tasks", "mitigations"]
for folder in ("stats", "space", "trial", "plan", "store", "campaign", "report"):
    FOLDERS["inject/" + folder] = list(UPPER)
    UPPER.append("inject/" + folder)
FOLDERS["host/lib"] = [*UPPER, "host/probe"]
FOLDERS["host/serve"] = [*UPPER, "host/probe", "host/lib"]
FOLDERS["host/cli"] = [*UPPER, "host/probe", "host/lib", "host/serve"]
INCLUDE_ROOTS = ["host", ".", "shaders"]
SKIPPED = {".git", ".cache", "__pycache__"}
# The last as public data sets name a split; own items lie under the same names.
SAME_NAME_ALLOWED = {"README.md", "CMakeLists.txt", ".gitignore", "test.jsonl"}
# Folders whose headers are for one instruction set.
HEADER_FLAGS = {"host/cpu/simd/": ["-mavx2", "-mf16c", "-DVKFI_CPU_SIMD"]}
# Programs that see the library as installed, and where its header lies here.
EXAMPLES = {"tests/lib/example.c": "host/lib"}
DEFINITIONS = [f'-DVKFI_{name}=""' for name in ("BROKEN_DRIVER", "TINY", "SOURCE", "VERSION")]
C_SUFFIXES = {".c", ".h"}
GLSL_SUFFIXES = {".comp", ".glsl"}
CODE_SUFFIXES = C_SUFFIXES | GLSL_SUFFIXES | {".py", ".sh", ".cmake"}
# The format of C, but for includes, whose order tells a shader what its hooks are.
SHADER_STYLE = "{BasedOnStyle: InheritParentConfig, SortIncludes: Never}"
SPDX = "SPDX-License-Identifier: MIT"
# The contract: "ENGINE.md 3" cites its section 3, "ENGINE.md 3.5" item 5 of that section.
CONTRACT = ["shaders/NUMERICS.md", "host/ENGINE.md", "inject/METHOD.md"]
CITATION = re.compile(r"\b(NUMERICS|ENGINE|METHOD)\.md`? ([0-9]+)(?:\.([0-9]+))?\b")
LEFT_BEHIND = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")


class Tree:
    """The files under `root` and the findings about them."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.findings = []
        self.files = []
        for folder, names, files in os.walk(self.root):
            names[:] = sorted(n for n in names if n not in SKIPPED and not n.startswith("build"))
            self.files += [Path(folder) / f for f in sorted(files)]

    def name(self, path):
        return path.relative_to(self.root).as_posix()

    def find(self, path, line, text):
        self.findings.append(f"{self.name(path)}:{line}: {text}")

    def code(self, suffixes):
        return [f for f in self.files if f.suffix in suffixes]

    def folder(self, path):
        """Which of FOLDERS holds `path`; null for tests and the like."""
        name = self.name(path)
        return next((f for f in FOLDERS if name.startswith(f + "/")), None)


def resolve_include(tree, path, name):
    """The file an include names, null if it is none of the tree's (a generated one)."""
    for folder in [path.parent, *(tree.root / root for root in INCLUDE_ROOTS)]:
        candidate = (folder / name).resolve()
        if candidate.is_file() and candidate.is_relative_to(tree.root):
            return candidate
    return None


def check_includes(tree):
    """Includes point down only, and each third-party header has one includer."""
    includers = {}
    for path in tree.code(C_SUFFIXES | GLSL_SUFFIXES):
        own = tree.folder(path)
        in_shaders = tree.name(path).startswith("shaders/")
        for line, kind, name in lint_c.includes(path.read_text(encoding="utf-8")):
            if kind == "<":
                if lint_c.is_third_party(name) and not tree.name(path).startswith("tests/"):
                    includers.setdefault(name, []).append((path, line))
                continue
            target = resolve_include(tree, path, name)
            if target is None:
                continue
            seen = tree.folder(target)
            if own and seen is None and not (in_shaders and "shaders/" in tree.name(target)):
                tree.find(path, line, f"includes {name}, which is in none of the program's folders")
            elif own and seen not in (own, *FOLDERS[own]):
                tree.find(path, line, f"{own} may not include {name} of {seen}")
            elif in_shaders and not tree.name(target).startswith("shaders/"):
                tree.find(path, line, f"a shader may not include {name}")
    for name, places in includers.items():
        for path, line in places[1:]:
            first = tree.name(places[0][0])
            tree.find(path, line, f"third-party header <{name}> is included by {first} already")


def check_file(tree, path):
    """Size, first lines and leftover marks of one code file."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    if len(lines) > MAX_FILE_LINES:
        tree.find(path, len(lines), f"found {len(lines)} lines, expected at most {MAX_FILE_LINES}")
    head = [line for line in lines[:4] if not line.startswith(("#!", "#version"))]
    if path.suffix in C_SUFFIXES | GLSL_SUFFIXES:
        if len(head) < 2 or SPDX not in head[0] or not re.match(r"/[*/] \S", head[1]):
            tree.find(path, 1, f"expected '/* {SPDX} */', then a comment of what the file owns")
    elif path.suffix == ".cmake":
        if not head or not re.match(r"# \S", head[0]):
            tree.find(path, 1, "expected a first comment of what the file owns")
    elif len(head) < 2 or SPDX not in head[0] or not re.match(r'# \S|"""\S', head[1]):
        tree.find(path, 1, f"expected '# {SPDX}', then what the file owns")
    for number, line in enumerate(lines, 1):
        if LEFT_BEHIND.search(line):
            tree.find(path, number, "found a mark of unfinished work")
    if text and not text.endswith("\n"):
        tree.find(path, len(lines), "expected a newline at the end of the file")


def check_function(tree, path, function):
    """Length and parameter count; `function` has name, line, lines and parameters."""
    if function.lines > MAX_FUNCTION_LINES:
        tree.find(path, function.line, f"{function.name} has {function.lines} lines, "
                                       f"expected at most {MAX_FUNCTION_LINES}")
    if function.parameters > MAX_PARAMETERS and function.name not in CALLBACKS:
        tree.find(path, function.line, f"{function.name} has {function.parameters} parameters, "
                                       f"expected at most {MAX_PARAMETERS}")


def is_stem_prefix(stem, name):
    """json_write.c may define json_put: the prefix is the stem or its leading words."""
    words = stem.split("_")
    return any(name == p or name.startswith(p + "_")
               for p in ("_".join(words[:n]) for n in range(1, len(words) + 1)))


def check_c(tree, path):
    text = path.read_text(encoding="utf-8")
    in_program = not tree.name(path).startswith(("tests/", "host/cli/"))
    for function in lint_c.functions(text):
        check_function(tree, path, function)
        if (path.suffix == ".c" and not function.is_static and function.name != "main" and
                tree.folder(path) and not is_stem_prefix(path.stem, function.name)):
            tree.find(path, function.line, f"{function.name} does not begin with {path.stem}_")
    for line, finding in [*lint_c.other_dialect(text), *lint_braces.findings(text)]:
        tree.find(path, line, "found " + finding)
    if in_program:
        for line, word in lint_c.forbidden_calls(text):
            tree.find(path, line, f"{word} is for host/cli and tests only")


def check_python(tree, path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            count = len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs)
            check_function(tree, path, lint_c.Function(
                node.name, node.lineno, node.end_lineno - node.lineno + 1, count, True))


def check_names(tree):
    """Names are unique, so that one word finds one file; READMEs of folders stay short."""
    seen = {}
    for path in tree.files:
        other = seen.setdefault(path.name, path)
        if other is not path and path.name not in SAME_NAME_ALLOWED:
            tree.find(path, 1, f"the name is taken by {tree.name(other)}")
        if path.name == "README.md" and path.parent != tree.root:
            lines = path.read_text(encoding="utf-8").splitlines()
            if len(lines) > MAX_README_LINES:
                tree.find(path, len(lines), f"found {len(lines)} lines, expected at most {MAX_README_LINES}")
            for number, line in enumerate(lines, 1):
                if len(line) > MAX_README_WIDTH:
                    tree.find(path, number, f"found {len(line)} characters, expected at most {MAX_README_WIDTH}")


def contract_items(tree):
    """What may be cited: (document, section, "") and (document, section, item)."""
    found = set()
    for name in CONTRACT:
        path, section = tree.root / name, ""
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            if match := re.match(r"## ([0-9]+)\. ", line):
                section = match[1]
                found.add((path.stem, section, ""))
            elif match := re.match(r"([0-9]+)\. ", line):
                found.add((path.stem, section, match[1]))
    return found


def check_citations(tree):
    """Each citation of the contract names a section, or an item of one, that is there."""
    items = contract_items(tree)
    for path in tree.files:
        if path.suffix not in CODE_SUFFIXES | {".md", ".sql", ".txt"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for document, section, item in CITATION.findall(line):
                if (document, section, item) not in items:
                    cited = f"{document}.md {section}" + (f".{item}" if item else "")
                    tree.find(path, number, f"cites {cited}, which is not there")


def check_tree(tree):
    check_citations(tree)
    check_includes(tree)
    check_names(tree)
    for path in tree.code(CODE_SUFFIXES):
        check_file(tree, path)
    for path in tree.code(C_SUFFIXES | GLSL_SUFFIXES):
        check_c(tree, path)
    for path in tree.code({".py"}):
        check_python(tree, path)


def run_each(command_of, items):
    """(item, output) of each command that failed."""
    def one(item):
        command, given = command_of(item)
        done = subprocess.run(command, input=given, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return item, done.returncode, done.stdout

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [(item, text) for item, code, text in pool.map(one, items) if code != 0]


def first_message(text, word):
    return next((line for line in text.splitlines() if word in line), text.strip()[:200])


def check_shader_format(tree):
    """Every shader is what clang-format makes of it when it takes it for C."""
    def command_of(path):
        return ["clang-format", "--dry-run", "-Werror", "--style", SHADER_STYLE,
                f"--assume-filename={path}.c"], path.read_text(encoding="utf-8")

    for path, text in run_each(command_of, tree.code(GLSL_SUFFIXES)):
        line = re.search(r":([0-9]+):[0-9]+: error:", text)
        tree.find(path, int(line[1]) if line else 1, "is not formatted, expected what clang-format makes of it as C")


def check_format(tree):
    """Every C file is what clang-format makes of it."""
    check_shader_format(tree)
    files = tree.code(C_SUFFIXES)
    groups = [files[i:i + 8] for i in range(0, len(files), 8)]
    for group, text in run_each(lambda g: (["clang-format", "--dry-run", "-Werror", *g], ""), groups):
        wrong = sorted({line.split(":")[0] for line in text.splitlines() if "error:" in line})
        for name in wrong:
            tree.find(Path(name), 1, "is not formatted, expected what clang-format -i makes of it")
        if not wrong:
            tree.find(group[0], 1, first_message(text, "error"))


def compile_flags(tree, path):
    """How a file of the tree is compiled, as far as its text is concerned."""
    more = next((HEADER_FLAGS[f] for f in HEADER_FLAGS if tree.name(path).startswith(f)), [])
    roots = [f"-I{folder}" for folder in [*(tree.root / r for r in INCLUDE_ROOTS), *sys.argv[3:]]]
    if tree.name(path) in EXAMPLES:
        roots = [f"-I{tree.root / EXAMPLES[tree.name(path)]}"]
    return ["-std=gnu17", "-x", "c", *DEFINITIONS, *more, *roots]


def for_this_machine(tree, files):
    foreign = () if platform.machine() in ("x86_64", "AMD64") else tuple(HEADER_FLAGS)
    return [f for f in files if not tree.name(f).startswith(foreign)]


def check_headers(tree):
    """Every header compiles alone, and again after itself."""
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
    headers = [f for f in tree.code({".h"})
               if tree.folder(f) or tree.name(f).startswith("tests/")]

    def command_of(header):
        return ([os.environ.get("CC", "cc"), *flags, *compile_flags(tree, header), "-"],
                f'#include "{header}"\n' * 2 + "extern int lint;\n")

    for header, text in run_each(command_of, for_this_machine(tree, headers)):
        tree.find(header, 1, "does not compile alone: " + first_message(text, "error:"))


def run_tidy(tree, files, checks):
    """What the checks of .clang-tidy, less those of `checks`, find in the files and their headers."""
    def command_of(path):
        return ["clang-tidy", "--quiet", f"--checks={checks}", path, "--", *compile_flags(tree, path)], ""

    found = set()
    files = sorted(for_this_machine(tree, files), key=lambda path: -path.stat().st_size)  # the longest first
    for path, text in run_each(command_of, files):
        errors = re.findall(r"^(\S+?):(\d+):\d+: error: (.*)$", text, re.M)
        found |= set(errors) or {(str(path), "1", text.strip()[:200])}
    for name, line, message in sorted(found):
        tree.find(tree.root / name, int(line), message.replace(",-warnings-as-errors", ""))


def check_tidy(tree):
    run_tidy(tree, tree.code({".c"}), "-clang-analyzer-*")


def check_analyze(tree):
    run_tidy(tree, [f for f in tree.code({".c"}) if tree.folder(f)], "")


CHECKS = {"tree": (check_tree, None), "format": (check_format, "clang-format"),
          "headers": (check_headers, "cc"), "tidy": (check_tidy, "clang-tidy"),
          "analyze": (check_analyze, "clang-tidy")}


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in CHECKS:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    check, tool = CHECKS[sys.argv[1]]
    if tool and not shutil.which(tool):
        print(f"skipped: {tool} is not on this machine")
        return 77
    tree = Tree(sys.argv[2])
    check(tree)
    print("\n".join(tree.findings) or f"{sys.argv[1]}: {len(tree.files)} files, nothing found")
    return 1 if tree.findings else 0


if __name__ == "__main__":
    sys.exit(main())
