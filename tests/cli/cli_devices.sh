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
