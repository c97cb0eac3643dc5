# SPDX-License-Identifier: MIT
# `vkfi protect calibrate`: a file that a policy names; the same bits in every run under it; splits that share no item.
need_tiny
D=$VKFI_SOURCE/tests/tasks/items
calibrate() {
    good protect calibrate -m "$LLAMA" --data "$D" --tasks arc_challenge --tasks gsm8k "$@"
}
calibrate -o cal.json
grep -q '^tokens ' out || fail "no line of tokens"
calibrate -o evaluate.json --split evaluate
calibrate -o again.json --threads 1
cmp -s cal.json again.json || fail "another number of threads gives another file"
calibrate -o half.json --act f16 --kv f16
python3 - <<'TEXT' || fail "calibrations are not as they should be"
import json
cal, other = json.load(open("cal.json")), json.load(open("evaluate.json"))
assert list(cal["data"]["items"]) == ["arc_challenge", "gsm8k"] and cal["data"]["split"] == "calibrate"
for task, names in cal["data"]["items"].items():
    assert names and not set(names) & set(other["data"]["items"][task]), task
assert cal["tokens"]["first"] > 0 and cal["tokens"]["later"] > 0 and cal["tau"] >= 0
assert "blk.0.ffn_down" in cal["bounds"] and cal["bounds"]["output"]["later"]
for kind in cal["features"].values():
    for levels in kind.values():
        assert all(a[0] <= b[0] <= b[1] <= a[1] for a, b in zip(levels, levels[1:]))
TEXT

# Under both protections a clean run keeps its bits, on every device.
cat > policy.json <<'TEXT'
{"calibration": "cal.json", "protect": [{"kind": "token_filter", "quantile": "1e-2"}, {"kind": "adaptive", "budget": 0.5}]}
TEXT
good run -m "$LLAMA" -p hello -n 12 --json
cp out plain.json
for device in cpu vk; do
    good run -m "$LLAMA" -p hello -n 12 --json --protect policy.json -d "$device"
    python3 - <<'TEXT' || fail "a protected run on $device has other bits"
import json
plain, protected = json.load(open("plain.json")), json.load(open("out"))
assert plain["text"] == protected["text"] and plain["hash"] == protected["hash"]
TEXT
done

# Their own memory: bounds, copies and controllers of calibrated protections.
cat > own.json <<'TEXT'
{"calibration": "cal.json", "protect": [{"kind": "token_filter"}, {"kind": "adaptive"}, {"kind": "range_guard", "policy": "clip"},
 {"kind": "redundancy", "sites": ["output"]}]}
TEXT
good protect strike own.json -m "$LLAMA" -p hello -n 4 --trials 130 --json
json '[a["protection"] + "." + a["area"] for a in d["areas"]] == ["token_filter.bounds", "token_filter.copies", "token_filter.suspects", "token_filter.embeddings", "adaptive.bounds", "adaptive.copies", "adaptive.controller", "range_guard.bounds_first", "range_guard.copies", "range_guard.bounds", "token_filter.verdicts", "range_guard.verdicts", "redundancy.verdicts"]'
json 'all(a["trials"] == 10 and a["harmed"]["count"] == a["refused"]["count"] == 0 for a in d["areas"])'

# Another model's file, other storage types, files that are none, and wrong usage.
sed 's/cal.json/half.json/' policy.json > half_policy.json
refused 2 run -m "$LLAMA" -p hello -n 4 --protect half_policy.json
refused 2 run -m "$VKFI_TINY/tiny-qwen2.gguf" -p hello -n 4 --protect policy.json
head -c 400 cal.json > cut.json
sed 's/cal.json/cut.json/' policy.json > cut_policy.json
refused 2 run -m "$LLAMA" -p hello -n 4 --protect cut_policy.json
refused 2 run -m "$LLAMA" -p hello -n 4 --protect token_filter
refused 2 protect calibrate -m "$LLAMA"
refused 2 protect calibrate -o x.json
refused 2 protect calibrate -m "$LLAMA" -o x.json --tasks nothing
refused 2 protect calibrate -m "$LLAMA" -o nowhere/x.json --data "$D" --tasks arc_challenge
refused 2 protect bench nan_trap -m "$LLAMA" -o x.json
[ ! -e x.json ] || fail "a refused command left a file"

# Held-out items keep their bits, and no protection that proves damage finds any.
cat > sure.json <<'TEXT'
{"protect": [{"kind": "nan_trap"}, {"kind": "abft"}, {"kind": "weight_audit"}]}
TEXT
good protect clean sure.json -m "$LLAMA" --data "$D" --tasks arc_challenge --tasks gsm8k --json
json 'd["requests"] > 1 and d["tokens"] > 100 and d["other_bits"] == 0'
json '[p["damage"] + p["doubt"] for p in d["protections"]] == [0, 0, 0]'
json 'd["protections"][1]["checks"] > d["tokens"] and d["protections"][1]["per_token"][1] < 0.1'
good protect clean sure.json -m "$LLAMA" --data "$D" --tasks gsm8k
grep -q '^abft  *0  *0 ' out || fail "no line of abft"
refused 2 protect clean sure.json -m "$LLAMA"
