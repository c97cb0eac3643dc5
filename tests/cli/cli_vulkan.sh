# SPDX-License-Identifier: MIT
# The commands on a Vulkan device: the same bits as on the CPU, and no word of the validation layer.
need_vulkan
good devices
good devices --json
json 'len(d["vulkan"]) > 0 and all(v["index"] == i for i, v in enumerate(d["vulkan"]))'
good devices --probe
grep -q 'admitted for exact\|refused for exact' out || fail "no verdict: $(cat out)"
good devices --probe --json
json 'all(v["probe"]["ran"] and len(v["probe"]["cases"]) > 20 for v in d["vulkan"])'
json 'all(v["probe"]["admitted"] or v["probe"]["reason"] for v in d["vulkan"])'
need_tiny
refused 2 run -m "$LLAMA" -p a -d 99
refused 2 run -m "$LLAMA" -p a -d no-such-device
for model in tiny-llama-q4_1 tiny-qwen2 tiny-gemma3; do
    good selfcheck -m "$TINY/$model.gguf" -n 6 --faults 12 --seed 3
done
good selfcheck -m "$LLAMA" -n 6 --faults 6 --act bf16 --kv f16
good bench -m "$LLAMA" -d vk --prompt 8 -n 4 --repeat 1 --json
json 'd["devices"][0]["seconds_per_empty_dispatch"] > 0'

hashes() {
    good run -m "$1" --ids "$ids" -n 5 --json "${@:2}"
    python3 -c 'import json; d = json.load(open("out")); print(d["tokens"], d["steps"], d["hash"])'
}
ids=$(seq -s, 1 40)
export VKFI_VALIDATE=1
"$VKFI" run -m "$LLAMA" -p a -n 1 -d vk >out 2>err
case $? in
0) ;;
3) unset VKFI_VALIDATE ;; # the layer is not installed
*) fail "with the validation layer: $(cat err)" ;;
esac
for model in tiny-llama-q4_1 tiny-qwen2 tiny-gemma3 tiny-llama-q6_k; do
    hashes "$TINY/$model.gguf" >first
    for options in "-d vk" "-d vk --columns 1" "-d 0 --columns 7"; do
        # shellcheck disable=SC2086
        hashes "$TINY/$model.gguf" $options >other
        cmp -s first other || fail "$model $options: other bits than the CPU"
    done
done
