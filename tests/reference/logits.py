#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reference logits by numpy on the weights that the package gguf dequantises.

usage: logits.py make tiny FOLDER        writes tiny.json, of the tiny models in FOLDER
       logits.py make NAME FILE          writes NAME.json, of the model in FILE
       logits.py check tiny FOLDER       computes tiny.json anew: exit status 1 if it differs
       logits.py compare FILE JSON       another reference's cases, the worst difference

Written from the papers and model cards of the architectures alone; shares no code with the program.
transformers_check.py compares the tiny models of most of them with Hugging Face's implementation. Products in
float32, all else in float64. `make NAME` takes its prompts from vocabulary.py, with the packages tokenizers and
jinja2; the other tasks need numpy and gguf alone.
"""
import hashlib
import json
import math
import os
import re
import sys

import gguf
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TINY = ("llama-f16", "llama-bf16", "llama-q8_0", "llama-q4_0", "llama-q4_1", "llama-q5_0",
        "llama-q5_1", "llama-q4_k", "llama-q5_k", "llama-q6_k", "llama-q2_k",
        "llama-q3_k", "llama-iq4_nl", "llama-iq4_xs", "llama-mxfp4", "llama3-rope", "rope-scaled", "qwen2",
        "qwen3", "mistral", "gemma3", "falcon-mqa", "falcon-gqa", "phi3", "phi3-long", "olmo2", "gemma2",
        "mixtral", "qwen2moe", "qwen3moe")
TINY_PROMPTS = ([1, 72, 105, 33, 200, 7, 99, 12, 250, 44, 5, 5, 5, 61, 88, 17, 301, 256, 90, 3],
                [65])
TOLERANCE = 1e-4  # sums in another order, on another machine


def value_of(field):
    return field.contents()


class Model:
    """Weights by name, as in the file; sizes by the last part of their key."""

    def __init__(self, path):
        self.reader = gguf.GGUFReader(path)
        self.fields = {name: value_of(f) for name, f in self.reader.fields.items()
                       if not name.startswith("tokenizer.ggml.")}
        self.arch = self.fields["general.architecture"]
        self.tensors = {t.name: t for t in self.reader.tensors}
        self.cache = {}
        self.layers, self.width = self.key("block_count"), self.key("embedding_length")
        self.heads = self.key("attention.head_count")
        self.kv_heads = self.key("attention.head_count_kv", self.heads)
        self.head = self.key("attention.key_length", self.width // self.heads)
        self.eps = self.key("attention.layer_norm_rms_epsilon", self.key("attention.layer_norm_epsilon"))
        self.feed = self.key("feed_forward_length")

    def key(self, name, absent=None):
        return self.fields.get("%s.%s" % (self.arch, name), absent)

    def weight(self, name):
        """(rows, width) in float32, or (width)."""
        if name not in self.cache:
            t = self.tensors[name]
            self.cache[name] = np.asarray(gguf.dequantize(t.data, t.tensor_type), np.float32)
        return self.cache[name]

    def has(self, name):
        return name in self.tensors


def norm(model, name, x):
    """RMS norm of the last axis; with a bias in the file, layer norm."""
    weight = model.weight(name + ".weight").astype(np.float64)
    if not model.has(name + ".bias"):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + model.eps) * weight
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + model.eps)
    return x * weight + model.weight(name + ".bias")


def linear(model, name, x, rows=None):
    """Rows of the matrix: all, or (first, count) of one that several projections share."""
    first, count = rows or (0, None)
    end = None if count is None else first + count
    y = (x.astype(np.float32) @ model.weight(name + ".weight")[first:end].T).astype(np.float64)
    if model.has(name + ".bias"):
        y += model.weight(name + ".bias")[first:end]
    return y


def cap(x, limit):
    return limit * np.tanh(x / limit) if limit else x


def is_local(model, layer):
    """Gemma 3: five layers with a window, then one without; Gemma 2: in turns; others: all."""
    if not model.key("attention.sliding_window"):
        return False
    if model.arch == "gemma3":
        return (layer + 1) % 6 != 0
    return layer % 2 == 0 if model.arch == "gemma2" else True


def rotate(model, x, layer, first):
    """x (positions from `first` on, heads, head): rotates the first rope features of each head."""
    size = model.key("rope.dimension_count", model.head)
    base = model.key("rope.freq_base", 10000.0)
    if model.arch == "gemma3" and is_local(model, layer):
        base = 10000.0
    freq = float(base) ** (-np.arange(0, size, 2) / size)
    if model.has("rope_freqs.weight"):
        freq = freq / model.weight("rope_freqs.weight")
    if model.has("rope_factors_short.weight"):  # contexts are as short as the first training's
        freq = freq / model.weight("rope_factors_short.weight")
    if not (model.arch == "gemma3" and is_local(model, layer)) and model.key("rope.scaling.type") == "linear":
        freq = freq / model.key("rope.scaling.factor")
    angle = np.arange(first, first + len(x))[:, None, None] * freq
    magnitude = model.key("rope.scaling.attn_factor", 1.0)
    cos, sin = np.cos(angle) * magnitude, np.sin(angle) * magnitude
    if model.arch == "llama":  # neighbours are pairs
        a, b = np.arange(0, size, 2), np.arange(1, size, 2)
    else:  # halves are pairs
        a, b = np.arange(size // 2), np.arange(size // 2, size)
    y = x.copy()
    y[..., a] = x[..., a] * cos - x[..., b] * sin
    y[..., b] = x[..., a] * sin + x[..., b] * cos
    return y


def project(model, blk, x):
    """q, k, v as (positions, features)."""
    q, kv = model.heads * model.head, model.kv_heads * model.head
    if model.has(blk + "attn_qkv.weight"):
        return (linear(model, blk + "attn_qkv", x, rows)
                for rows in ((0, q), (q, kv), (q + kv, kv)))
    return (linear(model, blk + name, x) for name in ("attn_q", "attn_k", "attn_v"))


def attention(model, layer, x, past):
    """past: keys and values of each layer so far; those of x are added."""
    blk, n = "blk.%d." % layer, len(x)
    first = len(past[layer][0]) if layer in past else 0
    q, k, v = project(model, blk, x)
    by_row = model.arch == "olmo2"  # norms of q and k over all heads, others a head
    if model.has(blk + "attn_q_norm.weight") and by_row:
        q, k = norm(model, blk + "attn_q_norm", q), norm(model, blk + "attn_k_norm", k)
    q = q.reshape(n, model.heads, model.head)
    k = k.reshape(n, model.kv_heads, model.head)
    v = v.reshape(n, model.kv_heads, model.head)
    if model.has(blk + "attn_q_norm.weight") and not by_row:
        q, k = norm(model, blk + "attn_q_norm", q), norm(model, blk + "attn_k_norm", k)
    q, k = rotate(model, q, layer, first), rotate(model, k, layer, first)
    if first > 0:
        k, v = np.concatenate([past[layer][0], k]), np.concatenate([past[layer][1], v])
    past[layer] = k, v
    group = model.heads // model.kv_heads
    k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
    scores = cap(np.einsum("qhd,khd->hqk", q, k) / np.sqrt(model.head),
                 model.key("attn_logit_softcapping"))
    back = np.arange(first, first + n)[:, None] - np.arange(first + n)[None, :]
    hidden = back < 0
    if is_local(model, layer):
        hidden |= back >= model.key("attention.sliding_window")
    scores = np.where(hidden, -np.inf, scores)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    heads = np.einsum("hqk,khd->qhd", p, v).reshape(n, model.heads * model.head)
    return linear(model, blk + "attn_output", heads)


def activation(model, x):
    if model.arch in ("gemma2", "gemma3"):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))
    if model.arch == "falcon":
        return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    return x / (1 + np.exp(-x))


def mixture(model, blk, x):
    """The experts with the largest of the router's logits; softmax over these, or (Qwen2) over all."""
    scores = linear(model, blk + "ffn_gate_inp", x)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    gate, up, down = (model.weight(blk + "ffn_%s_exps.weight" % name) for name in ("gate", "up", "down"))
    y = np.zeros_like(x)
    for i, row in enumerate(x):
        chosen = np.argsort(-scores[i], kind="stable")[:model.key("expert_used_count")]
        total = 1 if model.arch == "qwen2moe" else p[i][chosen].sum()
        for e in chosen:
            act = activation(model, (gate[e] @ row.astype(np.float32)).astype(np.float64)) * (up[e] @ row)
            y[i] += p[i][e] / total * (down[e] @ act)
    if model.has(blk + "ffn_up_shexp.weight"):
        act = activation(model, linear(model, blk + "ffn_gate_shexp", x)) * linear(model, blk + "ffn_up_shexp", x)
        share = 1 / (1 + np.exp(-(x @ model.weight(blk + "ffn_gate_inp_shexp.weight"))))
        y += share[:, None] * linear(model, blk + "ffn_down_shexp", act)
    return y


def feed_forward(model, layer, x, _):
    blk, ff = "blk.%d." % layer, model.feed
    if model.has(blk + "ffn_gate_inp.weight"):
        return mixture(model, blk, x)
    if model.arch == "falcon":
        act = activation(model, linear(model, blk + "ffn_up", x))
    elif model.has(blk + "ffn_gate.weight"):
        act = activation(model, linear(model, blk + "ffn_gate", x)) * linear(model, blk + "ffn_up", x)
    else:
        act = (activation(model, linear(model, blk + "ffn_up", x, (0, ff))) *
               linear(model, blk + "ffn_up", x, (ff, ff)))
    return linear(model, blk + "ffn_down", act)


PARTS = (("attn_norm", attention, "post_attention_norm"),
         ("ffn_norm", feed_forward, "post_ffw_norm"))


def parallel_layer(model, layer, x, past):
    """Falcon: both halves read the layer's input, by one norm or by a norm each."""
    blk = "blk.%d." % layer
    fed = norm(model, blk + "attn_norm", x)
    seen = norm(model, blk + "attn_norm_2", x) if model.has(blk + "attn_norm_2.weight") else fed
    return x + attention(model, layer, seen, past) + feed_forward(model, layer, fed, past)


def layer_of(model, layer, x, past):
    """A norm, a function, and the norm after it, where the model has them, for both halves."""
    if model.arch == "falcon":
        return parallel_layer(model, layer, x, past)
    for before, function, after in PARTS:
        first, last = ("blk.%d.%s" % (layer, name) for name in (before, after))
        y = norm(model, first, x) if model.has(first + ".weight") else x
        y = function(model, layer, y, past)
        x = x + (norm(model, last, y) if model.has(last + ".weight") else y)
    return x


def logits(model, ids, past):
    """(positions of ids, vocabulary); `past` starts empty and takes keys and values."""
    x = model.weight("token_embd.weight")[ids].astype(np.float64)
    if model.arch in ("gemma2", "gemma3"):
        x *= np.sqrt(model.width)
    for layer in range(model.layers):
        x = layer_of(model, layer, x, past)
    x = norm(model, "output_norm", x)
    y = linear(model, "output" if model.has("output.weight") else "token_embd", x)
    return cap(y, model.key("final_logit_softcapping"))


def total(row):
    top = row.max()
    return top + np.log(np.exp(row - top).sum())


def rounded(values):
    return [round(float(v), 5) for v in values]


def case_of(model, ids, steps, whole_row):
    case, past = {"ids": ids}, {}
    rows = logits(model, ids, past)
    case["prompt_logprobs"] = rounded(rows[i][ids[i + 1]] - total(rows[i])
                                      for i in range(len(ids) - 1))
    if whole_row:
        case["last_logits"] = rounded(rows[-1])
    case["greedy"], case["steps"] = [], []
    for step in range(steps):
        row = rows[-1]
        top = np.argsort(-row, kind="stable")[:8]
        case["steps"].append({"top": [[int(i), round(float(row[i]), 5)] for i in top],
                              "logsumexp": round(float(total(row)), 5)})
        case["greedy"].append(int(top[0]))
        if step + 1 < steps:
            rows = logits(model, case["greedy"][-1:], past)
    return case


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def tiny(folder):
    out = {}
    for name in TINY:
        path = os.path.join(folder, "tiny-%s.gguf" % name)
        model = Model(path)
        out["tiny-" + name] = {"sha256": sha256(path), "cases": [
            case_of(model, ids, 12, len(ids) > 1) for ids in TINY_PROMPTS]}
    return out


def write(path, value):
    """One case per line."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(r'(?<=[\[,])\{"(?=ids|prompt)', '\n{"', text) + "\n")


def differences(a, b, path=""):
    """Places where two JSON values differ beyond the tolerance."""
    if type(a) is not type(b):
        yield path
    elif isinstance(a, dict):
        for key in {*a, *b}:
            yield from differences(a.get(key), b.get(key), path + "/" + key)
    elif isinstance(a, list):
        if len(a) != len(b):
            yield path
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, "%s/%d" % (path, i))
    elif isinstance(a, float):
        if not abs(a - b) <= TOLERANCE:
            yield path
    elif a != b:
        yield path


def check(folder):
    with open(os.path.join(HERE, "tiny.json"), encoding="utf-8") as file:
        expected = json.load(file)
    found = list(differences(tiny(folder), expected))
    for path in found[:10]:
        print("tiny.json: %s is not what is computed" % path)
    print("%d models, %d differences" % (len(expected), len(found)))
    return 1 if found else 0


def compare(path, reference):
    model = Model(path)
    with open(reference, encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    for i, theirs in enumerate(cases):
        ours = case_of(model, theirs["ids"], min(4, len(theirs["greedy"])), "last_logits" in theirs)
        worst = 0
        for key in ("prompt_logprobs", "last_logits"):
            pairs = zip(ours.get(key, []), theirs.get(key, []))
            worst = max([worst, *(abs(a - b) for a, b in pairs)])
        for a, b in zip(ours["steps"], theirs.get("steps", [])):
            worst = max([worst, *(abs(x[1] - y[1]) for x, y in zip(a["top"], b["top"]))])
        same = ours["greedy"] == theirs["greedy"][:len(ours["greedy"])]
        print("case %d: worst %.2g, tokens %s" % (i, worst, "the same" if same else "differ"))


def make_real(name, path):
    import vocabulary  # its packages are needed here alone

    words, model, cases = vocabulary.Vocabulary(path), Model(path), []
    for prompt in vocabulary.prompts_of(words):
        case = {**prompt, **case_of(model, prompt["ids"], prompt["steps"], False)}
        cases.append({**case, "greedy_text": words.decode(case["greedy"])})
    write(os.path.join(HERE, name + ".json"), {"model": name, "cases": cases})


def main():
    task, name, where = sys.argv[1:4]
    if task == "compare":
        return compare(name, where)
    if task == "check":
        return check(where)
    if name == "tiny":
        write(os.path.join(HERE, "tiny.json"), tiny(where))
        return 0
    make_real(name, where)
    return 0


if __name__ == "__main__":
    sys.exit(main())
