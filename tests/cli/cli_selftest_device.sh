# SPDX-License-Identifier: MIT
# `vkfi selftest` on whole devices: one that computes the right bits, and one whose kernels do not though its probe is
# right.
need_vulkan
good selftest --faults 20 --rounds 8 --bundle out.zip
tail -n 1 out | grep -q ': passed: 32 rows of logits and 20 faults have' || fail "$(cat out)"
mkdir -p tree/tests/results/devices
grep -n 'devices.py writes\|end of the table' "$VKFI_SOURCE/README.md" | cut -d: -f2 >tree/README.md
python3 "$VKFI_SOURCE/tests/results/devices.py" add out.zip tree || fail "the bundle is refused"
python3 "$VKFI_SOURCE/tests/results/devices.py" check tree || fail "the table is not that of the bundle"
[ "$(grep -c ' passed ' tree/README.md)" = 1 ] || fail "$(cat tree/README.md)"

need_broken_driver
export VKFI_TEST_PLAY=wrong
"$VKFI" selftest --faults 10 --rounds 2 --no-speed --bundle wrong.zip >out 2>err
[ $? = 4 ] || fail "wrong kernels: $(cat out err)"
tail -n 1 out | grep -q ': differs in 4 of 4 runs and in 1\?[0-9] of 10 faults' || fail "$(cat out)"
grep -q 'probe      admitted' out || fail "$(cat out)"
python3 - <<'TEXT' || exit 1
import json, zipfile
d = json.loads(zipfile.ZipFile("wrong.zip").read("selftest.json"))
assert d["verdict"] == "differs"
for run in d["exactness"]:
    assert run["first_diff"] == 0 and run["hash"] != run["device_hash"], run
assert any(fault["why"] for run in d["exactness"] for fault in run["differ"])
TEXT
