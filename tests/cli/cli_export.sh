# SPDX-License-Identifier: MIT
# An export stands alone: labels, prompts, device, all faults of a trial, and the meaning of each field.
need_tiny

cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 3, "stop": "none"}, "seed": 3, "population": "bits",
 "prompts": [{"texts": ["ab, \\"c\\""], "group": "quoted"}, {"texts": ["hello"]}], "where": {"place": "weight"},
 "faults_per_trial": 3, "strata": ["layer"], "sampling": {"trials": 20}}
TEXT
good campaign run plan.json -o run.db
good export run.db -o run.csv --faults faults.csv
good export run.db --format jsonl -o run.jsonl
good export --describe --json
cp out fields.json
good export --describe
cp out fields.txt
refused 2 export run.db --json
refused 2 export run.db --describe
refused 2 export run.db --format jsonl --faults faults.csv
refused 2 export run.db --faults run.db
good artifact run.db -o run.zip
python3 - <<'TEXT' || fail "the export does not stand alone"
import csv, json, zipfile
rows = list(csv.DictReader(open("run.csv", encoding="utf-8", newline="")))
lines = [json.loads(line) for line in open("run.jsonl", encoding="utf-8")]
faults = list(csv.DictReader(open("faults.csv", encoding="utf-8", newline="")))
fields = json.load(open("fields.json", encoding="utf-8"))
names = [f["name"] for f in fields]
assert names == list(lines[0]) == list(rows[0]) and len(set(names)) == len(names)
table = open("fields.txt", encoding="utf-8").read()
for f in fields:
    assert f["meaning"] and f["unit"] and 1 <= f["since"] <= 9
    assert f["type"].split(",")[0] in ("integer", "real", "text", 'bits: text "0x..."', "list of texts",
                                       "list of objects", "object or list")
    free = "" if f["same_when_run_again"] else " *"
    head = f"  {f['name']}{free} ({f['type']}; unit {f['unit']}; {f['level']}; since {f['since']})"
    assert f"{head}\n      {f['meaning']}\n" in table, head
assert {f["unit"] for f in fields} >= {"none", "tokens", "seconds", "bits", "nats", "bytes"}
assert [f["name"] for f in fields if not f["same_when_run_again"]] == [
    "path", "attempts", "device_id", "seconds", "suspect", "device"]
plan = json.load(open("plan.json"))
texts = [(text, entry.get("group", "")) for entry in plan["prompts"] for text in entry["texts"]]
for row, line in zip(rows, lines, strict=True):
    assert (line["prompt"], line["prompt_group"]) == texts[line["item"]]
    assert (row["prompt"], row["prompt_group"]) == texts[line["item"]]
    assert line["stratum"] is None or line["stratum_label"].startswith("layer=")
    assert line["golden_text"] is not None and line["device"]
    own = [json.loads(f["fault"]) for f in faults if f["trial"] == row["trial"]]
    assert json.loads(row["fault"]) == line["fault"] == (own if len(own) > 1 else own[0])
    assert len(own) == line["n_faults"] and own[0]["site"] == line["site"]
    for name in ("flags", "deviation"):
        assert json.loads(row[name]) == line[name]
assert len(faults) > 40
archive = zipfile.ZipFile("run.zip")
assert json.loads(archive.read("fields.json")) == fields
assert archive.read("trials.faults.csv") == open("faults.csv", "rb").read()
TEXT
