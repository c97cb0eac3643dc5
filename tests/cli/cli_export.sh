# SPDX-License-Identifier: MIT
# An export stands alone: labels, prompts, device, all faults of a trial, and what each field is.
cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 3, "stop": "none"}, "seed": 3, "population": "bits",
 "prompts": [{"texts": ["ab, \\"c\\"", "hello"]}], "where": {"place": "weight"}, "faults_per_trial": 3,
 "strata": ["layer"], "sampling": {"trials": 20}}
TEXT
good campaign run plan.json -o run.db
good export run.db -o run.csv --faults faults.csv
good export run.db --format jsonl -o run.jsonl
good export --describe
cp out fields.json
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
assert [f["name"] for f in fields] == list(lines[0]) and list(rows[0]) == list(lines[0])[:-1]
assert all(f["meaning"] and f["type"] in ("integer", "real", "text", "list") for f in fields)
assert [f["name"] for f in fields if not f["same_when_run_again"]] == [
    "path", "attempts", "device", "seconds", "suspect", "device_name"]
plan = json.load(open("plan.json"))
for row, line in zip(rows, lines, strict=True):
    assert line["prompt"] == row["prompt"] == plan["prompts"][0]["texts"][line["item"]]
    assert line["stratum"] is None or line["stratum_label"].startswith("layer=")
    assert line["golden_text"] is not None and line["device_name"]
    own = [json.loads(f["fault"]) for f in faults if f["trial"] == row["trial"]]
    assert own == line["further_faults"] and len(own) == line["n_faults"] - 1
    assert all("site" in fault for fault in own)
assert len(faults) > 20
archive = zipfile.ZipFile("run.zip")
assert json.loads(archive.read("fields.json")) == fields
assert archive.read("trials.faults.csv") == open("faults.csv", "rb").read()
TEXT
