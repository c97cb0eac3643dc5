# SPDX-License-Identifier: MIT
# The plan in the README has ten lines, is good and runs, here on a tiny model that knows no chat format.
need_tiny
sed -n '/^```json$/,/^```$/p' "$VKFI_SOURCE/README.md" | sed -n '/^{$/,/^}$/p' >plan.json
[ "$(wc -l <plan.json)" = 10 ] || fail "found $(wc -l <plan.json) lines: $(cat plan.json)"
good plan check plan.json
sed -e "s|smollm2-135m|$LLAMA|" -e 's/, "chat": true//' plan.json >tiny.json
good plan show tiny.json --json
json 'd["trials"] == 300 and {s["bit_field"] for s in d["strata"]} == {"sign", "exponent", "mantissa"}'
good campaign run tiny.json -o tiny.db

# Groups of sites from the plan through the database to gate and report; excluded sites are never struck.
cat >groups.json <<TEXT
{"model": "$LLAMA", "prompts": {"ids": [[9, 8, 7, 200], [31, 4, 5]]}, "decoding": {"n": 5, "stop": "none"},
 "population": "ops", "seed": 3, "where": {"exclude": ["output*", "*norm*"]}, "strata": ["site_group", "stage"],
 "groups": {"mlp": ["*.ffn_*"], "attention": ["*.attn_*"]}, "sampling": {"trials": 180},
 "hypotheses": [{"name": "mlp above the rest", "contrast": "site_group: mlp > attention, none"}]}
TEXT
good campaign run groups.json -o groups.db
good export groups.db -o groups.csv
python3 - groups.csv <<'PYTHON' || fail "groups: $(head -n 3 groups.csv)"
import csv
import fnmatch
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    rows = [row for row in csv.DictReader(file) if row["control"] in ("", "0", "trial", "none")]
assert len(rows) >= 180, len(rows)
for row in rows:
    site = row["site"]
    assert not fnmatch.fnmatch(site, "output*") and "norm" not in site, site
PYTHON
"$VKFI" gate groups.db --max 0.9 --stratum "site_group=mlp stage=decode" --json >out
[ $? -le 1 ] || fail "gate: $(cat out)"
json 'd["stratum"] == "site_group=mlp stage=decode" and d["limit"]["trials"] == 20'
good report groups.db -o groups.html
grep -q 'site_group=attention' groups.html || fail "no group in the report"
good report groups.db -o groups.html --data groups
grep -q 'at all sites but output\*, \*norm\*; groups of sites: mlp \*.ffn_\*; attention \*.attn_\*' groups/methods.txt ||
    fail "methods: $(cat groups/methods.txt)"
grep -q 'mlp above the rest' groups.html || fail "no contrast of groups in the report"

# The duration of a stored fault makes strata.
cat >scrub.json <<TEXT
{"model": "$LLAMA", "prompts": {"ids": [[9, 8, 7, 200], [31, 4, 5]]}, "decoding": {"n": 5, "stop": "none"},
 "population": "bits", "seed": 3, "when": {"scrub": {"1": 1, "4": 1, "never": 2}}, "strata": ["scrub"],
 "sampling": {"trials": 120}, "hypotheses": [{"name": "short below never", "contrast": "scrub: 1 < never"}]}
TEXT
good campaign run scrub.json -o scrub.db
good report scrub.db -o scrub.html
good report scrub.db -o scrub.html --data scrub
grep -q 'scrubbed never, after 1 position, after 4 positions' scrub/methods.txt || fail "methods: $(cat scrub/methods.txt)"
grep -q 'scrub=never' scrub.html || fail "no duration in the report"
good replay scrub.db 5 -d cpu:scalar
