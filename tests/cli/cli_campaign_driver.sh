# SPDX-License-Identifier: MIT
# A driver that aborts inside a campaign: its device is set aside, finished trials stay, others finish.
need_tiny
need_broken_driver
cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 4, "stop": "none"}, "prompts": [{"texts": ["ab c"]}],
 "population": "ops", "sampling": {"trials": 40}, "seed": 3}
TEXT

# Trial and outcome, in order.
outcomes() {
    "$VKFI" export "$1" --format csv -o "$1.csv" || fail "export of $1"
    python3 - "$1.csv" <<'PYTHON'
import csv
import sys

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    for row in csv.DictReader(file):
        print(row["trial"], row["site"], row["outcome"], row["hash"], row["suspect"])
PYTHON
}

# The driver works until a call is named: the failure below is the abort.
good campaign run plan.json -o whole.db -d cpu
outcomes whole.db >whole
good campaign run plan.json -o works.db -d vk
outcomes works.db | cmp -s - whole || fail "the driver gives other results than the CPU"

for call in vkCreateDevice vkQueueSubmit; do
    export VKFI_TEST_ABORT=$call
    db=$call.db
    VKFI_TEST_ABORT='' good campaign run plan.json -o "$db" -d vk --limit 15
    outcomes "$db" >before

    # It is the only device, so none is left.
    "$VKFI" campaign run plan.json -o "$db" -d vk >out 2>err
    code=$?
    [ $code = 3 ] || fail "$call: exit code $code, expected 3: $(cat err)"
    grep -q '^vkfi: warning: vk: set aside after .* failures in a row' err || fail "$call: $(cat err)"
    grep -q '^vkfi: error: .* trials are left and no device' err || fail "$call: $(cat err)"
    outcomes "$db" | cmp -s - before || fail "$call: what was done is not as it was"

    # Another device beside it finishes, with the same results.
    "$VKFI" campaign run plan.json -o "$db" -d cpu -d vk >out 2>err
    code=$?
    [ $code = 0 ] || fail "$call beside cpu: exit code $code, expected 0: $(cat err)"
    grep -q '^vkfi: warning: vk: set aside' err || fail "$call beside cpu: $(cat err)"
    outcomes "$db" | cmp -s - whole || fail "$call beside cpu: $(outcomes "$db" | diff - whole | head -n 4)"
done
