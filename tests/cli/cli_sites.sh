# SPDX-License-Identifier: MIT
# `vkfi sites`.
need_tiny
try sites
try sites -m "$LLAMA" 'blk.7.*'
good sites -m "$LLAMA" 'control.*'
[ "$(wc -l <out)" = 7 ] || fail "$(cat out)"
good sites -m "$LLAMA" --json
json 'd[0]["site"] == "token_embd" and d[0]["layer"] is None and d[0]["macs"] == 0'
json 'sum(s["bytes"] for s in d if s["place"] == "weight") < 1 << 20'
json 'len({s["site"] for s in d}) == len(d)'
json '{s["place"] for s in d} == {"op", "weight", "kv", "table", "control"}'
json 'all(s["points"] and s["elements"] > 0 and s["bits"] > 0 for s in d)'
good sites -m "$LLAMA" --json --prompt 10 --kv f16 'blk.0.attn_q' '*.kv_v' rope
json '[(s["site"], s["elements"], s["bits"], s["macs"]) for s in d] == [
    ("blk.0.attn_q", 256, 8192, 65536), ("blk.0.kv_v", 640, 10240, 0), ("rope", 640, 20480, 0)]'
# faults accept every listed name
good sites -m "$LLAMA" --json
python3 - <<'PY'
import json
with open("out", encoding="utf-8") as file:
    sites = json.load(file)
faults = [{"site": s["site"], "kind": "dry", "step": 1, "point": s["points"][-1]} for s in sites]
with open("faults.json", "w", encoding="utf-8") as file:
    json.dump(faults, file)
PY
good run -m "$LLAMA" -p hello -n 3 --fault faults.json --naive --json
json 'all(f["outcome"] == "masked_bitexact" for f in d["faults"])'
