#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tiny models with seeded random weights: the architectures, shapes and types of the tests.

usage: tiny_models.py FOLDER

Writes FOLDER/*.gguf, the same bytes on every machine: only exact arithmetic is used.
tests/reference/tiny.json has their logits by an independent implementation; a change here changes those
(tests/reference/logits.py).
"""
import math
import os
import random
import struct
import sys

VOCAB = 320
LLAMA = {"layers": 1, "embd": 256, "ff": 512, "heads": 4, "kv": 1, "head": 64, "eps": 1e-5, "base": 1e4}
ROPE = {"layers": 2, "embd": 96, "ff": 160, "heads": 6, "kv": 2, "head": 16, "eps": 1e-5, "base": 1e4}
SCALED = {**ROPE, "scale": 4.0, "magnitude": 1.5}
QWEN = {"layers": 2, "embd": 64, "ff": 160, "heads": 4, "kv": 2, "head": 16, "eps": 1e-6, "base": 1e6}
QWEN3 = {**QWEN, "head": 32, "qk_norms": True}
MISTRAL = {**QWEN, "base": 1e4, "window": 8}
FALCON = {"layers": 2, "embd": 64, "ff": 256, "heads": 4, "kv": 1, "head": 16, "eps": 1e-5, "base": 1e4,
          "layer_norms": True, "fused": True, "norms": ["attn_norm"]}
FALCON_GROUPS = {**FALCON, "kv": 2, "norms": ["attn_norm_2", "attn_norm"]}
PHI3 = {**MISTRAL, "fused": True, "window": 100, "rope": 8}
PHI3_LONG = {**PHI3, "window": 9, "rope": 16, "short": 128}
OLMO2 = {**QWEN, "qk_norms": True, "norms": ["post_attention_norm", "post_ffw_norm"]}
MIXTRAL = {**QWEN, "base": 1e4, "experts": 4, "used": 2}
QWEN2_MOE = {**QWEN, "experts": 6, "used": 3, "ff_exp": 96}
QWEN3_MOE = {**QWEN3, "experts": 12, "used": 5, "ff_exp": 64}
GEMMA = {"layers": 7, "embd": 64, "ff": 96, "heads": 2, "kv": 1, "head": 32, "eps": 1e-6, "base": 1e6,
         "qk_norms": True, "post_norms": True, "window": 8}
GEMMA2 = {"layers": 4, "embd": 64, "ff": 96, "heads": 4, "kv": 2, "head": 32, "eps": 1e-6, "base": 1e4,
          "post_norms": True, "window": 8, "caps": (2.0, 3.0)}

# GGUF: number of the type, elements and bytes of a block, and its number as a file type.
TYPES = {"f32": (0, 1, 4, 0), "f16": (1, 1, 2, 1), "bf16": (30, 1, 2, 32), "q4_0": (2, 32, 18, 2),
         "q4_1": (3, 32, 20, 3), "q5_0": (6, 32, 22, 8), "q5_1": (7, 32, 24, 9),
         "q8_0": (8, 32, 34, 7), "q4_k": (12, 256, 144, 15), "q5_k": (13, 256, 176, 17),
         "q6_k": (14, 256, 210, 18), "q2_k": (10, 256, 84, 10), "q3_k": (11, 256, 110, 11),
         "iq4_nl": (20, 32, 18, 25), "iq4_xs": (23, 256, 136, 30), "mxfp4": (39, 32, 17, 38)}


def half(value):
    return struct.pack("<e", value)


def block(kind, rng, size):
    """A block of weights with a standard deviation of about `size`; codes are uniform."""
    if kind == "q4_0":
        return half(size / 4.6) + rng.randbytes(16)
    if kind == "q4_1":
        return half(size / 4.6) + half(-7.5 * size / 4.6) + rng.randbytes(16)
    if kind == "q5_0":
        return half(size / 9.2) + rng.randbytes(20)
    if kind == "q5_1":
        return half(size / 9.2) + half(-15.5 * size / 9.2) + rng.randbytes(20)
    if kind == "q8_0":
        return half(size / 74) + rng.randbytes(32)
    if kind in ("q4_k", "q5_k"):  # scales and mins of six bits, about 32 each
        steps, rest = (4.6, 128) if kind == "q4_k" else (9.2, 160)
        scale = size / (37 * steps)
        return half(scale) + half(scale * steps * 1.6) + rng.randbytes(12 + rest)
    if kind == "q2_k":  # scales and mins of four bits
        return rng.randbytes(16 + 64) + half(size / 13.9) + half(1.5 * size / 13.9)
    if kind == "q3_k":  # signed scales of six bits, here and in iq4_xs
        return rng.randbytes(32 + 64 + 12) + half(size / (2.35 * 18.5))
    if kind in ("iq4_nl", "iq4_xs"):
        steps, rest = (67.4, 16) if kind == "iq4_nl" else (67.4 * 18.5, 134)
        return half(size / steps) + rng.randbytes(rest)
    if kind == "mxfp4":  # exponents of twice the scale
        return bytes([127 + math.frexp(size / 5.85)[1] + rng.randrange(-1, 2)]) + rng.randbytes(16)
    return rng.randbytes(192 + 16) + half(size / (74 * 18.5))  # q6_k: eight-bit scales


def uniform(rng, size):
    """A number of standard deviation `size`, by exact operations alone."""
    return size * 1.732 * (2 * rng.random() - 1)


def tensor(kind, rng, shape, size):
    count = 1
    for n in shape:
        count *= n
    if kind == "norm":
        return "f32", struct.pack("<%df" % count, *(1 + uniform(rng, 0.1) for _ in range(count)))
    if kind in ("f32", "f16"):
        letter = "f" if kind == "f32" else "e"
        return kind, struct.pack("<%d%s" % (count, letter), *(uniform(rng, size) for _ in range(count)))
    if kind == "bf16":
        words = struct.pack("<%df" % count, *(uniform(rng, size) for _ in range(count)))
        return kind, b"".join(words[i + 2:i + 4] for i in range(0, len(words), 4))
    return kind, b"".join(block(kind, rng, size) for _ in range(count // TYPES[kind][1]))


def byte_tokens():
    """Bytes as in byte-level BPE: printable ones unchanged, others from U+0100 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) if b in plain else chr(256 + others.index(b)) for b in range(256)]


def tokenizer():
    tokens = [*byte_tokens(), "<|end|>", *("<|extra_%d|>" % i for i in range(VOCAB - 257))]
    return {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "default",
            "tokenizer.ggml.tokens": tokens,
            "tokenizer.ggml.token_type": [1] * 256 + [3] * (VOCAB - 256),
            "tokenizer.ggml.merges": ["a b"], "tokenizer.ggml.bos_token_id": 256,
            "tokenizer.ggml.eos_token_id": 256, "tokenizer.ggml.add_bos_token": False}


def metadata(arch, name, p, kind):
    values = {"general.architecture": arch, "general.name": name}
    for key, value in (("context_length", 256), ("embedding_length", p["embd"]),
                       ("block_count", p["layers"]), ("feed_forward_length", p["ff"]),
                       ("attention.head_count", p["heads"]), ("attention.head_count_kv", p["kv"]),
                       ("attention.layer_norm_%sepsilon" % ("" if "layer_norms" in p else "rms_"), p["eps"]),
                       ("rope.dimension_count", p.get("rope", p["head"])), ("rope.freq_base", p["base"]),
                       ("vocab_size", VOCAB)):
        values["%s.%s" % (arch, key)] = value
    if "scale" in p:
        values["llama.rope.scaling.type"] = "linear"
        values["llama.rope.scaling.factor"] = p["scale"]
        values["llama.rope.scaling.attn_factor"] = p["magnitude"]
    if arch == "gemma3" or p["head"] * p["heads"] != p["embd"]:
        for name in ("key_length", "value_length"):
            values["%s.attention.%s" % (arch, name)] = p["head"]
    if "caps" in p:
        values[arch + ".attn_logit_softcapping"], values[arch + ".final_logit_softcapping"] = p["caps"]
    if "window" in p:
        values[arch + ".attention.sliding_window"] = p["window"]
    if "short" in p:
        values[arch + ".rope.scaling.original_context_length"] = p["short"]
        values[arch + ".rope.scaling.attn_factor"] = 1.0625
    if "experts" in p:
        values[arch + ".expert_count"], values[arch + ".expert_used_count"] = p["experts"], p["used"]
    if "ff_exp" in p:
        values[arch + ".expert_feed_forward_length"] = p["ff_exp"]
    if arch == "qwen2moe":
        values[arch + ".expert_shared_feed_forward_length"] = p["ff"]
    return {**values, **tokenizer(), "general.quantization_version": 2,
            "general.file_type": TYPES[kind][3]}


def expert_matrices(arch, p):
    """Of one layer; a matrix of all experts has one matrix after the other."""
    embd, n, ff = p["embd"], p["experts"], p.get("ff_exp", p["ff"])
    yield "ffn_gate_inp", (embd, n)
    yield from (("ffn_gate_exps", (embd, ff, n)), ("ffn_up_exps", (embd, ff, n)), ("ffn_down_exps", (ff, embd, n)))
    if arch == "qwen2moe":
        yield "ffn_gate_inp_shexp", (embd,)
        yield from (("ffn_gate_shexp", (embd, p["ff"])), ("ffn_up_shexp", (embd, p["ff"])),
                    ("ffn_down_shexp", (p["ff"], embd)))


def matrices(arch, p, q, kv):
    embd, ff = p["embd"], p["ff"]
    if "fused" in p:
        yield "attn_qkv", (embd, q + 2 * kv)
    else:
        yield from (("attn_q", (embd, q)), ("attn_k", (embd, kv)), ("attn_v", (embd, kv)))
    yield "attn_output", (q, embd)
    if "experts" in p:
        yield from expert_matrices(arch, p)
        return
    if "fused" not in p:
        yield "ffn_gate", (embd, ff)
    yield "ffn_up", (embd, 2 * ff if arch == "phi3" else ff)
    yield "ffn_down", (ff, embd)


def shapes(arch, p, kind):
    """Names, types and shapes, in the order of the file; rows last."""
    embd, kv = p["embd"], p["kv"] * p["head"]
    q = p["heads"] * p["head"]
    yield "token_embd.weight", kind, (embd, VOCAB)
    yield "output_norm.weight", "norm", (embd,)
    if "layer_norms" in p:
        yield "output_norm.bias", "f32", (embd,)
    if arch in ("qwen2", "falcon", "olmo2", "qwen2moe") or p in (LLAMA, MIXTRAL):
        yield "output.weight", kind, (embd, VOCAB)
    if p is ROPE:
        yield "rope_freqs.weight", "norm", (p["head"] // 2,)
    if "short" in p:
        for name in ("long", "short"):
            yield "rope_factors_%s.weight" % name, "norm", (p["rope"] // 2,)
    for i in range(p["layers"]):
        blk = "blk.%d." % i
        for name, shape in matrices(arch, p, q, kv):
            yield blk + name + ".weight", "f32" if "_inp" in name else kind, shape
        norms = list(p.get("norms", ["attn_norm", "ffn_norm"]))
        if "post_norms" in p:
            norms += ["post_attention_norm", "post_ffw_norm"]
        if "qk_norms" in p:
            for name, n in (("attn_q_norm", q), ("attn_k_norm", kv)):
                yield blk + name + ".weight", "norm", (n if arch == "olmo2" else p["head"],)
        for name in norms:
            yield blk + name + ".weight", "norm", (embd,)
            if "layer_norms" in p:
                yield blk + name + ".bias", "f32", (embd,)
        if arch in ("qwen2", "qwen2moe"):
            for name, n in (("attn_q", q), ("attn_k", kv), ("attn_v", kv)):
                yield blk + name + ".bias", "f32", (n,)


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def scalar(value):
    """Number of the GGUF type, and the bytes."""
    if isinstance(value, bool):
        return 7, struct.pack("<?", value)
    if isinstance(value, int):
        return 4, struct.pack("<I", value)
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    return 8, text(value)


def entry(key, value):
    if not isinstance(value, list):
        kind, data = scalar(value)
        return text(key) + struct.pack("<I", kind) + data
    kind = 5 if isinstance(value[0], int) else 8  # int32 or text
    items = [struct.pack("<i", v) if kind == 5 else text(v) for v in value]
    return text(key) + struct.pack("<IIQ", 9, kind, len(items)) + b"".join(items)


def write(folder, arch, name, p, kind):
    rng = random.Random(name)
    values = metadata(arch, name, p, kind)
    directory, data = b"", b""
    tensors = list(shapes(arch, p, kind))
    for tensor_name, tensor_kind, shape in tensors:
        real, content = tensor(tensor_kind, rng, shape, shape[0] ** -0.5)
        directory += text(tensor_name) + struct.pack("<I", len(shape))
        directory += b"".join(struct.pack("<Q", n) for n in shape)
        directory += struct.pack("<IQ", TYPES[real][0], len(data))
        data += content + bytes(-len(content) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(entry(k, v) for k, v in values.items()) + directory
    path = os.path.join(folder, name + ".gguf")
    with open(path + ".part", "wb") as file:
        file.write(head + bytes(-len(head) % 32) + data)
    os.replace(path + ".part", path)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for kind in TYPES:
        if kind != "f32":
            write(folder, "llama", "tiny-llama-" + kind, LLAMA, kind)
    write(folder, "llama", "tiny-llama3-rope", ROPE, "f16")
    write(folder, "llama", "tiny-rope-scaled", SCALED, "f16")
    write(folder, "qwen2", "tiny-qwen2", QWEN, "f16")
    write(folder, "qwen3", "tiny-qwen3", QWEN3, "f16")
    write(folder, "llama", "tiny-mistral", MISTRAL, "f16")
    write(folder, "gemma3", "tiny-gemma3", GEMMA, "f16")
    write(folder, "llama", "tiny-mixtral", MIXTRAL, "f16")
    write(folder, "qwen2moe", "tiny-qwen2moe", QWEN2_MOE, "q8_0")
    write(folder, "qwen3moe", "tiny-qwen3moe", QWEN3_MOE, "q4_1")
    write(folder, "falcon", "tiny-falcon-mqa", FALCON, "f16")
    write(folder, "falcon", "tiny-falcon-gqa", FALCON_GROUPS, "f16")
    write(folder, "phi3", "tiny-phi3", PHI3, "f16")
    write(folder, "phi3", "tiny-phi3-long", PHI3_LONG, "f16")
    write(folder, "olmo2", "tiny-olmo2", OLMO2, "f16")
    write(folder, "gemma2", "tiny-gemma2", GEMMA2, "f16")
    return 0


if __name__ == "__main__":
    sys.exit(main())
