# SPDX-License-Identifier: MIT
# The published schema of plans, read by a validator of others, agrees with `vkfi plan check`, and describes each field.
[ -n "${VKFI_PYTHON:-}" ] || skip "VKFI_PYTHON names no Python with jsonschema"
"$VKFI_PYTHON" -c 'import jsonschema' 2>/dev/null || skip "no package jsonschema"
"$VKFI_PYTHON" "$HERE/plan_corpus.py" "$VKFI" "$VKFI_SOURCE" || exit 1
"$VKFI_PYTHON" "$HERE/plan_fields.py" "$VKFI" "$VKFI_SOURCE" || exit 1
