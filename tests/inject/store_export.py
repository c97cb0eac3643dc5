#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads exports with pandas and compares them, value for value, with the database.

usage: store_export.py DB CSV JSONL

Exit status: 0 equal, 1 not (one line says where), 77 without pandas.
"""

import collections
import csv
import json
import math
import sqlite3
import struct
import sys

try:
    import numpy
    import pandas
except ImportError:
    sys.exit(77)


def bits(value):
    return struct.pack("<d", value)


def same(a, b):
    """Equal in type and bits; integers of JSON are reals if the database has a real."""
    if a is None or b is None:
        return a is b
    if isinstance(b, float):
        a = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}.get(a, a)
        if math.isnan(b):
            return not isinstance(a, str) and (a is None or math.isnan(a))
        return not isinstance(a, str) and bits(float(a)) == bits(b)
    return type(a) is type(b) and a == b


def same_in_csv(a, b):
    """An empty field and an empty text are both None; lists and objects are JSON."""
    if isinstance(b, float) and math.isnan(b):
        return a is None
    if isinstance(b, (list, dict)):
        return a is not None and json.loads(a) == b
    return same(a, b if b != "" else None)


JOINED = ["stratum_label", "prompt", "prompt_group", "sample", "golden_text", "device"]
BITS = ["mask", "before", "after"]
FLOATS = ["before_value", "after_value"]
KINDS = {"INTEGER": "Int64", "ANY": "float64", "TEXT": "object"}


def as_float(value):
    """The shortest digits of a float are another double."""
    try:
        if value is not None and struct.unpack("<f", struct.pack("<f", value))[0] == value:
            return float(f"{numpy.float32(value)}")
    except OverflowError:
        pass
    return value


def exported(row, further):
    """A row of the database, by name, as in an export."""
    out = dict(row)
    for name in BITS:
        if row[name] is not None:
            out[name] = f"0x{row[name] % 2**64:0{(row['width'] + 3) // 4}x}"
    for name in FLOATS:
        out[name] = as_float(row[name]) if row[name] is not None else math.nan
        if row[name.removesuffix("_value")] is None:
            out[name] = None
    out["flags"] = [] if row["flags"] is None else row["flags"].split("+")
    out["deviation"] = [dict(zip(("layer", "max_abs", "rel_l2", "bits"), (i, *layer)))
                        for i, layer in enumerate(json.loads(row["deviation"] or "[]"))]
    first = json.loads(row["fault"])
    out["fault"] = [first, *map(json.loads, further)] if further else first
    same_text = row["first_diff"] is None and row["faulty_len"] == row["golden_len"] is not None
    if row["faulty_text"] is None and same_text:
        out["faulty_text"] = row["golden_text"]
    return out


def read_database(path):
    """Names, kinds (of pandas) and rows of an export, made from the tables."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    columns = {name: kind for _, name, kind, *_ in db.execute("PRAGMA table_info(trial)")}
    names = list(columns)[:list(columns).index("suspect") + 1]
    own = ", ".join(f"t.{name}" for name in names)
    rows = db.execute(f"SELECT {own}, s.label, i.prompt, i.prompt_group, i.sample, i.text, d.name FROM trial t "
                      "LEFT JOIN stratum s ON s.id = t.stratum LEFT JOIN item i ON i.id = t.item "
                      "LEFT JOIN device d ON d.id = t.device_id ORDER BY t.trial").fetchall()
    further = collections.defaultdict(list)
    for trial, fault in db.execute("SELECT trial, json FROM fault ORDER BY trial, number"):
        further[trial].append(fault)
    columns = {name: KINDS[columns[name]] for name in names} | dict.fromkeys(BITS, "object")
    names += JOINED
    rows = [exported(dict(zip(names, row)), further[row[0]]) for row in rows]
    assert any(further.values()) == any(row["n_faults"] > 1 for row in rows)
    kinds = {name: columns.get(name, "object") for name in names}
    return kinds | dict.fromkeys(JOINED, "object") | {"sample": "Int64"}, [tuple(row.values()) for row in rows]


def read_csv(path, kinds):
    """Rows as pandas reads them; an empty field and an empty text are both None."""
    frame = pandas.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""], encoding="utf-8")
    plain = {"Int64": int, "float64": float, "object": str}
    lists = [[None if pandas.isna(v) else plain[kinds[name]](v) for v in frame[name]]
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
    kinds, rows = read_database(path)
    names, found = read_csv(csv_path, kinds)
    assert names == list(kinds), names
    shown = [tuple(v.replace("\0", "\u2400") if isinstance(v, str) else v for v in row)
             for row in rows]  # CSV's form of a null
    compare("pandas.read_csv", names, found, shown, same_in_csv)
    with open(csv_path, encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file, strict=True))
    assert lines[0] == names
    compare("csv", names, lines[1:], shown,
            lambda a, b: isinstance(b, (int, float, list, dict)) or a == (b or ""))
    names, found = read_jsonl(jsonl_path)
    assert names == list(kinds), names
    compare("jsonl", names, found, rows, same)
    print(f"{len(rows)} rows, {len(names)} fields, {3 * len(rows) * len(names)} values equal")


if __name__ == "__main__":
    main()
