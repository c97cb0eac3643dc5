#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A build of everything compiles each shader once, and the program alone builds nothing of tests.

usage: built_once.py BUILD

Reads what Ninja would run. Exit status: 0 it holds, 1 it does not, 77 the build is not Ninja's.
"""

import re
import subprocess
import sys
from pathlib import Path

TESTS_ONLY = re.compile(r"-DVKFI_HOOK_FREE|-o tests/|tests/tiny|/tests/\S+\.(?:c|comp|py)")


def commands(build, target):
    return subprocess.run(["ninja", "-C", build, "-t", "commands", target], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.splitlines()


def shaders(lines):
    """(source, words that tell its variants apart) of each glslc command."""
    found = []
    for line in lines:
        for call in re.findall(r"glslc [^&]*", line):
            source = re.search(r"(\S+)\.comp", call)[1]
            found.append((source, *sorted(re.findall(r"-D\S+", call))))
    return found


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    build = Path(sys.argv[1])
    if not (build / "build.ninja").is_file():
        print("skipped: the build is not Ninja's")
        return 77
    program, everything = commands(build, "vkfi"), commands(build, "all")
    made, doubles = shaders(program), shaders(commands(build, "vkfi_shaders_hook_free"))
    findings = [f"vkfi: {line[:160]}" for line in program if TESTS_ONLY.search(line)]
    findings += [f"all: built twice: {' '.join(s)}" for s in set(made) if made.count(s) > 1]
    findings += [f"all: {' '.join(s)}" for s in shaders(everything) if s in doubles]
    if not made or len(doubles) != len(made):
        findings.append(f"found {len(made)} shaders and {len(doubles)} without hooks, expected as many of both")
    print("\n".join(findings) or f"{len(made)} shaders, each built once")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
