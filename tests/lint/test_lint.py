#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lint must be able to fail: each rule is broken once in a small tree, and must be found there."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

LINT = Path(__file__).resolve().parent / "lint.py"
HEAD = "/* SPDX-License-Identifier: MIT */\n/* A file of the test. */\n"
FUNCTION = "int {name}({parameters})\n{{\n{body}}}\n"

GOOD = {
    "host/base/one.h": HEAD + "#ifndef ONE_H\n#define ONE_H\n\nenum { STATUS_OK };\n\nint one_get(void);\n\n#endif\n",
    "host/base/one.c": HEAD + '#include "base/one.h"\n\n#include <cjson/cJSON.h>\n#include <stdio.h>\n\n'
                       "/* exit( in a comment */\n"
                       "int one_get(void)\n{\n    puts(\"getenv(\");\n    return 1;\n}\n",
    "host/base/one_part.c": HEAD + '#include "base/one.h"\n\n'
                            "int one_more(int a, int (*b)(int, int), int c, int d, int e)\n{\n"
                            "    return a + b(c, d) + e;\n}\n",
    "host/model/two.c": HEAD + '#include "base/one.h"\n\n'
                        "/* sizeof x, st == STATUS_OK */\n"
                        "static int other(void)\n{\n    return 2 * sizeof(int) * (one_get() == STATUS_OK);\n}\n\n"
                        "int two_get(void)\n{\n    return other() + one_get();\n}\n",
    "host/base/brace_good.c": HEAD + "\nstatic int good(int a)\n{\n"
                              "    if (a)\n        a = fold(a, /* once */\n                 2);\n"
                              "    if (a) {\n        a++;\n    } else {\n        a--;\n        a--;\n    }\n"
                              "    for (;;) {\n        if (a)\n            return a;\n    }\n"
                              "    while (a) {\n        /* why */\n        a++;\n    }\n"
                              "    do\n        a++;\n    while (a);\n"
                              "    switch (a) {\n    case 'x':\n        a = a ? 1 : 2;\n    default:\n        break;\n    }\n"
                              "    return (int[]){a, 2}[0];\n}\n",
    "host/cli/main.c": HEAD + '#include <stdlib.h>\n\n#include "base/one.h"\n\n'
                       "int main(void)\n{\n    exit(one_get());\n}\n",
    "shaders/kernel.comp": "#version 450\n" + HEAD + '#include "shared/three.h"\n#include "shared/sum.glsl"\n'
                           "void main()\n{\n    total[0].run = 1.0;\n}\n",
    "shaders/shared/sum.glsl": HEAD,
    "shaders/shared/three.h": HEAD + "#ifndef THREE_H\n#define THREE_H\n\n#endif\n",
    "host/ENGINE.md": "# Engine\n\n## 2. Reach\nText.\n\n## 3. Trials\n1. Fork (ENGINE.md 2).\n",
    "README.md": "x" * 121 + "\n",
    "host/model/README.md": "\u00e9" * 120 + "\n" + "line\n" * 59,
    "host/base/cites.h": HEAD + "/* As ENGINE.md 2 and `ENGINE.md` 3.1 say. */\n",
    "tool.py": '# SPDX-License-Identifier: MIT\n"""A tool."""\n',
}


def c_file(body):
    return HEAD + "\n" + body


def long_body(lines):
    return "    /* line */\n" * lines


NEEDED = "found a body without braces, expected them"
UNNEEDED = "found braces around a single simple statement"
BRACES = [
    ("    if (a) {\n        a++;\n    }\n", UNNEEDED),
    ("    for (;;) {\n        a = (int[]){1, 2}[a];\n    }\n", UNNEEDED),
    ("    EACH(a, 2) {\n        a++;\n    }\n", UNNEEDED),
    ("    do {\n        while (a) {\n            a++;\n        }\n        a--;\n    } while (a);\n", UNNEEDED),
    ("    switch (a) {\n    case 1:\n        while (a) {\n            a++;\n        }\n    }\n", UNNEEDED),
    ("    if (a)\n        a--;\n    else if (!a)\n        a++;\n    else {\n        a = 2;\n    }\n", UNNEEDED),
    ("    if (a)\n        for (;;)\n            a++;\n", NEEDED),
    ("    if (a)\n        EACH(a, 2)\n            a++;\n", NEEDED),
    ("    if (a)\n        /* why */\n        a++;\n", NEEDED),
    ("    if (a) {\n        a++;\n        a--;\n    } else\n        a++;\n", NEEDED),
    ("    if (a)\n        switch (a) {\n        default:\n            a++;\n            a--;\n        }\n", NEEDED),
]

# What is added to the good tree, which check must find it, and its message.
BAD = [
    ("host/base/up.c", c_file('#include "model/two.h"\n'), "tree", "host/base may not include"),
    ("host/cpu/side.c", c_file('#include "vk/four.h"\n'), "tree", "host/cpu may not include"),
    ("host/base/out.c", c_file('#include "tests/helper.h"\n'), "tree", "in none of the program's"),
    ("shaders/up.comp", "#version 450\n" + c_file('#include "base/one.h"\n'), "tree",
     "a shader may not include"),
    ("shaders/shared/up.h", c_file('#include "base/one.h"\n'), "tree", "shaders/shared may not"),
    ("host/model/json.c", c_file("#include <cjson/cJSON.h>\n"), "tree", "is included by"),
    ("host/base/cite.h", c_file("/* ENGINE.md 4 */\n"), "tree", "cites ENGINE.md 4, which is not"),
    ("host/base/item.h", c_file("/* ENGINE.md 3.2 */\n"), "tree", "cites ENGINE.md 3.2, which"),
    ("tool.md", "Numbers as NUMERICS.md 1 says.\n", "tree", "cites NUMERICS.md 1, which is not"),
    ("host/base/long.c", c_file("\n" * 497), "tree", "found 500 lines"),
    ("host/base/deep.c", c_file(FUNCTION.format(name="deep", parameters="void",
                                                body=long_body(58))), "tree", "deep has 61 lines"),
    ("host/base/wide.c", c_file(FUNCTION.format(
        name="wide", parameters="int a, int b, int c,\n         int d, int e, int f",
        body="    return a;\n")), "tree", "wide has 6 parameters"),
    ("host/base/stem.c", c_file("void other_name(void)\n{\n}\n"), "tree", "does not begin with stem_"),
    ("host/base/quit.c", c_file("void quit(void)\n{\n    exit(1);\n}\n"), "tree", "exit is for"),
    ("host/base/env.c", c_file("void env(void)\n{\n    getenv(0);\n}\n"), "tree", "getenv is for"),
    ("inject/stop.c", c_file("void stop(void)\n{\n    abort();\n}\n"), "tree", "abort is for"),
    ("host/base/size.c", c_file("int size(int x)\n{\n    return sizeof x;\n}\n"), "tree",
     "found sizeof without its parenthesis"),
    ("host/base/size.c", c_file("int size(int x)\n{\n    return sizeof (int);\n}\n"), "tree",
     "found sizeof without its parenthesis"),
    ("host/base/truth.c", c_file("int truth(int st)\n{\n    return st == STATUS_OK;\n}\n"), "tree",
     "found a variable compared with STATUS_OK"),
    ("host/base/truth.c", c_file("int truth(int *st)\n{\n    return st[0] !=\n           STATUS_OK;\n}\n"),
     "tree", "found a variable compared with STATUS_OK"),
    ("tests/truth.c", c_file("int truth(int st)\n{\n    return STATUS_OK == st;\n}\n"), "tree",
     "found a variable compared with STATUS_OK"),
    *(("host/base/brace.c", c_file("void brace(int a)\n{\n" + body + "}\n"), "tree", message)
      for body, message in BRACES),
    ("host/base/nohead.c", "int x;\n", "tree", "then a comment of what the file owns"),
    ("host/base/mark.c", c_file("/* TO" "DO: more */\n"), "tree", "unfinished work"),
    ("host/base/tail.c", HEAD.rstrip("\n"), "tree", "expected a newline"),
    ("host/model/one.c", c_file(""), "tree", "the name is taken by host/base/one.c"),
    ("host/base/README.md", "line\n" * 61, "tree", "found 61 lines, expected at most 60"),
    ("host/base/README.md", "\u00e9" * 121 + "\n", "tree", "found 121 characters, expected at most 120"),
    ("long_tool.py", GOOD["tool.py"] + "\n\ndef f(a, b, c, d, e, g):\n    return a\n", "tree",
     "f has 6 parameters"),
    ("host/base/ugly.c", c_file("int  ugly( void ){return 1;}\n"), "format", "is not formatted"),
    ("shaders/ugly.comp", "#version 450\n" + c_file("float  ugly( float x ){return x;}\n"), "format",
     "is not formatted"),
    ("shaders/shared/wide.glsl", HEAD + "/* " + "wide " * 20 + "*/\n", "format", "is not formatted"),
    ("shaders/shared/tab.glsl", c_file("float tab(float x)\n{\n\treturn x;\n}\n"), "format", "is not formatted"),
    ("host/base/alone.h", c_file("#ifndef A_H\n#define A_H\n\nint a(uint32_t x);\n\n#endif\n"),
     "headers", "does not compile alone"),
    ("host/base/clone.c", c_file("int clone(int a)\n{\n    return a ? 1 : 1;\n}\n"), "tidy",
     "bugprone-branch-clone"),
    ("mitigations/clone.c", c_file('#define CLONE\n#include "mitigations/five.h"\n'), "tidy",
     "mitigations/five.h:9: conditional operator"),
    ("host/base/other.c", c_file("int other(int a);\n\nint other(int b)\n{\n    return b;\n}\n"), "tidy",
     "different parameter names"),
    ("host/base/leak.c", c_file("#include <stdlib.h>\n\nint leak(void)\n{\n    return malloc(1) ? 1 : 0;\n}\n"),
     "analyze", "clang-analyzer-unix.Malloc"),
    ("host/base/twice.h", c_file("struct twice {\n    int x;\n};\n"), "headers",
     "does not compile alone"),
]

# Targets of the includes above; they break no rule themselves.
TARGETS = {
    "host/model/two.h": HEAD + "#ifndef TWO_H\n#define TWO_H\n\n#endif\n",
    "host/vk/four.h": HEAD + "#ifndef FOUR_H\n#define FOUR_H\n\n#endif\n",
    "mitigations/five.h": HEAD + ("#ifndef FIVE_H\n#define FIVE_H\n\n#ifdef CLONE\n"
                                  "static inline int five(int a)\n{\n    return a ? 1 : 1;\n}\n#endif\n\n#endif\n"),
    "tests/helper.h": HEAD + "#ifndef HELPER_H\n#define HELPER_H\n\n#endif\n",
}


class LintTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        for name in (".clang-format", ".clang-tidy"):
            shutil.copy(LINT.parents[2] / name, self.root)
        for name, text in {**GOOD, **TARGETS}.items():
            self.write(name, text)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def lint(self, check):
        done = subprocess.run([sys.executable, LINT, check, self.root], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def test_a_good_tree_passes(self):
        for check in ("tree", "format", "headers", "tidy", "analyze"):
            code, text = self.lint(check)
            self.assertIn(code, (0, 77), text)

    def test_each_broken_rule_is_found(self):
        for name, text, check, message in BAD:
            with self.subTest(file=name):
                self.write(name, text)
                code, found = self.lint(check)
                (self.root / name).unlink()
                if code == 77:
                    continue
                self.assertEqual(code, 1, found)
                self.assertEqual(found.count("\n"), 1, found)
                self.assertRegex(found, "^(" + name + "|host/model/one|host/model/json|mitigations/five)")
                self.assertIn(message, found)

    def test_wrong_usage_is_refused(self):
        code, _ = self.lint("nonsense")
        self.assertEqual(code, 2)


if __name__ == "__main__":
    unittest.main()
