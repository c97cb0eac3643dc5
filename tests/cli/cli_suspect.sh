# SPDX-License-Identifier: MIT
# A database with suspect rows: all that reads its trials refuses it with the same line, or on
# request goes on without them (copies: with their mark).

# The fixture's second half is suspect.
"$FIXTURE" doubted.db suspect per_stratum=40 && "$FIXTURE" sound.db per_stratum=40 || fail "the fixtures"
LINE='^vkfi: error: [a-z]*.db: found [0-9]* suspect rows before a control that failed (a dry fault was not masked), expected none; --allow-suspect'

# `both EXPECTED ARGS`: refused without the option; with it exit code EXPECTED and one warning.
both() {
    local expected=$1 code
    shift
    refused 2 "$@"
    grep -q "$LINE" err || fail "another line: vkfi $* ($(cat err))"
    "$VKFI" "$@" --allow-suspect >out 2>err
    code=$?
    [ $code = "$expected" ] || fail "exit code $code, expected $expected: vkfi $* ($(cat err))"
}
warned() {
    grep -q 'rows are suspect before a control that failed' err || fail "no warning: $1 ($(cat err))"
}

both 0 report doubted.db -o doubted.html
warned report
grep -q '<b>[0-9]* rows are suspect</b>' doubted.html || fail "the report does not tell"
both 0 gate doubted.db --max 0.9
warned gate
both 0 gate sound.db --baseline doubted.db --margin 0.9
both 0 compare doubted.db sound.db
warned compare
both 0 compare sound.db doubted.db --baseline --margin 0.9
both 0 export doubted.db -o doubted.csv
warned export
python3 - <<'CSV' || fail "the export has not all rows with their mark"
import csv
rows = list(csv.DictReader(open("doubted.csv", encoding="utf-8", newline="")))
marked = sum(row["suspect"] == "a dry fault was not masked" for row in rows)
assert 0 < marked < len(rows), (marked, len(rows))
CSV
both 0 merge doubted.db -o merged.db
grep -q ', [0-9]* suspect$' out || fail "merge does not tell: $(cat out)"
[ ! -e doubted.zip ] || fail "an archive was begun"
both 0 artifact doubted.db -o doubted.zip
both 0 plan confirm doubted.db --seed 5 -o anew.json

# Copies are as suspect as their sources.
refused 2 report merged.db -o merged.html
[ ! -e merged.html ] || fail "a page was begun"
good campaign status merged.db
grep -q '^suspect *[1-9]' out || fail "status does not tell: $(cat out)"
