#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the campaigns of tests/results/mitigations.md; prints its tables.
#
#   tests/results/protect.sh FOLDER [run|table]
#
# FOLDER gets the calibration, the plans beside this script and a database for each; the same command
# goes on where it was stopped, and `table` prints what is there. Environment: VKFI, the program;
# VKFI_DATA, the data that the calibration needs; PLANS, of those below; THREADS.
set -euo pipefail

folder=${1:?usage: protect.sh FOLDER [run|table]}
action=${2:-run}
vkfi=$(realpath "$(command -v "${VKFI:-vkfi}")")
plans=${PLANS:-protect-profile protect-transient protect-ops protect-bits protect-filter protect-robust
    protect-heldout protect-control protect-adaptive protect-kv-profile protect-kv protect-choices protect-answers}
here=$(realpath "$(dirname "$0")")

calibrate() { # MODEL FILE TASKS...
    local model=$1 file=$2
    shift 2
    [[ -e $file ]] || "$vkfi" protect calibrate -m "$model" -o "$file" -n 10 "${@/#/--tasks=}"
}

run() {
    local plan
    mkdir -p "$folder"
    cd "$folder"
    cp "$here"/protect-*.json "$here"/protect-prompts.txt .
    sed -i "s|\.\./\.\./inject|$here/../../inject|" protect-heldout.json
    calibrate smollm2-135m calibration.json arc_challenge xnli gsm8k mbpp
    [[ $plans != *protect-answers* ]] || calibrate qwen2.5-coder-0.5b calibration-qwen.json gsm8k mbpp
    for plan in $plans; do
        "$vkfi" campaign run "$plan.json" -o "$plan.db" -d cpu --threads "${THREADS:-0}"
    done
}

table() {
    local plan
    cd "$folder"
    for plan in $plans; do
        [[ -s $plan.db && $plan != *profile ]] || continue
        "$vkfi" report "$plan.db" -m "$(sed -n 's/^  "model": "\(.*\)",$/\1/p' "$here/$plan.json")" -o "$plan.html" --json >"$plan.report"
        python3 - "$plan" "$plan.report" <<'PYTHON'
import json, sys

name, report = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
print(f"\n## {name}: {report['trials']} faults of {report['planned']} runs planned\n")

def share(s, digits=1):
    if s["value"] is None:
        return "-"
    bounds = "" if s["low"] is None else f" [{100 * s['low']:.{digits}f}, {100 * s['high']:.{digits}f}]"
    return f"{100 * s['value']:.{digits}f}{bounds}"

def seen(s):
    return f"{s['events']} of {s['n']}, {100 * s['low']:.2g}-{100 * s['high']:.2g} %"

print("| arm | work % | lose | recovery % | with an alarm % | corrected, uncorrected | net, points |"
      " false alarms a clean token | harm | delay |")
print("|---|---|---|---|---|---|---|---|---|---|")
for a in report["arms"]:
    print(f"| {a['arm']} | {100 * a['work']:.2f} | {a['lossy']} of {a['runs']} | {share(a['recovery'])} |"
          f" {share(a['found'])} | {a['corrected']}, {a['uncorrected']} | {share(a['net'], 2)} |"
          f" {seen(a['false_alarms_by_token'])} | {seen(a['harm'])} |"
          f" {a['delay_median']}, {a['delay_p90']}, {a['delay_most']} |")
kinds = sorted({(c["target"], c["duration"]) for a in report["arms"] for c in a["coverage"]})
if len(kinds) > 1:
    print("\n| arm | " + " | ".join(" ".join(k) for k in kinds) + " |")
    print("|---|" + "---|" * len(kinds))
    for a in report["arms"]:
        cell = {(c["target"], c["duration"]): f"{share(c['recovery'], 0)} ({c['lossy']})" for c in a["coverage"]}
        print(f"| {a['arm']} | " + " | ".join(cell.get(k, "-") for k in kinds) + " |")
PYTHON
    done
}

case $action in
run) run && (table) ;;
table) table ;;
*) echo "protect.sh: found '$action', expected run or table" >&2 && exit 2 ;;
esac
