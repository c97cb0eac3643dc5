# SPDX-License-Identifier: MIT
# A campaign that stops itself: early with either answer, once, and never as a part.
need_tiny
plan() { # MAX RULE
    cat <<TEXT
{"model": "$LLAMA", "decoding": {"n": 6, "stop": "none"}, "seed": 3, "population": "ops",
 "what": {"bits": [30]}, "prompts": {"ids": [[7, 200, 31], [12, 199, 34], [17, 198, 37], [22, 197, 40], [27, 196, 43], [32, 195, 46]]},
 "sampling": {"trials": 300}, "stop": {"gate": {"max": $1}, $2}}
TEXT
}
looks='"rule": "spending", "looks": [0.5, 1]'
any='"rule": "time_uniform"'

plan 0.97 "$looks" >pass.json
good plan show pass.json
grep -q '^stop  *spending: looks at 50 %, 100 %; ends once sdc of all is shown to be below 0.97' out ||
    fail "$(cat out)"
good campaign run pass.json -o pass.db
grep -q '^gate: sdc of all below 97 %: passed at look 1 (.*; [0-9]* trials are not needed$' out ||
    fail "$(cat out)"
good campaign status pass.db
grep -q '^gate  *sdc of all below 97 %: passed at look 1 .*; the campaign has ended$' out || fail "$(cat out)"
good campaign status pass.db --json
json 'd["done"] < 0.7 * d["planned"] and d["gate"]["verdict"] == "passed" and d["gate"]["look"] == 1'
good report pass.db -o pass.html
grep -q 'The campaign was not run to its end</b>: [0-9]* of [0-9]* trials' pass.html &&
    grep -q 'the campaign ends once sdc of all is shown to be below 0.97' pass.html || fail "the report of an early end"
# The same command finds the question decided, and nothing runs.
good gate pass.db
cp out before
good campaign run pass.json -o pass.db
grep -q '(decided before: nothing was run)$' out || fail "$(cat out)"
good gate pass.db
cmp -s before out || fail "another verdict: $(cat out)"

# Each look is an event, and the last one decides.
plan 0.001 "$looks" >fail.json
good campaign run fail.json -o fail.db --json
python3 - out <<'PYTHON' || fail "events: $(grep look out)"
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    events = [json.loads(line) for line in file]
looks = [event for event in events if event["event"] == "look"]
assert [look["verdict"] for look in looks] == ["failed"], looks
last = looks[-1]
assert last["look"] == 1 and last["n"] > 50 and last["rate"] > last["lower"] > 0.001 == last["max"]
assert events[-1]["event"] == "end" and events[-1]["done"] < events[-1]["planned"]
PYTHON
"$VKFI" gate fail.db >out 2>err
[ $? = 1 ] || fail "vkfi gate: $(cat out err)"

# A campaign that may stop at any time looks at whole prompts; killed meanwhile, it gives the same answer.
plan 0.97 "$any" >any.json
good campaign run any.json -o any.db
grep -q '^gate: sdc of all below 97 %: passed after [1-5] prompts ' out || fail "$(cat out)"
# How far a campaign runs on after its answer depends on time: looks may cost a thirtieth of it.
answer() {
    good gate "$1"
    sed 's/; no more trials are needed$//' out
}
answer any.db >straight
for delay in 0.2 0.4 0.6; do
    timeout -s KILL $delay "$VKFI" campaign run any.json -o killed.db >out 2>err
done
good campaign run any.json -o killed.db
answer killed.db | cmp -s - straight || fail "killed: $(cat out), straight: $(cat straight)"

# A part says that it does not stop, and does not; the whole is judged after the merge.
for shard in 0 1; do
    "$VKFI" campaign run pass.json -o part.$shard.db --shard $shard/2 >out 2>err || fail "$(cat err)"
    grep -q '^vkfi: .*a part of a campaign never stops itself' err || fail "found: $(cat err)"
    ! grep -q '^gate' out || fail "$(cat out)"
done
good merge part.0.db part.1.db -o merged.db
good campaign status merged.db --json
json 'd["done"] == d["planned"] and d["gate"]["verdict"] == "passed" and d["gate"]["look"] == 1'
good gate merged.db

refused 2 gate part.0.db
plan 0.5 '"rule": "fixed"' >fixed.json
refused 2 campaign run fixed.json -o fixed.db
sed 's/"max": 0.97/"max": 0.97, "stratum": "layer=7"/' pass.json >stratum.json
"$VKFI" campaign run stratum.json -o stratum.db >out 2>err
[ $? = 2 ] && grep -q 'found no stratum "layer=7"' err || fail "$(cat out err)"
