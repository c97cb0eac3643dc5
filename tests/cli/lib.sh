# SPDX-License-Identifier: MIT
# Functions of script tests: `try` prints a command and its results, the rest are checks.

exec 3>&1 # what a check says is seen, also where its output is redirected

TINY=${VKFI_TINY:?the folder of the tiny models}
LLAMA=$TINY/tiny-llama-q4_1.gguf

# Sets and exports REAL: the file of SmolLM2-135M, empty if it is not there.
find_real_model() {
    local folder=${VKFI_MODELS:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/vkfi/models}
    REAL=$folder/SmolLM2-135M-Instruct.Q4_1.gguf
    [ -r "$REAL" ] || REAL=
    export REAL
}

skip() {
    echo "skipped: $*"
    exit 77
}

fail() {
    echo "FAILED: $*" >&3
    exit 1
}

need_tiny() {
    [ -r "$LLAMA" ] || fail "found no $LLAMA, expected it of the build"
}

need_real() {
    [ -n "$REAL" ] || skip "no SmolLM2-135M in \$VKFI_MODELS or the cache"
}

# A Vulkan device of any kind.
need_vulkan() {
    "$VKFI" devices >/dev/null 2>&1 || skip "no Vulkan driver"
}

# From here on the one Vulkan driver aborts at the call in VKFI_TEST_ABORT and stalls forever at
# that in VKFI_TEST_STALL; without them it works.
need_broken_driver() {
    [ -n "${VKFI_ICD_LAVAPIPE:-}" ] || skip "no driver in VKFI_ICD_LAVAPIPE to try after the broken one"
    VKFI_TEST_DRIVER=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1], encoding="utf-8"))["ICD"]["library_path"])' "$VKFI_ICD_LAVAPIPE")
    cat >broken.json <<TEXT
{"file_format_version": "1.0.0", "ICD": {"library_path": "$BROKEN_DRIVER", "api_version": "1.3.0"}}
TEXT
    VK_DRIVER_FILES=$PWD/broken.json
    VK_ICD_FILENAMES=$VK_DRIVER_FILES
    export VKFI_TEST_DRIVER VK_DRIVER_FILES VK_ICD_FILENAMES
}

# Removes this machine's paths from a transcript.
clean() {
    sed -e "s|$SCRATCH|SCRATCH|g" -e "s|$TINY|TINY|g" -e "s|$VKFI_SOURCE|SOURCE|g"
}

# `try ARGS`: the command as typed, standard output, standard error after "! ", the exit code.
try() {
    local code
    "$VKFI" "$@" >out 2>err
    code=$?
    {
        printf '$ vkfi'
        printf ' %q' "$@"
        printf '\n'
        cat out
        [ ! -s out ] || [ "$(tail -c 1 out | wc -l)" = 1 ] || echo
        sed 's/^/! /' err
        echo "exit $code"
    } | clean
}

# `refused CODE ARGS`: nothing on standard output, one line on standard error, that exit code.
refused() {
    local expected=$1 code
    shift
    "$VKFI" "$@" >out 2>err
    code=$?
    [ $code = "$expected" ] || fail "exit code $code, expected $expected: vkfi $* ($(cat err))"
    [ ! -s out ] || fail "found output, expected none: vkfi $*"
    [ "$(wc -l <err)" = 1 ] || fail "$(wc -l <err) lines of error, expected 1: vkfi $*"
    grep -q '^vkfi: ' err || fail "the error line does not begin with 'vkfi: ': vkfi $*"
}

# `good ARGS`: exit code 0, nothing on standard error but a campaign's progress, which a busy
# machine shows every ten seconds; standard output stays in the file out.
good() {
    "$VKFI" "$@" >out 2>err || fail "exit code $?: vkfi $* ($(cat err))"
    ! grep -Evq '^vkfi: [0-9]+/[0-9]+ trials, ' err || fail "found on standard error: $(cat err)"
}

# `json EXPRESSION`: the file out is JSON `d`, and the Python expression is true.
json() {
    python3 -c '
import json, os, sys
with open("out", encoding="utf-8") as file:
    d = json.load(file)
if not eval("(" + sys.argv[1] + ")"):
    sys.exit("FAILED: not true of the output: " + sys.argv[1])
' "$1" || exit 1
}
