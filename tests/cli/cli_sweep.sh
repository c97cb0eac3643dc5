# SPDX-License-Identifier: MIT
# The sweep: every op, point and bit has the same number of trials, and all runs fit the budget.
need_tiny
good sweep -m "$LLAMA" --json
json 'd["runs"] <= 6000 and len({s["trials"] for s in d["strata"]}) == 1 and d["strata"][0]["trials"] >= 4'
json '{s["op"] for s in d["strata"]} == {"embed", "norm", "linear", "rope", "scores", "softmax", "heads", "gate", "add"}'
json '{s["point"] for s in d["strata"]} == {"operand", "weight", "partial", "out", "mem"}'
json 'all(s["weight"] is None for s in d["strata"]) and d["total_half_width"] is None'
json 'len([s for s in d["strata"] if s["op"] == "linear" and s["point"] == "out"]) == 32'

good sweep -m "$LLAMA" --sites 'blk.*.attn_*' --sites output --bits 30-31 --trials 500 --json
json '{s["bit"] for s in d["strata"]} == {"30", "31"} and 400 < d["runs"] <= 500'

# The plan alone is a plan like any other, and as large as the budget allows.
good sweep -m "$LLAMA" --bits 0-31 --plan-only
cp out sweep.json
good plan check sweep.json
good plan show sweep.json --json
json '5000 < d["runs"] <= 6000'
python3 - <<'TEXT'
import json
plan = json.load(open("sweep.json"))
plan["sampling"]["trials"] += 1
json.dump(plan, open("more.json", "w"))
TEXT
good plan show more.json --json
json 'd["runs"] > 6000'

refused 2 sweep -m "$LLAMA" --bits 3-40
refused 2 sweep -m "$LLAMA" --bits 9-3
refused 2 sweep -m "$LLAMA" --sites 'blk.7.*'
refused 2 sweep -m "$LLAMA" --trials 50
clean <err
