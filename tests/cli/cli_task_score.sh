# SPDX-License-Identifier: MIT
# task score on references and on what is near them: translations by pair, programs in the sandbox.
D=$VKFI_SOURCE/tests/tasks/items
export D

# The references of a task as responses; PYTHON changes one: text `t`, its index `i`.
responses() {
    python3 - "$1" "$2" <<'TEXT'
import json, os, subprocess, sys
def show(item):
    words = [os.environ["VKFI"], "task", "show", sys.argv[1], "--data", os.environ["D"], "--item", str(item), "--json"]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
for i in range(12):
    item = show(i)
    t = item["target"]
    line = {"doc_id": item["doc_id"], "responses": eval(sys.argv[2])}
    if sys.argv[1] == "flores200":
        line = {**line, "doc_id": int(item["doc_id"].split("/")[1]), "pair": item["group"]}
    print(json.dumps(line))
TEXT
}

responses flores200 '[t]' >same.jsonl
good task score flores200 -i same.jsonl --data "$D" --json
json 'abs(d["metrics"]["bleu"] - 100) < 1e-9 and abs(d["metrics"]["chrf++"] - 100) < 1e-9 and d["n"] == 12'
json '[g["signatures"]["bleu"].split("tok:")[1].split("|")[0] for g in d["groups"]] == ["13a", "13a", "zh"] + ["13a"] * 3'
responses flores200 '[t.split(" ", 1)[-1] if i % 2 else t]' >near.jsonl
good task score flores200 -i near.jsonl --data "$D" --json
json '20 < d["metrics"]["bleu"] < 100 and d["intervals"]["bleu"][0] < d["metrics"]["bleu"] < d["intervals"]["bleu"][1]'
json 'abs(d["metrics"]["bleu"] - sum(g["metrics"]["bleu"] for g in d["groups"]) / 6) < 1e-9'
head -n 1 near.jsonl >one.jsonl # of one sentence there is no interval, of no other pair a score
good task score flores200 -i one.jsonl --data "$D" --json
json 'd["n"] == 1 and d["intervals"] == {"bleu": [None, None], "chrf++": [None, None]} and d["groups"] == []'
good task score flores200 -i one.jsonl --data "$D"
grep -q '^  bleu  *[0-9.]*  no interval: ' out || fail "$(cat out)"
good task score flores200 -i near.jsonl --data "$D"
grep -q 'nrefs:1|bs:1000|seed:1|case:mixed|eff:no|tok:zh|smooth:exp' out || fail "no signature: $(cat out)"
if [ -n "${VKFI_PYTHON:-}" ] && "$VKFI_PYTHON" -c 'import sacrebleu' 2>/dev/null; then
    "$VKFI_PYTHON" - <<'TEXT' || fail "other scores than sacrebleu's"
import json, subprocess, os, sacrebleu
near = [json.loads(line) for line in open("near.jsonl", encoding="utf-8")]
same = [json.loads(line) for line in open("same.jsonl", encoding="utf-8")]
found = json.loads(subprocess.run([os.environ["VKFI"], "task", "score", "flores200", "-i", "near.jsonl", "--data",
                                   os.environ["D"], "--json"], check=True, capture_output=True, text=True).stdout)
for group in found["groups"]:
    hyps = [line["responses"][0] for line in near if line["pair"] == group["group"]]
    refs = [line["responses"][0] for line in same if line["pair"] == group["group"]]
    tok = "zh" if group["group"].endswith("zho_Hans") else "13a"
    bleu = sacrebleu.corpus_bleu(hyps, [refs], tokenize=tok).score
    chrf = sacrebleu.corpus_chrf(hyps, [refs], word_order=2).score
    assert abs(bleu - group["metrics"]["bleu"]) < 0.01 and abs(chrf - group["metrics"]["chrf++"]) < 0.01, group
TEXT
fi

for task in gsm8k math500 mgsm integration; do
    boxed='["So it is $" + t + "$." if "'$task'" == "integration" else "#### " + t if "'$task'"[0] == "g" else
           "\\boxed{" + t + "}" if "'$task'" == "math500" else "it is " + t]'
    responses $task "$boxed" >right.jsonl
    good task score $task -i right.jsonl --data "$D" --json
    json 'd["metrics"]["exact_match"] == 1'
    responses $task '["I do not know."]' >wrong.jsonl
    good task score $task -i wrong.jsonl --data "$D" --json
    json 'd["metrics"]["exact_match"] == 0'
done

# Programs: where they can be run. Of four samples two pass: pass@1 is a half.
responses humaneval '[t, "    return None\n", "```python\n" + item["prefix"] + t + "\n```", "    while True: pass\n" if i == 3 else "    return []\n"]' >code.jsonl
if "$VKFI" task score humaneval -i code.jsonl --data "$D" --json >out 2>err; then
    json 'd["n"] == 12 and d["metrics"] == {"pass@1": 0.5, "pass@4": 1}'
    responses mbpp '[t]' >code.jsonl
    good task score mbpp -i code.jsonl --data "$D" --json
    json 'd["n"] == 12 and d["metrics"] == {"pass@1": 1}'
else
    grep -Eq 'bubblewrap|Python|python' err || fail "refused without a reason: $(cat err)"
    [ ! -s out ] || fail "a refused task has printed something"
fi
