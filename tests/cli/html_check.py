#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that an HTML file is whole: balanced tags, unique ids, links inside it, no scripts, nothing fetched.

usage: html_check.py FILE [FIGURES]

FIGURES: how many figures it must have. Exit status: 0 it is, 1 it is not (one line says why).
"""

import re
import sys
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}
OUTSIDE = re.compile(r"https?:|//|url\((?!#)|@import")


class Checker(HTMLParser):
    """Walks the file once."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.ids = set()
        self.links = []
        self.figures = 0
        self.svgs = 0

    def fail(self, text):
        line, column = self.getpos()
        sys.exit(f"line {line}, column {column}: {text}")

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "iframe", "object", "embed"):
            self.fail(f"found <{tag}>")
        self.figures += tag == "figure"
        self.svgs += tag == "svg" and "figure" in self.open
        for name, value in attrs:
            if name.startswith("on"):
                self.fail(f"found the handler {name}")
            if name == "id":
                if value in self.ids:
                    self.fail(f"found id '{value}' again")
                self.ids.add(value)
            if name in ("href", "src", "xlink:href"):
                self.links.append(value)
            self.links += ["#" + ref for ref in re.findall(r"url\(#([^)]+)\)", value or "")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.fail(f"found </{tag}>, which was not open last")

    def handle_data(self, data):
        if self.open and self.open[-1] == "style" and OUTSIDE.search(data):
            self.fail("the style fetches something")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    checker = Checker()
    checker.feed(text)
    checker.close()
    if checker.open:
        sys.exit(f"left open: {checker.open}")
    for link in checker.links:
        if not link.startswith("#") or link[1:] not in checker.ids:
            sys.exit(f"found a link to '{link}', which is not in the file")
    if checker.figures != checker.svgs:
        sys.exit(f"found {checker.figures} figures with {checker.svgs} pictures")
    if len(sys.argv) > 2 and checker.figures != int(sys.argv[2]):
        sys.exit(f"found {checker.figures} figures, expected {sys.argv[2]}")


if __name__ == "__main__":
    main()
