#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# debug_build.sh COMPILER TREE FOLDER: a Debug build of the whole tree, in which every warning is an error.
set -euo pipefail
compiler=$1 tree=$2 folder=$3
command -v "$compiler" >/dev/null || {
    echo "skipped: $compiler is not on this machine"
    exit 77
}
rm -rf "$folder"
CC=$compiler cmake --preset debug -S "$tree" -B "$folder" >/dev/null
NINJA_STATUS='' cmake --build "$folder" -j "$(nproc)" -- --quiet
rm -rf "$folder"
