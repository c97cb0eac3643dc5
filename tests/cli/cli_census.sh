# SPDX-License-Identifier: MIT
# All faults of a small space: their rate on one prompt is known, a part of them knows 1 - n / N.
need_tiny
plan() { # POPULATION TEXTS MORE
    cat <<TEXT
{"model": "$LLAMA", "prompts": {"texts": [$2]}, "decoding": {"n": 6, "stop": "none"},
 "population": "$1", "where": {"place": "control"}, "what": {"bits": [0, 1, 8]},
 "when": {"steps": [1, 3]}, "strata": ["site"]$3}
TEXT
}
plan census '"hello"' "" >one.json
plan census '"hello", "hello world"' "" >two.json
plan equal '"hello"' ', "sampling": {"trials": 8}' >part.json
for name in one two part; do
    good campaign run $name.json -o $name.db
    good report $name.db -o $name.html --data $name
done
grep -q 'on the one prompt: rates over them are known' one/methods.txt || fail "$(cat one/methods.txt)"
grep -q 'on each prompt: intervals speak of the prompts alone' two/methods.txt || fail "$(cat two/methods.txt)"
! grep -q 'Every fault of the population was run' part/methods.txt || fail "$(cat part/methods.txt)"
python3 - <<'TEXT' || fail "the intervals"
import csv
def strata(name):
    return [{k: float(v) for k, v in row.items() if k in ("trials", "events", "rate", "rate_low", "rate_high")}
            for row in csv.DictReader(open(f"{name}/strata.csv"))]
one, two, part = strata("one"), strata("two"), strata("part")
assert len(one) == 6 and all(r["trials"] == 9 for r in one) and all(0 < r["rate"] < 1 for r in one)
assert all(r["rate_low"] == r["rate"] == r["rate_high"] for r in one)
assert any(r["rate_low"] < r["rate_high"] for r in two), "prompts are a sample"
# 8 of 9; without the correction 3 of 8 is 67 points wide (Clopper and Pearson)
for row, whole in zip(part, one):
    assert row["trials"] == 8 and row["rate_high"] - row["rate_low"] < 0.6
    assert row["rate_low"] <= whole["rate"] <= row["rate_high"]
TEXT
rate=$(python3 -c 'import csv; r = list(csv.DictReader(open("one/strata.csv"))); print(sum(float(x["rate"]) for x in r) / len(r))')
verdict() { # EXIT-CODE DATABASE LIMIT WORD
    "$VKFI" gate "$2" --max "$3" >out 2>err
    [ $? = "$1" ] && grep -q "$4" out || fail "gate $2 --max $3: $(cat out err)"
}
verdict 0 one.db "$(python3 -c "print($rate + 1e-6)")" '^verdict *passed'
verdict 1 one.db "$(python3 -c "print($rate - 1e-6)")" '^verdict *failed'
grep -q '^upper bound .*: all of them)$' out || fail "$(cat out)"
