# SPDX-License-Identifier: MIT
# The sweep: its plan has every op, point and bit equally; it runs, resumes, and counts hooks that fired.
need_tiny

# The plan alone is a plan like any other, and as large as the budget allows.
good sweep -m "$LLAMA" --bits 0-31 --plan-only
cp out sweep.json
good plan check sweep.json
good plan show sweep.json --json
json '5000 < d["runs"] <= 6000 and len({s["trials"] for s in d["strata"]}) == 1 and d["strata"][0]["trials"] >= 4'
json '{s["op"] for s in d["strata"]} == {"embed", "norm", "linear", "rope", "scores", "softmax", "heads", "gate", "add"}'
json '{s["point"] for s in d["strata"]} == {"operand", "weight", "partial", "out", "mem", "accumulator"}'
json 'all(s["weight"] is None for s in d["strata"]) and d["total_half_width"] is None'
json 'len([s for s in d["strata"] if s["op"] == "linear" and s["point"] == "out"]) == 32'
python3 - <<'TEXT'
import json
plan = json.load(open("sweep.json"))
plan["sampling"]["trials"] += 1
json.dump(plan, open("more.json", "w"))
TEXT
good plan show more.json --json
json 'd["runs"] > 6000'
good sweep -m "$LLAMA" --sites 'blk.*.attn_*' --sites output --bits 30-31 --trials 500 --plan-only
cp out bits.json
good plan show bits.json --json
json '{s["bit"] for s in d["strata"]} == {"30", "31"} and 400 < d["runs"] <= 500'

# Table and coverage against the exported rows: sites of one weight type and one op.
agrees() {
    "$VKFI" export "$1" --format csv -o "$1.csv" || fail "export of $1"
    python3 - out "$1.csv" <<'PYTHON' || fail "the table is not that of the rows of $1"
import collections
import csv
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    found = json.load(file)
with open(sys.argv[2], encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
cells = collections.Counter()
events = collections.Counter()
fired = set()
for row in rows:
    key = (row["op"], row["point"], row["bit_field"])
    if row["place"] == "op" and int(row["activations"] or 0) > 0:
        fired.add((row["op"], row["point"], row["bit_field"] if row["point"] == "weight" else ""))
    if not row["control"]:
        cells[key] += 1
        events[key] += row["outcome"].startswith("sdc")
table = {(c["op"], c["point"], c["bit_field"]): c for c in found["cells"]}
assert len(table) == len(found["cells"]) and found["rows"] == len(rows)
assert {k: c["n"] for k, c in table.items()} == dict(cells)
assert {k: c["events"] for k, c in table.items()} == {k: events[k] for k in cells}
for c in found["cells"]:
    assert c["rate"] == c["events"] / c["n"] or abs(c["rate"] - c["events"] / c["n"]) < 1e-9
    assert 0 <= c["low"] <= c["rate"] <= c["high"] <= 1
(coverage,) = found["coverage"]
assert coverage["fired"] == len(fired), (coverage, fired)
assert coverage["fired"] + len(coverage["not_seen"]) == coverage["variants"]
PYTHON
}
small=(sweep -m "$LLAMA" --sites 'blk.*.attn_q' --bits 0-31 --trials 200 -n 4)
good "${small[@]}" -o a.db --limit 5 --json
json 'd["rows"] == 5 and d["planned"] > 100 and d["coverage"][0]["fired"] < d["coverage"][0]["variants"]'
agrees a.db
good "${small[@]}" -o a.db --json
json 'd["rows"] == d["planned"] and d["coverage"][0]["not_seen"] == [] and d["database"] == "a.db"'
json 'sum(c["events"] for c in d["cells"]) > 0 and {c["point"] for c in d["cells"]} > {"operand", "weight", "out"}'
agrees a.db
cp out first
good "${small[@]}" -o a.db --json
cmp -s out first || fail "a finished sweep gave another table"

# Without -o the table is the same and nothing is left, whatever a launcher says.
mkdir temp
SLURM_PROCID=1 SLURM_NTASKS=2 TMPDIR=temp good "${small[@]}" --json
sed 's/"database": null/"database": "a.db"/' out | cmp -s - first || fail "the table depends on -o"
[ -z "$(ls temp)" ] || fail "left behind: $(ls temp)"
TMPDIR=nowhere refused 2 "${small[@]}"

good "${small[@]}" -o a.db
grep -q '^linear  *weight  *scale ' out || fail "no line of scales: $(cat out)"
grep -Eq '^coverage .*: ([0-9]+) of \1 hook variants fired$' out || fail "coverage: $(cat out)"
grep -q '^pictures  vkfi report a.db -o a.db.html$' out || fail "no word on pictures"

# The report: a map of op by bit, one panel per point; pictures that need a total are named.
if command -v gnuplot >/dev/null; then
    good report a.db --data map --json
    json 'd["pictures"]["cells"] == d["pictures"]["strata"] == "drawn"'
    json 'd["pictures"]["bits"] == "drawn" and d["rates"]["sdc"]["rate"] is None' # one op: a bit is a stratum
    json 'd["pictures"]["change"].startswith("each needs a total over strata")'
    "$VKFI" export a.db --format csv -o rows.csv || fail "export of a.db"
    python3 - <<'PYTHON' || fail "the cells of the map are not those of the rows"
import collections
import csv

def read(name):
    with open(name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))

trials, events = collections.Counter(), collections.Counter()
for row in read("rows.csv"):
    if not row["control"]:
        trials[row["op"], row["point"], row["bit"]] += 1
        events[row["op"], row["point"], row["bit"]] += row["outcome"].startswith("sdc")
cells = {(c["op"], c["point"], c["bit"]): c for c in read("map/cells.csv")}
assert {k: int(c["trials"]) for k, c in cells.items()} == dict(trials)
assert {k: int(c["events"]) for k, c in cells.items()} == {k: events[k] for k in trials}
for c in cells.values():
    assert 0 <= float(c["rate_low"]) <= float(c["rate"]) <= float(c["rate_high"]) <= 1
PYTHON
fi

refused 2 "${small[@]}" --seed 2 -o a.db
refused 2 "${small[@]}" -d cpu:none
refused 2 "${small[@]}" --plan-only -o b.db
refused 2 sweep -m "$LLAMA" --bits 3-40
refused 2 sweep -m "$LLAMA" --bits 9-3
refused 2 sweep -m "$LLAMA" --sites 'blk.7.*'
refused 2 sweep -m "$LLAMA" --trials 50
clean <err
