# SPDX-License-Identifier: MIT
# `vkfi model`.
need_tiny
try model
try model lits
try model list all
try model info
try model get
try model get nothing-like-it
try model get smolm2-135m
try model path smollm2-135m
try model path gemma3
try model path some/where.gguf
try model info tiny.gguf
try model get smollm2-135m --json
good model list
[ "$(wc -l <out)" = 3 ] || fail "$(cat out)"
good model list --json
json '[m["name"] for m in d] == ["smollm2-135m", "gemma3-270m", "qwen2.5-coder-0.5b"]'
json 'not any(m["cached"] for m in d) and all(len(m["sha256"]) == 64 for m in d)'
good model info "$LLAMA"
for model in "$TINY"/tiny-{llama,qwen2,gemma3}*.gguf; do
    good model info "$model" --json
    json 'd["tensors"]["bytes"] > 0 and sum(t["count"] for t in d["tensors"]["types"].values())
        == d["tensors"]["count"] and d["sites"][0]["site"] == "token_embd"'
done
good model info "$LLAMA" --json
json 'd["architecture"] == "llama" and d["layers"] == 1 and d["vocabulary"] == 320'

# A manifest of one's own, and a cached file of the right size.
cat >own.json <<TEXT
{"models": [{"name": "own", "aliases": ["mine"], "about": "a test", "architecture": "llama",
 "licence": "MIT", "file": "own.gguf", "size": $(stat -c %s "$LLAMA"), "sha256": "0",
 "sources": []}]}
TEXT
export VKFI_MANIFEST=$SCRATCH/own.json
refused 2 run -m own -p a
mkdir -p cache/vkfi/models
cp "$LLAMA" cache/vkfi/models/own.gguf
try model path own
good run -m mine -p a -n 2
echo '{"models": [{"name": "own"}]}' >own.json
try model list
echo '[]' >own.json
try model list
VKFI_MANIFEST=$SCRATCH/none.json
try model list
