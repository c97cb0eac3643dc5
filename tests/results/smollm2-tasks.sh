#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Strikes items of the thirteen tasks; prints the tables of tests/results/smollm2-tasks.md.
#
#   tests/results/smollm2-tasks.sh FOLDER [run|table]
#
# FOLDER gets a database for each plan beside this script; the same command goes on where it was
# stopped, and `table` prints what is there. Environment: VKFI, the program; VKFI_DATA, the data;
# THREADS.
set -euo pipefail

folder=${1:?usage: smollm2-tasks.sh FOLDER [run|table]}
action=${2:-run}
vkfi=${VKFI:-vkfi}
plans="smollm2-choices smollm2-texts qwen-code"
here=$(dirname "$0")

run() {
    mkdir -p "$folder"
    for plan in $plans; do
        "$vkfi" campaign run "$here/$plan.json" -o "$folder/$plan.db" -d cpu --threads "${THREADS:-0}"
    done
}

# Shares with Wilson's intervals, of all trials but controls: by task, and by stage and kind of site.
# Lost: of faults on items with a score above 0.
table() {
    for plan in $plans; do
        [[ -s $folder/$plan.db ]] || continue
        "$vkfi" export "$folder/$plan.db" --format jsonl -o "$folder/$plan.jsonl" >/dev/null
        python3 - "$folder/$plan.db" "$folder/$plan.jsonl" "$plan" <<'PYTHON'
import json, sqlite3, sys
from math import sqrt

def share(k, n):
    if n == 0:
        return "-"
    z, p = 1.959964, k / n
    mid, half = (p + z * z / 2 / n) / (1 + z * z / n), z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return f"{100 * p:.0f} [{100 * max(0, mid - half):.0f}, {100 * min(1, mid + half):.0f}]"

items = {i: (task, score) for i, task, score in sqlite3.connect(sys.argv[1]).execute("select id, task, score from item")}
rows = [r for r in map(json.loads, open(sys.argv[2], encoding="utf-8")) if r["control"] is None]
print(f"\n{sys.argv[3]}: {len(rows)} faults\n")
print("| task | items, right | faults | changed % [95 %] | lost % [95 %] |\n|---|---|---|---|---|")

def line(name, own, asked):
    changed = sum(r["outcome"].startswith("sdc_") for r in own)
    worth = [r for r in own if items[r["item"]][1] > 0]  # an answer without a score cannot be lost
    lost = sum(r["outcome"] == "sdc_critical" for r in worth)
    told = share(lost, len(worth)) if worth or not own else "not identifiable"
    print(f"| {name} | {asked} | {len(own)} | {share(changed, len(own))} | {told} |")

for task in dict.fromkeys(task for task, _ in items.values()):
    mine = [score for t, score in items.values() if t == task]
    line(task, [r for r in rows if items[r["item"]][0] == task], f"{len(mine)}, {sum(s == 1 for s in mine)}")
for stage in dict.fromkeys(r["stage"] for r in rows):
    line(stage, [r for r in rows if r["stage"] == stage], "")
for kind, parts in (("attention", ("attn", "rope", "kv", "q_", "k_")), ("feed-forward", ("ffn",))):
    line(kind, [r for r in rows if any(("." + p) in r["site"] for p in parts)], "")
PYTHON
    done
}

case $action in
run) run && table ;;
table) table ;;
*) echo "smollm2-tasks.sh: found '$action', expected run or table" >&2 && exit 2 ;;
esac
