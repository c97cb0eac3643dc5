# SPDX-License-Identifier: MIT
# The published schema of plans is what the program prints; an independent validator agrees with
# `vkfi plan check` on each field alone, and each is described.
good plan schema
diff "$VKFI_SOURCE/inject/plan.schema.json" out || fail "vkfi plan schema > inject/plan.schema.json writes it anew"
refused 2 plan schema plan.json
[ -n "${VKFI_PYTHON:-}" ] || skip "VKFI_PYTHON names no Python with jsonschema"
"$VKFI_PYTHON" -c 'import jsonschema' 2>/dev/null || skip "no package jsonschema"
"$VKFI_PYTHON" "$HERE/plan_corpus.py" "$VKFI" "$VKFI_SOURCE" || exit 1
"$VKFI_PYTHON" "$HERE/plan_fields.py" "$VKFI" "$VKFI_SOURCE" || exit 1
