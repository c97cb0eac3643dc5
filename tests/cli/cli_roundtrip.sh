# SPDX-License-Identifier: MIT
# A fault taken from a record or a plan, run again, gives the same record; so do several of one trial.
need_tiny

ids=9,8,7,200,201,202,31
records() { # FILE OPTIONS
    good run -m "$LLAMA" --ids $ids -n 6 --fault "$@" --json
    python3 -c 'import json; print(json.dumps(json.load(open("out"))["faults"], indent=1))'
}
cat >faults.json <<'TEXT'
[{"site": "blk.0.attn_k", "point": "operand", "kind": "stale", "step": 1, "k": 51, "readers": "row", "row": 24},
 {"site": "blk.0.attn_k", "point": "operand", "bit": 20, "step": 1, "k": 51, "readers": "tile", "row": 44, "tile": 16},
 {"site": "blk.0.ffn_norm.weight", "kind": "scale", "value": 4, "position": 6, "row": 0, "k": 101, "positions": 1},
 {"site": "blk.0.attn_probs", "kind": "zero", "step": 0, "row": 1, "key": 0, "granularity": "vector"},
 {"site": "blk.0.attn_q", "point": "weight", "kind": "stuck_at_0", "mask": "0x7", "readers": "chunk",
  "position": 8, "positions": 4, "row": 252, "k": 46, "seed": 104, "trial": 36},
 {"site": "blk.0.attn_q", "point": "weight", "bit": 1, "readers": "chunk", "chunk": 4, "position": 6, "row": 3},
 {"site": "blk.0.attn_q", "point": "weight", "bit": 1, "readers": "stage", "step": 1, "row": 3},
 {"site": "blk.0.ffn_up", "bit": 30, "duration": "permanent", "step": 1, "row": 3, "positions": 1},
 {"site": "blk.0.ffn_up", "kind": "random", "duration": "intermittent", "rate": 0.5, "position": 2, "row": 7,
  "seed": 9007199254740993, "trial": "0xffffffffffffffff"},
 [{"site": "blk.0.attn_v", "bit": 30, "row": 3, "step": 0}, {"site": "blk.0.kv_k", "bit": 14, "key": 2, "step": 2},
  {"site": "output_norm.weight", "bit": 22, "k": 9, "position": 3}]]
TEXT
records faults.json >first
json 'd["faults"][8]["fault"]["seed"] == 9007199254740993 and d["faults"][8]["fault"]["trial"] == "0xffffffffffffffff"'
json 'd["faults"][4]["activations"] == 4 and len(d["faults"][9]["fault"]) == 3'
json 'd["faults"][9]["activations"] == 3'
python3 -c 'import json; print(json.dumps([f["fault"] for f in json.load(open("first"))]))' >again.json
for options in "" --naive "-d cpu:scalar"; do
    # shellcheck disable=SC2086
    records again.json $options >second
    diff first second || fail "$options: the faults of a record, run again"
done
good run -m "$LLAMA" --ids $ids -n 6 --fault faults.json
[ "$(grep -c '^  site ' out)" = 12 ] || fail "not each fault is told: $(cat out)"

# Trials of a plan, by hand.
cat >plan.json <<TEXT
{"model": "$LLAMA", "prompts": {"ids": [[$ids]]}, "population": "equal", "seed": 4611686018427387905,
 "decoding": {"n": 6}, "sampling": {"trials": 60}, "faults_per_trial": 3,
 "where": {"place": "op", "sites": "*", "point": ["operand", "weight", "partial", "out", "mem"],
           "granularity": ["element", "vector", "lane"], "readers": ["row", "tile", "all", "column", "chunk"]},
 "what": {"kind": ["flip", "stale", "random", "zero"]}, "chunk": 4, "tiles": 8, "lanes": 3,
 "when": {"duration": ["transient", "permanent"]},
 "controls": {"dry": 0, "sentinel": 0, "naive": 0, "cpu": 0}}
TEXT
good plan expand plan.json --limit 60 --json
python3 -c 'import json
d = json.load(open("out"))
json.dump([t["faults"] for t in d], open("trials.json", "w"))
json.dump([t["trial"] for t in d], open("numbers.json", "w"))'
records trials.json >byhand
good campaign run plan.json -o out.db -d cpu
python3 - <<'TEXT' || exit 1
import json, sqlite3
db = sqlite3.connect("out.db")
rows = {r[0]: r[1:] for r in db.execute("SELECT trial, outcome, first_diff, activations, faulty_text, site FROM trial")}
numbers, records = json.load(open("numbers.json")), json.load(open("byhand"))
for trial, f in zip(numbers, records, strict=True):
    found = (f["outcome"], f["first_diff"], f["activations"], f["faulty_text"], f["site"])
    if rows[trial] != found[:3] + (f["faulty_text"] if rows[trial][3] is not None else None, f["site"]):
        raise SystemExit(f"FAILED: trial {trial}: {rows[trial]}, by hand {found}")
if len(records) != 60 or len({r[0] for r in rows.values()}) < 2:
    raise SystemExit("FAILED: the trials show too little")
TEXT

# More faults of evaluations than a pass takes are refused, over running a part of them.
python3 -c 'import json
f = {"site": "blk.0.attn_q", "bit": 3, "step": 1, "granularity": "vector"}
json.dump([[f] * 4097], open("many.json", "w"))'
refused 2 run -m "$LLAMA" --ids $ids -n 6 --fault many.json
