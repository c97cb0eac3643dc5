# SPDX-License-Identifier: MIT
# `vkfi selftest`: findings and bundle of a device that passes, that is refused and that crashes; nothing personal
# leaves the machine, nothing half-written stays.
refused 2 selftest extra
refused 2 selftest -d cpu:none
refused 2 selftest -d cpu --bundle no/such/folder/out.zip
[ ! -e no ] || fail "a refused bundle left something"
export USER=somebody LOGNAME=somebody HOME=$SCRATCH/home-of-somebody
mkdir -p "$HOME"
cd "$HOME" || exit 1

# A bundle is the object of --json.
good selftest -d cpu:scalar --faults 10 --no-speed --threads 1 --bundle out.zip
tail -n 1 out | grep -q '^cpu:scalar: passed: 32 rows of logits and 10 faults have' || fail "$(cat out)"
grep -q '^bundle     out.zip$' out || fail "$(cat out)"
python3 -c 'import sys, zipfile
with zipfile.ZipFile("out.zip") as z:
    assert z.namelist() == ["selftest.json", "README.txt"] and z.testzip() is None
    open("bundled", "wb").write(z.read("selftest.json"))' || fail "the archive"
good selftest -d cpu:scalar --faults 10 --no-speed --threads 1 --json
cmp -s out bundled || fail "the bundle is not what --json prints"
json 'd["verdict"] == "passed" and d["probe"] is None and d["speed"] is None and len(d["exactness"]) == 4'
json 'all(r["hash"] == r["device_hash"] and r["first_diff"] is None and r["steps"] == 8 for r in d["exactness"])'
json 'sum(r["faults"] for r in d["exactness"]) == sum(sum(r["outcomes"].values()) for r in d["exactness"]) == 10'

# No name of a user, a host or a folder is in it.
scan() { # BUNDLE
    python3 - "$1" "$(uname -n)" <<'TEXT' || exit 1
import re, sys, zipfile
bundle, host = sys.argv[1:]
with zipfile.ZipFile(bundle) as z:
    for info in z.infolist():
        text = z.read(info).decode("utf-8")
        names = ["somebody", "vkfi-cli", "/home", "/tmp", "/root", "/usr", "\\\\"]
        for word in names + ([host] if len(host) > 3 else []):
            assert word not in text, "%s has '%s'" % (info.filename, word)
        assert not re.search(r"\b[0-9a-f]{32}\b", text), "a UUID"
TEXT
}
scan out.zip

# Interrupted at any moment: no bundle, no other file, and no process of it.
rm -f out.zip
python3 - "$VKFI" <<'TEXT' || exit 1
import os, signal, subprocess, sys, time
before = sorted(os.listdir())
command = [sys.argv[1], "selftest", "-d", "cpu:scalar", "--faults", "400", "--no-speed", "--bundle", "out.zip"]
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
    for seconds in (0.05, 0.4):
        end, mark = os.pipe()  # every process of it holds `mark`
        test = subprocess.Popen(command, pass_fds=[mark], stdout=subprocess.DEVNULL,
                                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        os.close(mark)
        time.sleep(seconds)
        test.send_signal(number)
        if test.wait() != -number:
            sys.exit("FAILED: %s after %s s: ended with %d" % (number.name, seconds, test.returncode))
        os.read(end, 1)  # until the last one has ended
        os.close(end)
        if sorted(os.listdir()) != before:
            sys.exit("FAILED: %s after %s s: found %s" % (number.name, seconds, os.listdir()))
TEXT

need_broken_driver
# A device on the real driver's processor, which keeps denormals or rounds to zero: refused, with the reason.
played() { # SETTINGS CODE TEXT
    VKFI_TEST_PLAY=$1 "$VKFI" selftest --faults 0 --no-speed --bundle "$1.zip" >out 2>err
    local code=$?
    [ $code = "$2" ] || fail "$1: exit code $code, expected $2: $(cat err)"
    [ "$(wc -l <err)" = 1 ] || fail "$1: $(cat err)"
    tail -n 1 out | grep -q ": $3" || fail "$1: $(tail -n 1 out), expected $3"
    scan "$1.zip"
    python3 -c 'import json, sys, zipfile
print(json.loads(zipfile.ZipFile(sys.argv[1]).read("selftest.json"))["verdict"])' "$1.zip" >verdict
}
played denormals 3 'refused for exact: it keeps denormal operands'
[ "$(cat verdict)" = refused ] || fail "$(cat verdict)"
played tozero 3 'refused for exact: it does not round to nearest even'
# One that crashes: the bundle says where, and what device it was.
export VKFI_TEST_ABORT=vkQueueSubmit
"$VKFI" selftest --faults 0 --no-speed --bundle crash.zip >out 2>err
[ $? = 3 ] || fail "a crash: $(cat err)"
[ "$(wc -l <err)" = 1 ] || [ "$(grep -c '^vkfi: ' err)" = 1 ] || fail "a crash: $(cat err)"
tail -n 1 out | grep -q 'failed in probe: its process was ended by signal 6' || fail "$(cat out)"
scan crash.zip
unset VKFI_TEST_ABORT
python3 -c 'import json, zipfile
d = json.loads(zipfile.ZipFile("crash.zip").read("selftest.json"))
assert d["verdict"] == "failed" and d["device"]["name"] and d["probe"] is None and not d["exactness"], d' ||
    fail "the bundle of a crash"
# A driver that is not there: one line, and a bundle would say nothing.
export VK_DRIVER_FILES=$PWD/none.json VK_ICD_FILENAMES=$PWD/none.json
refused 3 selftest --bundle none.zip
[ ! -e none.zip ] || fail "a bundle of no device"
