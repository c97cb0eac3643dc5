# SPDX-License-Identifier: MIT
# Text to ids and back.
need_tiny
[ "$(printf 'Hi\n' | "$VKFI" tokenize -m "$LLAMA")" = "72 105 10" ] || fail "ids of bytes"
[ "$(printf '' | "$VKFI" tokenize -m "$LLAMA")" = "" ] || fail "ids of nothing"
round_trip() {
    "$VKFI" tokenize -m "$1" <text >ids || fail "tokenize $1"
    "$VKFI" detokenize -m "$1" <ids >back || fail "detokenize $1"
    cmp text back || fail "$1: the text did not come back"
}
printf ' two  spaces,\ttab\r\n\n\303\234bung \346\227\245\346\234\254 \360\237\230\200 <|im_end|>no newline' >text
for model in tiny-llama-q4_1 tiny-qwen2 tiny-gemma3; do
    round_trip "$TINY/$model.gguf"
done
try detokenize
try tokenize
refused 2 tokenize -m "$LLAMA" extra
for ids in x 320 -1 1,2 '1 2.5' 99999999999999999999; do
    echo "$ids" >ids
    "$VKFI" detokenize -m "$LLAMA" <ids >out 2>err
    [ $? = 2 ] && [ ! -s out ] && [ "$(wc -l <err)" = 1 ] || fail "detokenize of '$ids'"
    cat err
done
[ -z "$REAL" ] && exit 0
round_trip "$REAL"
python3 - "$VKFI" "$REAL" "$VKFI_SOURCE/tests/reference/tokenizer_smollm2-135m.json" <<'TEXT' || exit 1
import json, subprocess, sys
program, model, reference = sys.argv[1:]
cases = json.load(open(reference, encoding="utf-8"))["cases"]
for case in cases[:: max(1, len(cases) // 12)]:
    for option, key in ([], "ids"), (["--special"], "ids_special"):
        done = subprocess.run([program, "tokenize", "-m", model, *option], check=True,
                              input=case["text"].encode(), stdout=subprocess.PIPE)
        if [int(i) for i in done.stdout.split()] != case[key]:
            sys.exit(f"FAILED: {key} of {case['text']!r}")
TEXT
