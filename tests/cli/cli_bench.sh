# SPDX-License-Identifier: MIT
# `vkfi bench` prints figures of the right form, whatever their size.
need_tiny
refused 2 bench -m "$LLAMA" -n 1
refused 2 bench -m "$LLAMA" --repeat 0
refused 2 bench -m nothing.gguf -d cpu
good bench -m "$LLAMA" -d cpu --prompt 8 -n 4 --repeat 1
grep -q '^cpu: ' out || fail "$(cat out)"
good bench -m "$LLAMA" -d cpu -d cpu:scalar --prompt 8 -n 4 --repeat 1 --json
json '[v["name"] for v in d["devices"]] == ["cpu", "cpu:scalar"]'
json 'all(v[k] > 0 for v in d["devices"] for k in ("prompt_tokens_per_second",
    "decode_tokens_per_second", "weight_bytes_per_token", "weight_bytes_per_second",
    "read_bytes_per_second", "read_share", "dispatches_per_token", "seconds_per_dispatch",
    "first_token_seconds", "executor_bytes", "peak_bytes"))'
# No core reads 100 GB/s from memory, but a round timed by a thread that slept through half of it would.
json 'all(v["read_bytes_per_second"] < 1e11 * os.cpu_count() for v in d["devices"])'
# A token is one submit that the host waits for, and ops that can share a dispatch do.
json 'all(v["barriers_per_token"] == v["waits_per_token"] == 0 and v["bytes_per_token"] > 0 for v in d["devices"])'
if "$VKFI" devices >/dev/null 2>&1; then
    good bench -m "$LLAMA" -d vk --prompt 8 -n 4 --repeat 1
    grep -q 'work of a token  *[0-9.]* dispatches, [0-9.]* barriers, 1.0 waits' out || fail "$(cat out)"
    good bench -m "$LLAMA" -d vk --prompt 8 -n 4 --repeat 1 --json
    json 'd["devices"][0]["waits_per_token"] == 1'
    json 'd["devices"][0]["barriers_per_token"] <= d["devices"][0]["dispatches_per_token"] + 4'
    # Tokens and batches of columns are counted, and what they come to on paper; passes are not recorded anew.
    json 'all(v[k]["dispatches"] > 0 and v[k][p]["per_second_at_best"] > v[k][p]["per_second_at_worst"] > 0
        for v in d["devices"] for k in ("token", "columns_16", "columns_64") for p in ("fast", "slow"))'
    json 'd["devices"][0]["columns_64"]["dispatches"] < 2 * d["devices"][0]["token"]["dispatches"]'
    json 'd["devices"][0]["token"]["recordings"] <= 0.5'
    json 'd["devices"][0]["prompt_dispatches"] >= d["devices"][0]["dispatches_per_token"]'
fi
# A missing device is wrong usage; those after it are still measured.
"$VKFI" bench -m "$LLAMA" -d cpu:nosuch -d cpu --prompt 8 -n 4 --repeat 1 >out 2>err
code=$?
[ $code = 2 ] || fail "exit code $code, expected 2: $(cat err)"
grep -q '^cpu: ' out || fail "$(cat out)"
