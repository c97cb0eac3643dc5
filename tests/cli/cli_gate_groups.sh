# SPDX-License-Identifier: MIT
# Limits of a group of sites: a gate over all its strata, by label or by conditions, after a campaign
# and as the question that ends one.
need_tiny
plan() { # FURTHER-FIELDS: a plan whose strata are groups by bit fields
    cat <<TEXT
{"model": "$LLAMA", "decoding": {"n": 4, "stop": "none"}, "seed": 3, "population": "ops",
 "prompts": [{"texts": ["ab c", "hello", "one two", "x y z", "of a", "the", "and b", "to", "c d", "it is", "q", "w e"]}],
 "where": {"sites": "blk.*"}, "groups": {"mlp": ["*.ffn_*"], "attention": ["*.attn_*"]},
 "strata": ["site_group", "bit_field"], "sampling": {"trials": 600}$1}
TEXT
}
plan "" >plan.json
good campaign run plan.json -o run.db -d cpu
good export run.db -o run.csv
cat >expect.py <<'TEXT'
"""Weighted rate of SDC over strata whose label has all of the words."""
import csv
import sys

rows = [r for r in csv.DictReader(open("run.csv", encoding="utf-8", newline="")) if not r["control"]]
strata = {}
for r in rows:
    if all(word in r["stratum_label"].split() for word in sys.argv[1:]):
        strata.setdefault(r["stratum_label"], []).append((float(r["weight"]), r["outcome"].startswith("sdc")))
total = sum(s[0][0] for s in strata.values())
print(sum(s[0][0] * sum(hit for _, hit in s) / len(s) for s in strata.values()) / total,
      sum(len(s) for s in strata.values()), len(strata))
TEXT
gate_of() { # STRATA WORDS: the gate's rate and n are those of the strata with these words
    local strata=$1 rate n count
    shift
    read -r rate n count < <(python3 expect.py "$@")
    [ "$count" -gt 0 ] || fail "no stratum of $*"
    "$VKFI" gate run.db --max 0.9999 --stratum "$strata" --json >out 2>err || [ $? = 1 ] || fail "gate $strata: $(cat err)"
    json "abs(d['limit']['rate'] - $rate) < 1e-9 and d['limit']['n'] == $n and d['stratum'] == '$strata'"
}
for group in mlp attention; do
    gate_of "site_group: $group" "site_group=$group"
    gate_of "site_group=$group" "site_group=$group"
    gate_of "site_group: $group & bit_field: exponent" "site_group=$group" bit_field=exponent
    gate_of "site_group=$group bit_field=exponent" "site_group=$group" bit_field=exponent
    gate_of "bit_field: e* & site_group: ${group%?}*" "site_group=$group" bit_field=exponent
done
gate_of "bit_field: mantissa" bit_field=mantissa
gate_of "site_group: mlp,attention,none"

# A limit per group: one group may pass where another does not, and the exit code says so.
codes=
for group in mlp attention; do
    rate=$(python3 expect.py "site_group=$group" | cut -d' ' -f1)
    "$VKFI" gate run.db --max "$(python3 -c "print(min($rate + 0.3, 0.9999))")" --stratum "site_group: $group" >out 2>err
    codes=$codes$?
    grep -q "^gate  *sdc of all, strata site_group: $group below " out || fail "$(cat out)"
    "$VKFI" gate run.db --max "$(python3 -c "print(max($rate - 0.3, 1e-9))")" --stratum "site_group: $group" >out 2>err
    codes=$codes$?
done
[ "$codes" = 0101 ] || fail "found the exit codes $codes of limits above and below"

refused 2 gate run.db --max 0.1 --stratum "site_group: mlpp"
refused 2 gate run.db --max 0.1 --stratum "site_grup: mlp"
grep -q "did you mean 'site_group'?" err || fail "$(cat err)"
refused 2 gate run.db --max 0.1 --stratum "site_group=mlp bit_field=signn"
grep -q "did you mean 'site_group=mlp bit_field=sign'?" err || fail "$(cat err)"

# The question of a plan: by group, asked of a campaign that stops itself and of one by looks.
for rule in '"rule": "time_uniform"' '"rule": "spending", "looks": [0.5, 1]'; do
    plan ", \"stop\": {$rule, \"gate\": {\"max\": 0.99, \"stratum\": \"site_group: mlp\"}}" >asked.json
    good plan show asked.json
    grep -q 'of all, strata site_group: mlp is shown to be below 0.99' out || fail "$(cat out)"
    rm -f asked.db
    good campaign run asked.json -o asked.db -d cpu
    "$VKFI" gate asked.db --json >out 2>err || [ $? = 1 ] || fail "$(cat err)"
    json 'd["stratum"] == "site_group: mlp" and 0 <= d["limit"]["rate"] < 1 and d["limit"]["lower"] <= d["limit"]["rate"] <= d["limit"]["upper"]'
done
for strata in "site_grop: mlp" "site_group: mpl" "bit_field: exponnt" "site_group: mlp & "; do
    plan ", \"stop\": {\"rule\": \"time_uniform\", \"gate\": {\"max\": 0.99, \"stratum\": \"$strata\"}}" >wrong.json
    refused 2 plan check wrong.json
    grep -q '/stop/gate/stratum' err || fail "$(cat err)"
done
