# SPDX-License-Identifier: MIT
"""Where bodies of if, else, for and while have braces: a single simple statement has none; all else
has them, and so has each branch of an if of which one has them."""

import re
from typing import NamedTuple

import lint_c

WORD = re.compile(r"\s*(?:(if|for|while|switch|do|else|case|default)\b|(\w+)(?=\s*\())?")


class Body(NamedTuple):
    start: int  # of the brace, or of the first word
    end: int    # after its last character
    head: int   # after the parenthesis, or the else, that it follows
    braced: bool


def close(text, at):
    """The place after the bracket that closes the one at `at`."""
    depth = 0
    for match in re.compile(r"[()\[\]{}]").finditer(text, at):
        depth += 1 if match[0] in "([{" else -1
        if depth == 0:
            return match.end()
    return len(text)


def skip(text, at):
    return re.compile(r"\s*").match(text, at).end()


class Reader:
    """Reads the statements of blanked text; `chains`: the bodies of each if with its else, of each loop."""

    def __init__(self, text):
        self.text = text
        self.chains = []

    def statement(self, at):
        """The place after the statement at `at`."""
        text, at = self.text, skip(self.text, at)
        if text[at:at + 1] == "{":
            self.block(at)
            return close(text, at)
        match = WORD.match(text, at)
        word = match[1]
        if word == "if":
            return self.branches(match.end())
        if word in ("for", "while", "switch") or self.is_loop_macro(match):
            body = self.body(close(text, text.index("(", match.end())))
            if word != "switch":
                self.chains.append([body])
            return body.end
        if word == "do":
            return text.index(";", self.statement(match.end())) + 1
        return self.plain(at)

    def is_loop_macro(self, match):
        if match[2] in (None, "return", "sizeof"):
            return False
        after = skip(self.text, close(self.text, self.text.index("(", match.end(2))))
        return self.text[after:after + 1] == "{" or "EACH" in match[2]  # a loop by its name

    def plain(self, at):
        for match in re.compile(r"[;(\[{}]|:(?!:)").finditer(self.text, at):
            if match.start() < at:
                continue
            if match[0] == ";":
                return match.end()
            if match[0] == "}":
                return match.start()
            if match[0] != ":":
                at = close(self.text, match.start())
        return len(self.text)

    def body(self, head):
        start = skip(self.text, head)
        return Body(start, self.statement(start), head, self.text[start] == "{")

    def branches(self, at):
        chain = []
        while True:
            chain.append(self.body(close(self.text, self.text.index("(", at))))
            at = skip(self.text, chain[-1].end)
            if not re.compile(r"else\b").match(self.text, at):
                break
            at += len("else")
            match = re.compile(r"\s*if\b").match(self.text, at)
            if not match:
                chain.append(self.body(at))
                break
            at = match.end()
        self.chains.append(chain)
        return chain[-1].end

    def block(self, at):
        end = close(self.text, at) - 1
        at += 1
        while skip(self.text, at) < end:
            label = re.compile(r"\s*(?:case\b[^:]*|default|\w+)\s*:(?!:)").match(self.text, at, end)
            after = label.end() if label else self.statement(at)
            at = max(after, at + 1)


def chains(text):
    """Of every if and loop of the functions of blanked text: their bodies."""
    for match in re.finditer(r"^\{", text, re.M):
        reader = Reader(text)
        reader.block(match.start())
        yield from reader.chains


def is_simple(text, body):
    """Whether one statement that is no if, loop or switch, and no line of comment, is all of it."""
    start, end = (body.start + 1, body.end - 1) if body.braced else (body.start, body.end)
    first = skip(text, start)
    reader, word = Reader(text), WORD.match(text, first)
    if word[1] or reader.is_loop_macro(word) or text[first:first + 1] in ("{", "}"):
        return False
    last = reader.statement(first)
    before = text.count("\n", body.head, first)
    return skip(text, last) >= end and before <= 1 and text.count("\n", last, end) <= 1


def without_macros(text):
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m[0].count("\n"),
                  lint_c.blank(text), flags=re.M)


def findings(text):
    """(line, finding) of each body that has braces, or none, where it should not."""
    text = without_macros(text)
    for chain in chains(text):
        needed = not all(is_simple(text, body) for body in chain)
        for body in chain:
            if body.braced != needed:
                found = ("a body without braces, expected them around all but single simple statements"
                         if needed else "braces around a single simple statement, expected none")
                yield text.count("\n", 0, body.start) + 1, found
