#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Strikes items of the thirteen tasks; prints the tables of tests/results/smollm2-tasks.md.
#
#   tests/results/smollm2-tasks.sh FOLDER [run|table]
#
# FOLDER gets a database for each plan beside this script; the same command goes on where it was
# stopped, and `table` prints what is there. Environment: VKFI, the program; VKFI_DATA, the data;
# PLANS, of those below; THREADS.
set -euo pipefail

folder=${1:?usage: smollm2-tasks.sh FOLDER [run|table]}
action=${2:-run}
vkfi=${VKFI:-vkfi}
plans=${PLANS:-smollm2-choices smollm2-texts qwen-choices qwen-humaneval qwen-mbpp qwen-words}
here=$(dirname "$0")

run() {
    local plan
    mkdir -p "$folder"
    for plan in $plans; do
        "$vkfi" campaign run "$here/$plan.json" -o "$folder/$plan.db" -d cpu --threads "${THREADS:-0}"
    done
}

# The tables of `vkfi report`, and rates of strata by `vkfi gate` once all trials are done. Nothing is
# computed here: all intervals are the program's, clustered by items and faults.
table() {
    local plan
    for plan in $plans; do
        [[ -s $folder/$plan.db ]] || continue
        "$vkfi" report "$folder/$plan.db" -o "$folder/$plan.html" --data "$folder/$plan" >/dev/null
        VKFI=$vkfi python3 - "$folder/$plan" "$here/$plan.json" <<'PYTHON'
import csv, json, os, pathlib, subprocess, sys

folder, plan = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])


def rows(name):
    if not (folder / f"{name}.csv").exists():
        return []
    with open(folder / f"{name}.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def share(row, name="rate", low="low", high="high"):
    """Per cent; "-": no trial, or no interval."""
    ends = [row.get(name), row.get(f"{name}_{low}", row.get(low)), row.get(f"{name}_{high}", row.get(high))]
    return "-" if None in ends or "" in ends else "{:.0f} [{:.0f}, {:.0f}]".format(*(100 * float(end) for end in ends))


def gate(condition):
    """SDC of some strata: 0.975 on each side. The limit is of no interest, so exit code 1 is none either."""
    done = subprocess.run([os.environ["VKFI"], "gate", f"{folder}.db", "--max", "0.5", "--confidence", "0.975", "--stratum",
                           condition, "--json"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["limit"] if done.returncode in (0, 1) else {"trials": 0}


kept = {row["rows"]: row["count"] for row in rows("kept")}
print(f"\n{plan.stem}: {kept['trials']} faults of {kept['planned']} runs planned\n")
print("| task | items, right | golden % | faults | text or choice changed % | answer changed % | right to wrong %, n |"
      " wrong to right %, n | normalised % |\n|---|---|---|---|---|---|---|---|---|")
scores = {(row["task"], row["area"]): row for row in rows("tasks")}
for row in rows("answers"):
    score, all_of = scores[row["task"], row["area"]], row["task"] == "all of the area"
    changed = "" if all_of else share(gate(f"group: {row['task']}"), "rate", "lower", "upper")
    print(f"| {'*' + row['area'] + '*' if all_of else row['task']} | {score['items']}, {score['right_items']} |"
          f" {share(score, 'golden')} | {row['trials']} | {changed} | {share(row, 'answer')} |"
          f" {share(row, 'right_to_wrong')}, {row['right_trials']} | {share(row, 'wrong_to_right')}, {row['wrong_trials']} |"
          f" {share(score, 'normalised')} |")
print("\n| where | faults | text or choice changed % | score fell % | right to wrong %, n |\n|---|---|---|---|---|")
for row in rows("places"):
    if int(row["trials"]) >= 30:
        print(f"| {row['value']} | {row['trials']} | {share(row, 'sdc')} | {share(row, 'critical')} |"
              f" {share(row, 'right_to_wrong')}, {row['right_trials'] or 0} |")
for kind in json.loads(plan.read_text(encoding="utf-8")).get("groups", {}):
    found = gate(f"site_group: {kind}")
    if found["trials"]:
        print(f"| {kind} | {found['trials']} | {share(found, 'rate', 'lower', 'upper')} | | |")
print()
for row in rows("corpora"):
    if row["group"] or not row["faulty"]:
        continue
    ends = "{:.2f} [{:.2f}, {:.2f}]".format(*(float(row[name] or "nan") for name in ("change", "change_low", "change_high")))
    print(f"- {row['task']} {row['metric']}: golden {float(row['golden']):.2f}, change {ends}")
for row in rows("hypotheses"):
    ends = "{:+.1f} points [{:.1f}, {:.1f}]".format(*(100 * float(row[name] or "nan") for name in
                                                      ("estimate", "estimate_low", "estimate_high")))
    print(f"- {row['name']} (`{row['contrast']}`, {row['of']}): {row['verdict']}; {ends}, adjusted p {row['adjusted'][:6]}")
PYTHON
    done
}

case $action in
run) run && table ;;
table) table ;;
*) echo "smollm2-tasks.sh: found '$action', expected run or table" >&2 && exit 2 ;;
esac
