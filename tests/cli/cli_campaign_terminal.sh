# SPDX-License-Identifier: MIT
# A campaign on a terminal: a block that is written over in place, Ctrl-C once and twice.
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

# One device: one line, which changes in place; what is printed at the end stands below it.
terminal 100 0 campaign run plan.json -o one.db
json 'd["code"] == 0 and not d["wrapped"]'
json "len([l for l in d['screen'] if __import__('re').match($total, l)]) == 1"
json "all(sum(bool(__import__('re').match($total, l)) for l in s) <= 1 for s in d['seen'])"
json "len({l for s in d['seen'] for l in s if __import__('re').match($total, l)}) > 1"
json 'not any("golden run" in l for l in d["screen"])'
json '__import__("re").match(r"one.db: (\d+) of \1 trials", d["screen"][1])'

# Several: a line each above it. A narrow terminal cuts lines, so that they can be written over.
terminal 100 0 campaign run plan.json -o two.db -d cpu -d cpu:scalar --limit 120
json 'd["code"] == 0 and not d["wrapped"]'
json '[l.split()[0] for l in d["screen"][:2]] == ["cpu", "cpu:scalar"] and all("trials/s" in l or "/s" in l for l in d["screen"][:2])'
json "__import__('re').match($total, d['screen'][2])"
terminal 30 0 campaign run plan.json -o narrow.db -d cpu -d cpu:scalar --limit 120
json 'all(len(l) < 30 for s in d["seen"] for l in s if l.startswith("  cpu") or " trials, " in l and "/" in l.split()[0])'
json 'sum(l.startswith("120/120 trials") for l in d["screen"]) == 1'

# The first Ctrl-C lets the batch end and says so; it ends by the signal, and the same command goes on.
terminal 100 1 campaign run long.json -o once.db
json 'd["code"] == -2'
json 'any("finishing the batches that run; a second signal ends at once" in l for l in d["screen"])'
json 'not any("^C" in l for l in d["screen"])'
json 'd["screen"][-2] == "interrupted: the same command goes on" or d["screen"][-1] == "interrupted: the same command goes on"'
good campaign status once.db --json
json '0 < d["done"] < d["planned"]'

# The second one ends at once, in the middle of a batch: what was committed stays.
sed 's/"n": 24/"n": 220/' long.json >slow.json
terminal 100 2 campaign run slow.json -o twice.db -d cpu:scalar
json 'd["code"] == -2 and d["seconds"] < 5'
good campaign status twice.db --json
json '0 <= d["done"] < d["planned"]'
