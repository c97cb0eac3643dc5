# SPDX-License-Identifier: MIT
# The campaign at the end of `setup.sh run`, without any data, prints what the README says.
need_real
export VKFI_DATA=$PWD/nothing
sed "s|smollm2-135m|$REAL|" "$VKFI_SOURCE/inject/plans/first_answers.json" >plan.json
"$VKFI" campaign run plan.json -o answers.db >out 2>err || fail "exit code $?: $(cat err)"
sed -n '/^SDC /p; /^answers lost/,/^score: /p' out >printed
sed -n '/^SDC 18 of 240/,/^```$/p' "$VKFI_SOURCE/README.md" | grep -v '^```$\|^\.\.\.$\|^$' >promised # parts of it
[ "$(wc -l <promised)" -ge 8 ] || fail "found no table of answers in README.md"
grep -Fxf promised printed >found
cmp found promised || fail "$(cat printed)"
