# SPDX-License-Identifier: MIT
# Texts of a model: bytes decide whether they are equal, and nulls and control characters survive in
# JSON, database and exports.
need_tiny

# The last token set to each of the vocabulary: ids below 256 spell one byte each, the others nothing.
python3 - <<'TEXT'
import json
json.dump([{"site": "control.sampler", "kind": "set", "value": v, "step": 5} for v in range(320)],
          open("last.json", "w"))
json.dump([{"site": "control.sampler", "kind": "set", "value": 0, "step": s} for s in range(6)] +
          [{"site": "control.sampler", "kind": "set", "value": 27, "step": 5}], open("nul.json", "w"))
TEXT
# A prompt whose last token is a byte that is no character: others display alike.
for ids in $(seq 1 60) none; do
    [ "$ids" != none ] || fail "no such prompt"
    good run -m "$LLAMA" --ids "$ids" -n 6 --ignore-eos --json
    python3 -c 'import json, sys
*_, before, last = json.load(open("out"))["tokens"]
sys.exit(not (128 <= last < 256 and before < 128))' && break
done
for options in "" --naive; do
    # shellcheck disable=SC2086
    good run -m "$LLAMA" --ids "$ids" -n 6 --ignore-eos --json --fault last.json $options
    python3 - <<'TEXT' || exit 1
import json
d = json.load(open("out"))
spell = lambda token: bytes([token]) if token < 256 else b""
seen = set()
for token, f in enumerate(d["faults"]):
    golden = int(f["before"], 16)
    same = spell(token) == spell(golden)
    expected = ("inert" if token == golden else "masked_tokens" if same else "sdc_unscored")
    if f["outcome"] != expected or (f["first_diff"] is None) != (token == golden):
        raise SystemExit(f"FAILED: {token} for {golden}: {f['outcome']}, {f['first_diff']}")
    seen.add((f["outcome"], f["golden_text"] == f["faulty_text"]))
if ("sdc_unscored", True) not in seen:
    raise SystemExit("FAILED: no two texts that only display alike")
TEXT
done

# A run that ends before the pass of the struck position has no residuals there.
cat >range.json <<'TEXT'
[{"site": "control.position", "kind": "flip", "bit": 5, "step": 1},
 {"site": "control.token", "kind": "set", "value": 100000, "position": 0},
 {"site": "control.sampler", "kind": "set", "value": 100000, "step": 1}]
TEXT
for options in "" --naive; do
    # shellcheck disable=SC2086
    good run -m "$LLAMA" --ids 9,8,7,200,201,202,31 -n 6 --ignore-eos --json --fault range.json $options
    json 'all(f["outcome"] == "due" and f["due_reason"] == "range" for f in d["faults"])'
    json '[len(f["deviation"]) for f in d["faults"]] == [0, 0, 2]'
done
good run -m "$LLAMA" --ids 9,8,7 -n 6 --ignore-eos --fault range.json
[ "$(grep -c 'the run ended before the pass' out)" = 2 ] || fail "$(cat out)"

# Nulls and escapes in output.
good run -m "$LLAMA" --ids 9,8,7,200,201,202,31 -n 6 --json --fault nul.json
cp out run.json
json 'all(f["faulty_text"].count("\0") >= 1 for f in d["faults"][:6])'
json 'd["faults"][5]["faulty_text"][-1] == "\0" and d["faults"][6]["faulty_text"][-1] == "\x1b"'
good run -m "$LLAMA" --ids 9,8,7,200,201,202,31 -n 6 --fault nul.json
[ "$(grep -c '^  faulty .*\\x00' out)" = 6 ] || fail "$(cat out)"
cat >plan.json <<TEXT
{"model": "$LLAMA", "prompts": {"ids": [[9, 8, 7, 200, 201, 202, 31]]}, "population": "equal",
 "decoding": {"n": 6}, "sampling": {"trials": 6},
 "where": {"place": "control", "sites": "control.sampler"}, "what": {"kind": "set", "value": 0},
 "when": {"stage": ["first", "decode"]}, "controls": {"dry": 0, "sentinel": 0, "naive": 0, "cpu": 0}}
TEXT
good campaign run plan.json -o out.db -d cpu
good export out.db --format jsonl -o rows.jsonl
good export out.db --format csv -o rows.csv
good report out.db -o out.html
python3 - <<'TEXT' || exit 1
import csv, json, sqlite3
run = {f["position"]: f["faulty_text"] for f in json.load(open("run.json"))["faults"][:6]}
rows = [json.loads(line) for line in open("rows.jsonl", encoding="utf-8")]
table = list(csv.DictReader(open("rows.csv", encoding="utf-8", newline="")))
stored = dict(sqlite3.connect("out.db").execute("SELECT trial, faulty_text FROM trial"))
for row, shown in zip(rows, table, strict=True):
    text = run[row["position"]]
    if not (row["faulty_text"] == stored[row["trial"]] == text and "\0" in text
            and shown["faulty_text"] == text.replace("\0", "\u2400")):
        raise SystemExit(f"FAILED: {row['trial']}: {row['faulty_text']!r}, {shown['faulty_text']!r}, {text!r}")
if len(rows) != 6:
    raise SystemExit(f"FAILED: {len(rows)} rows")
TEXT
