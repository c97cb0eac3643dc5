# SPDX-License-Identifier: MIT
# A driver that hangs while loading: one line after a minute, nothing is left running.
need_tiny
need_broken_driver
good devices --json
json 'len(d["vulkan"]) == 1'
for call in vkCreateInstance vkEnumeratePhysicalDevices; do
    export VKFI_TEST_STALL=$call
    begin=$SECONDS
    "$VKFI" run -m "$LLAMA" -p a -n 1 -d vk >out 2>err
    code=$?
    [ $code = 3 ] || fail "$call: exit code $code, expected 3: $(cat err)"
    [ "$(wc -l <err)" = 1 ] || fail "$call: found several lines: $(cat err)"
    grep -q 'did not answer within 60 s while it was loaded (VK_DRIVER_FILES=' err || fail "$(cat err)"
    [ $((SECONDS - begin)) -lt 100 ] || fail "$call: it took $((SECONDS - begin)) s"
    [ ! -s out ] || fail "$call: found output: $(cat out)"
done
