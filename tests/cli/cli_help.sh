# SPDX-License-Identifier: MIT
# Every command has a manual page that fits 80 columns, and prints nothing else.
good --help
commands=$(sed -n '/^COMMANDS/,/^$/s/^ *\([a-z]\+\) .*/\1/p' out)
[ "$(echo $commands)" = "run tokenize detokenize devices sites model plan sweep bench campaign replay export merge report compare gate artifact selfcheck" ] ||
    fail "commands listed: $commands"
for command in $commands; do
    good "$command" --help
    for section in NAME SYNOPSIS OPTIONS DESCRIPTION EXAMPLES; do
        grep -qx "$section" out || fail "$command --help: no section $section"
    done
    grep -q "vkfi $command - " out || fail "$command --help: no name line"
    awk 'length > 80 { exit 1 }' out || fail "$command --help: a line over 80 columns"
    cp out page
    case $command in
    export | merge) good "$command" x -h ;;
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
