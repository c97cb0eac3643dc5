# SPDX-License-Identifier: MIT
# `vkfi run`: text, the JSON object, and results that do not depend on how the work is split.
need_tiny
good run -m "$TINY/tiny-qwen2.gguf" -p 'Hello' -n 8
good run -m "$LLAMA" --ids 1,2,3,4,5 -n 6 --json --top 3 --logprobs
json 'list(d) == ["model", "device", "driver", "mode", "act", "kv", "contract", "ids", "tokens",
    "text", "stop", "prompt_logprobs", "steps", "hash", "underflow", "seconds"]'
json 'd["ids"] == [1, 2, 3, 4, 5] and len(d["prompt_logprobs"]) == 4'
json 'd["mode"] == "exact" and d["act"] == d["kv"] == "f32" and d["contract"] == "exact-1"'
json 'd["stop"] in ("end", "length") and len(d["tokens"]) == len(d["steps"])'
json 'all(s["token"] == t == s["top"][0][0] for s, t in zip(d["steps"], d["tokens"]))'
json 'all(list(s) == ["token", "hash", "logsumexp", "top"] for s in d["steps"])'
json 'all(len(s["hash"]) == 16 and int(s["hash"], 16) >= 0 and len(s["top"]) == 3
    for s in d["steps"])'
json 'all(s["logsumexp"] > s["top"][0][1] >= s["top"][1][1] >= s["top"][2][1]
    for s in d["steps"])'
json 'list(d["seconds"]) == ["load", "prompt", "decode"]'
good run -m "$LLAMA" --ids 1,2,3,4,5 -n 6 --json
json 'all(list(s) == ["token", "hash", "logsumexp"] for s in d["steps"]) and "prompt_logprobs" not in d'

# Same bits for all passes, threads and forms.
same() {
    good run -m "$1" --ids "$ids" -n 6 --json "${@:2}"
    python3 -c 'import json; d = json.load(open("out")); print(d["tokens"], d["steps"], d["hash"])'
}
ids=$(seq -s, 1 40)
for model in tiny-llama-q4_1 tiny-qwen2 tiny-gemma3 tiny-llama-q6_k; do
    model=$TINY/$model.gguf
    same "$model" >first
    for options in "--columns 1" "--columns 7" "--threads 1" "--threads 2" "--threads 40" "-d cpu:scalar"; do
        # shellcheck disable=SC2086
        same "$model" $options >other
        cmp -s first other || fail "$model $options: other bits"
    done
    same "$model" --act f16 --kv bf16 >narrow
    same "$model" --act f16 --kv bf16 --columns 3 --threads 1 >other
    cmp -s narrow other || fail "$model, f16 and bf16: other bits"
    ! cmp -s first narrow || fail "$model: --act and --kv change nothing"
done

# Sampling is a function of seed and position.
good run -m "$LLAMA" -p abc -n 12 --json --temp 1 --seed 7
cp out first
good run -m "$LLAMA" -p abc -n 12 --json --temp 1 --seed 7 --columns 1
python3 - <<'TEXT' || exit 1
import json
assert json.load(open("first"))["tokens"] == json.load(open("out"))["tokens"]
TEXT
good run -m "$LLAMA" -p abc -n 12 --json --temp 1 --seed 8
python3 - <<'TEXT' || exit 1
import json
assert json.load(open("first"))["tokens"] != json.load(open("out"))["tokens"]
TEXT

# Plain text is the text of the JSON object, and no more.
good run -m "$LLAMA" -p abc -n 12
cp out text
good run -m "$LLAMA" -p abc -n 12 --json
python3 - <<'TEXT' || exit 1
import json
assert open("text", encoding="utf-8", newline="").read() == json.load(open("out"))["text"]
TEXT

# A text ends before the first stop string: any part of it, across tokens and characters,
# one of several; printed or in the object, with faults too.
printf '[{"site": "output", "kind": "dry", "step": 0}]' >dry.json
for model in tiny-llama-q4_1 tiny-qwen2; do
    for seed in 1 2; do
        sampled=(-m "$TINY/$model.gguf" -p abc -n 40 --temp 1 --seed $seed --ignore-eos)
        good run "${sampled[@]}" --json
        cp out whole
        python3 - >stops <<'TEXT' || exit 1
import json, random
text = json.load(open("whole"))["text"]
parts = [p for p in text.replace("\0", "\ufffd").split("\ufffd") if p]
assert parts, "no readable text"
rng = random.Random(3)
for _ in range(2):
    part = rng.choice(parts)
    at = rng.randrange(len(part))
    print(json.dumps(part[at:at + rng.randrange(1, 5)]))
TEXT
        while read -r line; do
            stop=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1]), end="x")' "$line")
            stop=${stop%x}
            good run "${sampled[@]}" --stop "$stop" --stop 'never comes'
            cp out text
            good run "${sampled[@]}" --stop 'never comes' --stop "$stop" --json
            cp out object
            good run "${sampled[@]}" --stop "$stop" --fault dry.json --json
            STOP=$stop python3 - <<'TEXT' || exit 1
import json, os
whole, found, faults = json.load(open("whole")), json.load(open("object")), json.load(open("out"))
before = whole["text"].split(os.environ["STOP"])[0]
assert found["text"] == before and found["stop"] == "stop", (found["text"], before)
assert open("text", encoding="utf-8", newline="").read() == before
n = len(found["tokens"])
assert found["tokens"] == whole["tokens"][:n] and found["steps"] == whole["steps"][:n]
fault = faults["faults"][0]
assert faults["golden"]["text"] == fault["golden_text"] == fault["faulty_text"] == before
assert fault["outcome"] == "masked_bitexact" and fault["faulty_len"] == n
TEXT
        done <stops
    done
done
