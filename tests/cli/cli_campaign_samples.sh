# SPDX-License-Identifier: MIT
# Several samples of an item: golden runs by their own draws, records that name the sample, pass@k
# with and without faults by an independent computation, shards, replay, refusals.
need_tiny
cat >make.py <<'TEXT'
import json
import sys
samples, design, what, trials, more = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]), json.loads(sys.argv[5])
words = ["the", "river", "old", "a", "bread", "cold", "winter", "people"]
# The tiny models give the replacement sign often, so that some samples are right and some wrong.
items = [{"task": "say" if i % 2 else "tell", "doc_id": w, "prompt": f"{w} {i}", "target": "�", "n": 1 + i % 2,
          "format": "plain"} for i, w in enumerate(words)]
asked = {"list": items}
if samples > 1:
    asked["samples"] = samples
print(json.dumps({"model": sys.argv[6], "items": asked, "decoding": {"temp": 0.2, "seed": 3}, "population": "ops", "design": design,
                  "seed": 5, "sampling": {"trials": trials}, **what, **more}))
TEXT
plan() { # FILE SAMPLES DESIGN WHAT TRIALS MORE
    python3 make.py "$2" "$3" "$4" "$5" "$6" "$LLAMA" >"$1" || fail "no plan"
}
own='{"where": {"sites": "blk.*"}, "what": {"kind": "flip", "bits": [26, 29, 30]}, "when": {"duration": "permanent"}}'
plan one.json 1 nested "$own" 30 '{}'
plan four.json 4 nested "$own" 240 '{"strata": ["bit"], "sampling": {"trials": 240, "allocation": "equal"}}'
good campaign run one.json -o one.db -d cpu
good campaign run four.json -o four.db -d cpu
grep -q '^say pass@1  *4 .* points \[' out || fail "no pass@1: $(cat out)"
grep -q '^tell pass@4  *4 .* points \[' out || fail "no pass@4: $(cat out)"

# The check's own pass@k: all outcomes of the samples, all sets of k. Weights of strata as in the database.
cat >check.py <<'TEXT'
import itertools
import json
import math
import sqlite3
import sys
database, told, nested = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))["passes"], sys.argv[3] == "nested"
db = sqlite3.connect(database)
items = db.execute("select id, task, sample, score, weight, doc_id from item order by id").fetchall()
assert [s for _, _, s, _, _, _ in items] == [0, 1, 2, 3] * 8, items
weight = dict(db.execute("select id, weight from stratum"))
rows = db.execute("select item, stratum, score_golden, coalesce(score_faulty, score_golden), fault, outcome from trial "
                  "where control is null and arm = 'none'").fetchall()
count = {h: sum(r[1] == h for r in rows) for h in weight}


def pass_at(chances, k):
    sets = list(itertools.combinations(chances, k))
    return 1 - sum(math.prod(1 - c for c in s) for s in sets) / len(sets)


changed = 0
for t in told:
    k = t["k"]
    mine = [i for i in items if i[1] == t["task"]]
    base = [[i for i in mine if i[0] // 4 == b] for b in sorted({i[0] // 4 for i in mine})]
    golden = [pass_at([i[3] for i in group], k) for group in base]
    assert math.isclose(t["golden"]["rate"], sum(golden) / len(golden), abs_tol=1e-12), t
    own = [r for r in rows if items[r[0]][1] == t["task"]]
    assert t["trials"] == len(own) and t["items"] == len(base) and t["samples"] == 4, t
    assert t["struck"] == len({r[0] for r in own}), t
    if nested:
        share = sum(weight[r[1]] / count[r[1]] for r in own) / len(mine)
        chance = {i[0]: i[3] + sum(weight[r[1]] / count[r[1]] * (r[3] - r[2]) for r in own if r[0] == i[0]) / share for i in mine}
        faulty = [pass_at([chance[i[0]] for i in group], k) for group in base]
        change = sum(f - g for f, g in zip(faulty, golden)) / len(base)
        assert t["units"] == len(base), t
    else:
        units, left_out = {}, 0
        for r in own:
            units.setdefault((r[1], r[4], r[0] // 4), {})[r[0] % 4] = r[3]
        whole = {u: s for u, s in units.items() if len(s) == 4}
        change = [pass_at(list(s.values()), k) - pass_at([i[3] for i in items[4 * u[2]:4 * u[2] + 4]], k) for u, s in whole.items()]
        assert t["left_out"] == len(units) - len(whole) and t["units"] == len(whole), (t, len(units), len(whole))
        change = sum(change) / len(change) if change else None
    if change is None or t["no_estimate"]:
        assert change is None and t["no_estimate"] and t["change"]["mean"] is None, t
        continue
    if k > 1 or len(sys.argv) == 4:
        assert math.isclose(t["change"]["mean"], change, abs_tol=1e-9), (t, change)
        assert math.isclose(t["faulty"]["rate"], t["golden"]["rate"] + change, abs_tol=1e-9), t
    assert t["change"]["low"] <= t["change"]["mean"] <= t["change"]["high"], t
    changed += abs(change) > 1e-9
print(changed)
TEXT
gate() { # DB
    "$VKFI" gate "$1" --max 0.99 --json >out 2>err || [ $? = 1 ] || fail "gate: $(cat err)"
}
gate four.db
cp out gate.json
[ "$(python3 check.py four.db gate.json nested)" -ge 2 ] || fail "pass@k is not what rows and items give, or no fault changed it"
json '[(p["task"], p["metric"]) for p in d["passes"]] == [(t, f"pass@{k}") for t in ("tell", "say") for k in (1, 4)]'
# One sample by itself is the change of the task.
json 'all(abs(p["change"][k] - t["change"][k]) < 1e-12 for p in d["passes"] if p["k"] == 1 for t in d["tasks"] if t["task"] == p["task"] for k in ("mean", "low", "high"))'
"$VKFI" gate four.db --max 0.99 >out 2>err || [ $? = 1 ] || fail "gate: $(cat err)"
grep -q '^pass@4 .* say: 4 items, 4 samples each, [0-9]* struck; [0-9]* trials$' out || fail "no line of pass@4: $(cat out)"

# The first sample is what a plan of one sample runs, the others have draws of their own; equal texts
# are the same answer, right or wrong.
python3 - <<'TEXT' || fail "golden runs of samples"
import sqlite3
one, four = (sqlite3.connect(p).execute("select doc_id, sample, tokens, text, score from item order by id").fetchall() for p in ("one.db", "four.db"))
assert all(s is None for _, s, _, _, _ in one)
assert [(d, t, x, s) for d, _, t, x, s in one] == [(d, t, x, s) for d, n, t, x, s in four if n == 0]
texts = {}
for d, _, _, x, s in four:
    assert texts.setdefault((d, x), s) == s
assert len({(d, x) for d, _, _, x, _ in four}) > 12, "samples are alike"
assert 4 < sum(s for *_, s in four) < 28, "samples are all right, or all wrong"
TEXT

# Records say which sample they are of.
good export four.db --format jsonl -o rows.jsonl
good export one.db --format jsonl -o plain.jsonl
python3 - <<'TEXT' || fail "the sample in exported rows"
import json
rows = [json.loads(line) for line in open("rows.jsonl", encoding="utf-8")]
assert all(r["sample"] == r["item"] % 4 for r in rows) and {r["sample"] for r in rows} == {0, 1, 2, 3}
assert all(json.loads(line)["sample"] is None for line in open("plain.jsonl", encoding="utf-8"))
TEXT
good replay four.db 7 -d cpu
grep -q 'identical' out || fail "replay: $(cat out)"

# Parts join to what one process writes; a part that was stopped goes on.
good campaign run four.json -o part0.db -d cpu --shard 0/2 --limit 60
good campaign run four.json -o part0.db -d cpu --shard 0/2
good campaign run four.json -o part1.db -d cpu --shard 1/2
good merge part0.db part1.db -o both.db
gate both.db
cmp -s out gate.json || fail "two parts have other numbers"

# One fault on all samples: evaluations at one place, and stored bits that stay for all of them.
plan crossed.json 4 crossed "$own" 640 '{"controls": {"dry": 0, "sentinel": 0, "naive": 0.1, "cpu": 0}}'
plan stored.json 4 fault_major '{"population": "bits", "what": {"kind": "flip", "bits": [11, 12, 13, 14], "pattern": "single"}, "where": {"place": "weight", "field": "scale"}}' 320 '{}'
for name in crossed stored; do
    good campaign run $name.json -o $name.db -d cpu
    gate $name.db
    cp out all.json
    [ "$(python3 check.py $name.db all.json shared)" -ge 1 ] || fail "$name: pass@k is not what rows and items give, or no fault changed it"
done
good plan show four.json
grep -q '^items  *8 prompts of .* 4 samples of each item of a task$' out || fail "plan show: $(cat out)"
good plan show four.json --json
json 'd["items"] == 8 and d["samples"] == 4'
good plan check four.json
good plan confirm four.db --seed 9 --worst 1 -o again.json
"$VKFI" plan show again.json >out 2>err || fail "confirm: $(cat err)"
grep -q '4 samples of each item' out || fail "a confirmation has other samples: $(cat out)"

command -v gnuplot >/dev/null || exit 0
good report four.db --data data
python3 - <<'TEXT' || fail "the table of pass@k"
import csv
import json
rows = list(csv.DictReader(open("data/passes.csv", encoding="utf-8")))
told = json.load(open("gate.json", encoding="utf-8"))["passes"]
assert [(r["task"], r["k"]) for r in rows] == [(t["task"], str(t["k"])) for t in told]
assert all(abs(float(r["change"]) - t["change"]["mean"]) < 1e-12 for r, t in zip(rows, told))
TEXT
[ -s data/passes.tex ] || fail "no table for TeX"
grep -q 'Each of them is answered 4 times' data/methods.txt || fail "the methods do not tell of samples: $(cat data/methods.txt)"
# A campaign that is not whole has faults that not all samples have met.
good campaign run crossed.json -o some.db -d cpu --limit 300
good report some.db --json
cp out some.json
python3 check.py some.db some.json shared part >/dev/null || fail "faults without all samples are not left out"
json 'any(p["left_out"] > 0 for p in d["passes"])'
