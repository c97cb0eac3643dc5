# SPDX-License-Identifier: MIT
# vkfi report: one whole file, the same twice; its data; refusals.
command -v gnuplot >/dev/null || skip "no gnuplot"
refused 2 report
refused 2 report a.db b.db
refused 2 report nothing.db
echo "no database" >text.db
refused 2 report text.db
[ ! -e text.db.html ] || fail "a refused database left a report"

"$FIXTURE" a.db per_stratum=40 || fail "the fixture"
good report a.db -o first.html --data data
[ "$(cat out)" = first.html ] || fail "the name of the file is not printed"
good report a.db --json
json 'd["file"] == "a.db.html" and d["trials"] == 720 and d["rows"] == d["planned"] == 752 and d["seed"] == 7'
json 'd["rates"]["sdc"]["low"] < d["rates"]["sdc"]["rate"] < d["rates"]["sdc_of_changed"]["rate"]'
json 'sum(v == "drawn" for v in d["pictures"].values()) == 11 and "no scorer" in d["pictures"]["flow"]'
cmp -s first.html a.db.html || fail "the same database gave another file"
python3 "$HERE/html_check.py" first.html 11 || fail "first.html is not whole"
for part in summary pictures strata examples methods provenance limits; do
    grep -q "<section id=\"$part\">" first.html || fail "no section $part"
done
grep -q 'Same logical faults; says nothing about how often silicon upsets' first.html ||
    fail "no word on silicon"
grep -q 'campaign seed 7' first.html || fail "no seed in the methods"
grep -q 'Golden runs of 0 of 10 items are marked underflow' first.html || fail "no word on underflow"
"$FIXTURE" flushed.db per_stratum=40 underflow=3 || fail "the fixture"
good report flushed.db
grep -q 'Golden runs of 3 of 10 items are marked underflow' flushed.db.html || fail "no mark"
grep -q '&lt;once&gt;' first.html || fail "the incident is not there, or not escaped"
grep -q 'May &lt;so&gt; that' first.html || fail "the golden text is not there, or not escaped"
! grep -q 'rgb(' first.html || fail "a colour of no theme is left"
for file in strata.csv strata.tex strata.gp strata.svg outcomes.csv hypotheses.tex methods.txt; do
    [ -s data/$file ] || fail "--data wrote no $file"
done
python3 - <<'TEXT' || fail "the methods say another design effect than the table, or less than was done"
import csv
text = open("data/methods.txt", encoding="utf-8").read()
table = {row["outcome"]: row for row in csv.DictReader(open("data/outcomes.csv"))}
assert "SDC over the campaign is %.4g," % float(table["SDC (all)"]["design_effect"]) in text, text
for word in ["(z / t)^2", "skewness", "Newcombe", "Holm", "Clopper", "The model is smollm2-135m (SHA-256 000000000000)",
             "run by vkfi 0.1.0 under arithmetic contract exact-1", "stored as f32", "10 prompts", "of kind flip",
             "single bits at any position", "at point out of place op", "duration transient, intermittent",
             "stage prefill, first, decode", "cluster bootstrap", "dry controls", "abnormal end"]:
    assert word in text, word
for word in ["sdc_critical", "binomial", "several", "suspect", "are scored", "confirms"]:
    assert word not in text, word
TEXT
# The model by the manifest's entry; with the model itself also by its tensors' types.
known=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["models"][0]["sha256"])' \
    "$VKFI_SOURCE/third_party/models.json")
"$FIXTURE" known.db layers=1 "model_hash=$known" && good report known.db || fail "the fixture of a known model"
grep -q "The model is smollm2-135m (SmolLM2 135M Instruct by Hugging Face, Q4_1; SHA-256 ${known:0:12})" known.db.html ||
    fail "the methods do not name the quantisation"
"$FIXTURE" told.db layers=1 'model={"architecture":"llama","name":"A <b>","file_type":"Q4_K_M","bytes":96636764,"tensors":{"F32":61,"Q4_K":211}}' &&
    good report told.db --json || fail "the fixture of a model that the database tells of"
grep -q 'The model is smollm2-135m (llama, file type Q4_K_M, 92.16 MiB, tensors F32 (61), Q4_K (211); SHA-256 000000000000)' told.db.html ||
    fail "the methods do not tell what the database knows of the model"

# Verdicts on hypotheses: which side, which bound, and how few prompts have the events.
for word in 'supported</b> (one-sided at 95 %: at least +[0-9.]* points)' 'two one-sided tests at 95 %: from' \
    'its 5 events come from 3 prompts' 'weighted over strata (95 %: Wilson, n = [0-9.]*' 'of 720 as drawn'; do
    grep -q "$word" first.html || fail "the verdict does not say: $word"
done
"$FIXTURE" lonely.db layers=2 items=1 && good report lonely.db && "$FIXTURE" quiet.db scale=0 && good report quiet.db ||
    fail "the fixtures of few prompts"
grep -q 'events come from one prompt' lonely.db.html || fail "one prompt: not told"
grep -q 'no event on either side' quiet.db.html || fail "no event: not told"

# Pictures: the peak bits have their ticks, a line breaks where a bin is missing or has few trials, an
# axis that does not start at 0 has a mark, legends are outside.
grep -q '^set xtics ("0" 0, .*"23" 23, "\\n30" 30, "31" 31)$' data/bits.gp || fail "ticks: $(grep xtics data/bits.gp)"
grep -q '^set yrange \[[1-9]' data/survival.gp && [ "$(grep -c '^set arrow .* nohead' data/survival.gp)" = 2 ] ||
    fail "survival: an axis cut without a mark"
! grep -l 'set key \(top\|bottom\) ' data/*.gp || fail "a legend among the data"
python3 - <<'TEXT' || fail "a line through what is not there"
import re
text = open("data/change.gp", encoding="utf-8").read()
blocks = re.search(r"\$bins << END_OF_DATA\n(.*?)END_OF_DATA", text, re.S)[1].strip().split("\n\n")
runs = [[line.split() for line in block.split("\n")] for block in blocks]
assert len(runs) > 1
for run in runs:
    assert len(run) == 1 or all(row[4] == "0" for row in run), run
    assert all(abs(float(b[0]) - float(a[0]) - 1) < 1e-9 for a, b in zip(run, run[1:])), run
TEXT
"$FIXTURE" none.db scale=0 || fail "the fixture without events"
good report none.db --json
json 'all("no trial shows the event" in d["pictures"][p] for p in ("cells", "bits", "sites", "stages", "change", "margin")) and "no text differs" in d["pictures"]["survival"]'
for file in data/*.svg; do
    python3 -c 'import sys, xml.etree.ElementTree as e; e.parse(sys.argv[1])' "$file" ||
        fail "$file is no XML"
done
python3 - <<'TEXT' || fail "a table of LaTeX is not even"
import glob, re
for name in set(glob.glob("data/*.tex")) - set(glob.glob("data/*.figure.tex")):
    text = open(name, encoding="utf-8").read().replace("\\&", "")
    text = re.sub(r"\\begin\{tabular\}\[t\].*?\\end\{tabular\}|\\shortstack\[.\]\{[^}]*\}", "cell", text)
    parts = re.findall(r"\\begin\{(?:long|)tab(?:le|ular)\}(\{@.*?@\{\}\})\n(.*?)\\end\{", text, re.S)
    assert parts, name
    for columns, body in parts:
        count = columns.count("pt}") + re.sub("raggedright|arraybackslash", "", columns).count("r")
        rows = [line for line in body.splitlines() if line.endswith(" \\\\")]
        assert rows and all(row.count("&") == count - 1 for row in rows), (name, columns, rows[0])
TEXT

# Scores, a second device, a growing database, strata without weights, few trials.
"$FIXTURE" scored.db scored per_stratum=40 suspect && "$FIXTURE" other.db other_device per_stratum=40 \
    disagree=30 && "$FIXTURE" growing.db missing=0.4 && "$FIXTURE" equal.db equal &&
    "$FIXTURE" tiny.db per_stratum=1 items=1 layers=1 summary=0 || fail "the fixtures"
"$VKFI" report scored.db --allow-suspect >out 2>err || fail "scored: $(cat err)"
python3 "$HERE/html_check.py" scored.db.html 12 || fail "scored"
grep -q 'Critical SDC: ' scored.db.html || fail "scored: no critical SDC"
grep -q '360 rows are suspect' scored.db.html || fail "scored: suspect rows are not told"
good report a.db --with other.db -o both.html
python3 "$HERE/html_check.py" both.html 12 || fail "both"
grep -q 'id="figure-devices"' both.html || fail "both: no table of devices"
good report growing.db
grep -q 'The campaign is not finished' growing.db.html || fail "growing: not told"
good report equal.db
grep -q 'No total: strata were drawn with equal n' equal.db.html || fail "equal: a total"
python3 "$HERE/html_check.py" equal.db.html 4 || fail "equal"
grep -q 'Not drawn: .*Outcomes by layer, Bit position, Layer by site.* (each needs a total over strata' equal.db.html ||
    fail "equal: not told what needs a total"
good report tiny.db
python3 "$HERE/html_check.py" tiny.db.html || fail "tiny"

# A bit error rate: trials have at least one fault, runs need not.
"$FIXTURE" ber.db ber=1e-9 per_stratum=40 || fail "the fixture of a bit error rate"
good report ber.db --json
json 'd["rates"]["sdc_of_runs"]["high"] < d["rates"]["sdc"]["rate"] and 0.4 < d["rates"]["no_fault"] < 0.8'
grep -q 'SDC at a bit error rate of 1e-09: ' ber.db.html || fail "ber: no rate of all runs"
grep -q 'runs without a fault, %' ber.db.html || fail "ber: no column of runs without a fault"
# With several faults per trial, pictures of the first one's coordinates are left out by name; strata hold for all.
json 'all(d["pictures"][p].startswith("trials have several faults") for p in ("bits", "sites", "stages", "change", "margin", "deviation", "survival"))'
json 'd["pictures"]["layers"] == d["pictures"]["strata"] == "drawn"'
for word in 'Trials have several faults, which agree in this' 'A trial has 3 faults on average, at most 5' \
    'A trial has several faults and one outcome' 'the first of [2-5] faults:' \
    'Not drawn: .*Bit position.*Tokens to the first difference.* (trials have several faults'; do
    grep -q "$word" ber.db.html || fail "ber: not told: $word"
done
! grep -q 'several faults' first.html || fail "several faults where there is one"
! grep -q 'of all runs' first.html || fail "a rate of all runs without a bit error rate"

# With population equal, one stratum per cell or layer needs no total.
if [ -r "$LLAMA" ]; then
    of_tiny='"decoding": {"n": 4, "stop": "none"}, "prompts": [{"texts": ["ab c", "hello"]}], "population": "equal"'
    echo "{\"model\": \"$LLAMA\", $of_tiny, \"strata\": [\"stage\", \"duration\"], \"sampling\": {\"trials\": 5},
        \"when\": {\"stage\": [\"prefill\", \"first\", \"decode\"], \"duration\": [\"transient\", \"permanent\"]}}" >grid.json
    echo "{\"model\": \"$TINY/tiny-qwen2.gguf\", $of_tiny, \"strata\": [\"layer\"], \"sampling\": {\"trials\": 10},
        \"where\": {\"sites\": \"blk.*\"}}" >layers.json
    for plan in grid layers; do
        good campaign run $plan.json -o $plan.db
        good report $plan.db --json
        cp out $plan
    done
    cp grid out
    json 'd["pictures"]["stages"] == "drawn" and "Stage by duration" in d["pictures"]["cells"]'
    cp layers out
    json 'd["pictures"]["layers"] == "drawn" and d["rates"]["sdc"]["rate"] is None'
    # One stratum is one row of full height, without an equal second series.
    echo "{\"model\": \"$LLAMA\", \"decoding\": {\"n\": 4, \"stop\": \"none\"}, \"prompts\": [{\"texts\": [\"ab c\", \"hello\"]}],
        \"population\": \"ops\", \"sampling\": {\"trials\": 60}, \"where\": {\"sites\": \"blk.*\"}}" >single.json
    good campaign run single.json -o single.db
    good report single.db --data single
    grep -q 'size 560,154 ' single/strata.gp && grep -q 'set yrange \[0.5:1.5\]' single/strata.gp ||
        fail "one stratum: $(grep -E 'size|yrange' single/strata.gp)"
    ! grep -q 'of changed bits' single/strata.gp || fail "one stratum: the same rate twice"
    cp layers out
    json 'd["pictures"]["bits"].startswith("each needs a total over strata") and d["pictures"]["stages"] == "all lies in one duration"'
fi

# Several faults per trial, drawn by a plan: strata by stage and duration are common to all of them.
if [ -r "$LLAMA" ]; then
    echo "{\"model\": \"$LLAMA\", $of_tiny, \"strata\": [\"stage\", \"duration\"], \"sampling\": {\"trials\": 12},
        \"faults_per_trial\": 3, \"where\": {\"sites\": \"blk.*\"},
        \"when\": {\"stage\": [\"prefill\", \"decode\"], \"duration\": [\"transient\", \"permanent\"]}}" >three.json
    good campaign run three.json -o three.db
    good report three.db --json
    json 'd["pictures"]["change"].startswith("trials have several faults") and d["pictures"]["bits"].startswith("trials have several")'
    json '"several faults" not in d["pictures"]["stages"]'
    grep -q 'A trial has 3 faults on average, at most 3' three.db.html || fail "three: not told"
fi

# The cost of protection is that of the struck model alone.
if [ -r "$LLAMA" ]; then
    "$FIXTURE" tiny-llama.db layers=1 "model_hash=$(sha256sum "$LLAMA" | cut -d' ' -f1)" ||
        fail "the fixture of the model"
    good report tiny-llama.db -m "$LLAMA" --data cost
    "$VKFI" model info "$LLAMA" --json >info.json || fail "model info"
    python3 - <<'TEXT' || fail "the cost of protection"
import csv
import json
rows = list(csv.DictReader(open("cost/protect.csv", encoding="utf-8")))
mib, mmac = [float(r["mib"]) for r in rows], [float(r["mmac"]) for r in rows]
assert rows[0]["stratum"] == "none" and mib[0] == mmac[0] == 0
assert all(a <= b for a, b in zip(mib, mib[1:])) and all(a <= b for a, b in zip(mmac, mmac[1:]))
# the four matrices of the layer once: rows x width of the tiny model
info = json.load(open("info.json", encoding="utf-8"))
size = {s["site"]: s["rows"] * s["width"] for s in info["sites"] if s["op"] == "linear"}
wanted = sum(size["blk.0." + s] for s in ("attn_q", "attn_output", "ffn_gate", "ffn_down"))
assert abs(mmac[-1] * 1e6 - wanted) < 0.5, (mmac[-1] * 1e6, wanted)
assert abs(float(rows[-1]["share"]) - 1) < 1e-9 and abs(float(rows[-1]["harm"]) - 1) < 1e-9
TEXT
    refused 2 report a.db -m "$LLAMA"
    grep -q "expected that of the campaign's model" err || fail "another model: $(cat err)"
fi

# Without gnuplot one line says so, and nothing is written.
mkdir none
PATH=$SCRATCH/none "$VKFI" report a.db -o without.html >out 2>err
[ $? = 2 ] || fail "no gnuplot, but not the exit code"
[ "$(wc -l <err)" = 1 ] || fail "no gnuplot: $(cat err)"
grep -q 'found no program gnuplot' err || fail "no word on gnuplot: $(cat err)"
[ ! -e without.html ] || fail "a report without pictures was left"
refused 2 report a.db -o nowhere/a.html
refused 2 report a.db --data first.html
