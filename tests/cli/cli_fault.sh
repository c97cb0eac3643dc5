# SPDX-License-Identifier: MIT
# Faults: records equal by every way to get them, dry faults masked.
need_tiny
cp "$HERE/cli_fault.json" fault.json

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
json 'int(d["faults"][1]["after"], 16) == int(d["faults"][1]["before"], 16) | 0x600'
json 'all(len(f["deviation"]) == 2 for f in d["faults"][:8])'
for options in --naive "--columns 2" "--threads 1" "-d cpu:scalar" "-d cpu:scalar --naive"; do
    # shellcheck disable=SC2086
    records fault.json $options >other
    diff fast other >/dev/null || fail "$options: other records"
done

# A record holds its fault whole: taken out and run again it gives the same record.
again() { # FILE OPTIONS
    records "$@" >first
    python3 -c 'import json; print(json.dumps([f["fault"] for f in json.load(open("first"))]))' >again.json
    shift
    records again.json "$@" >second
    diff first second || fail "the faults of a record, run again"
}
again fault.json
cat >wide.json <<'TEXT'
[{"site": "blk.0.attn_q", "kind": "scale", "value": 2.0, "step": 1, "positions": 2, "row": 3, "rows": 5},
 {"site": "blk.0.ffn_down", "kind": "clamp", "low": -0.5, "high": 0.25, "granularity": "vector", "step": 0},
 {"site": "blk.0.attn_k", "kind": "add", "value": -1.5, "only_mask": 1, "only_value": 0, "step": 0, "row": 2},
 {"site": "blk.0.attn_output", "kind": "random", "mask": 255, "duration": "intermittent", "rate": 0.5, "seed": 7,
  "trial": 9, "position": 1, "positions": 5},
 {"site": "blk.0.ffn_act", "kind": "wrong_read", "from": 9, "row": 4, "point": "mem", "step": 1},
 {"site": "control.token", "kind": "stale", "position": 3},
 {"site": "rope", "bit": 30, "row": 4, "k": 3, "position": 2, "positions": 2}]
TEXT
again wide.json
good run -m "$LLAMA" -p hello -n 6 --fault wide.json
grep -q '^  fault  *scale by 2, at out, for 2 positions$' out || fail "$(cat out)"
grep -q '^  fault  *clamp to -0.5 .. 0.25, at out$' out || fail "$(cat out)"
grep -q '^  fault  *add of -1.5, at out, where bits & 0x1 are 0x0$' out || fail "$(cat out)"

# Every kind shows the bits it takes, in the text and in the record; an empty mask is refused, none
# means all.
cat >masks.py <<'TEXT'
import json
print(json.dumps([{"site": "blk.0.attn_q", "step": 1, "row": 3, "kind": kind} | bits
                  for kind in ("flip", "stuck_at_0", "stuck_at_1", "mix", "random")
                  for bits in ({"bit": 3}, {"bits": [0, 1]}, {"bits": [0, 1, 2, 9, 30, 31]}, {"mask": 0xffffffff})]
                 + [{"site": "blk.0.attn_q", "step": 1, "row": 3, "kind": "random"}]))
TEXT
python3 masks.py >masks.json
good run -m "$LLAMA" -p hello -n 4 --fault masks.json
sed -n 's/^  fault  *//p' out >said
for kind in flip stuck_at_0 stuck_at_1 mix random; do
    for bits in "bit 3" "bits 0,1" "bits 0-2,9,30,31" "bits 0-31"; do
        echo "$kind of $bits of 32, at out"
    done
done >expected
echo "random of bits 0-31 of 32, at out" >>expected
diff expected said || fail "what the text says of masks"
good run -m "$LLAMA" -p hello -n 4 --fault masks.json --json
json 'len(d["faults"]) == 21 and all(int(f["mask"], 16) == int(f["fault"]["mask"], 16) for f in d["faults"])'
json 'all((f.get("bit") == 3) == (f["mask"] == "0x00000008") for f in d["faults"])'
for kind in flip stuck_at_0 stuck_at_1 mix random; do
    echo "{\"site\": \"blk.0.attn_q\", \"step\": 1, \"kind\": \"$kind\", \"mask\": 0}" >none.json
    refused 2 run -m "$LLAMA" -p hello -n 4 --fault none.json
    grep -q 'mask of no bits' err || fail "$(cat err)"
done

# Faults have 16 bits where activations and KV have.
cat >narrow.json <<'TEXT'
[{"site": "blk.0.attn_q", "point": "mem", "bit": 14, "row": 3},
 {"site": "blk.0.kv_k", "bit": 15, "k": 2, "key": 0, "step": 1}]
TEXT
good run -m "$LLAMA" -p hello -n 4 --fault narrow.json --json --act f16 --kv bf16
json 'all(len(f["before"]) == 6 for f in d["faults"])'
