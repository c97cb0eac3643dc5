# SPDX-License-Identifier: MIT
# Output that cannot be written is an error, in every form of output.
need_tiny
full() {
    local code
    "$VKFI" "$@" >/dev/full 2>err
    code=$?
    [ $code = 2 ] || fail "exit code $code, expected 2: vkfi $* >/dev/full"
    [ "$(wc -l <err)" = 1 ] || fail "$(wc -l <err) lines of error, expected 1: vkfi $*"
    grep -q 'No space left on device' err || fail "$(cat err)"
}
echo '{"site": "output", "kind": "dry"}' >fault.json
full --help
full --version
full run --help
full run -m "$LLAMA" -p a -n 4
full run -m "$LLAMA" -p a -n 4 --json
full run -m "$LLAMA" -p a -n 4 --fault fault.json
full run -m "$LLAMA" -p a -n 4 --fault fault.json --json
full model list
full model list --json
full model info "$LLAMA"
full model info "$LLAMA" --json
full tokenize -m "$LLAMA"
echo 97 98 >ids
"$VKFI" detokenize -m "$LLAMA" <ids >/dev/full 2>err
[ $? = 2 ] || fail "detokenize >/dev/full: exit code $?"

# A reader that goes away.
"$VKFI" run -m "$LLAMA" -p a -n 4 --json 2>err | true
code=${PIPESTATUS[0]}
[ "$code" = 2 ] || [ "$code" = 0 ] || fail "closed pipe: exit code $code"
(
    exec 3> >(exit 0)
    sleep 0.2
    "$VKFI" model info "$LLAMA" --json >&3 2>err
    [ $? = 2 ] || fail "closed pipe: exit code $?"
    grep -q 'Broken pipe' err || fail "closed pipe: $(cat err)"
) || exit 1
