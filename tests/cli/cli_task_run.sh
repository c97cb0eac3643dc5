# SPDX-License-Identifier: MIT
# task run and task score: one file of answers, whatever the batch, the interruptions and the device.
need_tiny
D=$VKFI_SOURCE/tests/tasks/items
TASKS="arc_challenge winogrande mmlu gsm8k math500"
run() {
    # shellcheck disable=SC2086 # several tasks
    good task run $TASKS -m "$LLAMA" --data "$D" --json "$@"
}

# The first run, in one go; every line has the fields that apply to it and no other.
run -o whole.jsonl
json 'len(d) == 5 and [t["task"] for t in d] == "arc_challenge winogrande mmlu gsm8k math500".split()'
json 'all(t["n"] == 12 and t["metrics"].keys() == t["intervals"].keys() for t in d)'
json 'all(lo <= t["metrics"][m] <= hi and 0 <= lo < hi <= 1 for t in d for m, (lo, hi) in t["intervals"].items())'
json '[list(t["metrics"]) for t in d] == [["acc", "acc_norm"], ["acc"], ["acc"],
      ["exact_match", "exact_match,gsm8k_flexible"], ["exact_match"]]'
json 'sum(g["n"] for g in d[2]["groups"]) == 12 and not d[0]["groups"]'
cp out whole.json
python3 - <<'TEXT' || fail "lines are not as they should be"
import json
lines = [json.loads(line) for line in open("whole.jsonl", encoding="utf-8")]
assert len(lines) == 60
both = ["task", "doc_id", "group", "prompt", "target"]
choices = ["choices", "logprobs", "is_greedy"]
texts = ["responses", "filtered"]
for line in lines:
    kind = choices if line["task"] in ("arc_challenge", "winogrande", "mmlu") else texts
    assert list(line) == both + kind + ["metrics", "prompt_hash"], list(line)
    assert len({len(line[key]) for key in kind}) == 1
    assert len(line["prompt_hash"]) == 64
    if kind is choices:
        best = max(range(len(line["logprobs"])), key=lambda c: line["logprobs"][c])
        assert line["metrics"]["acc"] == (line["choices"][best] == line["target"])
assert len({line["prompt_hash"] for line in lines}) == 60
TEXT

# The same again runs nothing, and says the same.
cp whole.jsonl again.jsonl
run -o again.jsonl
cmp -s whole.jsonl again.jsonl || fail "a second run changed the file"
cmp -s out whole.json || fail "a second run says something else"

# From any cut, in the middle of a line too, the file becomes the same.
size=$(wc -c <whole.jsonl)
for part in 2 7; do
    head -c $((size * part / 9)) whole.jsonl >cut.jsonl
    # shellcheck disable=SC2086
    "$VKFI" task run $TASKS -m "$LLAMA" --data "$D" --json -o cut.jsonl >out 2>err || fail "$(cat err)"
    cmp -s whole.jsonl cut.jsonl || fail "a run that went on from part $part made another file"
    cmp -s out whole.json || fail "a run that went on from part $part says something else"
done

# Killed, and interrupted: the same command goes on. The signal ends an interrupted one.
for signal in KILL INT; do
    rm -f stopped.jsonl
    # shellcheck disable=SC2086
    "$VKFI" task run $TASKS -m "$LLAMA" --data "$D" -o stopped.jsonl --threads 1 >out 2>err &
    pid=$!
    for _ in $(seq 500); do
        [ ! -f stopped.jsonl ] || [ "$(wc -l <stopped.jsonl)" -lt 3 ] || break
        sleep 0.01
    done
    kill -$signal $pid 2>/dev/null || true
    wait $pid 2>/dev/null && code=0 || code=$?
    # shellcheck disable=SC2086
    [ $code = 0 ] || [ $code -gt 128 ] || fail "exit code $code after SIG$signal"
    "$VKFI" task run $TASKS -m "$LLAMA" --data "$D" --json -o stopped.jsonl >out 2>err || fail "$(cat err)"
    cmp -s whole.jsonl stopped.jsonl || fail "a run that SIG$signal ended went on to another file"
done

# Fewer items, more threads, another form: the same lines. Another model or setting: refused.
good task run arc_challenge gsm8k -m "$LLAMA" --data "$D" --items 3-5 -o part.jsonl -d cpu:scalar
[ "$(wc -l <part.jsonl)" = 6 ] || fail "6 items asked for"
while IFS= read -r line; do
    grep -qxF "$line" whole.jsonl || fail "items of a part differ: $line"
done <part.jsonl
if "$VKFI" devices >/dev/null 2>&1; then
    good task run winogrande gsm8k -m "$LLAMA" --data "$D" --items 0-1 -o vulkan.jsonl -d vk
    while IFS= read -r line; do
        grep -qxF "$line" whole.jsonl || fail "items on a Vulkan device differ: $line"
    done <vulkan.jsonl
fi
refused 2 task run arc_challenge gsm8k -m "$TINY/tiny-qwen2.gguf" --data "$D" --items 3-5 -o part.jsonl
grep -q 'part.jsonl line 1: found an answer of another model, prompt or settings' err || fail "$(cat err)"
refused 2 task run arc_challenge gsm8k -m "$LLAMA" --data "$D" --items 3-5 -o part.jsonl --act f16
refused 2 task run arc_challenge gsm8k -m "$LLAMA" --data "$D" --items 3-5 -o part.jsonl --shots 1
refused 2 task run arc_challenge gsm8k -m "$LLAMA" --data "$D" --items 4-5 -o part.jsonl
grep -q "which is none of this run" err || fail "$(cat err)"
good task run arc_challenge gsm8k -m "$LLAMA" --data "$D" --items 3-5 -o part.jsonl --shots 0

# An item's text is what `vkfi run` gives for its prompt.
python3 - >prompts <<'TEXT'
import json
for line in open("whole.jsonl", encoding="utf-8"):
    line = json.loads(line)
    if line["task"] == "gsm8k":
        with open("prompt.%s" % line["doc_id"], "w", encoding="utf-8") as file:
            file.write(line["prompt"])
        with open("text.%s" % line["doc_id"], "w", encoding="utf-8") as file:
            file.write(line["responses"][0])
        print(line["doc_id"])
TEXT
for id in $(head -4 prompts); do
    n=$((257 - $(wc -c <"prompt.$id"))) # tokens of the tiny models are bytes, their context 256
    good run -m "$LLAMA" -p "$(cat "prompt.$id")" -n $((n < 256 ? n : 256)) --stop "Question:"
    cmp -s out "text.$id" || fail "item $id: vkfi run gives another text"
done

# Samples have seeds of their own and are scored one by one.
good task run gsm8k -m "$LLAMA" --data "$D" --items 0-3 --samples 3 --temp 0.9 --seed 5 -o three.jsonl
good task run gsm8k -m "$LLAMA" --data "$D" --items 2-3 --samples 3 --temp 0.9 --seed 5 -o two.jsonl
[ "$(tail -2 three.jsonl)" = "$(cat two.jsonl)" ] || fail "samples depend on what runs beside them"
python3 -c '
import json
for line in open("three.jsonl", encoding="utf-8"):
    assert len(set(json.loads(line)["responses"])) == 3' || fail "samples are alike"

# task score gives what task run gave, from its own lines; and what is known from another engine's.
for task in $TASKS; do
    good task score "$task" -i whole.jsonl --data "$D" --json
    python3 -c '
import json, sys
whole = {t["task"]: t for t in json.load(open("whole.json", encoding="utf-8"))}
assert json.load(open("out", encoding="utf-8")) == whole[sys.argv[1]]' "$task" || fail "$task: scored otherwise"
done
python3 - "$D" >engine.jsonl <<'TEXT'
import json, subprocess, os
for item in range(12):
    shown = subprocess.run([os.environ["VKFI"], "task", "show", "gsm8k", "--data", __import__("sys").argv[1],
                            "--item", str(item), "--json"], check=True, capture_output=True, text=True)
    target = json.loads(shown.stdout)["target"]
    right = "We add.\n#### " + target
    print(json.dumps({"doc_id": item, "responses": [right, right, right + "1", "none", right]}))
TEXT
good task score gsm8k -i engine.jsonl --data "$D" --json
json 'd["n"] == 12 and abs(d["metrics"]["exact_match"] - 0.6) < 1e-12'
json 'd["intervals"]["exact_match"] == [d["metrics"]["exact_match"]] * 2' # all items alike: no spread
head -3 engine.jsonl | "$VKFI" task score gsm8k -i - --data "$D" >out 2>err || fail "$(cat err)"
grep -q '^gsm8k: 3 items' out || fail "$(cat out)"

# Each mistake gives one line.
echo '{"doc_id": 99, "responses": ["x"]}' >bad.jsonl
refused 2 task score gsm8k -i bad.jsonl --data "$D"
grep -q "bad.jsonl line 1: found item '99', expected each item of task gsm8k once" err || fail "$(cat err)"
(head -1 engine.jsonl; head -1 engine.jsonl) >bad.jsonl
refused 2 task score gsm8k -i bad.jsonl --data "$D"
grep -q "line 2: found item '0' again" err || fail "$(cat err)"
for line in '{"responses": ["x"]}' '{"doc_id": 1, "responses": []}' '{"doc_id": 1, "responses": [3]}' '[]' \
    '{"doc_id": 1}' '{"doc_id": 1, "responses": "x"}' 'nonsense' '{"doc_id": -1, "responses": ["x"]}' \
    '{"doc_id": 1, "responses": ["x"], "metrics": []}' '{"doc_id": 1, "responses": ["x"], "task": 7}'; do
    echo "$line" >bad.jsonl
    refused 2 task score gsm8k -i bad.jsonl --data "$D"
    grep -q "bad.jsonl line 1" err || fail "$line: $(cat err)"
done
(head -1 engine.jsonl; echo '{"doc_id": 1, "responses": ["x"]}') >bad.jsonl
refused 2 task score gsm8k -i bad.jsonl --data "$D"
grep -q "line 2: found 1 responses, expected 5 as in the first line" err || fail "$(cat err)"
echo '{"doc_id": 1, "logprobs": [-1, -2]}' >bad.jsonl
refused 2 task score arc_challenge -i bad.jsonl --data "$D"
: >bad.jsonl
refused 2 task score gsm8k -i bad.jsonl --data "$D"
refused 2 task score gsm8k -i absent.jsonl --data "$D"
refused 2 task score gsm8k --data "$D"
refused 2 task run -m "$LLAMA"
refused 2 task run gsm8k --data "$D"
refused 2 task run gsm8k -m "$LLAMA" --data "$D" --items 5-3
refused 2 task run gsm8k -m "$LLAMA" --data "$D" --items x
refused 2 task run gsm8k -m "$LLAMA" --data "$D" --items 12
refused 2 task run gsm8k -m "$LLAMA" --data "$D" --items 1 -n 2
refused 2 task run gsm8k -m "$LLAMA" --data "$D" --samples 2
refused 2 task run gsm8k -m "$LLAMA" --data "$D" --chat --plain
refused 2 task run gsm8k -m "$LLAMA" --data "$D" -o .
refused 2 task run mbpp -m "$LLAMA" --data "$D" # longer than the model's context
refused 2 task run gsm9k -m "$LLAMA" --data "$D"
