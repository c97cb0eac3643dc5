# SPDX-License-Identifier: MIT
"""Chat templates rendered by the program and by PyPI's jinja2, set up as transformers does.

usage: template_reference.py TOOL [--update]

The templates of templates/, and expressions and statements drawn from a grammar with a seed. Where
jinja2 gives a text, the program gives the same text or refuses by name (a bounded share); where jinja2
raises an error, the program refuses. --update writes templates/*.expect anew. Exit status 0: all agree;
1: a difference (printed); 77: no jinja2."""
import datetime
import json
import os
import random
import struct
import subprocess
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore", SyntaxWarning)  # of the Python that jinja2 writes
PYTHON = os.environ.get("VKFI_PYTHON")
if PYTHON and sys.executable != PYTHON and not os.environ.get("TEMPLATE_REFERENCE"):
    os.execve(PYTHON, [PYTHON, *sys.argv], {**os.environ, "TEMPLATE_REFERENCE": "1"})
try:
    from jinja2 import nodes
    from jinja2.exceptions import TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

FOLDER = Path(__file__).parent / "templates"
USER = " Name three\nrivers.  "
TURN, ROLES = "\x1e", ("user", "assistant")
USERS = [USER, "", "hi", "\u00a0\u3000é\u2028", "<think>a</think>\n b", "a,b,,c", "42", " x ",
         "it's \"quoted\" \\ \t\x01\x7f", "😀 zwölf",
         TURN.join(("one", " two\n", "three")), TURN.join(("a", "<think>b</think> c", "", "d", "e"))]
DAY = datetime.datetime(2024, 7, 26)


class Generation(Extension):
    """{% generation %} ... {% endgeneration %}: the text between."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.Scope(body, lineno=line)


def raise_exception(message):
    raise TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


ENVIRONMENT = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                            extensions=[Generation, loopcontrols])
ENVIRONMENT.filters["tojson"] = tojson
ENVIRONMENT.globals["raise_exception"] = raise_exception
ENVIRONMENT.globals["strftime_now"] = DAY.strftime


def theirs(source, user):
    """The prompt, null where jinja2 raises an error."""
    try:
        return ENVIRONMENT.from_string(source).render(
            messages=[{"role": ROLES[i % 2], "content": content} for i, content in enumerate(user.split(TURN))], add_generation_prompt=True, tools=None,
            documents=None, bos_token="<s>", eos_token="</s>").encode("utf-8", "strict")
    except Exception:  # errors of Python's own operators and methods too
        return None


def ours(tool, cases):
    data = b"".join(struct.pack("<I", len(part)) + part
                    for case in cases for part in (case[0].encode(), case[1].encode()))
    out = subprocess.run([tool], input=data, stdout=subprocess.PIPE, check=True).stdout
    at, found = 0, []
    while at < len(out):
        refused, size = struct.unpack_from("<II", out, at)
        found.append((refused, out[at + 8:at + 8 + size]))
        at += 8 + size
    assert len(found) == len(cases)
    return found


class Grammar:
    """Random templates from the parts of models' templates."""
    WORDS = ["'a'", '"b c"', "'\\n'", "' x '", "'é'", "''", "user", "content", "messages[0].content",
             "bos_token", "nothing", "none", "true", "false", "0", "1", "2", "-1", "3", "[1, 2, 3]",
             "['a', 'b']", "('a', 'b')", "{'k': 'v', 'n': 1}", "messages", "messages[0]", "[]", "{}",
             "tools", "ns.x", "x", "loop.index", "loop.last", "loop.first", "loop.length", "range(3)"]
    FILTERS = ["trim", "length", "upper", "lower", "capitalize", "title", "first", "last", "list",
               "string", "tojson", "tojson(indent=2)", "default('d')", "default('d', true)", "int",
               "join", "join(', ')", "reverse", "reverse|list", "replace('a', 'bb')", "items|list",
               "dictsort", "map('upper')|list", "map(attribute='role')|list", "select|list",
               "reject('equalto', 1)|list", "selectattr('role', 'equalto', 'user')|list", "abs",
               "rejectattr('role', 'equalto', 'user')|list", "indent(2)", "indent(2, true)", "count",
               "selectattr('role')", "safe", "trim('a ')"]
    TESTS = ["defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number",
             "integer", "boolean", "true", "false", "odd", "even", "in [1, 'a']", "eq 1", "equalto('a')",
             "divisibleby 2", "gt 1", "callable"]
    METHODS = [".strip()", ".lstrip()", ".rstrip('\\n ')", ".split()", ".split('a')", ".split(' ', 1)",
               ".split('a')[-1]", ".startswith('a')", ".endswith(('a', ' '))", ".upper()", ".lower()",
               ".title()", ".replace('a', '')", ".items()|list", ".keys()|list", ".get('k')",
               ".get('z', 1)", ".role", ".content", "['role']", "[0]", "[-1]", "[1:]", "[:-1]", "[::-1]",
               "[1:3]", "[:1]", "[::2]", ".find('a')", ".rfind('a')", ".count('a')", ".join(['p', 'q'])",
               ".rsplit('a', 1)", ".capitalize()", ".removeprefix('a')", ".removesuffix('a')", ".values()|list",
               ".splitlines()", ".isdigit()", ".isspace()", ".index(1)"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return self.random.choice(items)

    def expression(self, depth=0):
        kind = self.random.randrange(16) if depth < 4 else 0
        inner = lambda: self.expression(depth + 1)
        if kind < 4:
            return self.pick(self.WORDS)
        if kind == 4:
            return f"({inner()})|{self.pick(self.FILTERS)}"
        if kind == 5:
            return f"{self.pick(self.WORDS)}|{self.pick(self.FILTERS)}"
        if kind == 6:
            return f"({inner()}) is {self.pick(['', 'not '])}{self.pick(self.TESTS)}"
        if kind == 7:
            return f"({inner()}){self.pick(self.METHODS)}"
        if kind == 8:
            return f"{self.pick(self.WORDS)}{self.pick(self.METHODS)}"
        if kind == 9:
            return f"{inner()} {self.pick(['+', '-', '*', '//', '%', '~', '~', '+'])} {inner()}"
        if kind == 10:
            return f"({inner()}) {self.pick(['==', '!=', '<', '>', '<=', '>=', 'in', 'not in'])} ({inner()})"
        if kind == 11:
            return f"{inner()} {self.pick(['and', 'or'])} {inner()}"
        if kind == 12:
            return f"not {inner()}"
        if kind == 13:
            return f"({inner()} if {inner()} else {inner()})"
        if kind == 14:
            return f"[{inner()}, {inner()}]"
        return f"m({inner()})"

    def space(self):
        return self.pick(["", "", " ", "\n", "  \n ", "\n\n  ", "t", " t\n"])

    def tag(self, text):
        return "{%" + self.pick(["", "-", "+", " "]) + f" {text} " + self.pick(["", "-", "+"]) + "%}"

    def statement(self, depth=0):
        kind = self.random.randrange(12) if depth < 3 else self.random.randrange(4)
        body = lambda: self.block(depth + 1)
        if kind < 4:
            return "{{" + self.pick(["", "-"]) + f" {self.expression()} " + self.pick(["", "-"]) + "}}"
        if kind == 4:
            return (self.tag(f"if {self.expression()}") + body() + self.tag("else") + body() + self.tag("endif"))
        if kind == 5:
            return (self.tag(f"if {self.expression()}") + body() + self.tag(f"elif {self.expression()}") +
                    body() + self.tag("endif"))
        if kind == 6:
            over = self.pick(["messages", "[1, 2, 3]", "range(4)", "content", self.expression()])
            only = self.pick(["", "", f" if {self.expression()}"])
            jump = self.pick(["", "", self.tag("if loop.index == 2") + self.tag(self.pick(["break", "continue"])) +
                              self.tag("endif")])
            return self.tag(f"for x in {over}{only}") + jump + body() + self.tag("endfor")
        if kind == 7:
            return self.tag("for k, v in {'a': 1, 'b': content}.items()") + body() + self.tag("endfor")
        if kind == 8:
            return self.tag(f"set {self.pick(['x', 'content', 'ns.x'])} = {self.expression()}")
        if kind == 9:
            return self.tag("set x") + body() + self.tag("endset")
        if kind == 10:
            return "{#" + self.pick(["", "-"]) + " note " + self.pick(["", "-"]) + "#}"
        return self.tag("generation") + body() + self.tag("endgeneration")

    def block(self, depth=0):
        return "".join(self.space() + self.statement(depth) + self.space()
                       for _ in range(self.random.randrange(1, 4)))

    def template(self):
        head = ("{% set ns = namespace(x=1) %}{% set content = messages[0].content %}"
                "{% macro m(a, b='q') %}<{{ a }}{{ b }}{{ x }}>{% endmacro %}")
        return head + self.block()


def main(tool, update):
    named = [(path, path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.jinja"))]
    if update:
        for path, source in named:
            path.with_suffix(".expect").write_bytes(theirs(source, USER))
    cases = [(source, user) for _, source in named for user in USERS]
    n_named = len(cases)
    grammar = Grammar(11)
    cases += [(grammar.template(), grammar.pick(USERS)) for _ in range(int(os.environ.get("CASES", "2500")))]
    compared = refused = bad = 0
    for i, (case, (is_refused, text)) in enumerate(zip(cases, ours(tool, cases))):
        wanted = theirs(*case)
        compared += wanted is not None
        refused += is_refused and wanted is not None
        wrong = not is_refused and text != wanted
        if wrong or (i < n_named and is_refused and wanted is not None):
            bad += 1
            if bad <= int(os.environ.get("SHOW", "5")):
                print(f"case {i}: {case[0]!r} with {case[1]!r}\n  ours   {text!r}\n  jinja2 {wanted!r}")
        elif is_refused and wanted is not None and os.environ.get("SHOW_REFUSED"):
            print("refused", text.decode(), "|", wanted)
    print(f"{len(cases)} templates, {compared} of them run by jinja2: {refused} refused here, {bad} differ")
    return bad > 0 or refused > 0.1 * compared


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--update" in sys.argv[2:]))
