# SPDX-License-Identifier: MIT
# `vkfi run` names the first Inf or NaN: an op's result, or a K or V that its narrowing made infinite;
# and marks a run that flushed a value, or has a denormal weight, `underflow`.
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

# `marked MODEL VALUE`: underflow of the run is VALUE on CPU devices, and none on Vulkan.
marked() {
    local device
    for device in $devices; do
        good run -m "$1.gguf" --ids 1,2,3 -n 2 --json -d "$device"
        if [ "$device" = vk ]; then
            json 'd["underflow"] is None'
        else
            json "d[\"underflow\"] is $2"
        fi
    done
}
python3 -B make.py plain no.such.tensor 0 && marked plain False
python3 -B make.py input blk.1.attn_v.bias 1e-39 && marked input True
python3 -B make.py result blk.0.attn_norm.weight 2e-38 && marked result True
good run -m result.gguf --ids 1,2,3 -n 2 --json --fault /dev/stdin <<TEXT
{"site": "blk.0.attn_q", "kind": "dry", "row": 0, "step": 0}
TEXT
json 'd["golden"]["underflow"] is True'
