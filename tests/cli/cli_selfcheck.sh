# SPDX-License-Identifier: MIT
# `vkfi selfcheck` on a small model: CPU forms, then the Vulkan device.
need_tiny
refused 2 selfcheck -m "$LLAMA" extra
refused 2 selfcheck -m nothing.gguf -d cpu:scalar
good selfcheck -m "$LLAMA" -d cpu:scalar -n 6 --faults 6
grep -q '^passed: ' out || fail "$(cat out)"
good selfcheck -m "$LLAMA" -d cpu:scalar -n 6 --faults 6 --json
json 'd["agree"] and len(d["faults"]) == 6 and len(d["devices"]) == 2'
json 'all(d["naive_agrees"]) and all(v["faults_agree"] == [True] * 6 for v in d["devices"])'
cp out first
good selfcheck -m "$LLAMA" -d cpu:scalar -n 6 --faults 6 --json --threads 1
python3 - <<'TEXT' || exit 1
import json
assert json.load(open("first"))["faults"] == json.load(open("out"))["faults"]
TEXT
good selfcheck -m "$TINY/tiny-gemma3.gguf" -d cpu:scalar -n 4 --faults 0
