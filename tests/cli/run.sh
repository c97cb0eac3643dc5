#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs one script test: its transcript must equal SCRIPT with .expect instead of .sh, if that exists.
#
# usage: run.sh [--update] SCRIPT
#
# VKFI is the program, VKFI_TINY the folder of the tiny models, VKFI_SOURCE the source tree. --update
# writes the transcript as the new expectation. Exit status: that of the script (77: skipped), 1 if
# the transcript differs.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
update=false
if [ "${1:-}" = --update ]; then
    update=true
    shift
fi
script=$(realpath "$1")
expect=${script%.sh}.expect

SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/vkfi-cli.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT
export SCRATCH HERE=$here
export VKFI=${VKFI:?the program to test} VKFI_TINY=${VKFI_TINY:-} VKFI_SOURCE=${VKFI_SOURCE:-}
# shellcheck source=lib.sh
. "$here/lib.sh"
find_real_model
export LC_ALL=C.UTF-8 HOME=$SCRATCH XDG_CACHE_HOME=$SCRATCH/cache
unset VKFI_MANIFEST
cd "$SCRATCH" || exit 1

bash -uo pipefail -c '. "$HERE/lib.sh"; . "$0"' "$script" >"$SCRATCH/transcript" 2>&1 </dev/null
status=$?
if $update; then
    cp "$SCRATCH/transcript" "$expect"
elif [ $status != 0 ] || [ ! -e "$expect" ]; then
    cat "$SCRATCH/transcript"
elif ! diff -u "$expect" "$SCRATCH/transcript"; then
    echo "the transcript differs from $expect (run.sh --update SCRIPT writes it anew)"
    exit 1
fi
exit $status
