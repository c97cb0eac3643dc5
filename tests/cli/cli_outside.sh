# SPDX-License-Identifier: MIT
# Texts from outside: one rule, whichever way they come.
need_tiny

plan() { # FILE
    cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 4}, "prompts": {"file": "$1"}, "population": "ops",
 "where": {"sites": "blk.*"}, "sampling": {"trials": 12}}
TEXT
}

# Ill-formed UTF-8 is refused with line, byte and offset.
bad=$(printf 'ok\ncaf\351 bad')
printf 'ok\ncaf\351 bad\n' >bad.txt
told() { # NAME
    grep -q -e "$1:2:4: found byte 0xe9 at offset 6, expected text in UTF-8" err || fail "$(cat err)"
}
refused 2 run -m "$LLAMA" -p "$bad" -n 2
told -p
refused 2 run -m "$LLAMA" --chat "$bad" -n 2
told --chat
refused 2 tokenize -m "$LLAMA" <bad.txt
told 'standard input'
plan bad.txt
refused 2 plan check plan.json
told bad.txt
# also outside the requested lines
sed -i 's/"bad.txt"/"bad.txt", "lines": [1, 1]/' plan.json
refused 2 plan check plan.json
told bad.txt
for way in 'a\0b' '\355\240\200' '\300\200' 'end \303'; do
    # shellcheck disable=SC2059
    printf "$way" >bad.txt
    refused 2 tokenize -m "$LLAMA" <bad.txt
    plan bad.txt
    refused 2 plan check plan.json
done

# A byte-order mark is not part of a prompt, so ids and identity are the same.
printf '\357\273\277Hi there\nsecond\n' >marked.txt
printf 'Hi there\nsecond\n' >plain.txt
"$VKFI" tokenize -m "$LLAMA" <marked.txt >ids || fail "a marked text"
"$VKFI" tokenize -m "$LLAMA" <plain.txt | cmp - ids || fail "other ids with a mark"
identity() { # PLAN
    good plan check "$1" --json
    python3 -c 'import json; print(json.load(open("out"))["identity"])'
}
plan marked.txt
marked=$(identity plan.json)
plan plain.txt
[ "$(identity plan.json)" = "$marked" ] || fail "another identity with a mark"
sed -i 's/{"file": "plain.txt"}/{"texts": ["\\ufeffHi there", "second"]}/' plan.json
[ "$(identity plan.json)" = "$marked" ] || fail "another identity with a mark in the plan"
for option in -p --chat; do
    good run -m "$LLAMA" $option "$(cat marked.txt)" -n 4 --json
    mv out marked.json
    good run -m "$LLAMA" $option "$(cat plain.txt)" -n 4 --json
    python3 - <<'TEXT' || exit 1
import json
a, b = (json.load(open(name)) for name in ("marked.json", "out"))
if (a["hash"], a["text"]) != (b["hash"], b["text"]):
    raise SystemExit("FAILED: another run with a mark")
TEXT
done

# Nor does a mark change files of JSON and of ids.
marked() { # FILE: its copy with a mark
    printf '\357\273\277' | cat - "$1" >"marked-$1"
}
alike() { # COMMAND with FILE for the file, FILE
    local file=${*: -1}
    marked "$file"
    good "${@:1:$#-1}" "$file" --json
    grep -v '"[a-z_]*": [0-9.e-]*[0-9],*$' out >plain.out # times and rates are numbers
    good "${@:1:$#-1}" "marked-$file" --json
    sed "s|marked-$file|$file|g" out | grep -v '"[a-z_]*": [0-9.e-]*[0-9],*$' | cmp -s - plain.out ||
        fail "$*: another answer with a mark"
}
plan plain.txt
alike plan check plan.json
alike plan show plan.json
alike plan expand plan.json
sed 's/"trials": 12/"trials": 13/' plan.json >other.json
alike plan diff plan.json other.json
good campaign run plan.json -o a.db -d cpu
marked plan.json
good campaign run marked-plan.json -o a.db -d cpu # goes on: the same campaign
echo '[{"site": "blk.0.attn_q", "point": "out", "kind": "flip", "bit": 30, "row": 7, "step": 1}]' >faults.json
alike run -m "$LLAMA" -p abc -n 3 --fault faults.json
marked faults.json
good run -m "$LLAMA" -p abc -n 3 --json --fault - <marked-faults.json
cp "$VKFI_SOURCE/third_party/models.json" models.json
marked models.json
VKFI_MANIFEST=$PWD/models.json good model list --json
mv out plain.out
VKFI_MANIFEST=$PWD/marked-models.json good model list --json
sed 's|marked-models|models|g' out | cmp -s - plain.out || fail "another list of models with a mark"
printf '72 105 33\n' >ids.txt
marked ids.txt
"$VKFI" detokenize -m "$LLAMA" <ids.txt >plain.out || fail "ids"
"$VKFI" detokenize -m "$LLAMA" <marked-ids.txt | cmp - plain.out || fail "ids with a mark"

# Only one mark is skipped, at the start.
printf '\357\273\277\357\273\277{}' >twice.json
refused 2 plan check twice.json
grep -q "twice.json:1:1: found byte 0xef" err || fail "$(cat err)"
printf '{\357\273\277}' >inside.json
refused 2 plan check inside.json
printf '\357\273\277{"modle": 1}' >wrong.json
refused 2 plan check wrong.json
grep -q "wrong.json: /modle (line 1)" err || fail "$(cat err)"
printf '\357\273\277' >empty.json
refused 2 plan check empty.json
