# SPDX-License-Identifier: MIT
# `vkfi protect`: every protection is listed, the schema is JSON, a bench keeps the bits.
need_tiny
good protect list
grep -q '^nan_trap: ' out || fail "nan_trap is not listed"
grep -q '^built-in policy robust: ' out || fail "robust is not listed"
for name in nan_trap robust; do
    good protect show $name
    json 'd["protect"][0]["kind"] == "nan_trap" and d["most_redone"] > 0'
    cp out shown.json
    good protect show shown.json
    cmp -s out shown.json || fail "$name: what is shown is another policy once read"
done
refused 2 protect show
refused 2 protect show nowhere.json
good protect schema
json 'len(d["properties"]["protect"]["items"]["oneOf"]) > 0'
good protect bench nan_trap -m "$LLAMA" --pairs 6 -n 4 -p hello --json
json 'd["pairs"] == 6 and d["alarms"] == 0 and d["redone"] == 0'
json 'd["decode"]["interval"][0] <= d["decode"]["median"] <= d["decode"]["interval"][1]'
good protect bench nan_trap -m "$LLAMA" --pairs 6 -n 4 -p hello
grep -q '^decode  ' out || fail "no line of decoding"
good protect bench robust -m "$LLAMA" --pairs 6 -n 4 -p hello --json
json 'd["alarms"] == 0 and d["redone"] == 0'
json 'all(0 < c["plain"] < c["protected"] for p in d["counted"].values() for c in p.values())'

# Faults that a policy corrects: the same ones again by their seed, at once where it checks each op.
cp out counted
for seed in 1 1 2; do
    good protect bench robust -m "$LLAMA" --pairs 6 -n 4 -p hello --recovery 12 --seed "$seed" --json
    json 'd["recovery"]["faults"] == 12 <= d["recovery"]["drawn"] and d["recovery"]["seed"] == '"$seed"
    json 'all(0 < q["p50"] <= q["p99"] and q["p50_interval"][0] <= q["p50"] <= q["p50_interval"][1] for q in (d["recovery"]["seconds"], d["recovery"]["columns"]))'
    json 'd["counted"] == json.load(open("counted"))["counted"]'
    python3 -c 'import json; r = json.load(open("out"))["recovery"]; print(r["drawn"], r["columns"])' >"drawn$seed"
    [ "$seed" = 2 ] || [ ! -e first ] || cmp -s "drawn$seed" first || fail "the same seed, other faults"
    [ "$seed" = 2 ] || cp "drawn$seed" first
done
cmp -s drawn2 first && fail "another seed, the same faults"
good protect bench robust -m "$LLAMA" --pairs 6 -n 4 -p hello --recovery 3
grep -q '^recovery    columns  *p50 [1-9]' out || fail "no line of columns"
echo '{"protect": [{"kind": "redundancy", "sites": ["output_norm"], "stage": "prefill"}]}' >idle.json
refused 2 protect bench idle.json -m "$LLAMA" --pairs 6 -n 4 -p hello --recovery 1
refused 2 protect strike robust -m "$LLAMA" --recovery 3
refused 2 protect bench
refused 2 protect bench nan_trap
refused 2 protect bench nowhere.json -m "$LLAMA"
refused 2 protect bench nan_trap -m "$LLAMA" --pairs 2
refused 2 protect list nan_trap
refused 2 protect measure

# A policy from a profile of the tiny model: within its budget, and one at random for as much work.
cat >profile.json <<J
{"model": "$LLAMA", "prompts": {"texts": ["one", "two", "three", "four"]}, "population": "ops",
 "where": {"point": "out"}, "what": {"kind": "flip"}, "decoding": {"n": 6},
 "sampling": {"trials": 400}, "seed": 3}
J
good campaign run profile.json -o profile.db -d cpu
good protect plan profile.db --budget 12 --json -o policy.json
json '0 < d["work"] <= 0.12 and d["interval"][0] <= d["expected"] <= d["interval"][1]'
json '{(s, c) for m, of in (("sites", ["prompt", "tokens"]), ("prefill", ["prompt"]), ("decode", ["tokens"]))
       for s in d["policy"]["protect"][0][m] for c in of} == {(c["site"], c["columns"]) for c in d["curve"]}'
json 'json.load(open("policy.json")) == d["policy"]'
cp out best
good protect plan profile.db --budget 12 --random 5 --json
json 'd["work"] <= json.load(open("best"))["work"] + 1e-12'
sed 's/"one", "two", "three", "four"/"a long way to go", "as long as it takes"/; s/"flip"/"flip", "bits": [30]/' \
    profile.json >long.json
good campaign run long.json -o long.db -d cpu
good protect plan long.db --budget 50 --json -o wide.json
json '{c["columns"] for c in d["curve"]} == {"prompt", "tokens"}'
good protect show wide.json
good run -m "$LLAMA" -p one -n 4 --protect policy.json
good protect plan profile.db
grep -q 'sites chosen by one half of the items' out || fail "does not say how"
refused 2 protect plan profile.db --budget 0.001 -o nothing.json
[ ! -e nothing.json ] || fail "a policy without a protection"

# The policy says which items chose it: no arm is judged on them, no evaluation shares them.
python3 - <<'J' || fail "no items in the policy, or a plan that overlaps"
import json
policy = json.load(open("policy.json"))["profile"]
assert len(policy) == 4 == len(set(policy)) and all(p.startswith("prompt:") for p in policy)
profile = json.load(open("profile.json"))
for name, texts in (("shared", ["five", "two", "one"]), ("apart", ["five", "six"])):
    plan = dict(profile, prompts={"texts": texts}, sampling={"trials": 20},
                arms=[{"name": "chosen", "policy": "policy.json"}])
    json.dump(plan, open(name + ".json", "w"))
J
refused 2 campaign run shared.json -o shared.db -d cpu
grep -q "arm 'chosen': found 2 items of the profile" err || fail "does not name the arm: $(cat err)"
[ ! -s shared.db ] || fail "a refused campaign left rows"
good campaign run apart.json -o apart.db -d cpu
good protect plan profile.db --budget 12 --evaluate apart.json -o again.json
good protect plan profile.db --budget 12 --evaluate apart.db -o again.json
cmp -s policy.json again.json || fail "another policy beside an evaluation"
for evaluation in shared.json profile.json profile.db; do
    refused 2 protect plan profile.db --evaluate "$evaluation" -o refused.json
    grep -q "^vkfi: error: $evaluation: found [24] items of the profile profile.db ('prompt:" err || fail "$(cat err)"
done
[ ! -e refused.json ] || fail "a refused plan left a policy"
refused 2 protect plan profile.db --evaluate nowhere.json
refused 2 protect plan nowhere.db
refused 2 protect plan profile.db --eps 0

# Kept bits of K and V from flips in them: the policy runs, as an arm too.
cat >flips.json <<J
{"model": "$LLAMA", "prompts": {"texts": ["one", "two", "three", "four"]}, "population": "bits",
 "kv": "f16", "where": {"place": "kv"}, "what": {"kind": "flip"},
 "decoding": {"n": 6}, "sampling": {"trials": 800}, "seed": 3}
J
good campaign run flips.json -o flips.db -d cpu
good protect plan flips.db --eps 20 --json -o bits.json
json '[e["kind"] for e in d["policy"]["protect"]] == ["kv_checkpoint"] and 0 < d["kv"]["share"] < 1'
json 'd["kv"]["interval"][0] <= d["kv"]["expected"] <= d["kv"]["interval"][1] and d["curve"] == []'
json 'd["events_outside"] == 0 and d["kv"]["events"] > 0 and max(d["kv"]["keep"]) <= 16'
good protect show bits.json
good run -m "$LLAMA" -p one -n 4 --kv f16 --protect bits.json
good protect plan flips.db --eps 20
grep -q 'as many bits in all layers alike' out || fail "does not compare with a uniform choice"
refused 2 protect plan profile.db --budget 0
