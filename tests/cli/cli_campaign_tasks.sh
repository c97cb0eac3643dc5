# SPDX-License-Identifier: MIT
# A campaign on items of tasks: progress, gate, report, export and compare tell of scores.
need_tiny
export VKFI_DATA=$VKFI_SOURCE/tests/tasks/items
plan() { # FILE TASKS MORE: a plan on the tiny model
    echo "{\"model\": \"$LLAMA\", \"items\": {\"tasks\": [$2], \"n\": 6, \"tokens\": 4, \"split\": \"evaluate\"$3},
        \"population\": \"ops\", \"where\": {\"sites\": \"blk.*\"}, \"what\": {\"kind\": \"flip\", \"bits\": [30]}, \"when\": {\"duration\": \"permanent\"},
        \"record\": \"summary\", \"seed\": 5, \"sampling\": {\"trials\": 150}}" >"$1"
}
plan all.json '"arc_challenge", "winogrande", "gsm8k"' ''
good campaign run all.json -o all.db
grep -q '^SDC [0-9]* of 150.*, critical [0-9]* ([0-9.]* %); [0-9]* due' out || fail "no critical SDC: $(cat out)"
rm all.db
good campaign run all.json -o all.db --json
tail -n 1 out >last && mv last out
json 'd["event"] == "end" and 0 <= d["critical"] <= d["sdc"]'

# The plan in the database needs no data and still names the split.
unset VKFI_DATA
"$VKFI" gate all.db --max 0.9 --of critical --json >out 2>err || [ $? = 1 ] || fail "gate: $(cat err)"
cp out gate.json
good export all.db --format jsonl -o rows.jsonl
python3 - <<'TEXT' || fail "the numbers of tasks do not follow from rows and items"
import json
import math
import sqlite3
told = json.load(open("gate.json", encoding="utf-8"))["tasks"]
assert [(t["area"], t["task"]) for t in told] == [
    ("reasoning", None), ("reasoning", "arc_challenge"), ("reasoning", "winogrande"), ("mathematical", "gsm8k")], told
rows = [json.loads(line) for line in open("rows.jsonl", encoding="utf-8")]
rows = [r for r in rows if r["control"] is None]
assert len(rows) == 150
items = {i: (task, area, score, chance) for i, task, area, score, chance in
         sqlite3.connect("all.db").execute("select id, task, area, score, chance from item")}
for t in told:
    own = {i for i, (task, area, _, _) in items.items() if (task == t["task"] if t["task"] else area == t["area"])}
    mine = [r for r in rows if r["item"] in own]
    assert t["trials"] == len(mine) and t["items"] == len(own), t
    golden = sum(items[i][2] for i in own) / len(own)
    faulty = [r["score_golden"] if r["score_faulty"] is None else r["score_faulty"] for r in mine]
    change = sum(f - r["score_golden"] for f, r in zip(faulty, mine)) / len(mine)
    assert math.isclose(t["golden"]["rate"], golden, abs_tol=1e-12)
    assert math.isclose(t["change"]["mean"], change, abs_tol=1e-12)
    assert math.isclose(t["faulty"], golden + change, abs_tol=1e-12)
    assert t["golden_right"] == sum(items[i][2] == 1 for i in own)
    assert t["not_identifiable"] == "fewer than 50 golden-right items" and t["normalised"]["mean"] is None
    for key, right in (("right_to_wrong", 1), ("wrong_to_right", 0)):
        given = [f for f, r in zip(faulty, mine) if r["score_golden"] == right]
        assert t[key]["n"] == len(given) and t[key]["events"] == sum(f != right for f in given), (key, t)
    answers = [r["answer_faulty"] != r["answer_golden"] for r in mine if r["outcome"].startswith("sdc_")]
    assert t["answer_changed"]["events"] == sum(answers), t
    logp = [r["logp_sum"] for r in mine if r["logp_sum"] is not None and math.isfinite(r["logp_sum"])]
    if logp:
        assert math.isclose(t["logp_change"]["mean"], sum(logp) / len(logp), rel_tol=1e-9, abs_tol=1e-12)
    assert math.isclose(t["chance"], sum(items[i][3] for i in own) / len(own), abs_tol=1e-12)
assert sum(t["right_to_wrong"]["events"] for t in told) > 2, "no fault changed a right answer"
TEXT

# The gate's question of golden-right items, and only these struck.
"$VKFI" gate all.db --max 0.9 --of critical --given golden_right --json >out 2>err || [ $? = 1 ] || fail "gate: $(cat err)"
json 'd["given"] == "golden_right" and d["limit"]["n"] < d["limit"]["trials"] == 150'
json 'sum(t["right_to_wrong"]["events"] for t in d["tasks"] if t["task"]) == d["limit"]["events"]'
"$VKFI" gate all.db --max 0.9 >out 2>err || [ $? = 1 ] || fail "gate: $(cat err)"
grep -q '^task  *winogrande: [0-9]* of [0-9]* items golden right, chance 50 %; ' out || fail "no line of a task: $(cat out)"
export VKFI_DATA=$VKFI_SOURCE/tests/tasks/items
plan right.json '"winogrande"' ', "filter": "golden_right"'
good campaign run right.json -o right.db
"$VKFI" gate right.db --max 0.9 --of critical --json >out 2>err || [ $? = 1 ] || fail "gate: $(cat err)"
json 'd["tasks"][0]["right_to_wrong"]["n"] == d["tasks"][0]["trials"] == 150 and d["tasks"][0]["wrong_to_right"]["n"] == 0'
json 'abs(d["tasks"][0]["faulty"] - 1 - d["tasks"][0]["change"]["mean"]) < 1e-12'

# Two databases of the plan are compared in critical SDC too, over golden-right pairs.
good compare all.db all.db --reliability --given golden_right
grep -q 'critical' out || fail "compare tells nothing of critical SDC: $(cat out)"

command -v gnuplot >/dev/null || exit 0
good report all.db --data data --json
json '[t["task"] for t in d["tasks"]] == [None, "arc_challenge", "winogrande", "gsm8k"]'
for word in 'arc_challenge (reasoning, [0-9]* items, acc)' 'gsm8k (mathematical, [0-9]* items, exact_match by the rule ' \
    'of the split evaluate, right and wrong (filter all)' '(mc_target context)' 'Up to 4 tokens were generated greedily'; do
    grep -q "$word" data/methods.txt || fail "the methods do not say: $word"
done
python3 - <<'TEXT' || fail "the tables of tasks"
import csv
scores, answers = (list(csv.DictReader(open(f"data/{name}.csv", encoding="utf-8"))) for name in ("tasks", "answers"))
assert [r["task"] for r in scores] == [r["task"] for r in answers] == ["all of the area", "arc_challenge", "winogrande", "gsm8k"]
assert all(r["reason"] and not r["normalised"] for r in scores)
TEXT
grep -q '<td class="n">not identifiable</td>' all.db.html || fail "not identifiable: not told"
[ -s data/tasks.tex ] && [ -s data/answers.tex ] || fail "no tables for TeX"
good report right.db
grep -q 'filter golden_right' right.db.html || fail "the filter is not told"
