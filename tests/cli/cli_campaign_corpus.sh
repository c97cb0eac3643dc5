# SPDX-License-Identifier: MIT
# Scores of corpora under faults, from the texts of a database: golden's by sacrebleu, the faulty ones by draws made here.
"$FIXTURE" tell.db corpus items=60 layers=3 per_stratum=120
good gate tell.db --max 0.9 --json
cp out gate.json
good gate tell.db --max 0.9
[ "$(grep -c '^corpus  *tell, ' out)" = 2 ] || fail "$(cat out)"
grep -q '^  faulty score  .*, change -[0-9.]* \[-[0-9.]*, -[0-9.]*\] (95 %: 1000 paired draws)' out || fail "$(cat out)"
grep -q '^  normalised  *[0-9.]* % \[[0-9.]*, [0-9.]*\] (95 %: of the same draws)' out || fail "$(cat out)"
grep -q 'normalised *not identifiable: scored as a corpus' out || fail "$(cat out)"
good campaign status tell.db
grep -q '^tell bleu  *60  *[0-9.]*  *[0-9.]*  -[0-9.]* \[' out || fail "$(cat out)"
json_file() { python3 -c "import json; d = json.load(open('$1')); assert $2, d"; }
json_file gate.json '[(c["group"], c["metric"]) for c in d["corpora"]] == [(g, m) for m in ("bleu", "chrf++") for g in ("deu_Latn-eng_Latn", "eng_Latn-deu_Latn", None)]'
json_file gate.json 'all(c["not_identifiable"] == (None if c["group"] is None else "fewer than 50 sentences") for c in d["corpora"])'

[ -n "${VKFI_PYTHON:-}" ] && "$VKFI_PYTHON" -c 'import sacrebleu' 2>/dev/null || skip "no sacrebleu"
"$VKFI_PYTHON" - <<'TEXT' || fail "other numbers than sacrebleu's"
import json
import math
import random
import sqlite3
from sacrebleu.metrics import BLEU, CHRF

db = sqlite3.connect("tell.db")
items = {i: (group, target, answer or text) for i, group, target, answer, text in
         db.execute("select id, task_group, target, answer, text from item")}
strata = dict(db.execute("select id, weight from stratum"))
rows = list(db.execute("select item, stratum, outcome, answer_faulty, faulty_text from trial "
                       "where control is null and suspect is null"))
size = {h: sum(r[1] == h for r in rows) for h in strata}
texts = {}
for item, stratum, outcome, answer, text in rows:
    faulty = (answer or text) if outcome.startswith("sdc") else items[item][2]
    texts.setdefault(item, []).append((strata[stratum] / size[stratum], faulty))
groups = sorted({items[i][0] for i in texts})
of = {g: [i for i in sorted(texts) if items[i][0] == g] for g in groups}
rng = random.Random(5)
told = {(c["group"], c["metric"]): c for c in json.load(open("gate.json"))["corpora"]}
for name, metric in (("bleu", BLEU()), ("chrf++", CHRF(word_order=2))):
    score = lambda hyps, refs: metric.corpus_score(hyps, [refs]).score
    means = {"golden": 0, "chance": 0, "faulty": 0, "error": 0}
    for g in groups:
        refs, hyps = [items[i][1] for i in of[g]], [items[i][2] for i in of[g]]
        golden = score(hyps, refs)
        chance = sum(score(hyps, refs[k:] + refs[:k]) for k in range(1, 5)) / 4
        draws = []
        for _ in range(300):
            drawn = [rng.choices([t for _, t in texts[i]], [w for w, _ in texts[i]])[0] for i in of[g]]
            draws.append(score(drawn, refs))
        mean = sum(draws) / len(draws)
        error = math.sqrt(sum((x - mean) ** 2 for x in draws) / len(draws) / len(draws)) * 1.15  # of both
        c = told[g, name]
        assert abs(c["golden"]["mean"] - golden) < 0.01, (c, golden)
        assert abs(c["chance"] - chance) < 0.01, (c, chance)
        assert abs(c["faulty"] - mean) < 4 * error, (c, mean, error)
        assert error < 0.1 * (golden - mean), "draws that tell nothing"
        for key, value in (("golden", golden), ("chance", chance), ("faulty", mean), ("error", error)):
            means[key] += value / len(groups)
    c = told[None, name]
    assert abs(c["golden"]["mean"] - means["golden"]) < 0.01 and abs(c["chance"] - means["chance"]) < 0.01, c
    assert abs(c["faulty"] - means["faulty"]) < 4 * means["error"], (c, means)
    assert abs(c["change"]["mean"] - c["faulty"] + c["golden"]["mean"]) < 1e-9, c
    normalised = (c["faulty"] - c["chance"]) / (c["golden"]["mean"] - c["chance"])
    assert abs(c["normalised"]["mean"] - normalised) < 1e-9, c
    signature = told[groups[0], name]["signature"]
    assert signature.replace("bs:1000|seed:20261130|", "") == str(metric.get_signature()), signature
TEXT
