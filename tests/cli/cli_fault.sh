# SPDX-License-Identifier: MIT
# Faults: the table as users see it, records equal by every way to get them, dry faults masked.
need_tiny
cat >fault.json <<'TEXT'
[{"title": "a big one", "site": "blk.0.attn_q", "bit": 30, "step": 2, "row": 17},
 {"site": "blk.0.ffn_down.weight", "kind": "stuck_at_1", "field": "scale", "bits": [9, 10],
  "position": 0, "row": 4, "k": 64},
 {"site": "blk.0.kv_v", "kind": "zero", "key": 1, "k": 3, "step": 1},
 {"site": "blk.0.attn_scores", "point": "partial", "kind": "set", "value": "0x7f800000",
  "row": 1, "k": 5, "key": 2, "step": 1},
 {"site": "blk.0.ffn_act", "kind": "stale", "point": "mem", "row": 11, "step": 3},
 {"site": "output_norm", "point": "weight", "kind": "stuck_at_0", "mask": "0x3f000000", "row": 3},
 {"site": "blk.0.rope_k", "kind": "dry", "row": 9, "position": 2},
 {"site": "token_embd", "bit": 22, "position": 4, "row": 100, "point": "mem"},
 {"site": "blk.0.attn_q", "bit": 3, "step": 6, "row": 2}]
TEXT
good run -m "$LLAMA" -p hello -n 6 --fault fault.json -d cpu:scalar
sed -e 's/^golden run on .*: \([0-9]* tokens\)/golden run: \1/' out

records() {
    good run -m "$LLAMA" -p hello -n 6 --fault "$@" --json
    python3 -c 'import json; print(json.dumps(json.load(open("out"))["faults"], indent=1))'
}
records fault.json >fast
json 'list(d) == ["golden", "faults"] and len(d["faults"]) == 9'
json 'd["faults"][6]["outcome"] == "masked_bitexact"'
json 'd["faults"][6]["hash"] == d["golden"]["hash"]'
json 'all(f["golden_text"] == d["golden"]["text"] for f in d["faults"])'
json 'all(f["activations"] == f["expected_activations"] == 1 for f in d["faults"][:8])'
json 'd["faults"][8]["outcome"] == "not_reached" and d["faults"][8]["before"] is None'
json 'd["faults"][0]["after"] == hex(int(d["faults"][0]["before"], 16) ^ 1 << 30)'
json 'd["faults"][1]["before"] == "0x21ed" and d["faults"][1]["after"] == "0x27ed"'
json 'all(len(f["deviation"]) == 2 for f in d["faults"][:8])'
for options in --naive "--columns 2" "--threads 1" "-d cpu:scalar" "-d cpu:scalar --naive"; do
    # shellcheck disable=SC2086
    records fault.json $options >other
    diff fast other >/dev/null || fail "$options: other records"
done

# Widths of 16 bits where activations and KV are stored so.
cat >narrow.json <<'TEXT'
[{"site": "blk.0.attn_q", "point": "mem", "bit": 14, "row": 3},
 {"site": "blk.0.kv_k", "bit": 15, "k": 2, "key": 0, "step": 1}]
TEXT
good run -m "$LLAMA" -p hello -n 4 --fault narrow.json --json --act f16 --kv bf16
json 'all(len(f["before"]) == 6 for f in d["faults"])'
