# SPDX-License-Identifier: MIT
# The worst strata of a campaign on fresh trials: the plan, its campaign, both in one report.
need_tiny
cat >plan.json <<TEXT
{"title": "Sites", "model": "$LLAMA", "decoding": {"n": 6, "stop": "none"}, "seed": 3,
 "prompts": [{"texts": ["ab c", "hello"]}], "population": "ops", "strata": ["site", "bit_field"],
 "where": {"sites": "blk.*"}, "what": {"bits": [24, 26, 28, 30, 31]}, "sampling": {"trials": 300},
 "hypotheses": [{"name": "signs", "contrast": "bit_field: sign > exponent"}]}
TEXT
good campaign run plan.json -o first.db --limit 40
refused 2 plan confirm first.db --seed 4
grep -q 'found 40 of 31[0-9] trials, expected a finished campaign' err || fail "growing: $(cat err)"
good campaign run plan.json -o first.db
refused 2 plan confirm first.db
refused 2 plan confirm first.db --seed 3
grep -q 'trials of the same seed are not fresh' err || fail "the same seed: $(cat err)"
refused 2 plan confirm plan.json --seed 4
refused 2 plan confirm first.db first.db --seed 4
refused 2 plan confirm first.db --seed 4 --worst 0
refused 2 plan confirm first.db --seed 4 -o nowhere/plan.json

# The plan: the worst strata of the report, their trials, another seed, the campaign's identity.
good plan check plan.json --json
identity=$(python3 -c 'import json; print(json.load(open("out"))[0]["identity"])')
good plan confirm first.db --seed 4 --worst 3 -o anew.json
[ ! -s out ] || fail "printed with -o: $(cat out)"
good plan confirm first.db --seed 4 --worst 3
cmp -s out anew.json || fail "the plan depends on -o"
cp out anew
json "d['confirm']['of'] == '$identity' and len(d['confirm']['strata']) == 3 and d['seed'] == 4"
json '"hypotheses" not in d and d["prompts"][0]["texts"] == ["ab c"] and d["strata"] == ["site", "bit_field"]'
good report first.db -o first.html --data first
python3 - <<'TEXT' || fail "not the worst strata: $(cat anew.json)"
import csv
import json
rows = list(csv.DictReader(open("first/strata.csv", encoding="utf-8")))
plan = json.load(open("anew.json", encoding="utf-8"))
worst = sorted(rows, key=lambda r: -float(r["rate"]))[:3]  # stable: equal ones as in the database
assert [r["stratum"] for r in worst] == plan["confirm"]["strata"], worst
assert float(worst[-1]["events"]) > 0
assert plan["sampling"]["trials"] == sum(int(r["trials"]) for r in worst)
TEXT
good plan show anew.json
grep -q "^confirm     3 strata of plan ${identity:0:12}..., on fresh trials$" out || fail "show: $(cat out)"
good plan show anew.json --json
json "d['confirm'] == '$identity' and len(d['strata']) == 3"
json 'abs(sum(s["weight"] for s in d["strata"]) - 1) < 1e-12'
sed 's/"site=[a-z0-9_.]* /"site=blk.99.none /' anew.json >unknown.json
refused 2 plan show unknown.json
grep -q "found no stratum 'site=blk.99.none .*', expected one of the plan's [0-9]* such as 'site=blk.0." err ||
    fail "unknown label: $(cat err)"
refused 2 campaign run unknown.json -o unknown.db

# Its campaign, and the report of both.
good campaign run anew.json -o anew.db
refused 2 plan confirm anew.db --seed 5
grep -q 'found a campaign that confirms that of plan' err || fail "confirmed twice: $(cat err)"
refused 2 report first.db --confirm first.db -o no.html
grep -q 'found a campaign that confirms nothing' err || fail "not about it: $(cat err)"
refused 2 report anew.db --confirm anew.db -o no.html
[ ! -e no.html ] || fail "a refused report was written"
command -v gnuplot >/dev/null || exit 0
good report first.db --confirm anew.db -o both.html --data both --json
cp out both.json
good export first.db --format csv -o first.csv
good export anew.db --format csv -o anew.csv
python3 - <<'TEXT' || fail "both estimates: $(cat both.json)"
import csv
import json
import sqlite3


def rates(name):
    """SDC rate by label, from the rows."""
    with sqlite3.connect(name + ".db") as db:
        labels = dict(db.execute("select id, label from stratum"))
    count = {}
    with open(name + ".csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["control"]:
                continue
            own = count.setdefault(labels[int(row["stratum"])], [0, 0])
            own[0] += row["outcome"].startswith("sdc")
            own[1] += 1
    return {label: (a / n, n) for label, (a, n) in count.items()}


first, fresh = rates("first"), rates("anew")
found = json.load(open("both.json", encoding="utf-8"))
assert len(found["worst"]) == 3 and set(fresh) == {w["stratum"] for w in found["worst"]}
for w in found["worst"]:
    for side, wanted in (("first", first), ("fresh", fresh)):
        rate, n = wanted[w["stratum"]]
        assert abs(w[side]["rate"] - rate) < 1e-9 and w[side]["n"] == n, (w, rate, n)
        assert w[side]["low"] <= rate <= w[side]["high"]
    assert abs(w["shrinkage"] - (w["first"]["rate"] - w["fresh"]["rate"])) < 1e-9
assert found["pictures"]["anew"] == "drawn"
TEXT
grep -q 'The fresh estimate is the unbiased one' both.html || fail "not told which is unbiased"
grep -q 'Over the 3 strata chosen as the worst' both.html || fail "no word in the summary"
[ -s both/anew.svg ] || fail "no picture of both estimates"

# A sweep has no weights, so each stratum gets as many trials as before.
good sweep -m "$LLAMA" --sites 'blk.*.attn_q' --bits 28-31 --trials 100 -n 4 -o sweep.db
good plan confirm sweep.db --seed 9 -o worst.json
good plan show worst.json --json
json 'all(s["weight"] is None for s in d["strata"]) and 0 < len(d["strata"]) <= 10'
good plan confirm sweep.db --seed 9 --worst 2 --trials 40 -o worst.json
good plan show worst.json --json
json '[s["trials"] for s in d["strata"]] == [40, 40]'
good plan confirm first.db --seed 4 --worst 3 --trials 50 -o more.json
good plan show more.json --json
json '[s["trials"] for s in d["strata"]] == [50, 50, 50]'
