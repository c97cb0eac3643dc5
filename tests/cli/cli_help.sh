# SPDX-License-Identifier: MIT
# Every command has a manual page that fits 80 columns, and prints nothing else.
good --help
commands=$(sed -n '/^COMMANDS/,/^$/s/^ *\([a-z]\+\) .*/\1/p' out)
[ "$(echo $commands)" = "run serve tokenize detokenize devices sites model task protect plan sweep bench campaign replay export merge report compare gate artifact selfcheck selftest" ] ||
    fail "commands listed: $commands"
for command in $commands; do
    good "$command" --help
    for section in NAME SYNOPSIS OPTIONS DESCRIPTION EXAMPLES; do
        grep -qx "$section" out || fail "$command --help: no section $section"
    done
    grep -q "vkfi $command - " out || fail "$command --help: no name line"
    awk 'length > 80 { exit 1 }' out || fail "$command --help: a line over 80 columns"
    # The files that a page names exist.
    for file in $(grep -oE '\b(inject|host|shaders|tests|third_party)/[A-Za-z0-9_./*-]*[A-Za-z0-9_/*]' out); do
        ls $VKFI_SOURCE/$file >/dev/null 2>&1 || fail "$command --help names $file, which is not in the tree"
    done
    cp out page
    case $command in
    export | merge | task) good "$command" x -h ;;
    *) good "$command" -m x -h ;;
    esac
    cmp -s page out || fail "$command: --help and -h differ"
done 2>&1
good run --help
for word in site point kind bit mask value step position row key field; do
    grep -q "\b$word\b" out || fail "run --help says nothing of '$word'"
done
# The example of the page is a file that works.
need_tiny
sed -n '/An example file/,/^$/p' out | sed 1d >fault.json
sed -i 's/blk.3/blk.0/' fault.json
good run -m "$LLAMA" -p hello -n 4 --fault fault.json --json
json 'len(d["faults"]) == 2'
# Every member of a record, every outcome and every flag is on the page.
cp out record
good run --help
cp out page
words=$(python3 -c '
import json
def keys(value):
    for item in value if isinstance(value, list) else value.values():
        if isinstance(item, (dict, list)):
            yield from keys(item)
    if isinstance(value, dict):
        yield from value
print(*sorted(set(keys(json.load(open("record"))["faults"]))))')
[ "$(echo $words | wc -w)" -ge 35 ] || fail "members of a record: $words"
table() { # the words of a table of kinds.h that a run without a scorer and without limits can give
    sed -n "/^#define $1(X)/,/^\$/s/.*X([A-Z_]*, \"\([a-z_]\+\)\").*/\1/p" \
        "$VKFI_SOURCE/inject/space/kinds.h"
}
outcomes=$(table OUTCOMES | grep -v 'sdc_[^u]')
[ "$(echo $outcomes)" = "not_reached inert due masked_bitexact masked_tokens sdc_unscored" ] ||
    fail "outcomes: $outcomes"
[ "$(table FLAGS | wc -l)" -ge 6 ] && [ "$(table DUE_REASONS | wc -l)" -ge 5 ] &&
    [ "$(table PLACES | wc -l)" = 5 ] || fail "no tables"
for word in $words $outcomes $(table FLAGS) $(table DUE_REASONS) $(table PLACES); do
    grep -qw "$word" page || fail "run --help says nothing of '$word'"
done
