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
json 'all(not m["cached"] and m["state"] == "absent" for m in d) and all(len(m["sha256"]) == 64 for m in d)'
good model info "$LLAMA"
for model in "$TINY"/tiny-{llama,qwen2,qwen3,mistral,gemma3,falcon,phi3,olmo2,gemma2}*.gguf; do
    [ "$model" != "$TINY/tiny-phi3-long.gguf" ] || continue # warns
    good model info "$model" --json
    json 'd["tensors"]["bytes"] > 0 and sum(t["count"] for t in d["tensors"]["types"].values())
        == d["tensors"]["count"] and d["sites"][0]["site"] == "token_embd"'
    # Every layer is of one kind, whose ops read what an op before them wrote.
    cp out info
    good model info "$model"
    python3 - <<'PY' || fail "$model: $(cat out)"
import json
with open("info", encoding="utf-8") as file:
    info = json.load(file)
with open("out", encoding="utf-8") as file:
    lines = file.read().splitlines()
layers = []
for line in lines:
    if line.startswith("blk."):
        for part in line[4:line.index(":")].split(","):
            first, _, last = part.partition("-")
            layers += range(int(first), int(last or first) + 1)
assert sorted(layers) == list(range(info["layers"])), layers
written = {"pages of K V"}
for site in info["sites"]:
    assert set(site["reads"]) <= written, site
    written |= set(site["writes"])
    name = site["site"].split(".", 2)[2] if site["site"].startswith("blk.") else site["site"]
    assert any(line.split()[:2] == [name, site["op"]] for line in lines), site
PY
done
"$VKFI" model info "$TINY/tiny-phi3-long.gguf" >out 2>err || fail "$(cat err)"
grep -q "'phi3.context_length': found 256, taken as 128" err || fail "$(cat err)"
[ "$(wc -l <err)" = 1 ] || fail "$(cat err)"
good model info "$LLAMA" --json
json 'd["architecture"] == "llama" and d["layers"] == 1 and d["vocabulary"] == 320'
json 'd["end_tokens"] == [{"id": 256, "text": "<|end|>"}]'
good model info "$LLAMA"
grep -q '^end tokens *256 "<|end|>"$' out || fail "$(cat out)"

# A user's manifest.
sum=$(sha256sum <"$LLAMA" | cut -d' ' -f1)
cat >own.json <<TEXT
{"models": [{"name": "own", "aliases": ["mine"], "about": "a test", "architecture": "llama",
 "licence": "MIT", "file": "own.gguf", "size": $(stat -c %s "$LLAMA"), "sha256": "$sum",
 "sources": []}]}
TEXT
export VKFI_MANIFEST=$SCRATCH/own.json
OWN=cache/vkfi/models/own.gguf
state() {
    good model list --json
    json "(d[0]['state'], d[0]['cached']) == ('$1', $2)"
}
# `damage` changes a byte in the middle and keeps the old time.
damage() {
    touch -r $OWN time
    printf '\252' | dd of=$OWN bs=1 seek=90000 conv=notrunc status=none
    touch -r time $OWN
}
refused 2 run -m own -p a
mkdir -p cache/vkfi/models
# An unchecked right file is read once, then known by size and time.
cp "$LLAMA" $OWN
state not_verified False
try model path own
state cached True
good run -m mine -p a -n 2
cp $OWN.verified stamp
damage
good run -m own -p a -n 2
good model get own # fetch_model.py takes the stamp that vkfi wrote
# With another time each command finds the byte; nothing is kept.
touch -d '2001-02-03 04:05:06.789' $OWN
state not_verified False
good model list
grep -q ' not verified ' out || fail "$(cat out)"
for command in 'run -p a -m' 'model path' 'model info' 'sites -m'; do
    refused 2 $command own
    grep -q "own.gguf: found sha256 $(sha256sum <$OWN | cut -d' ' -f1) in .* expected $sum in" err ||
        fail "$(cat err)"
done
cmp -s stamp $OWN.verified || fail "the stamp of a wrong file: $(cat $OWN.verified)"
# A wrong file is found without a stamp, and with an empty one.
rm $OWN.verified
refused 2 run -m own -p a
[ ! -e $OWN.verified ] || fail "a wrong file has a stamp: $(cat $OWN.verified)"
echo '{}' >$OWN.verified
refused 2 run -m own -p a
# vkfi accepts fetch_model.py's stamp.
cp "$LLAMA" $OWN
good model get own
state cached True
damage
good run -m own -p a -n 2
# A right file is used though its stamp cannot be written: a full disk, here a folder in its place.
cp "$LLAMA" $OWN
rm $OWN.verified
mkdir $OWN.verified
"$VKFI" run -m own -p a -n 1 >out 2>err || fail "$(cat err)"
grep -q '^vkfi: warning: .*own.gguf: found right, but ' err || fail "$(cat err)"
rmdir $OWN.verified
good run -m own -p a -n 1
state cached True
# A right file is used where no stamp can be written (root can write anywhere).
cp "$LLAMA" $OWN
rm $OWN.verified
chmod a-w cache/vkfi/models
[ -w cache/vkfi/models ] || good run -m own -p a -n 2
chmod u+w cache/vkfi/models
# A file cut short.
truncate -s -1 $OWN
state wrong_size False
refused 2 model path own
grep -q "found sha256 .* expected $sum in" err || fail "$(cat err)"
echo '{"models": [{"name": "own"}]}' >own.json
try model list
echo '[]' >own.json
try model list
VKFI_MANIFEST=$SCRATCH/none.json
try model list
# With neither XDG_CACHE_HOME nor HOME the cache lies in the home that the system knows.
home=$(getent passwd "$(id -u)" | cut -d: -f6)
env -u HOME -u XDG_CACHE_HOME -u VKFI_MANIFEST "$VKFI" model list --json >out 2>err || fail "$(cat err)"
[ -z "$home" ] || json "d[0]['path'].startswith('$home/.cache/vkfi/models/')"
