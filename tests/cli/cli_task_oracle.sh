# SPDX-License-Identifier: MIT
# Log-likelihoods of choices of public items are those of an independent implementation (float32
# transformers; tests/reference/choices_*.json). Needs the data in VKFI_DATA and the models.
[ -n "${VKFI_DATA:-}" ] || skip "no data: VKFI_DATA is not set"
[ -r "$VKFI_DATA/arc_challenge/ARC-Challenge-Test.jsonl" ] || skip "no ARC-Challenge in $VKFI_DATA"
ran=
for model in smollm2-135m qwen2.5-coder-0.5b; do
    file=$REAL
    [ $model = qwen2.5-coder-0.5b ] && file=${VKFI_MODELS:-$HOME/.cache/vkfi/models}/$model.gguf
    [ -r "$file" ] || continue
    ran=yes
    last=5
    [ $model = qwen2.5-coder-0.5b ] && last=2 # five times the work
    for task in arc_challenge hellaswag winogrande mmlu; do
        files=()
        [ $task = mmlu ] && files=(--data-file "$VKFI_DATA/mmlu/astronomy_test.csv")
        good task run $task -m "$file" --items 0-$last "${files[@]}" -o "$model-$task.jsonl"
        python3 - "$VKFI_SOURCE/tests/reference/choices_$model.json" $task "$model-$task.jsonl" <<'TEXT' || fail "$model $task: see above"
import json, sys
expected = json.load(open(sys.argv[1], encoding="utf-8"))["tasks"][sys.argv[2]]
found = [json.loads(line) for line in open(sys.argv[3], encoding="utf-8")]
bad = []
for line, item in zip(found, expected):
    worst = max(abs(a - b) for a, b in zip(line["logprobs"], item["loglik"]))
    best = max(range(len(line["logprobs"])), key=lambda c: line["logprobs"][c])
    first, second = sorted(item["loglik"])[-1:-3:-1]
    if len(line["logprobs"]) != len(item["loglik"]) or not worst < 0.05:
        bad.append((item["id"], worst))
    if best != item["pred"] and first - second > 0.05:
        bad.append((item["id"], "another prediction"))
    if line["metrics"]["acc"] != (best == item["gold"]):
        bad.append((item["id"], "another gold"))
    norm = line["metrics"].get("acc_norm")
    if norm is not None and norm != (item["pred_norm"] == item["gold"]):
        bad.append((item["id"], "another normalisation"))
sys.exit("\n".join(map(str, bad)) if bad or not found else 0)
TEXT
    done
done
[ -n "$ran" ] || skip "none of the models is here"
