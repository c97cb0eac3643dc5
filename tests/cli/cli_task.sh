# SPDX-License-Identifier: MIT
# The tasks as a user meets them: list, an item of each, an own task, the schema, what is refused.
items=$VKFI_SOURCE/tests/tasks/items
unset VKFI_DATA
export XDG_CACHE_HOME=$PWD/cache
good task list
[ "$(wc -l <out)" = 14 ] || fail "a head and tasks listed: $(wc -l <out)"
awk 'NR == 1 && !/^task +area +kind +metrics +licence +data +title$/ { exit 1 }' out || fail "$(head -1 out)"
good task list --json --data "$items"
json 'len(d) == 13 and all(t["data"] for t in d) and sorted({t["area"] for t in d}) == ["coding", "mathematical", "multilingual", "reasoning"]'
for name in $(python3 -c 'import json; print(*[t["task"] for t in json.load(open("out"))])'); do
    good task show "$name" --data "$items" --item 11 --json
    json 'd["records"] - d["left_out"] >= 12'
    json 'd["item"] == 11 and d["licence"] and d["doc_id"] and ("gold" in d) == (d["kind"] == "choices") and ("target" in d) == (d["kind"] != "choices")'
    # The manifest names the same licence and the same folder.
    python3 - "$VKFI_SOURCE/third_party/tasks.json" <<'EOF' || fail "$name: tasks.json says something else"
import json, sys
shown = json.load(open("out"))
entry = {t["name"]: t for t in json.load(open(sys.argv[1]))["tasks"]}[shown["task"]]
assert entry["licence"] == shown["licence"] and entry["files"]
assert entry["non_commercial"] == ("NC" in entry["licence"])
assert entry["share_alike"] == ("SA" in entry["licence"])
EOF
    VKFI_DATA=$items good task show "$name"
    grep -q '^doc_id  *[^ ]' out || fail "no name that task score would take: $(cat out)"
done
refused 2 task show gsm8k
grep -q 'vkfi task get gsm8k' err || fail "no way to the data: $(cat err)"
refused 2 task show gsm8k --data "$items" --item 12
refused 2 task show gsm9k
grep -q "did you mean 'gsm8k'" err || fail "no suggestion: $(cat err)"
refused 2 task show gsm8k --data "$PWD/absent"
refused 2 task show gsm8k --data "$items" --shots 7
refused 2 task get
VKFI_TASK_SOURCE=http://127.0.0.1:9 "$VKFI" task get xnli >out 2>err && fail "xnli without its licence"
grep -q 'accept-licence' err || fail "no word of the licence: $(cat err)"

# An own file of a task's format, and the worked example of tasks/definitions/README.md.
printf '3 + 4?\t7\n' >mgsm_de.tsv
good task show mgsm --data-file mgsm_de.tsv --json
json 'd["group"] == "de" and d["target"] == "7" and d["prompt"].startswith("Frage: 3 + 4?")'
printf 'The cat sleeps.\n' >eng_Latn.txt
printf 'Die Katze schläft.\n' >deu_Latn.txt
good task show flores200 --data-file eng_Latn.txt --data-file deu_Latn.txt --json
json 'd["group"] == "eng_Latn-deu_Latn" and d["target"] == "Die Katze schläft."'
refused 2 task show flores200 --data-file eng_Latn.txt
sed -n '/^```json/,/^```/p' "$VKFI_SOURCE/tasks/definitions/README.md" | sed '/^```/d' >capitals.json
[ -s capitals.json ] || fail "tasks/definitions/README.md has no example"
printf '{"country": "France", "capital": "Paris", "others": ["Lyon", "Nice"]}\n{"country": "Italy", "capital": "Rome", "others": ["Milan", "Turin"]}\n' >capitals.jsonl
good task show ./capitals.json --item 1 --json
json '[c["text"] for c in d["choices"]] == [" Rome", " Milan", " Turin"] and d["gold"] == 0'
printf '{"country": "France"}\n' >capitals.jsonl
refused 2 task show ./capitals.json
grep -q 'capitals.jsonl:1: choices, line 1 of the template: found ' err || fail "$(cat err)"
printf '{"name": "x", "kind": "choices", "data": {"format": "jsonl", "files": ["a"]}, "tempalte": ""}' >bad.json
refused 2 task show ./bad.json
grep -q "bad.json: /tempalte (line 1): unknown field; did you mean 'template'" err || fail "$(cat err)"

# The published schema is what the program prints, and holds for every definition of the tree.
good task schema
diff "$VKFI_SOURCE/tasks/task.schema.json" out || fail "vkfi task schema > tasks/task.schema.json writes it anew"
[ -n "${VKFI_PYTHON:-}" ] || skip "VKFI_PYTHON names no Python with jsonschema"
"$VKFI_PYTHON" -c 'import jsonschema' 2>/dev/null || skip "no package jsonschema"
"$VKFI_PYTHON" "$HERE/task_fields.py" "$VKFI" "$VKFI_SOURCE" || exit 1
