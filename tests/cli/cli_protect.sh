# SPDX-License-Identifier: MIT
# `vkfi protect`: every protection is listed, the schema is JSON, a bench keeps the bits.
need_tiny
good protect list
grep -q '^nan_trap: ' out || fail "nan_trap is not listed"
good protect schema
json 'len(d["properties"]["protect"]["items"]["oneOf"]) > 0'
good protect bench nan_trap -m "$LLAMA" --pairs 6 -n 4 -p hello --json
json 'd["pairs"] == 6 and d["alarms"] == 0 and d["redone"] == 0'
json 'd["decode"]["interval"][0] <= d["decode"]["median"] <= d["decode"]["interval"][1]'
good protect bench nan_trap -m "$LLAMA" --pairs 6 -n 4 -p hello
grep -q '^decode  ' out || fail "no line of decoding"
refused 2 protect bench
refused 2 protect bench nan_trap
refused 2 protect bench nowhere.json -m "$LLAMA"
refused 2 protect bench nan_trap -m "$LLAMA" --pairs 2
refused 2 protect list nan_trap
refused 2 protect measure
