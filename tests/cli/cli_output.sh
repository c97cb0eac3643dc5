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

# A reader that goes away ends the program by the signal, without a message.
gone() {
    local code
    (
        exec 4> >(exit 0)
        sleep 0.2
        "$VKFI" "$@" >&4 2>err
        code=$?
        [ $code = 141 ] || fail "closed pipe: exit code $code, expected 141: vkfi $*"
        [ ! -s err ] || fail "closed pipe: $(cat err): vkfi $*"
    ) 2>/dev/null || exit 1
}
gone --help
gone run -m "$LLAMA" -p a -n 4
gone run -m "$LLAMA" -p a -n 4 --json
gone run -m "$LLAMA" -p a -n 4 --fault fault.json
gone model info "$LLAMA" --json
gone sites -m "$LLAMA"

# Output files: "-" is standard output; other than regular files are written through, a link is
# followed, and only regular files are replaced.
"$VKFI" sweep -m "$LLAMA" --sites output --bits 30 --trials 20 -n 2 -o some.db >/dev/null 2>&1 ||
    fail "no database"
"$VKFI" export some.db -o plain.csv || fail "export"
"$VKFI" export some.db -o - >dash.csv || fail "export -o -"
cmp -s plain.csv dash.csv || fail "export -o - gives another text"
[ ! -e ./- ] || fail "found a file named -"
gone export some.db
gone export some.db -o -

mkfifo fifo
cat fifo >through.csv &
"$VKFI" export some.db -o fifo || fail "export into a FIFO"
wait $!
cmp -s plain.csv through.csv || fail "a FIFO got another text"
[ -p fifo ] || fail "the FIFO was replaced"

echo old >target.csv
ln -s target.csv link.csv
"$VKFI" export some.db -o link.csv || fail "export through a link"
[ -L link.csv ] || fail "the link was replaced"
cmp -s plain.csv target.csv || fail "the link's file has another text"
ln -s new.csv dangling.csv
"$VKFI" export some.db -o dangling.csv || fail "export through a link that leads nowhere yet"
[ -L dangling.csv ] && cmp -s plain.csv new.csv || fail "a link that led nowhere was replaced"

"$VKFI" export some.db -o /dev/null || fail "export to /dev/null"
[ -c /dev/null ] || fail "/dev/null was replaced"
refused 2 export some.db -o /dev/full
refused 2 artifact some.db -o -
refused 2 artifact some.db -o fifo
refused 2 report some.db -o - --json

"$VKFI" export some.db -o plain.csv || fail "export over a file"
ls ./*.part 2>/dev/null && fail "a partial file was left"

# The nearest word is suggested wherever one of a table is expected.
near() {
    local word=$1
    shift
    refused 2 "$@"
    grep -Eq "did you mean '?(--)?$word" err || fail "$word is not offered: vkfi $*: $(cat err)"
}
fault() {
    local word=$1
    echo "$2" >near.json
    near "$word" run -m "$LLAMA" -p a -n 2 --fault near.json
}
fault output '{"site": "outptu", "kind": "flip", "bit": 3}'
fault blk.0.attn_q '{"site": "blk.0.attn_qq", "kind": "flip", "bit": 3}'
fault blk.0.attn_q.weight '{"site": "blk.0.attn_q.weigth", "kind": "flip", "bit": 3}'
fault blk.0.kv_ '{"site": "blk.0.kv_w", "kind": "flip", "bit": 3}'
fault control.sample '{"site": "control.sampel", "kind": "dry"}'
fault flip '{"site": "output", "kind": "flop", "bit": 3}'
fault out '{"site": "output", "point": "ot", "kind": "flip", "bit": 3}'
fault vector '{"site": "output", "kind": "flip", "bit": 3, "granularity": "vectr"}'
fault kind '{"site": "output", "knd": "flip", "bit": 3}'
near run rn
near run help rnu
near seed run -m "$LLAMA" -p a --sed 1
near f32 run -m "$LLAMA" -p a --act f23
near cpu:avx run -m "$LLAMA" -p a -d cpu:avx
near smollm2-135m run -m smollm2-135n -p a
near csv export some.db --format cvs
near show plan shwo
near info model inf
near output sites -m "$LLAMA" outptu
near llama3 run -m "$LLAMA" --chat a --template lama3
plan() {
    local word=$1
    echo "{\"model\": \"$LLAMA\", \"population\": \"ops\", \"sampling\": {\"trials\": 20},
        \"prompts\": [{\"texts\": [\"a\"]$3}], $2 \"seed\": 1}" >near.json
    near "$word" plan check near.json
}
plan layer '"strata": ["layr"],' ''
plan out '"where": {"point": ["otu"]},' ''
plan flip '"what": {"kind": ["flpi"]},' ''
plan prefill '"when": {"stage": ["prefil"]},' ''
plan gemma '' ', "chat": "gema"'

refused 2 run -m "$LLAMA" -p a --seed -1
grep -q 'a whole number from 0 to 18446744073709551615' err || fail "$(cat err)"
