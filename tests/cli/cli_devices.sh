# SPDX-License-Identifier: MIT
# `vkfi devices`, with and without drivers.
export VK_DRIVER_FILES=$SCRATCH/none.json VK_ICD_FILENAMES=$SCRATCH/none.json
"$VKFI" devices >out 2>err
[ $? = 3 ] || fail "no driver: exit code $?"
[ "$(wc -l <err)" = 1 ] || fail "no driver: $(cat err)"
grep -q 'cpu:scalar *available' out || fail "no driver: the CPU devices are missing"
"$VKFI" devices --json >out 2>err
[ $? = 3 ] || fail "no driver, --json: exit code $?"
json 'd["vulkan"] == [] and d["cpu"][0] == {"name": "cpu:scalar", "available": True}'
need_tiny
refused 3 run -m "$LLAMA" -p a -d vk
refused 3 run -m "$LLAMA" -p a -d 0
refused 3 selfcheck -m "$LLAMA"
good run -m "$LLAMA" -p a -n 2

# A broken driver, alone and beside a working one.
manifests() { # PATH...
    VK_DRIVER_FILES=$(IFS=: && echo "$*")
    VK_ICD_FILENAMES=$VK_DRIVER_FILES
}
dead=$SCRATCH/dead.json malformed=$SCRATCH/malformed.json nameless=$SCRATCH/nameless.json
echo '{"file_format_version": "1.0.0", "ICD": {"library_path": "/no/such/driver.so", "api_version": "1.3.0"}}' >"$dead"
echo '{ not json' >"$malformed"
echo '{"file_format_version": "1.0.0", "ICD": {"api_version": "1.3.0"}}' >"$nameless"
for bad in "$malformed" "$nameless"; do
    manifests "$bad"
    refused 3 run -m "$LLAMA" -p a -d vk
    grep -q "manifest is malformed: $bad" err || fail "$(cat err)"
done
[ -n "${VKFI_ICD_LAVAPIPE:-}" ] || skip "no driver in VKFI_ICD_LAVAPIPE to stand beside a broken one"
for order in "$malformed:$VKFI_ICD_LAVAPIPE" "$VKFI_ICD_LAVAPIPE:$malformed"; do
    manifests "$order"
    if ! "$VKFI" devices >out 2>err; then # a loader that skips such a manifest has done no harm
        "$VKFI" devices >out 2>err
        [ $? = 3 ] || fail "malformed manifest: exit code $?: $(cat err)"
        grep -q "manifest is malformed: $malformed" err || fail "$(cat err)"
    fi
done
manifests "$dead" "$VKFI_ICD_LAVAPIPE"
"$VKFI" run -m "$LLAMA" -p a -n 2 -d vk >out 2>err || fail "beside a dead driver: $(cat err)"
[ "$(wc -l <err)" = 1 ] || fail "beside a dead driver: $(cat err)"
grep -q "device vk is .*, which runs on the processor: the driver of $dead gives none" err || fail "$(cat err)"
good run -m "$LLAMA" -p a -n 2 -d 0

# A command that opens its device more than once, in one process or many, says so once.
cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 4, "stop": "none"}, "prompts": [{"texts": ["ab c"]}],
 "population": "ops", "sampling": {"trials": 20}, "seed": 3}
TEXT
told_once() {
    "$VKFI" "$@" >out 2>err || fail "$*: $(cat err)"
    [ "$(grep -c 'which runs on the processor' err)" = 1 ] || fail "$*: $(cat err)"
}
told_once campaign run plan.json -o both.db -d cpu -d vk
told_once replay both.db 3 -d vk
told_once selfcheck -m "$LLAMA" -d cpu -d vk -n 4 --faults 2
manifests "$VKFI_ICD_LAVAPIPE"
good run -m "$LLAMA" -p a -n 2 -d vk

# Two equal devices: by number, UUID or PCI address; a name that both have is refused.
need_broken_driver
export VKFI_TEST_PLAY=discrete,equal
good devices --json
json '[v["pci"] for v in d["vulkan"]] == ["0000:3a:00.0", "0000:4b:00.0"]'
json 'all(v["kind"] == "discrete" for v in d["vulkan"]) and d["vulkan"][0]["uuid"] != d["vulkan"][1]["uuid"]'
uuid=$(python3 -c 'import json; print(json.load(open("out"))["vulkan"][1]["uuid"])')
good run -m "$LLAMA" -p a -n 2 -d cpu
cp out expected
for device in vk 1 "$uuid" 4b:00.0 0000:3A:00.0; do
    good run -m "$LLAMA" -p a -n 2 -d "$device"
    cmp -s out expected || fail "device $device gives other tokens"
done
refused 2 run -m "$LLAMA" -p a -d llvmpipe
grep -q 'fits 2 devices: 0 (.*0000:3a:00.0), 1 (.*0000:4b:00.0); expected' err || fail "$(cat err)"
refused 2 run -m "$LLAMA" -p a -d 5c:00.0
