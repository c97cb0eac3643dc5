# SPDX-License-Identifier: MIT
# `vkfi protect strike`: trials by number, on every device alike; what it refuses.
need_tiny
# Faults of the protections' own memory: each area by its name, no run is refused or harmed.
echo '{"protect": [{"kind": "abft"}, {"kind": "weight_audit", "mode": "end"}, {"kind": "kv_checkpoint"}]}' >own.json
strike() { good protect strike own.json -m "$LLAMA" -n 5 -p hello --trials 84 --json "$@"; }
strike
json '{a["protection"] + "." + a["area"] for a in d["areas"]} >= {"abft.sums", "abft.verdicts", "weight_audit.references", "kv_checkpoint.shadow"}'
json 'all(a["trials"] == 12 and a["bits"] > 0 for a in d["areas"])'
json 'all(a["harmed"]["count"] == a["refused"]["count"] == 0 for a in d["areas"])'
json 'all(a["false_alarm"]["count"] > 0 for a in d["areas"] if a["area"] == "verdicts" and a["protection"] == "kv_checkpoint")'
json 'abs(sum(e["rate"] for e in d["by_bits"].values()) - 1) < 1e-9 and len(d["model_sha256"]) == 64 and d["act"] == "f32"'
json '[p["kind"] for p in d["protect"]["protect"]] == ["abft", "weight_audit", "kv_checkpoint"]'
json 'all(e["low"] <= e["rate"] <= e["high"] < 1.0001 for e in d["by_bits"].values()) and d["by_bits"]["harmed"]["high"] < 1'
cp out struck
strike --threads 1 -o struck.json
cmp -s out struck.json || fail "another file than what is printed"
python3 - <<'TEXT' || fail "the same seed with another number of threads, other trials"
import json
a, b = json.load(open("struck")), json.load(open("struck.json"))
a.pop("device"), b.pop("device")
assert a == b
TEXT
# as printed, on the form that every processor has: the weight audit's memory has the device's size
try protect strike own.json -m "$LLAMA" -n 5 -p hello --trials 42 -d cpu:scalar
for trial in 0 1 5 6; do
    try protect strike own.json -m "$LLAMA" -n 5 -p hello --trial $trial -d cpu:scalar
    good protect strike own.json -m "$LLAMA" -n 5 -p hello --trial $trial -d cpu:scalar
    cp out alone
    good protect strike own.json -m "$LLAMA" -n 5 -p hello --trial $trial -d vk
    [ $trial = 1 ] || cmp -s out alone || fail "trial $trial: $(cat out) depends on the device"
done

# The same on a Vulkan device, whose memory is struck where it lies; the weight audit's memory is as
# large as the device has pages of weights.
strike -d vk
python3 - <<'TEXT' || fail "other trials on a Vulkan device"
import json
def read(name):
    d = json.load(open(name))
    areas = {(a["protection"], a["area"]): a for a in d["areas"]}
    del areas["weight_audit", "references"], areas["weight_audit", "controller"], d["device"], d["by_bits"], d["areas"]
    return d, areas
assert read("struck") == read("out")
TEXT

# Policies without memory, bad ones and wrong usage: one line, exit code 2.
try protect strike nan_trap -m "$LLAMA"
try protect strike own.json
try protect strike
try protect strike own.json own.json -m "$LLAMA"
try protect strike nowhere.json -m "$LLAMA"
try protect strike own.json -m nowhere.gguf
refused 2 protect strike own.json -m "$LLAMA" -d nothing
try protect strike own.json -m "$LLAMA" -n 0
try protect strike own.json -m "$LLAMA" -n 99999
try protect strike own.json -m "$LLAMA" -p ""
try protect strike own.json -m "$LLAMA" --trials 0
try protect strike own.json -m "$LLAMA" --trials many
try protect strike own.json -m "$LLAMA" --seed -1
try protect strike own.json -m "$LLAMA" --threads 5000
try protect strike own.json -m "$LLAMA" --trial 1 --json
try protect strike own.json -m "$LLAMA" --trial 1 -o x.json
try protect strike own.json -m "$LLAMA" --pairs 9
try protect strike own.json -m "$LLAMA" -n 5 -p hello --trials 1000000 -o nowhere/x.json
echo '{"protect": [{"kind": "abft"}, {"kind": "abft", "factor": 2}]}' >twice.json
try protect strike twice.json -m "$LLAMA"
echo '{"protect": [{"kind": "range_guard"}]}' >uncalibrated.json
try protect strike uncalibrated.json -m "$LLAMA"
echo '{"protect": [{"kind": "abft", "sites": ["nothing"]}]}' >nothing.json
try protect strike nothing.json -m "$LLAMA"
[ ! -e x.json ] || fail "a refused command left a file"
