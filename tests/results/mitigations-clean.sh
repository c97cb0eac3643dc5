#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Alarms of protections in clean runs of held-out items: one file a task in OUT, so that what was
# interrupted goes on where it stopped, then the sum of all. Exit code 4: damage or other bits.
#
#   tests/results/mitigations-clean.sh OUT [POLICY [MODEL [ITEMS]]]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1 policy=${2:-$here/mitigations-clean.json} model=${3:-smollm2-135m} items=${4:-40}
vkfi=${VKFI:-$here/../../build/vkfi}
mkdir -p "$out"
for task in mmlu gsm8k m_mmlu mgsm mbpp xnli arc_challenge math500 humaneval hellaswag flores200; do
  [ -e "$out/$task.json" ] && continue
  "$vkfi" protect clean "$policy" -m "$model" --tasks "$task" -n "$items" --json >"$out/$task.part"
  mv "$out/$task.part" "$out/$task.json"
done
python3 - "$out" <<'P'
import glob, json, math, sys

runs = [json.load(open(name)) for name in sorted(glob.glob(sys.argv[1] + "/*.json"))]
tokens, requests = (sum(r[key] for r in runs) for key in ("tokens", "requests"))
print(f"{requests} requests, {tokens} tokens, {sum(r['other_bits'] for r in runs)} with other bits")
for i, protection in enumerate(runs[0]["protections"]):
    damage, doubt, asked, checks = (
        sum(r["protections"][i][key] for r in runs)
        for key in ("damage", "doubt", "requests", "checks"))
    seen = damage + doubt
    below = "" if seen else f"; fewer than {3 / tokens:.1e} a token, {3 / requests:.1e} a request"
    below += f", {3 / checks:.1e} a check" if checks and not seen else ""
    print(f"{protection['kind']}: {damage} of damage, {doubt} of doubt, in {asked} requests{below}")
P
