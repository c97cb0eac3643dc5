#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sets all tables and pictures of a report in articles of one and of two columns and reads TeX's log.

usage: latex_check.py [--keep DIR] FOLDER ...

FOLDER: what `vkfi report DB --data FOLDER` wrote. --keep: the articles, as DIR/NAME.1.pdf and .2.pdf, to
look at. Exit status: 0 nothing is wider than the text (or both columns, if it spans them) and TeX has no
complaint, 1 there is one (a line each), 77 no pdflatex.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HEAD = r"""\documentclass[10pt%s]{article}
\usepackage{array,booktabs,graphicx,longtable}
\graphicspath{{%s/}}
\begin{document}
"""
# Text around floats in an article, to fill the columns beside them.
WORDS = "The same logical faults were put into both models, and what came of them is told below. " * 6


def make_pictures(folder, scratch):
    """The PDF of each picture, as the comment in its .tex says."""
    for script in glob.glob(f"{folder}/*.gp"):
        with open(f"{scratch}/{os.path.basename(script)[:-3]}.pdf", "wb") as file:
            subprocess.run(["gnuplot", "-e", "pdf=1", os.path.abspath(script)], check=True, stdout=file)


def run_tex(scratch, name, text):
    with open(f"{scratch}/{name}.tex", "w", encoding="utf-8") as file:
        file.write(text)
    for _ in range(2):  # a longtable knows its widths at the second run
        done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"], check=False,
                              cwd=scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "max_print_line": "1000"})
    with open(f"{scratch}/{name}.log", encoding="utf-8", errors="replace") as file:
        return done.returncode, file.read()


def check(folder, columns, keep):
    """Complaints of TeX on the tables and pictures of a folder."""
    names = sorted(glob.glob(f"{folder}/*.tex"))
    body = "".join("\\message{<<%s>>}%s\n\n\\input{%s}\\clearpage\n" % (os.path.basename(name), WORDS,
                                                                   os.path.abspath(name)) for name in names)
    found, table = [], "?"
    with tempfile.TemporaryDirectory() as scratch:
        make_pictures(folder, scratch)
        head = HEAD % (",twocolumn" if columns == 2 else "", scratch)
        code, log = run_tex(scratch, "article", head + "\\sloppy\n" + body + "\\end{document}\n")
        if keep and os.path.exists(f"{scratch}/article.pdf"):
            shutil.copy(f"{scratch}/article.pdf", f"{keep}/{os.path.basename(folder)}.{columns}.pdf")
    harmless = r"Rerun|undefined|contains only floats"
    for line in log.splitlines():
        at = re.findall(r"<<(.*?)>>", line)
        if re.match(rf"Overfull \\hbox|! |LaTeX Warning: (?!.*({harmless}))|Package \w+ Warning: (?!.*({harmless}))", line):
            found.append(f"{folder}/{table} in {columns}: {line}")
        table = at[-1] if at else table
    if code != 0 and not found:
        found.append(f"{folder} in {columns}: pdflatex ended with {code}")
    return len(names), found


def main():
    if not shutil.which("pdflatex"):
        return 77
    folders, keep = sys.argv[1:], None
    if folders[:1] == ["--keep"]:
        keep, folders = folders[1], folders[2:]
        os.makedirs(keep, exist_ok=True)
    tables, wrong = 0, []
    for folder in folders:
        for columns in (1, 2):
            count, found = check(folder, columns, keep)
            tables += count
            wrong += found
    print("\n".join(wrong + [f"{tables} tables and pictures"]))
    return 1 if wrong or tables == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
