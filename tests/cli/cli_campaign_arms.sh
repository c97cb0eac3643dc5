# SPDX-License-Identifier: MIT
# A campaign with an arm as a user runs it: policy in a file, interrupted, in parts, replayed, reported.
need_tiny
echo '{"title": "of a test", "protect": [{"kind": "nan_trap"}]}' >trap.json
cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 6, "stop": "none"}, "population": "ops", "seed": 3,
 "prompts": [{"texts": ["ab c", "hello", "x y z", "one two"]}], "what": {"bits": [29, 30]},
 "sampling": {"trials": 160}, "arms": [{"name": "trap", "policy": "trap.json"}]}
TEXT

good plan check plan.json
good campaign run plan.json -o whole.db
grep -q '^whole.db: 168 of 168 trials, [0-9]* runs in arms, ' out || fail "no count of runs in arms: $(cat out)"
grep -q '^arm trap: [0-9]* runs, [0-9]* lose without it; recovery [0-9.]* % \[' out || fail "no line of the arm: $(cat out)"
good campaign status whole.db
grep -q '^under arms        [0-9]*, and 4 clean runs$' out || fail "status: $(cat out)"

# The same rows in two parts, one of which needed three calls.
good campaign run plan.json -o a.db --shard 0/2 --limit 20
good campaign run plan.json -o a.db --shard 0/2 --limit 20
good campaign run plan.json -o a.db --shard 0/2
good campaign run plan.json -o b.db --shard 1/2 --naive
good merge a.db b.db -o parts.db
good compare whole.db parts.db
grep -q ' 0 of [0-9]* shared records differ' out || fail "parts differ: $(cat out)"
good export whole.db -o whole.csv
good export parts.db -o parts.csv
python3 - <<'TEXT' || fail "the export is not as it should be"
import csv
free = {"path", "attempts", "device_id", "seconds", "suspect", "device"}
whole, parts = ([{k: v for k, v in row.items() if k not in free}
                 for row in csv.DictReader(open(f"{name}.csv", encoding="utf-8", newline=""))]
                for name in ("whole", "parts"))
assert whole == parts
none = {row["trial"]: row for row in whole if row["arm"] == "none"}
arm = [row for row in whole if row["arm"] == "trap"]
assert sum(row["control"] == "clean" for row in arm) == 4 and len(none) == 168
for row in arm:
    if row["control"]:
        assert int(row["trial"]) == -1 - int(row["item"]) and row["arm_weight"] == "1"
        continue
    masked = none[row["trial"]]["outcome"] in ("inert", "not_reached", "masked_bitexact", "masked_tokens")
    assert row["fault"] == none[row["trial"]]["fault"] and row["arm_weight"] == ("20" if masked else "1")
corrected = [row["trial"] for row in arm if row["protection"] == "corrected"]
assert corrected
print(corrected[0], file=open("corrected", "w"))
TEXT

trial=$(cat corrected)
good replay whole.db "$trial" --arm trap
grep -q ': identical$' out || fail "replay: $(cat out)"
grep -q '^arm trap: protection corrected, [1-9]' out || fail "replay: $(cat out)"
good replay whole.db "$trial" --arm trap --naive
good replay whole.db "$trial"
good replay whole.db item3 --arm trap
grep -q '^clean run of item 3 in arm trap: masked_bitexact, protection none$' out || fail "replay: $(cat out)"
refused 2 replay whole.db item3
refused 2 replay whole.db item4 --arm trap
refused 2 replay whole.db 0 --arm other

good gate whole.db --arm trap --max 0.9
grep -q '^verdict     passed' out || fail "gate: $(cat out)"
refused 2 gate whole.db --arm other --max 0.9
refused 2 gate whole.db --arm trap --baseline parts.db --margin 0.5

# An arm of two campaigns: each side's rate is that of the gate; a policy that wins back more than
# the old one is no worse, and the old one is worse than it.
sed 's/"trap.json"/"robust"/' plan.json >new.json
good campaign run new.json -o new.db
good compare whole.db new.db --arm trap --baseline --margin 0.05 --json
cp out pairs
json 'd["comparisons"][0]["reliability"]["arm"] == "trap" and "conformance" not in d["comparisons"][0]'
json 'd["comparisons"][0]["reliability"]["classes"]["sdc"]["second"] < d["comparisons"][0]["reliability"]["classes"]["sdc"]["first"]'
for side in first:whole second:new; do
    good gate ${side#*:}.db --arm trap --max 0.9 --json
    json 'abs(d["limit"]["rate"] - json.load(open("pairs"))["comparisons"][0]["reliability"]["classes"]["sdc"]["'${side%:*}'"]) < 1e-9'
done
"$VKFI" compare new.db whole.db --arm trap --baseline --margin 0.05 >out 2>err
[ $? = 1 ] || fail "the old policy is not worse: $(cat out err)"
good compare whole.db parts.db --arm trap
grep -q '^reliability  [0-9]* pairs of the same logical fault under arm trap, ' out || fail "$(cat out)"
refused 2 compare whole.db parts.db --arm other

# Items that nothing strikes, since golden answers them wrong, have no clean runs under arms.
cat >right.json <<TEXT
{"model": "$LLAMA", "population": "ops", "seed": 3, "sampling": {"trials": 20},
 "items": {"tasks": ["arc_challenge"], "data": "own", "filter": "golden_right", "format": "plain"},
 "arms": [{"name": "trap", "policy": "trap.json"}]}
TEXT
good campaign run right.json -o right.db
good export right.db -o right.csv
python3 - <<'TEXT' || fail "clean runs of other items than those that golden answers right"
import csv, sqlite3
right = {id for id, in sqlite3.connect("right.db").execute("SELECT id FROM item WHERE score >= 1")}
rows = list(csv.DictReader(open("right.csv", encoding="utf-8", newline="")))
clean = {int(row["item"]) for row in rows if row["arm"] == "trap" and row["control"] == "clean"}
assert 0 < len(right) < 12 and clean == right, (clean, right)
TEXT

# The report; the database needs no policy file.
rm trap.json
good report whole.db -o whole.html --data data --json
python3 -c 'import json, sys; arm, = json.load(open("out"))["arms"]; assert arm["arm"] == "trap" and arm["missing"] == 0' ||
    fail "the report tells nothing of the arm"
for file in arms.csv arms.tex coverage.csv alarms.csv pareto.csv roc.csv roc.tex roc.svg; do
    [ -s data/$file ] || fail "data/$file is missing"
done
grep -q 'columns computed again under faults' data/arms.gp || fail "a cost that needs the model"
good report whole.db -m "$LLAMA" -o costs.html --data data --json
json 'd["arms"][0]["work"] == 0 and d["arms"][0]["net"]["low"] <= d["arms"][0]["net"]["value"]'
grep -q 'extra work of clean runs' data/arms.gp || fail "no cost of clean runs"
grep -q 'Recovery against cost' whole.html || fail "no picture"
refused 2 campaign run plan.json -o c.db

# An arm takes a built-in policy by its name; its content is in the plan.
sed 's/"trap.json"/"robust"/; s/160/24/' plan.json >robust.json
good campaign run robust.json -o robust.db
good replay robust.db item0 --arm trap
good protect show robust
cp out shown.json
sed 's/"trap.json"/"shown.json"/; s/160/24/' plan.json >shown_plan.json
good plan check robust.json
sed 's/.*identity/identity/' out >identity
good plan check shown_plan.json
sed 's/.*identity/identity/' out | diff identity - || fail "a built-in policy and its content are two plans"

# Faults in the protections' own memory beside the arm of the same policy.
good protect strike robust -m "$LLAMA" -n 4 -p hello --trials 40 -o own.json
good report robust.db -o own.html --own own.json --data data --json
python3 - <<'TEXT' || fail "the report has other faults in own memory than were counted"
import csv, json
given, shown = json.load(open("own.json")), json.load(open("out"))["own"]
assert len(shown) == 1 and shown[0]["arm"] == "trap" and shown[0]["areas"] == given["areas"]
assert shown[0]["by_bits"] == given["by_bits"]
rows = list(csv.DictReader(open("data/own.csv")))
assert len(rows) == len(given["areas"]) + 1 and rows[-1]["memory"] == "all, by bits"
for effect, share in given["by_bits"].items():
    assert abs(float(rows[-1][effect]) - share["rate"]) < 1e-12 and abs(float(rows[-1][effect + "_high"]) - share["high"]) < 1e-12
for row, area in zip(rows, given["areas"]):
    assert row["arm"] == "trap" and row["memory"] == area["protection"] + "." + area["area"]
    assert int(row["trials"]) == area["trials"] and int(row["bits"]) == area["bits"]
    for effect in ("silent", "false_alarm", "refused", "harmed"):
        assert abs(float(row[effect]) - area[effect]["count"] / area["trials"]) < 1e-12
        assert abs(float(row[effect + "_low"]) - area[effect]["low"]) < 1e-12
        assert abs(float(row[effect + "_high"]) - area[effect]["high"]) < 1e-12
TEXT
[ -s data/own.tex ] || fail "data/own.tex is missing"
grep -q 'abft.verdicts' own.html || fail "no table of own memory"
refused 2 protect strike own.json -m "$LLAMA"
echo '{"protect": [{"kind": "abft"}]}' >abft.json
good protect strike abft.json -m "$LLAMA" -n 4 -p hello --trials 4 -o abft_own.json
good report robust.db -o own.html --own own.json --own abft_own.json --json
json '[o["arm"] for o in d["own"]] == ["trap", "abft.json"]'
good protect strike abft.json -m "$LLAMA" -n 4 -p hello --trials 4 -o f16.json --act f16
refused 2 report robust.db -o none.html --own f16.json
refused 2 report robust.db -o none.html --own nowhere.json
refused 2 report robust.db -o none.html --own robust.json
python3 - <<'TEXT'
import copy, json
own = json.load(open("own.json"))
def broken(name, change):
    d = copy.deepcopy(own)
    change(d)
    json.dump(d, open(f"broken_{name}.json", "w"))
broken("model", lambda d: d.update(model_sha256="0" * 64))
broken("areas", lambda d: d.update(areas=[]))
broken("list", lambda d: d.update(areas={}))
broken("area", lambda d: d["areas"].append(7))
broken("name", lambda d: d["areas"][0].pop("area"))
broken("bits", lambda d: d["areas"][0].update(bits=-1))
broken("count", lambda d: d["areas"][0]["silent"].update(count="many"))
broken("effect", lambda d: d["areas"][1].pop("harmed"))
broken("trials", lambda d: d["areas"][1].update(trials=99))
broken("many", lambda d: d.update(areas=d["areas"] * 65))
broken("policy", lambda d: d.update(protect={"protect": [{"kind": "none"}]}))
broken("none", lambda d: d.pop("protect"))
json.dump([own], open("broken_array.json", "w"))
open("broken_cut.json", "w").write(json.dumps(own)[:200])
TEXT
for file in broken_*.json; do
    refused 2 report robust.db -o none.html --own "$file"
done
[ ! -e none.html ] || fail "a refused report left a file"

# A calibration must not have seen what the campaign strikes; reports need it no more than policies.
good protect calibrate -m "$LLAMA" -o cal.json --tasks arc_challenge --split evaluate -n 2 --data own
for split in evaluate profile; do
    cat >$split.json <<TEXT
{"model": "$LLAMA", "items": {"tasks": ["arc_challenge"], "data": "own", "split": "$split", "format": "plain"},
 "population": "ops", "what": {"bits": [30]}, "sampling": {"trials": 8},
 "controls": {"dry": 0, "sentinel": 0, "naive": 0, "cpu": 0},
 "arms": [{"name": "range", "policy": {"protect": [{"kind": "range_guard"}], "calibration": "cal.json"}}]}
TEXT
done
refused 2 campaign run evaluate.json -o seen.db
grep -q 'cal.json: found item .* of task arc_challenge, which the plan strikes' err || fail "overlap: $(cat err)"
[ ! -e seen.db ] || fail "a refused campaign left a database"
good campaign run profile.json -o fresh.db
good replay fresh.db item0 --arm range

# Nor what a policy is chosen on, beside which it will be used.
sed 's/, *$/,/; /"arms"/d; s/"cpu": 0},/"cpu": 0}}/; s/"trials": 8/"trials": 24/' evaluate.json >profiled.json
good campaign run profiled.json -o profiled.db
refused 2 protect plan profiled.db --calibration cal.json -o chosen.json
grep -q "cal.json: found .* of the profile profiled.db ('arc_challenge/" err || fail "overlap: $(cat err)"
[ ! -e chosen.json ] || fail "a refused plan left a policy"
"$VKFI" protect plan fresh.db --calibration cal.json >out 2>err
grep -q 'of the profile' err && fail "other items are no overlap: $(cat err)"
refused 2 protect plan fresh.db --calibration plan.json

sed 's/"columns": [0-9]*/"columns": 1/' cal.json >other.json
mv other.json cal.json
refused 2 replay fresh.db item0 --arm range
rm cal.json
good report fresh.db -o fresh.html
refused 2 replay fresh.db item0 --arm range
