# SPDX-License-Identifier: MIT
# The choice of a command.
"$VKFI" 2>err
[ $? = 2 ] || fail "no command: exit code $?"
cat err
try runn
try calibrate
refused 2 --versoin
grep -q 'did you mean --version?' err || fail "$(cat err)"
refused 2 -x run
try --version run
try help runn
good help
cp out page
good --help
cmp page out || fail "help and --help differ"
good help run
cp out page
good run --help
cmp page out || fail "help run and run --help differ"
good --version
grep -qx 'vkfi [0-9.]* (contract exact-1)' out || fail "$(cat out)"
