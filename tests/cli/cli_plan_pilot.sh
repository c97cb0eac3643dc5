# SPDX-License-Identifier: MIT
# vkfi plan show -d: a pilot on each device, its output, and that it leaves nothing.
need_tiny
mkdir tmp
export TMPDIR=$SCRATCH/tmp
cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 8, "stop": "none"}, "population": "ops", "seed": 3,
 "prompts": {"ids": [[7, 200, 31], [12, 199, 34], [17, 198, 37], [22, 197, 40], [27, 196, 43],
                     [32, 195, 46], [37, 194, 49], [42, 193, 52], [47, 192, 55], [52, 191, 58]]},
 "sampling": {"trials": 5000}}
TEXT
good plan show plan.json -d cpu -d cpu:scalar --pilot 96 --rate gpu=500 --json
json '[v["name"] for v in d["devices"]] == ["gpu", "cpu", "cpu:scalar"]'
json 'all(v["rate"] > 0 and v["hours"] > 0 for v in d["devices"])'
json 'all(v["prompt_seconds"] > 0 for v in d["devices"][1:]) and d["devices"][0]["prompt_seconds"] == 0'
json 'abs(1 / d["hours_together"] - sum(1 / v["hours"] for v in d["devices"])) < 1e-6 / d["hours_together"]'
json 'all(v["hours"] > d["runs"] / v["rate"] / 3600 for v in d["devices"][1:])'
json '80 < d["pilot"]["trials"] <= 96 and d["pilot"]["prompts"] == 8'
json '0 <= d["pilot"]["low"] < d["pilot"]["rate"] < d["pilot"]["high"] <= 1'
json 'd["pilot"]["trials_a_prompt"] == 500 and d["pilot"]["correlation"] >= 0'
json 'abs(d["pilot"]["planned_design_effect"] - 1 - 499 * d["pilot"]["correlation"]) < 1e-9'
json 'd["pilot"]["total_half_width"] > 0'
# The share is that of the campaign's first trials, on any device.
cp out first
good plan show plan.json -d cpu:scalar --pilot 96 --json
python3 - <<'CHECK' || fail "another share on another device"
import json
first, again = json.load(open("first"))["pilot"], json.load(open("out"))["pilot"]
for key in ("trials", "events", "rate", "low", "high", "correlation", "planned_design_effect"):
    assert first[key] == again[key], (key, first[key], again[key])
CHECK
good plan show plan.json -d cpu --pilot 48
grep -q '^pilot  *4[0-9] trials of 8 prompts: SDC [0-9]*, share ' out || fail "$(cat out)"
grep -q '^precision  *total within 0' out || fail "$(cat out)"
grep -q '^hours  *[0-9.e-]* on cpu at [0-9.e+]* trials/s and [0-9.e-]* s for each prompt$' out || fail "$(cat out)"
[ -z "$(ls tmp)" ] || fail "left over: $(ls tmp)"

# An interrupted pilot ends by the signal, and nothing is left.
sed 's/"trials": 5000/"trials": 500000/' plan.json >long.json
setsid "$VKFI" plan show long.json -d cpu --pilot 100000 >out 2>err &
pid=$!
for _ in $(seq 100); do
    [ -n "$(ls tmp)" ] && break
    sleep 0.05
done
[ -n "$(ls tmp)" ] || fail "no database while the pilot runs"
sleep 0.3
kill -s INT $pid
wait $pid
code=$?
[ $code = 130 ] || fail "exit code $code after SIGINT: $(cat err)"
[ ! -s out ] && [ -z "$(ls tmp)" ] || fail "left over: $(ls tmp) $(cat out)"

refused 2 plan check plan.json -d cpu
refused 2 plan show plan.json -d cpu:none
refused 2 plan show plan.json -d cpu --rate fast
refused 2 plan show plan.json -d cpu --pilot 0
[ -z "$(ls tmp)" ] || fail "left over: $(ls tmp)"
