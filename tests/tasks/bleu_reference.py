# SPDX-License-Identifier: MIT
"""BLEU and chrF++ of random corpora by the program and by PyPI's sacrebleu: equal, signatures too.

usage: bleu_reference.py TOOL

Eight languages and each tokenizer on each; sentences written here, cut, mixed and damaged with a seed.
Exit status 0: so it is; 1: a difference (printed); 77: sacrebleu is not there. Without MeCab's IPA
dictionary Japanese is left out, and the last line says so."""
import json
import os
import random
import subprocess
import sys

PYTHON = os.environ.get("VKFI_PYTHON")
if PYTHON and sys.executable != PYTHON and not os.environ.get("BLEU_REFERENCE"):
    os.execve(PYTHON, [PYTHON, *sys.argv], {**os.environ, "BLEU_REFERENCE": "1"})
try:
    import MeCab
    from sacrebleu.tokenizers import tokenizer_ja_mecab
    from sacrebleu.metrics import BLEU, CHRF
    from sacrebleu.significance import _bootstrap_resample
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

DICTIONARY = "/var/lib/mecab/dic/ipadic-utf8"
TOLERANCE = 1e-6  # of 100; asked for is 0.01
SETS = 12  # of each language
SENTENCES = {
    "eng": """The bridge was built in 1932, and it cost $1.5 million. "Where are we?" she asked.
        Rain fell on the fields - again - until 10:30 p.m. on 3.10.2021. It's 25% cheaper (or so they say).""",
    "deu": """Die Brücke wurde 1932 gebaut und kostete 1,5 Millionen Mark. „Wo sind wir?“, fragte sie.
        Bis 22:30 Uhr regnete es; das Wasser stand 3,10 m hoch, d.h. über dem Größenmaß der Straße.""",
    "fra": """Le pont fut construit en 1932 : il coûta 1,5 million. « Où sommes-nous ? » demanda-t-elle.
        L'été dernier, il plut jusqu'à 22 h 30 ; c'était l'œuvre d'un hiver qui n'en finissait pas…""",
    "spa": """El puente se construyó en 1932 y costó 1,5 millones. —¿Dónde estamos? —preguntó ella.
        ¡Llovió hasta las 22:30! El niño añadió: «No sé», y se fue a la montaña.""",
    "rus": """Мост был построен в 1932 году и стоил 1,5 миллиона. «Где мы?» — спросила она.
        Дождь шёл до 22:30; вода поднялась на 3,10 м, т. е. выше улицы. Ещё бы!""",
    "zho": """这座桥建于1932年，耗资150万。“我们在哪里？”她问道。雨一直下到晚上10:30；水位达到3.10米。
        他说：《红楼梦》是一本好书——真的吗？GDP增长了6.5%（比去年高）。""",
    "jpn": """この橋は1932年に建てられ、150万円かかりました。「ここはどこですか？」と彼女は尋ねた。
        雨は午後10時30分まで降り続き、水位は3.10メートルに達した。東京タワーへ行きたい！""",
    "swh": """Daraja lilijengwa mwaka wa 1932 na liligharimu milioni 1.5. "Tuko wapi?" aliuliza.
        Mvua ilinyesha hadi saa 4:30 usiku; maji yalifika mita 3.10, yaani juu ya ng'ombe.""",
}
DEFAULT = {"zho": "zh", "jpn": "ja-mecab"}
ODD = [
    "", " ", "\n", "-\n", "&quot;", "&amp;lt;", "&lt;skipped&gt;", "<skipped>", "...", "1,000.50", "-5",
    "3-4", "a-b", "'tis", "..,,", "\u00a0", "\u3000", "\u2028", "\t", "\u200b", "\u2014", "\u201c",
    "\ufeff", "😀", "𠀀", "ﾊﾝ", "Ａ", "e\u0301", "שלום", "، ؟", "()[]{}", "~`^|\\", "@#$%&*", "\u2000", "\u2001",
    "\u2a6d", "\u2a6e", "\u2f80", "\u2f81", "\u2fa1", "\u2fa2", "\u9fbb", "\u9fbc", "\u3400", "\x1c", "\x7f", "!!", "?a", "a?",
    "!a!", "¡a!", ".5", "5.", "5,", ",5", "x.", ".x", "0-", "-0", "--", "\r", "\x85",
]  # fmt: skip
problems = []


def pieces(language, rng):
    """A sentence: words or characters of the language, with odd things between them."""
    text = " ".join(SENTENCES[language].split())
    at = rng.randrange(len(text))
    text = text[at : at + rng.choice((1, 3, 10, 40, 80, 200))]
    for _ in range(rng.choice((0, 0, 1, 3))):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(("", " ")) + rng.choice(ODD) + text[at:]
    return rng.choice(ODD) if rng.random() < 0.1 else text


def damage(text, language, rng):
    """What a translation might say instead."""
    kind = rng.randrange(8)
    if kind == 0:
        return pieces(language, rng)
    if kind == 1:
        return ""
    if kind == 2:
        return text
    words = text.split(" ") if rng.random() < 0.6 else list(text)
    joint = " " if len(words) < len(text) or " " not in text else ""
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(words)) if words else 0
        change = rng.randrange(3)
        if change == 0 and words:
            del words[at]
        elif change == 1:
            words.insert(at, rng.choice(ODD))
        elif words:
            words.insert(at, words[rng.randrange(len(words))])
    return joint.join(words)


def make_sets(has_mecab):
    rng = random.Random(11)
    sets = []
    for language in SENTENCES:
        for i in range(SETS):
            n = rng.choice((1, 2, 5, 30))
            refs = [pieces(language, rng) for _ in range(n)]
            hyps = [damage(ref, language, rng) for ref in refs]
            names = [DEFAULT.get(language, "13a"), *(["zh", "13a", "char", "none", "ja-mecab"] if i < 4 else [])]
            for name in dict.fromkeys(names):
                if has_mecab or name != "ja-mecab":
                    sets.append({"tokenizer": name, "hyp": hyps, "ref": refs})
    return sets


def expect(what, found, expected, tolerance=TOLERANCE):
    same = abs(found - expected) <= tolerance if isinstance(expected, float) else found == expected
    if not same:
        problems.append(f"{what}: found {found!r}, sacrebleu has {expected!r}")


def compare(number, found, given):
    where = f"set {number} ({given['tokenizer']})"
    bleu, chrf = BLEU(tokenize=given["tokenizer"]), CHRF(word_order=2)
    expect(f"{where}: bleu", found["bleu"], float(bleu.corpus_score(given["hyp"], [given["ref"]]).score))
    expect(f"{where}: chrf", found["chrf"], float(chrf.corpus_score(given["hyp"], [given["ref"]]).score))
    expect(f"{where}: signature", found["bleu_signature"], str(bleu.get_signature()))
    expect(f"{where}: signature", found["chrf_signature"], str(chrf.get_signature()))
    for i, (hyp, ref) in enumerate(zip(given["hyp"], given["ref"])):
        score = float(chrf.sentence_score(hyp, [ref]).score)
        expect(f"{where}: sentence {i} {hyp!r} {ref!r}", found["sentences"][i], score)


def compare_intervals(sets, answers):
    """The draws differ but not their distribution, so ends are near those of sacrebleu's resamples."""
    large = [k for k, s in enumerate(sets) if len(s["hyp"]) == 30][:6]
    for k in large:
        for name, metric in (("bleu", BLEU(tokenize=sets[k]["tokenizer"])), ("chrf", CHRF(word_order=2))):
            stats = metric._extract_corpus_statistics(sets[k]["hyp"], [sets[k]["ref"]])
            _, scores = _bootstrap_resample(stats, metric, 2000)
            scores = sorted(s.score for s in scores)
            spread = scores[1949] - scores[50]
            for end, index in (("low", 50), ("high", 1949)):
                expect(f"set {k}: {name}_{end}", answers[k][f"{name}_{end}"], float(scores[index]), 0.25 * spread)
    metric = BLEU(tokenize=sets[0]["tokenizer"])
    metric.corpus_score(sets[0]["hyp"], [sets[0]["ref"]], n_bootstrap=200)
    expect("drawn signature", answers[0]["drawn_signature"], str(metric.get_signature()))


def give_dictionary():
    """sacrebleu wants a package without a wheel, of one word less; else its tokenizer stays as it is."""
    tagger = MeCab.Tagger(f"-r /dev/null -d {DICTIONARY} -Owakati")
    tokenizer_ja_mecab.TokenizerJaMecab.__init__ = lambda self: setattr(self, "tagger", tagger)


def main():
    has_mecab = os.path.isdir(DICTIONARY)
    if has_mecab:
        give_dictionary()
    sets = make_sets(has_mecab)
    text = json.dumps(sets, ensure_ascii=True)
    run = subprocess.run([sys.argv[1]], input=text, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{sys.argv[1]}: {run.stderr}")
    answers = json.loads(run.stdout)
    expect("number of answers", len(answers), len(sets))
    for k, (answer, given) in enumerate(zip(answers, sets)):
        compare(k, answer, given)
    compare_intervals(sets, answers)
    print(*problems[:20], sep="\n")
    nonzero = sum(1 < a["bleu"] < 99 for a in answers)
    expect("sets with a score that says something", nonzero > len(sets) / 4, True)
    print(f"{len(sets)} corpora, {len(problems)} differences{'' if has_mecab else '; without Japanese: no MeCab dictionary'}")
    return len(problems) > 0


sys.exit(main())
