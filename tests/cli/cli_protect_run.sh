# SPDX-License-Identifier: MIT
# `vkfi run --protect`: what is damaged is computed again; what stays damaged is said, not printed.
need_tiny
cat >faults.json <<'J'
[{"site": "output", "kind": "set", "value": "0x7fc00000", "row": 7, "rows": 8, "step": 2},
 {"site": "output", "kind": "set", "value": "0x7fc00000", "row": 7, "duration": "permanent",
  "step": 3},
 {"site": "output", "kind": "dry", "row": 7, "step": 2}]
J
run() { good run -m "$LLAMA" -p hello -n 6 --ignore-eos "$@"; }

# A clean run gives the same text, tokens and bits.
run && cp out plain
run --protect nan_trap && diff plain out >/dev/null || fail "another text"
run --json && python3 -c 'import json; print(json.load(open("out"))["hash"])' >plain.hash
run --json --protect nan_trap
python3 -c 'import json; print(json.load(open("out"))["hash"])' | diff plain.hash - || fail "other bits"
json 'd["protect"] == {"outcome": "clean", "alarms": 0, "events": []}'

# Trials: transient damage is gone, damage that stays ends with exit code 5.
trials() {
    "$VKFI" run -m "$LLAMA" -p hello -n 6 --ignore-eos --protect nan_trap --fault faults.json --json \
        "$@" >out 2>err
    [ $? = 5 ] || fail "another exit code than 5"
    [ "$(wc -l <err)" = 1 ] || fail "not one line: $(cat err)"
}
trials
cat err
json '[f["protect"]["outcome"] for f in d["faults"]] == ["corrected", "uncorrected", "clean"]'
json 'd["faults"][0]["outcome"] == "masked_bitexact"'
json 'd["faults"][0]["hash"] == d["golden"]["hash"]'
json 'd["faults"][0]["protect"]["events"][0]["step"] == 2'
json 'd["faults"][0]["protect"]["events"][0]["redone"] == 1'
json '"protect" not in d["golden"]'
python3 -c 'import json; print(json.dumps(json.load(open("out"))["faults"]))' >fast
trials --naive
python3 -c 'import json; print(json.dumps(json.load(open("out"))["faults"]))' | diff fast - >/dev/null ||
    fail "naive: other records"

# The built-in policy robust: clean runs keep their bits, damage of a linear op that comes once is
# gone, damage that stays ends with exit code 5 and no event after it.
run --protect robust && diff plain out >/dev/null || fail "robust: another text"
run --json --protect robust
python3 -c 'import json; print(json.load(open("out"))["hash"])' | diff plain.hash - || fail "robust: other bits"
json 'd["protect"] == {"outcome": "clean", "alarms": 0, "events": []}'
cat >linear.json <<'J'
[{"site": "blk.0.ffn_down", "kind": "flip", "bit": 30, "row": 3, "step": 2},
 {"site": "blk.0.ffn_gate", "kind": "set", "value": "0x7f800000", "row": 1, "rows": 8, "step": 0},
 {"site": "blk.0.ffn_up", "kind": "flip", "bit": 30, "row": 3, "step": 1, "duration": "permanent"},
 {"site": "blk.0.ffn_down", "kind": "dry", "row": 3, "step": 2}]
J
"$VKFI" run -m "$LLAMA" -p hello -n 6 --ignore-eos --protect robust --fault linear.json --json >out 2>err
[ $? = 5 ] || fail "robust: another exit code than 5: $(cat err)"
json '[f["protect"]["outcome"] for f in d["faults"]] == ["corrected", "corrected", "uncorrected", "clean"]'
json 'all(f["hash"] == d["golden"]["hash"] for f in d["faults"] if f["protect"]["outcome"] != "uncorrected")'
json '[e["step"] for e in d["faults"][2]["protect"]["events"]] == [1, 1]' # one of each protection, and no more
json 'd["faults"][0]["protect"]["events"][0]["site"] == "blk.0.ffn_down"'

# A bad policy gives one line and exit code 2.
policy() { # TEXT
    echo "$1" >policy.json
    try run -m "$LLAMA" -p hello -n 2 --protect policy.json
}
policy '[]'
policy '{}'
policy '{"protect": []}'
policy '{"protect": [7]}'
policy '{"protect": [{}]}'
policy '{"protect": [{"kind": "nan_trap", "level": 3}]}'
policy '{"protect": [{"kind": "nan_trap"}, {"kind": "nan_trap"}]}'
policy '{"protect": [{"kind": "nan_trap"}], "most_redone": 0}'
policy '{"protect": [{"kind": "nan_trap"}], "budget": 3}'
refused 2 run -m "$LLAMA" -p hello -n 2 --protect nowhere.json
refused 2 run -m "$LLAMA" -p hello -n 2 --protect nan_trp
