# SPDX-License-Identifier: MIT
# Databases merged and exported: output, refusals, files in the folder.
make=$(dirname "$VKFI")/tests/test_store_merge
[ -x "$make" ] || skip "no $make"
"$make" --make . >made 2>&1 || fail "$(cat made)"
rm made
ls *.db
try merge out.0.db out.1.db out.2.db -o all.db --complete
try merge out.0.db out.1.db out.2.db -o all.db --complete
try merge all.db out.1.db -o again.db
try merge out.0.db out.2.db -o part.db
try merge out.0.db out.2.db -o none.db --complete
try merge out.0.db out.0.db -o none.db
try merge out.0.db all.db -o out.0.db
try merge nothing.db -o none.db
try merge . -o none.db
try merge -o none.db
try merge out.0.db
try merge out.0.db -o
try export
try export all.db out.0.db
try export all.db --format xml
try export all.db --fromat csv
try export all.db -o all.db
try export all.db -o no/out.csv
try export err
rm out err
ls *.db

# All forms say the same, to a file and to standard output.
for format in csv jsonl; do
    good export all.db --format $format
    cp out "all.$format"
    "$VKFI" export all.db --format $format -o file || fail "export -o: $?"
    cmp -s file "all.$format" || fail "$format: -o and standard output differ"
    good export again.db --format $format
    cmp -s out "all.$format" || fail "$format: merged again, another export"
done
good export all.db
cmp -s out all.csv || fail "csv is not the default"
python3 - <<'TEXT' || exit 1
import csv, json
with open("all.csv", encoding="utf-8", newline="") as file:
    rows = list(csv.reader(file, strict=True))
with open("all.jsonl", encoding="utf-8") as file:
    objects = [json.loads(line) for line in file]
if not (len(rows) == 1001 and len(objects) == 1000 and rows[0] == list(objects[0])
        and [int(r[0]) for r in rows[1:]] == [o["trial"] for o in objects] == list(range(1000))):
    raise SystemExit("FAILED: the exports are not of 1000 trials in order")
TEXT

# One flipped bit in one text of one trial has its place printed alone.
cp all.db bad.db
python3 - <<'TEXT'
with open("bad.db", "r+b") as file:
    data = file.read()
    at = data.rindex(b"blk.3.attn_q")
    file.seek(at)
    file.write(b"clk")
TEXT
refused 2 export bad.db
grep -q '^vkfi: error: bad.db: damaged: table trial, row [0-9]*: ' err || fail "$(cat err)"
refused 2 merge bad.db -o none.db
[ ! -e none.db ] || fail "merge of a damaged database left none.db"

# A file stays as it was if it cannot be replaced; a full device is an error, a closed pipe the end.
echo old >kept
(
    ulimit -f 8
    trap '' XFSZ
    "$VKFI" export all.db -o kept 2>err
    [ $? = 2 ] || fail "a limit of the file's size: exit code $?"
) || exit 1
grep -q 'kept: cannot write\|export: cannot write' err || fail "$(cat err)"
[ "$(cat kept)" = old ] || fail "the old file is gone"
"$VKFI" export all.db >/dev/full 2>err
[ $? = 2 ] || fail "export >/dev/full: exit code $?"
[ "$(wc -l <err)" = 1 ] || fail "$(cat err)"
"$VKFI" export all.db 2>err | head -n 1 >/dev/null
code=${PIPESTATUS[0]}
[ "$code" = 141 ] || fail "closed pipe: exit code $code"
[ ! -s err ] || fail "$(cat err)"
ls ./*.part ./*-wal ./*-lock 2>/dev/null
exit 0
