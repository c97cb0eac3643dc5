#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tiny.json is logits.py's result for the tiny models. usage: check.sh FOLDER
if [ -z "${VKFI_PYTHON:-}" ]; then
    echo "skipped: VKFI_PYTHON names no Python with the packages numpy and gguf"
    exit 77
fi
exec "$VKFI_PYTHON" "$(dirname "${BASH_SOURCE[0]}")/logits.py" check tiny "$1"
