# SPDX-License-Identifier: MIT
# vkfi artifact: an archive that others read, the same twice, whose sums and command hold.
"$FIXTURE" a.db || fail "the fixture"
good artifact a.db -o one.zip
[ "$(cat out)" = one.zip ] || fail "the name of the file is not printed"
sleep 2 # the time of the files differs
cp a.db b.db
good artifact b.db
cmp -s one.zip b.db.zip || fail "the same database gave another archive"
[ "$(ls -d one.zip* b.db.zip*)" = "$(printf 'b.db.zip\none.zip')" ] || fail "something is left behind"
python3 - <<'TEXT' || fail "the archive"
import hashlib, json, sqlite3, zipfile
with zipfile.ZipFile("one.zip") as z:
    assert z.testzip() is None
    names = z.namelist()
    for name in ["plan.json", "plan.schema.json", "schema.sql", "campaign.db", "trials.csv", "trials.jsonl", "README.txt",
                 "SHA256SUMS", "tables/outcomes.csv", "tables/strata.tex", "tables/strata.gp"]:
        assert name in names, name
    assert len(set(names)) == len(names)
    sums = dict(reversed(line.split("  ")) for line in z.read("SHA256SUMS").decode().splitlines())
    assert set(sums) == set(names) - {"SHA256SUMS"}
    for name, value in sums.items():
        assert hashlib.sha256(z.read(name)).hexdigest() == value, name
    assert sums["tables/outcomes.csv"] in z.read("README.txt").decode()
    assert json.loads(z.read("plan.json"))["model"] == "smollm2-135m"
    rows = z.read("trials.jsonl").decode().splitlines()
    z.extractall("x")
with sqlite3.connect("x/campaign.db") as db:
    assert db.execute("select count(*) from trial").fetchone()[0] == len(rows) == 1124
TEXT
good compare a.db x/campaign.db
good artifact a.db -o two.zip --json
cmp -s one.zip two.zip || fail "--json gave another archive"
sums=$(sha256sum two.zip | cut -d' ' -f1)
json "d['file'] == 'two.zip' and d['sha256'] == '$sums' and d['size'] == $(stat -c %s two.zip)"
python3 - <<'TEXT' || fail "the entries that --json prints"
import hashlib, json, zipfile
found = json.load(open("out", encoding="utf-8"))["entries"]
with zipfile.ZipFile("two.zip") as z:
    assert [e["name"] for e in found] == z.namelist()
    for e in found:
        data = z.read(e["name"])
        assert e["size"] == len(data) and e["sha256"] == hashlib.sha256(data).hexdigest(), e
TEXT
refused 2 artifact
refused 2 artifact nothing.db
[ ! -e nothing.db.zip ] || fail "a refused database left an archive"
refused 2 artifact a.db -o nowhere/a.zip
if command -v gnuplot >/dev/null; then # the command of the README
    (cd x && good report campaign.db -o report.html --data again &&
        cmp -s again/outcomes.csv tables/outcomes.csv) || fail "the table is not reproduced"
fi
