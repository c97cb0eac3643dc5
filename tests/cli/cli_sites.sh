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
# The tree: rows of each depth have the sums of those under them, leaves sum to the list.
try sites -m "$LLAMA" --tree --json
for model in "$TINY"/tiny-*.gguf; do
    "$VKFI" sites -m "$model" --json >list 2>err || fail "$(cat err)"
    "$VKFI" sites -m "$model" --tree >out 2>err || fail "$(cat err)"
    python3 - <<'PY' || fail "$model: $(cat out)"
import json
with open("list", encoding="utf-8") as file:
    sites = json.load(file)
rows = []
with open("out", encoding="utf-8") as file:
    next(file)
    for line in file:
        words = line.split()
        depth = (len(line) - len(line.lstrip())) // 2
        rows.append((depth, words[0], [int(w) for w in words[2:7]]))
for i, (depth, name, sums) in enumerate(rows):
    under = []
    for below, _, part in rows[i + 1:]:
        if below <= depth:
            break
        if below == depth + 1:
            under.append(part)
    assert not under or [sum(x) for x in zip(*under)] == sums, (name, sums, under)
keys = ("elements", "bits", "bytes", "macs")
assert rows[0][2] == [len(sites)] + [sum(s[k] for s in sites) for k in keys], rows[0]
# Every layer of a place is in one range of one branch.
place, seen = None, []
for depth, name, _ in rows:
    if depth == 1:
        place = name
    elif name.startswith("blk."):
        for part in name[4:].split(","):
            first, _, last = part.partition("-")
            seen += [(place, n) for n in range(int(first), int(last or first) + 1)]
assert sorted(seen) == sorted({(s["place"], s["layer"]) for s in sites if s["layer"] is not None})
PY
done
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
