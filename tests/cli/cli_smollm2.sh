# SPDX-License-Identifier: MIT
# The default model as a user runs it, against the reference's text.
need_real
[ "$("$VKFI" run -m "$REAL" -p 'The capital of France is' -n 8)" = " Paris.

The answer is:" ] || fail "text after 'The capital of France is'"
good run -m "$REAL" --chat 'What is 17 + 25? Reply with the number only.' -n 12 --json
json 'd["ids"][:3] == [1, 9690, 198] and len(d["ids"]) == 47'
json 'd["stop"] == "end" and d["text"] == "17 + 25 = 32." and len(d["tokens"]) == len(d["steps"])'
good run -m "$REAL" --chat 'What is 17 + 25? Reply with the number only.' -n 12 --json --ignore-eos
json 'd["stop"] == "length" and len(d["tokens"]) == 12'
mkdir -p cache/vkfi/models
ln -s "$REAL" cache/vkfi/models/
good run -m smollm2-135m -p 'The capital of France is' -n 1
[ "$(cat out)" = " Paris" ] || fail "$(cat out)"
good model info smollm2-135m
