# SPDX-License-Identifier: MIT
# The struck model is in the database: a report, its methods and the archive name architecture, file
# type, size and quantisation without the model, the manifest or -m.
need_tiny
for model in tiny-llama-q4_k tiny-llama-q8_0 tiny-qwen2 tiny-gemma3; do
    cp "$TINY/$model.gguf" "$model.gguf" || fail "found no $model"
    echo "{\"model\": \"$model.gguf\", \"decoding\": {\"n\": 2, \"stop\": \"none\"}, \"prompts\": {\"ids\": [[3, 5]]},
        \"population\": \"ops\", \"sampling\": {\"trials\": 8}}" >plan.json
    rm -f run.db
    good campaign run plan.json -o run.db -d cpu
    good model info "$model.gguf" --json
    cp out info.json
    size=$(wc -c <"$model.gguf")
    rm "$model.gguf"
    good report run.db -o run.html --data data
    good artifact run.db -o run.zip
    good export run.db -o run.csv
    python3 - "$size" <<'TEXT' || fail "$model: what the database says of it"
import json
import sqlite3
import sys
import zipfile

size, info = int(sys.argv[1]), json.load(open("info.json", encoding="utf-8"))
text = sqlite3.connect("run.db").execute("SELECT model FROM campaign").fetchone()[0]
about = json.loads(text)
assert about["architecture"] == info["architecture"] and about["bytes"] == size, about
methods = open("data/methods.txt", encoding="utf-8").read()
page = open("run.html", encoding="utf-8").read()
for words in (methods, page):
    assert f"({about['architecture']}, " in words and "%.4g MiB" % (size / 1048576) in words, words[:400]
    for name, count in about["tensors"].items():
        assert f"{name} ({count})" in words, (name, words[:400])
archive = zipfile.ZipFile("run.zip")
readme = next(n for n in archive.namelist() if n.endswith("README.txt"))
assert text in archive.read(readme).decode(), "README.txt"
assert any("Q" in name or "F" in name for name in about["tensors"]), about
TEXT
done
