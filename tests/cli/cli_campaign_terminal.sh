# SPDX-License-Identifier: MIT
# A campaign on a terminal: a block overwritten in place, Ctrl-C once and twice.
need_tiny
cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 24, "stop": "none"}, "population": "ops", "seed": 3,
 "prompts": {"ids": [[7, 200, 31], [12, 199, 34], [17, 198, 37]]}, "sampling": {"trials": 800}}
TEXT
sed 's/"trials": 800/"trials": 200000/' plan.json >long.json
terminal() { # COLUMNS KEYS ARGS: what stood on the screen, as JSON in the file out
    local columns=$1 keys=$2
    shift 2
    python3 "$HERE/terminal.py" "$columns" "$keys" "$VKFI" "$@" >out 2>err || fail "terminal.py: $(cat err)"
}
total='r"^\d+/\d+ trials, [\d.]+/s, .+ left, SDC "'

# One device has one line, which changes in place; the final output is below it.
terminal 100 0 campaign run plan.json -o one.db
json 'd["code"] == 0 and not d["wrapped"]'
json "len([l for l in d['screen'] if __import__('re').match($total, l)]) == 1"
json "all(sum(bool(__import__('re').match($total, l)) for l in s) <= 1 for s in d['seen'])"
json "len({l for s in d['seen'] for l in s if __import__('re').match($total, l)}) > 1"
json 'not any("golden run" in l for l in d["screen"])'
json '__import__("re").match(r"one.db: (\d+) of \1 trials", d["screen"][1])'

# Several devices have a line each above it. On a narrow terminal lines are cut, so that they can be overwritten.
terminal 100 0 campaign run plan.json -o two.db -d cpu -d cpu:scalar --limit 120
json 'd["code"] == 0 and not d["wrapped"]'
json '[l.split()[0] for l in d["screen"][:2]] == ["cpu", "cpu:scalar"] and all("trials/s" in l or "/s" in l for l in d["screen"][:2])'
json "__import__('re').match($total, d['screen'][2])"
terminal 30 0 campaign run plan.json -o narrow.db -d cpu -d cpu:scalar --limit 120
json 'all(len(l) < 30 for s in d["seen"] for l in s if l.startswith("  cpu") or " trials, " in l and "/" in l.split()[0])'
json 'sum(l.startswith("120/120 trials") for l in d["screen"]) == 1'

# However narrow, a line is cut between its parts, never inside an interval or its basis. The same
# finished campaign at each width shows its last line again.
cat >many.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 4, "stop": "none"}, "population": "ops", "seed": 3, "strata": ["layer"],
 "prompts": {"ids": [[7, 2], [9, 3], [8, 4], [7, 5], [6, 6], [5, 7], [4, 8], [3, 9], [2, 3], [7, 4], [6, 3], [5, 2]]},
 "sampling": {"trials": 120}}
TEXT
good campaign run many.json -o many.db
cat >parts.py <<'PYTHON'
import json
import re
import sys

width = int(sys.argv[1])
number = r"[\d.<]+"
interval = rf"(: |; weighted over strata ){number} % \[{number}, {number}\] \(95 %: [^()]*n = {number}[^()]*\)"
line = re.compile(rf"\d+/\d+ trials(, {number}/s)?(, \S+ \S+ left|, \S+ left)?"
                  rf"(, SDC \d+ of \d+( \({number} %\))?({interval})?)?(, \d+ due, \d+ incidents)?")
screens = json.load(open("out", encoding="utf-8"))["seen"]
found = [text for screen in screens for text in screen if re.match(r"\d+/\d+ trials", text)]
if not found:
    sys.exit(f"FAILED: {width} columns: no line in {screens}")
for text in found:
    if len(text) >= width or not line.fullmatch(text):
        sys.exit(f"FAILED: {width} columns: {text!r}")
print(len(found[-1]), "%" in found[-1], "[" in found[-1])
PYTHON
for columns in $(seq 20 6 200); do
    terminal "$columns" 0 campaign run many.json -o many.db
    python3 parts.py "$columns" || exit 1
done >parts
[ "$(cut -d' ' -f2- parts | sort | uniq | wc -l)" = 3 ] || fail "parts come and go otherwise: $(cat parts)"
tail -n 1 parts | grep -q 'True True' || fail "no interval in 200 columns"
head -n 1 parts | grep -q 'False False' || fail "all in 20 columns"

# The first Ctrl-C lets the batch end and says so; it ends by the signal, and the same command goes on.
terminal 100 1 campaign run long.json -o once.db
json 'd["code"] == -2'
json 'any("finishing the batches that run; a second signal ends at once" in l for l in d["screen"])'
json 'not any("^C" in l for l in d["screen"])'
json 'd["screen"][-2] == "interrupted: the same command goes on" or d["screen"][-1] == "interrupted: the same command goes on"'
good campaign status once.db --json
json '0 < d["done"] < d["planned"]'

# The second one ends the campaign in the middle of a batch; committed rows stay.
sed 's/"n": 24/"n": 220/' long.json >slow.json
terminal 100 2 campaign run slow.json -o twice.db -d cpu:scalar
json 'd["code"] == -2 and d["seconds"] < 5'
good campaign status twice.db --json
json '0 <= d["done"] < d["planned"]'
