# SPDX-License-Identifier: MIT
# Plans as users see them: verdicts, sizes, single trials, differences.
need_tiny
# Identities hold the path of the model.
tried() {
    try "$@" | sed -E 's/[0-9a-f]{64}/IDENTITY/'
}
cat >plan.json <<TEXT
{"title": "A plan of the tests", "model": "$LLAMA", "seed": 7,
 "prompts": [{"texts": ["hello", "hello world"], "group": "text"}, {"ids": [[1, 2, 3, 4]], "group": "ids"}],
 "decoding": {"n": 6, "stop": "none"}, "population": "ops", "strata": ["stage", "bit_field"],
 "where": {"sites": {"blk.*": 2, "output": 1}, "point": ["out", "partial"]},
 "sampling": {"trials": 600, "allocation": "proportional"},
 "hypotheses": [{"name": "exponent", "contrast": "bit_field: exponent > mantissa"}]}
TEXT
tried plan show plan.json --rate cpu=20 --rate gpu=300
tried plan expand plan.json --limit 12
tried plan expand plan.json --trial 17 --json
sed -e 's/"seed": 7/"seed": 8/' -e 's/A plan/Another plan/' -e 's/"hello world"/"hello moon"/' plan.json >other.json
sed -e 's/A plan/Another plan/' plan.json >renamed.json
tried plan diff plan.json renamed.json
tried plan diff plan.json other.json

good plan show plan.json --json
json 'abs(sum(s["weight"] for s in d["strata"]) - 1) < 1e-12 and d["trials"] >= 600'
json 'd["runs"] == d["trials"] + sum(d["controls"].values())'
good plan expand plan.json --json --limit 1000
json 'len(d) > 600 and [t["trial"] for t in d] == list(range(len(d)))'
json 'all(0 <= f["position"] < 16 for t in d for f in t["faults"])'
cp out all
for id in 0 3 250 611; do
    good plan expand plan.json --json --trial $id
    python3 - $id <<'CHECK' || fail "trial $id drawn alone is another one"
import json, sys
alone, all = json.load(open("out")), json.load(open("all"))
sys.exit(alone != [all[int(sys.argv[1])]])
CHECK
done

# Lengths of golden runs: a text that ended early has fewer positions.
echo '[[2, 1], [3, 2], [4, 6]]' >lengths.json
good plan expand plan.json --json --limit 1000 --lengths lengths.json
json 'all(f["position"] < [2, 4, 9][t["item"]] for t in d for f in t["faults"])'
echo '[[2, 1]]' >lengths.json
refused 2 plan show plan.json --lengths lengths.json

refused 2 plan
refused 2 plan chek plan.json
grep -q "did you mean 'check'" err || fail "$(cat err)"
refused 2 plan check
refused 2 plan show plan.json other.json
refused 2 plan check nowhere.json
refused 2 plan expand plan.json --trial 100000
refused 2 plan show plan.json --rate fast
sed 's/"seed"/"sede"/' plan.json >wrong.json
refused 2 plan check wrong.json
clean <err
sed 's/blk\.\*/blk.9.*/' plan.json >wrong.json
refused 2 plan show wrong.json
clean <err
sed 's/"seed"/"sede"/' plan.json >wrong.json
tried plan check plan.json wrong.json renamed.json
tried plan check wrong.json --json

# Errors in a plan that need its model name file, pointer and line too.
wrong() { # SCRIPT: of sed, over the plan
    sed -E "$1" plan.json >wrong.json
    refused 2 plan show wrong.json
    clean <err
}
wrong 's/"blk\.\*": 2/"blk.0.atn_q": 2/'
wrong 's/"where": \{/&"layers": [0, 3], /'
wrong 's/\[1, 2, 3, 4\]/[1, 2, 77777, 4]/'
wrong 's/"texts": \["hello", "hello world"\]/"file": "nope.txt"/'
wrong 's/exponent > mantissa/exponnt > mantissa/'
wrong 's/exponent > mantissa/exponent,sign > mantissa,sign/'
wrong 's/exponent > mantissa/integer > mantissa/'

# A question for too few prompts is a valid plan, with a warning.
sed -E 's/"seed": 7/&, "stop": {"rule": "time_uniform", "gate": {"max": 0.02}}/' plan.json >few.json
tried plan check few.json
try plan show few.json | grep -E '^(stop|!|exit)'
"$VKFI" plan show few.json --json >out 2>err || fail "$(cat err)"
json 'd["gate"]["least_prompts"] == 208'
"$VKFI" plan check few.json --json >out 2>err || fail "$(cat err)"
grep -q 'few.json: /stop/gate (line 1): cannot pass' err || fail "$(cat err)"

# Faults of all kinds and points, run one by one as `vkfi run --fault` takes them: each fires as often
# as expected.
cat >mixed.json <<TEXT
{"model": "$LLAMA", "prompts": {"texts": ["hello"]}, "decoding": {"n": 5, "stop": "none"},
 "population": "equal", "strata": ["point", "kind", "op"], "sampling": {"trials": 1},
 "where": {"point": ["operand", "weight", "partial", "out", "mem", "accumulator"]},
 "what": {"kind": ["flip", "stuck_at_1", "zero", "random", "stale", "clamp", "wrong_read", "dry"],
          "low": -1, "high": 1}}
TEXT
good plan expand mixed.json --limit 1000 --json
json 'len(d) > 150 and len({(f["point"], f["kind"]) for t in d for f in t["faults"]}) > 35'
python3 -c 'import json; json.dump([f for t in json.load(open("out")) for f in t["faults"]], open("faults.json", "w"))'
good run -m "$LLAMA" -p hello -n 5 --ignore-eos --fault faults.json --json
json 'all(f["activations"] == f["expected_activations"] for f in d["faults"])'
json 'len({f["outcome"] for f in d["faults"]}) >= 3'
