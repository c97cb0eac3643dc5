#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Alarms of protections in clean runs of held-out items: one file a task in OUT, so that what was
# interrupted goes on where it stopped, then the sum of all. Exit code 4: damage or other bits.
#
#   tests/results/mitigations-clean.sh OUT [POLICY [MODEL [ITEMS]]]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1 policy=${2:-$here/mitigations-clean.json} model=${3:-smollm2-135m} items=${4:-80}
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


def share(events, n):
    """Wilson, 95 %; of no event 3 / n."""
    if events == 0:
        return f"fewer than {3 / n:.1e}"
    z, p = 1.959964, events / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + side * half) / (1 + z * z / n) for side in (-1, 1))
    return f"{p:.2e} [{low:.2e}, {high:.2e}]"


print(f"{requests} requests, {tokens} tokens, {sum(r['other_bits'] for r in runs)} with other bits")
for i, protection in enumerate(runs[0]["protections"]):
    damage, doubt, asked, checks = (
        sum(r["protections"][i][key] for r in runs)
        for key in ("damage", "doubt", "requests", "checks"))
    seen = damage + doubt
    below = f"; {share(seen, tokens)} of tokens, {share(asked, requests)} of requests"
    below += f", {share(seen, checks)} of checks" if checks else ""
    print(f"{protection['kind']}: {damage} of damage, {doubt} of doubt, in {asked} requests{below}")
P
