# SPDX-License-Identifier: MIT
# An undecided gate names the commands to go on with, and these, as printed, decide it in the same
# database; report, export, replay, confirm and archive work with extended campaigns.
need_tiny
cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 4, "stop": "none"}, "seed": 3, "population": "ops",
 "prompts": [{"texts": ["ab c", "hello", "one two", "x y z"]}], "strata": ["layer"],
 "sampling": {"trials": 120}}
TEXT
refused 2 plan extend plan.json
refused 2 plan extend nowhere.json --trials 3
refused 2 plan extend plan.json --trials 0
good campaign run plan.json -o run.db
good plan check plan.json --json
identity=$(python3 -c 'import json; print(json.load(open("out"))[0]["identity"])')

# A limit a little above the estimate is undecided, and more trials decide.
good report run.db -o run.html --json
rate=$(python3 -c 'import json; print(json.load(open("out"))["rates"]["sdc"]["rate"])')
for step in 0.02 0.03 0.04 0.05; do
    limit=$(python3 -c "print(round($rate + $step, 3))")
    "$VKFI" gate run.db --max "$limit" >out 2>err
    grep -q 'go on in the same database by$' out && break
done
grep -q '^verdict *undecided$' out || fail "no open gate: $(cat out err)"
command=$(sed -n 's/^ *\(vkfi plan extend run.db --trials .*\)$/\1/p' out)
case $command in
"vkfi plan extend run.db --trials "*" -o more.json && vkfi campaign run more.json -o run.db") ;;
*) fail "no command: $(cat out)" ;;
esac
vkfi() { "$VKFI" "$@"; }
eval "$command" >out 2>err || fail "$command: $(cat err)"
good plan check more.json --json
json "d[0]['identity'] == '$identity'"
good campaign status run.db
grep -q '100.0 %' out || fail "not finished: $(cat out)"
"$VKFI" gate run.db --max "$limit" >out 2>err
grep -q '^looks *2, one a wave; this one is one-sided at 98.75 %, and a rate at the limit passes any of them at most 6.25 % of the time$' out ||
    fail "the look does not say what it is: $(cat out err)"
"$VKFI" gate run.db --max "$limit" --json >out 2>err
json 'd["limit"]["look"] == 2 and abs(d["limit"]["tail"] - 0.0125) < 1e-12 and abs(d["limit"]["spent"] - 0.0625) < 1e-12'

# The earlier plan, and another one, are refused from now on; a fresh run gives the same rows.
refused 2 campaign run plan.json -o run.db
grep -q "expected a plan whose waves begin with them, found ''" err || fail "$(cat err)"
good campaign run more.json -o again.db
good compare run.db again.db
good export run.db -o run.csv
python3 - <<'CSV' || fail "the export is not of both waves"
import csv, json
rows = [r for r in csv.DictReader(open("run.csv", encoding="utf-8", newline="")) if not r["control"]]
waves = json.load(open("more.json", encoding="utf-8"))["sampling"]["waves"]
assert len(rows) == 120 + waves[0], (len(rows), waves)
CSV
last=$(tail -n 1 run.csv | cut -d, -f1)
good replay run.db "$last" -d cpu
good report run.db -o run.html --json
json 'd["confidence"] == 0.9875 and d["look"] == 2 and d["spends"] == 0.25'
grep -q 'the campaign was extended by' run.html || fail "the methods do not tell"
[ "$(grep -o 'Look 2, one a wave: intervals are those of 98.75 % instead of 95 %, and p-values count 4-fold' run.html | wc -l)" -ge 3 ] ||
    fail "the tables do not say what the look pays"
"$VKFI" gate run.db --baseline again.db --margin 0.001 --json >out 2>err
json 'd["baseline"]["confidence"] == 1 - 0.05 / 8'
good compare run.db again.db --reliability
grep -q '^  intervals: 99.375 %' out && grep -q '^  looks: .* spends 0.125 of the error' out || fail "$(cat out)"
good plan confirm run.db --seed 8 -o anew.json
good plan check anew.json
good artifact run.db -o run.zip

# Plans without waves.
sed 's/"seed": 3,/"seed": 3, "stop": {"rule": "spending", "looks": [0.5, 1]},/' plan.json >spent.json
refused 2 plan extend spent.json --trials 50
grep -q 'found waves with the rule spending' err || fail "$(cat err)"
# With the rule waves the first look leaves error for later ones.
sed 's/"seed": 3,/"seed": 3, "stop": {"rule": "waves"},/' plan.json >waves.json
good campaign run waves.json -o waves.db
"$VKFI" gate waves.db --max "$limit" --json >out 2>err
json 'd["limit"]["tail"] == 0.025 or abs(d["limit"]["tail"] - 0.025) < 1e-12'

# More trials than there are faults are told before anything runs and when it does.
cat >small.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 2, "stop": "none"}, "prompts": [{"texts": ["ab"]}],
 "population": "ops", "where": {"sites": "output_norm"}, "what": {"kind": "zero"},
 "when": {"stage": "first"}, "sampling": {"trials": 100000}}
TEXT
good plan show small.json
grep -q '^cut *[0-9]* more were asked for than strata have faults' out || fail "not said: $(cat out)"
"$VKFI" campaign run small.json -o small.db >out 2>err || fail "$(cat err)"
grep -q 'trials more than strata have faults' err || fail "not said: $(cat err)"
