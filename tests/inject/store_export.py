#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads exports with pandas and compares them, value for value, with the database.

usage: store_export.py DB CSV JSONL

Exit status: 0 equal, 1 not (one line says where), 77 without pandas.
"""

import csv
import json
import math
import sqlite3
import struct
import sys

try:
    import pandas
except ImportError:
    sys.exit(77)


def bits(value):
    return struct.pack("<d", value)


def same(a, b):
    """Equal in type and bits; whole numbers of JSON are reals where the database has a real."""
    if a is None or b is None:
        return a is b
    if isinstance(b, float):
        a = {"Infinity": math.inf, "-Infinity": -math.inf}.get(a, a)
        return not isinstance(a, str) and bits(float(a)) == bits(b)
    return type(a) is type(b) and a == b


def read_database(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    columns = {name: kind for _, name, kind, *_ in db.execute("PRAGMA table_info(trial)")}
    names = list(columns)[:list(columns).index("suspect") + 1]
    rows = db.execute(f"SELECT {', '.join(names)} FROM trial ORDER BY trial").fetchall()
    return {name: columns[name] for name in names}, rows


JOINED = ["stratum_label", "prompt", "golden_text", "device_name"]


def read_joined(path):
    """What the rows name by number, and how many further faults each has."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    joined = db.execute("SELECT s.label, i.prompt, i.text, d.name FROM trial t "
                        "LEFT JOIN stratum s ON s.id = t.stratum LEFT JOIN item i ON i.id = t.item "
                        "LEFT JOIN device d ON d.id = t.device ORDER BY t.trial").fetchall()
    further = db.execute("SELECT (SELECT count(*) FROM fault f WHERE f.trial = t.trial) "
                         "FROM trial t ORDER BY t.trial").fetchall()
    return joined, [n for n, in further]


def read_csv(path, columns):
    """Rows as pandas reads them; an empty field and an empty text are both None."""
    kinds = {"INTEGER": "Int64", "ANY": "float64", "TEXT": "object"}
    frame = pandas.read_csv(path, dtype={name: kinds[kind] for name, kind in columns.items()},
                            keep_default_na=False, na_values=[""], encoding="utf-8")
    plain = {"INTEGER": int, "ANY": float, "TEXT": str}
    lists = [[None if pandas.isna(v) else plain[columns[name]](v) for v in frame[name]]
             for name in frame.columns]
    return list(frame.columns), list(zip(*lists))


def read_jsonl(path):
    with open(path, encoding="utf-8") as file:
        objects = [json.loads(line) for line in file]
    frame = pandas.read_json(path, lines=True, dtype=False)
    assert len(frame) == len(objects) and list(frame.columns) == list(objects[0])
    return list(objects[0]), [tuple(o.values()) for o in objects]


def compare(title, names, found, expected, is_same):
    if len(found) != len(expected):
        sys.exit(f"{title}: {len(found)} rows, expected {len(expected)}")
    for a, b in zip(found, expected):
        for name, x, y in zip(names, a, b):
            if not is_same(x, y):
                sys.exit(f"{title}: trial {b[0]}, {name}: {x!r}, expected {y!r}")


def main():
    path, csv_path, jsonl_path = sys.argv[1:]
    columns, rows = read_database(path)
    joined, further = read_joined(path)
    columns |= dict.fromkeys(JOINED, "TEXT")
    rows = [tuple(row) + tuple(more) for row, more in zip(rows, joined)]
    names, found = read_csv(csv_path, columns)
    assert names == list(columns), names
    compare("pandas.read_csv", names, found, rows, lambda a, b: same(a, b if b != "" else None))
    with open(csv_path, encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file, strict=True))
    assert lines[0] == names
    compare("csv", names, lines[1:], rows,
            lambda a, b: isinstance(b, (int, float)) or a == (b or ""))
    names, found = read_jsonl(jsonl_path)
    assert names == [*columns, "further_faults"], names
    assert [len(row[-1]) for row in found] == further and sum(further) > 0
    assert all(isinstance(fault, dict) for row in found for fault in row[-1])
    found = [row[:-1] for row in found]
    compare("jsonl", names, found, rows, same)
    print(f"{len(rows)} rows, {len(names)} fields, {3 * len(rows) * len(names)} values equal")


if __name__ == "__main__":
    main()
