# SPDX-License-Identifier: MIT
# `vkfi run` names the first Inf or NaN: an op's result, or a K or V that its narrowing made infinite.
cat >make.py <<'TEXT'
"""usage: make.py FILE TENSOR VALUE: a tiny model whose TENSOR, of f32, begins with VALUE."""
import os
import struct
import sys

sys.path.insert(0, os.environ["VKFI_SOURCE"] + "/tests/model")
import tiny_models

name, tensor, value = sys.argv[1], sys.argv[2], float(sys.argv[3])
names = iter([n for n, _, _ in tiny_models.shapes("qwen2", tiny_models.QWEN, "f16")])
plain = tiny_models.tensor


def struck(kind, rng, shape, size):
    real, content = plain(kind, rng, shape, size)
    return real, struct.pack("<f", value) + content[4:] if next(names) == tensor else content


tiny_models.tensor = struck
tiny_models.write(".", "qwen2", name, tiny_models.QWEN, "f16")
TEXT

devices="cpu cpu:scalar"
"$VKFI" devices >/dev/null 2>&1 && devices="$devices vk"

# `first MODEL SITE WORDS ARGS`: run MODEL with ARGS; the first is at SITE, the warning has WORDS.
first() {
    local model=$1 site=$2 words=$3 device
    shift 3
    for device in $devices; do
        "$VKFI" run -m "$model.gguf" --ids 1,2,3 -n 2 --json -d "$device" "$@" >out 2>err ||
            fail "exit code $?: $model, $device $* ($(cat err))"
        json 'd["nonfinite"] == {"site": "'"$site"'", "layer": 1, "step": None, "position": 0}'
        grep -q "at site $site, layer 1, in the prompt (position 0, element 0); $words" err ||
            fail "$model, $device $*: $(cat err)"
    done
}

for half in k v; do
    python3 -B make.py wide-$half blk.1.attn_$half.bias 1e5 || exit 1
    python3 -B make.py wider-$half blk.1.attn_$half.bias 3.4e38 || exit 1
    first wide-$half blk.1.kv_$half 'K and V (--kv) are stored as f16' --kv f16
    first wider-$half blk.1.kv_$half 'K and V (--kv) are stored as bf16' --kv bf16
    first wide-$half blk.1.attn_$half 'activations are stored as f16' --act f16 --kv f16
    good run -m wide-$half.gguf --ids 1,2,3 -n 2 --json
    json '"nonfinite" not in d'
done
