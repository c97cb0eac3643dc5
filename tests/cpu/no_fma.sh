#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Looks for fused multiply-add in the golden objects: usage: no_fma.sh CC OBJDUMP ARCHIVE... Fails if there is one, or if the check itself would not find one.
set -euo pipefail

cc=$1 objdump=$2
shift 2
fused='[[:space:]](v?fn?m(add|sub)[0-9]*|vfmaddsub|vfmsubadd)[0-9a-z]*[[:space:]]'
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

case $(uname -m) in
    x86_64) ;;
    *)
        echo "no_fma: x86-64 names only"
        exit 77
        ;;
esac

echo 'float f(float a, float b, float c) { return a * b + c; }' >"$scratch/fused.c"
"$cc" -O2 -mfma -ffp-contract=fast -c "$scratch/fused.c" -o "$scratch/fused.o"
if ! "$objdump" -d --no-show-raw-insn "$scratch/fused.o" | grep -Eq "$fused"; then
    echo "no_fma: found no fma in an object that was built with one"
    exit 1
fi

for archive in "$@"; do
    "$objdump" -d --no-show-raw-insn "$archive" >"$scratch/text"
    if [ "$(grep -c '[[:space:]]v\?mul[ps]s[[:space:]]' "$scratch/text")" -lt 10 ]; then
        echo "no_fma: found hardly any multiplication in $archive: nothing was checked"
        exit 1
    fi
    if grep -E -B 400 -m 5 "$fused" "$scratch/text" | grep -E "$fused|>:\$" >"$scratch/found"; then
        echo "no_fma: found fused operations in $archive, expected none:"
        tail -n 20 "$scratch/found"
        exit 1
    fi
    echo "no_fma: none in $archive"
done
