#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reference token ids by the PyPI package tokenizers, on the vocabulary in a GGUF file.

usage: vocabulary.py make NAME FILE      writes tokenizer_NAME.json
       vocabulary.py compare FILE JSON   another reference's cases: how many have other ids

A case has `ids`, with the text of control tokens as plain text, and `ids_special`, with it as these
tokens; both with the begin token if the file puts one in front. Prompts of chats are rendered by the
package jinja2 from the file's own template.
"""
import json
import os
import re
import sys

import gguf
import jinja2
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers)

HERE = os.path.dirname(os.path.abspath(__file__))
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
QWEN2 = (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
TEXTS = [
    "", " ", "  ", "\n", "\n\n\n", "\t\ty", " \n \n b", "Hi", " Hi", "Hi ", "Good day, all of you!",
    "one  two   three    four", "She's he'LL we'D they've I'm", "can't ISN'T mustn't", "7", "42",
    "365", "2048", "98765432109876543210", "2.71828e+17", "12,500 £", "a=3;bb=44;ccc=555",
    "def g(y):\n    return y // 3  # floor\n", "while (*p) {\r\n\tp++;\r\n}\r\n",
    "<think><|im_start|>user\nhello<|im_end|>", "<bos>words<eos>",
    "<start_of_turn>user\nhello<end_of_turn>\n", "<|endoftext|><|fim_prefix|>a<|fim_suffix|>",
    "crème brûlée façade", "Fußgängerübergänge ÄÖÜß", "Доброе утро!", "今天天气怎么样？我很好。",
    "おはようございます", "좋은 아침입니다", "สวัสดีตอนเช้า", "शुभ प्रभात", "صباح الخير", "בוקר טוב",
    "😀😃🤷🏽\u200d♂️👩\u200d👩\u200d👧", "e\u0301 \u00e9", "\u200bzero\u200dwidth", "a\xa0b\u2003c\u3000d",
    "\u2028line\u2029para", "ﬁ ﬂ ½ ² Ⅳ ①", "__main__ self.y camelCase snake_case",
    "https://example.org/p?q=r&s=%20t#u", "$$\\sum_{i=0}^n i = \\frac{n(n+1)}{2}$$",
    "| x | y |\n|---|---|\n| 3 | 4 |", "?!?!...;;;,,,", "(([[{{<>}}]]))",
    "    four\n        eight\n\ttab", "spaces behind   \nnext", "UPPER lOwEr", "ǅ ǈ İ ı ẞ",
    "٣٤٥ १२३ ४", "\x7f\x01\x02", "long" * 50, "b" * 300, "-" * 70, "     ", "\n \n  \n   \n", " \t \t",
    "word\u0301\u0302\u0303", "🇫🇷🇩🇪", "𝒳𝒴𝒵 𠀀𠀁", "1st 2nd 3rd", "x\u0000y".replace("\u0000", "\u0003"),
]
PROMPTS = ["The capital of France is",
           "Question: Lena has 7 boxes with 12 pens each and gives 9 pens away. How many are left?\nAnswer:",
           "def square(n):\n    \"\"\"Return n times n.\"\"\"\n",
           "Übersetze ins Deutsche: The train is late today.\nDeutsch:"]
CHAT = "Name three rivers of Europe. Reply with the names only."
LONG = "Count on: " + ", ".join(str(n) for n in range(1, 200)) + ", "


class Vocabulary:
    def __init__(self, path):
        self.fields = {name: f for name, f in gguf.GGUFReader(path).fields.items()}
        self.tokens = self.value("tokens")
        self.types = [int(t) for t in self.value("token_type")]
        self.spm = self.value("model") == "llama"
        self.begin = self.value("bos_token_id") if self.value("add_bos_token", self.spm) else None
        self.plain, self.special = self.build({USER}), self.build({USER, CONTROL, UNKNOWN})

    def value(self, key, absent=None):
        field = self.fields.get("tokenizer." + ("" if key == "chat_template" else "ggml.") + key)
        return absent if field is None else field.contents()

    def build(self, added):
        ids = {text: i for i, text in enumerate(self.tokens)}
        tokenizer = self.sentence_pieces(ids) if self.spm else self.byte_pairs(ids)
        tokenizer.add_tokens([AddedToken(self.tokens[i], normalized=False)
                              for i, kind in enumerate(self.types) if kind in added])
        return tokenizer

    def byte_pairs(self, ids):
        merges = [tuple(m.split(" ")) for m in self.value("merges")]
        tokenizer = Tokenizer(models.BPE(ids, merges))
        if self.value("pre") == "smollm":
            first = pre_tokenizers.Digits(individual_digits=True)
        elif self.value("pre") == "qwen2":
            first = pre_tokenizers.Split(Regex(QWEN2), "isolated")
        else:
            sys.exit("pre-tokenizer %s is not known here" % self.value("pre"))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [first, pre_tokenizers.ByteLevel(add_prefix_space=False,
                                             use_regex=self.value("pre") == "smollm")])
        tokenizer.decoder = decoders.ByteLevel()
        return tokenizer

    def sentence_pieces(self, ids):
        """Joins in falling order of their result's score, as in SentencePiece."""
        scores, joins = self.value("scores"), []
        for text, i in ids.items():
            if self.types[i] == NORMAL:
                joins += [(float(scores[i]), text[:at], text[at:]) for at in range(1, len(text))
                          if text[:at] in ids and text[at:] in ids]
        joins.sort(key=lambda j: -j[0])
        tokenizer = Tokenizer(models.BPE(ids, [j[1:] for j in joins], unk_token="<unk>",
                                         byte_fallback=True, fuse_unk=True))
        steps = [normalizers.Replace(" ", "\u2581")]
        if self.value("add_space_prefix", True):
            steps.insert(0, normalizers.Prepend("\u2581"))
        tokenizer.normalizer = normalizers.Sequence(steps)
        tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "),
                                               decoders.ByteFallback(), decoders.Fuse()])
        return tokenizer

    def encode(self, text, special):
        found = (self.special if special else self.plain).encode(text, add_special_tokens=False)
        return ([] if self.begin is None else [int(self.begin)]) + found.ids

    def decode(self, ids):
        return self.special.decode(ids, skip_special_tokens=False)

    def render(self, user):
        """The prompt of one user turn, without the begin token; None without a template."""
        template = self.value("chat_template")
        if template is None:
            return None
        environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True,
                                         extensions=["jinja2.ext.loopcontrols"])
        return environment.from_string(template).render(
            messages=[{"role": "user", "content": user}], add_generation_prompt=True, bos_token="")


def prompts_of(vocabulary):
    """The runs of logits.py: prompts, a chat if the model has a template, a long one."""
    for text in PROMPTS:
        yield {"prompt": text, "ids": vocabulary.encode(text, False), "steps": 16}
    rendered = vocabulary.render(CHAT)
    if rendered is not None:
        yield {"prompt": rendered, "chat_user": CHAT, "ids": vocabulary.encode(rendered, True),
               "steps": 16}
    yield {"prompt": LONG, "ids": vocabulary.encode(LONG, False), "steps": 4}


def write_lines(path, value, first):
    """JSON with one case per line; `first` is the first key of each."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(r'(?<=[\[,])\{"(?=%s":)' % first, '\n{"', text) + "\n")


def compare(path, reference):
    vocabulary, wrong = Vocabulary(path), 0
    with open(reference, encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    for case in cases:
        for key in ("ids", "ids_special"):
            if vocabulary.encode(case["text"], key == "ids_special") != case[key]:
                wrong += 1
                print("%s of %r differ" % (key, case["text"][:60]))
    print("%d cases, %d differences" % (len(cases), wrong))
    return 1 if wrong else 0


def main():
    task, name, path = sys.argv[1:4]
    if task == "compare":
        return compare(name, path)
    vocabulary = Vocabulary(path)
    cases = [{"text": text, "ids": vocabulary.encode(text, False),
              "ids_special": vocabulary.encode(text, True)} for text in TEXTS]
    write_lines(os.path.join(HERE, "tokenizer_%s.json" % name), {"model": name, "cases": cases},
                "text")
    return 0


if __name__ == "__main__":
    sys.exit(main())
