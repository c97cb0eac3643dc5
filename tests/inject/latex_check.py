#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sets all tables of a report in an article of one column and reads TeX's log.

usage: latex_check.py FOLDER ...

FOLDER: what `vkfi report DB --data FOLDER` wrote. Exit status: 0 nothing is wider than the text and
TeX has no complaint, 1 one has (a line each), 77 no pdflatex.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HEAD = r"""\documentclass[10pt]{article}
\usepackage{array,booktabs,longtable}
\begin{document}
"""


def check(folder):
    """Complaints of TeX on the tables of a folder."""
    names = sorted(glob.glob(f"{folder}/*.tex"))
    body = "".join("\\message{<<%s>>}\\input{%s}\\clearpage\n" % (os.path.basename(name), os.path.abspath(name))
                   for name in names)
    with tempfile.TemporaryDirectory() as scratch:
        with open(f"{scratch}/article.tex", "w", encoding="utf-8") as file:
            file.write(HEAD + body + "\\end{document}\n")
        for _ in range(2):  # a longtable knows its widths at the second run
            done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "article.tex"], check=False,
                                  cwd=scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env={**os.environ, "max_print_line": "1000"})
        with open(f"{scratch}/article.log", encoding="utf-8", errors="replace") as file:
            log = file.read()
    table, found = "?", []
    for line in log.splitlines():
        at = re.findall(r"<<(.*?)>>", line)
        if re.match(r"Overfull \\hbox|! |LaTeX Warning: (?!.*(Rerun|undefined))", line):
            found.append(f"{folder}/{table}: {line}")
        table = at[-1] if at else table
    if done.returncode != 0 and not found:
        found.append(f"{folder}: pdflatex ended with {done.returncode}")
    return len(names), found


def main():
    if not shutil.which("pdflatex"):
        return 77
    tables, wrong = 0, []
    for folder in sys.argv[1:]:
        count, found = check(folder)
        tables += count
        wrong += found
    print("\n".join(wrong + [f"{tables} tables"]))
    return 1 if wrong or tables == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
