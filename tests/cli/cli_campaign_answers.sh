# SPDX-License-Identifier: MIT
# A plan of tasks on the items that come with the program: `campaign run` and `campaign status` end with the answers
# that its faults cost, which are those of the rows.
need_tiny
export XDG_CACHE_HOME=$PWD/nothing VKFI_DATA=$PWD/nothing # own items need neither

# plan DATA: five tasks of three groups.
plan() {
    cat <<TEXT
{"model": "$LLAMA", "population": "ops", "seed": 3, "strata": ["bit"], "sampling": {"trials": 240},
 "items": {"tasks": ["arc_challenge", "winogrande", "xnli", "gsm8k", "flores200"], "n": 4, "tokens": 6, $1
  "format": "plain", "shots": 0}, "what": {"kind": "flip", "bits": [30, 23]}, "where": {"point": "out"}}
TEXT
}
plan '"data": "own",' >own.json
good campaign run own.json -o own.db --limit 40
sed -n '/^answers lost/,/^score: /p' out >part
[ "$(wc -l <part)" -gt 10 ] || fail "$(cat out)"
! grep -q '\[[0-9.]*, [0-9.]*\]' part || fail "intervals before the end: $(cat part)"
good campaign run own.json -o own.db
sed -n '/^answers lost/,/^score: /p' out >run
good campaign status own.db
sed -n '/^answers lost/,/^score: /p' out >status
cmp run status || fail "$(diff run status)"
good campaign status own.db --json
good export own.db -o own.csv
python3 - <<'PYTHON' || fail "$(cat run)"
import csv
import re

with open("own.csv", encoding="utf-8") as file:
    rows = [row for row in csv.DictReader(file) if row["control"] in ("", "0", "trial", "none")]
assert len(rows) == 240, len(rows)
AREA = {"arc_challenge": "reasoning", "winogrande": "reasoning", "xnli": "multilingual", "flores200": "multilingual",
        "gsm8k": "gsm8k"}  # of an area with one task the task says all
TASKS = ["arc_challenge", "winogrande", "xnli", "gsm8k", "flores200"]
seen = {}
for row in rows:
    task = TASKS[int(row["item"]) // 4]
    if not float(row["score_golden"]) > 0:
        assert row["outcome"] != "sdc_critical"
        continue
    lost = row["outcome"] == "sdc_critical"
    for key in [("all", ""), ("all", row["bit"]), (AREA[task], ""), (AREA[task], row["bit"]), (task, "")]:
        count = seen.setdefault(key, [0, 0])
        count[0] += 1
        count[1] += lost
printed, area = {}, None
with open("run", encoding="utf-8") as file:
    for line in file.read().splitlines()[1:-1]:
        match = re.match(r"( *)(\S+) +(?:(\d+) +([\d.]+|-?nan) +)?(\d+) +(\d+)(?: +([\d.]+) % \[([\d.]+), ([\d.]+)\])?$",
                         line)
        assert match, line
        indent, name, items, score, trials, lost, share, low, high = match.groups()
        if not indent:
            area = name
        key = (area, name[4:]) if len(indent) == 4 else (name, "")
        assert (items is None) == (len(indent) == 4), line
        if items:
            assert int(items) == (20 if name == "all" else 4 * sum(name in (t, AREA[t]) for t in TASKS)), line
        assert [int(trials), int(lost)] == seen.get(key, [0, 0]), (line, seen.get(key))
        assert (share is None) == (int(trials) == 0), line
        assert share is None or float(low) <= float(share) <= float(high), line
        printed[key] = 1
assert set(seen) <= set(printed), set(seen) - set(printed)
assert sum(1 for key, count in seen.items() if count[1] > 0) > 4, seen
PYTHON

# Where data lie: a folder is seen from the plan's; its own items stand for themselves.
mkdir -p folder
plan '"data": "../data",' >folder/beside.json
refused 2 plan check folder/beside.json
grep -q ' folder/../data/arc_challenge/' err || fail "$(cat err)"
ln -s "$VKFI_SOURCE/tests/tasks/items" data
good plan check folder/beside.json --json
good plan diff own.json folder/beside.json
grep -q 'same\|no field' out || fail "$(cat out)"
plan '' >cache.json
refused 2 plan check cache.json
VKFI_DATA=own good plan check cache.json
good task show winogrande --data own
good task list --data own
[ "$(grep -c ' there ' out)" = 13 ] || fail "$(cat out)"
cat >list.json <<TEXT
{"model": "$LLAMA", "population": "ops", "sampling": {"trials": 9}, "items": {"data": "own", "list": [{"task": "a", "prompt": "b"}]}}
TEXT
refused 2 plan check list.json
grep -q "found 'data' beside 'list'" err || fail "$(cat err)"

# Prompts without a score have no such table.
cat >prompts.json <<TEXT
{"model": "$LLAMA", "population": "ops", "prompts": {"ids": [[9, 8, 7]], "n": 3}, "sampling": {"trials": 20}}
TEXT
good campaign run prompts.json -o prompts.db
! grep -q 'answers lost' out || fail "$(cat out)"
