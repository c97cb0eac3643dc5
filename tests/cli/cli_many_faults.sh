# SPDX-License-Identifier: MIT
# Trials of very many faults: refused rates say which are allowed, and what is planned also runs,
# the same as a whole inference (controls naive).
need_tiny
plan() { # REST
    cat <<TEXT
{"model": "$LLAMA", "prompts": {"texts": ["hello"]}, "decoding": {"n": 3, "stop": "none"},
 "sampling": {"trials": 6}, "controls": {"dry": 0, "sentinel": 0, "naive": 0.2, "cpu": 0.2},
 $1}
TEXT
}
memory() { # RATE
    plan "\"population\": \"bits\", \"faults_per_trial\": {\"ber\": $1}"
}
memory 0.01 >much.json
refused 2 plan show much.json
rate=$(sed -nE 's/^vkfi: error: much.json: \/faults_per_trial \(line 3\): .* as a row lists each of its faults: a rate of at most ([0-9.e-]+), or more strata$/\1/p' err)
[ -n "$rate" ] || fail "$(cat err)"
memory "$rate" >most.json
good campaign run most.json -o most.db
grep -q 'SDC [0-9]* of 6 (' out || fail "$(cat out)"
good export most.db --format jsonl -o most.jsonl
python3 -c '
import json
found = [json.loads(line)["n_faults"] for line in open("most.jsonl")]
assert len(found) == 10 and all(3700 < n < 4400 for n in found), found' || fail "the faults of a trial"

# Evaluations at one position are hooks of one pass.
plan '"population": "ops", "faults_per_trial": {"ber": 0.01}' >ops.json
refused 2 plan show ops.json
grep -q 'expected at most 500, as one pass has hooks for: a rate of at most' err || fail "$(cat err)"
plan '"population": "ops", "faults_per_trial": 1000, "when": {"duration": "permanent"}' >ops.json
good campaign run ops.json -o ops.db
grep -q 'SDC [0-9]* of 6 (' out || fail "$(cat out)"
