# SPDX-License-Identifier: MIT
# A record has one set of names, values and number forms: in `run --fault --json`, the database, an
# export as CSV and as JSON lines, and `replay --json`; of every kind of place and every outcome.
need_tiny

good export --describe --json
cp out fields.json
for place in op weight kv table control; do
    sites='"*"]' each=1
    [ $place = kv ] && each=3 # the faults of a trial together
    [ $place = op ] &&
        sites='"*"], "point": ["operand", "weight", "partial", "out", "mem", "accumulator"],
  "readers": ["row", "tile", "all", "column", "chunk"], "granularity": ["element", "vector", "lane"]'
    cat >plan.json <<TEXT
{"model": "$LLAMA", "prompts": {"ids": [[9, 8, 7, 200, 201, 202, 31]]}, "population": "equal", "seed": 5,
 "decoding": {"n": 6}, "sampling": {"trials": 200}, "record": "full", "lanes": 3, "tiles": 8, "chunk": 4,
 "faults_per_trial": $each,
 "where": {"place": "$place", "sites": [$sites},
 "what": {"kind": ["flip", "stuck_at_1", "random", "zero", "set"], "value": "0x3f000000"},
 "controls": {"dry": 0, "sentinel": 0, "naive": 0, "cpu": 0}}
TEXT
    rm -f run.db
    good campaign run plan.json -o run.db -d cpu
    good export run.db -o run.csv
    good export run.db --format jsonl -o $place.jsonl
    good run -m "$LLAMA" --ids 9,8,7,200,201,202,31 -n 6 --fault <(
        python3 -c 'import json, sys; print(json.dumps([json.loads(line)["fault"] for line in sys.stdin]))' <$place.jsonl
    ) -d cpu --json
    cp out run.json
    for trial in 0 7 93; do
        good replay run.db $trial --json
        cp out replay.$trial.json
    done
    python3 "$VKFI_SOURCE/tests/inject/store_export.py" run.db run.csv $place.jsonl ||
        [ $? = 77 ] || fail "$place: the export is not the database"
    python3 - $place.jsonl <<'TEXT' || fail "$place: a record is not the same everywhere"
import csv, json, sys

def parse(text):
    """Numbers as they are written."""
    return json.loads(text, parse_float=lambda s: ("number", s), parse_int=lambda s: ("number", s))

def in_csv(value):
    """Null and NaN are empty; U+0000 is what CSV has for it."""
    if value is None or value == "NaN":
        return ""
    return value[1] if isinstance(value, tuple) else value.replace("\0", "\u2400")

levels = ["draw", "place", "outcome", "summary", "full", "arm", "run"]
fields = {f["name"]: levels.index(f["level"]) for f in json.load(open("fields.json", encoding="utf-8"))}
lines = [parse(line) for line in open(sys.argv[1], encoding="utf-8")]
records = parse(open("run.json", encoding="utf-8").read())["faults"]
rows = list(csv.DictReader(open("run.csv", encoding="utf-8", newline="")))
assert len(lines) == len(records) == len(rows) == 200 and {line["place"] for line in lines} == {sys.argv[1][:-6]}

def same(what, line, record, first, last):
    """All fields of the levels from `first` to `last`, in order."""
    assert list(record) == [n for n, level in fields.items()
                            if levels.index(first) <= level <= levels.index(last)], list(record)
    for name, value in record.items():
        if value != line[name]:
            raise SystemExit(f"trial {line['trial'][1]}, {name}: {line[name]!r}, {what} says {value!r}")

for line, record, row in zip(lines, records, rows):
    assert list(line) == list(row) == list(fields)
    same("run", line, record, "place", "full")
    for name, value in line.items():
        is_json = isinstance(value, (list, dict))
        if parse(row[name]) != value if is_json else row[name] != in_csv(value):
            raise SystemExit(f"trial {line['trial'][1]}, {name}: {value!r}, CSV says {row[name]!r}")
for trial in (0, 7, 93):
    again = parse(open(f"replay.{trial}.json", encoding="utf-8").read())
    assert again["identical"] and again["outcome"] == again["record"]["outcome"]
    same("replay", lines[trial], again["record"], "draw", "arm")
TEXT
done
python3 - <<'TEXT' || fail "the records show too little"
import json
lines = [json.loads(line) for place in ("op", "weight", "kv", "table", "control")
         for line in open(f"{place}.jsonl", encoding="utf-8")]
found = {line["outcome"] for line in lines}
assert found == {"inert", "due", "masked_bitexact", "masked_tokens", "sdc_unscored"}, found
assert any(line["nan_site"] for line in lines) and any(line["healed_at"] for line in lines)
TEXT
