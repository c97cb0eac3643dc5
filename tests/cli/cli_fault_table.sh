# SPDX-License-Identifier: MIT
# Faults: the table as users see it.
need_tiny
good run -m "$LLAMA" -p hello -n 6 --fault "$HERE/cli_fault.json" -d cpu:scalar
sed -e 's/^golden run on .*: \([0-9]* tokens\)/golden run: \1/' out
