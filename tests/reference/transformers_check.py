#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares tiny.json with the logits of Hugging Face transformers for the same files.

usage: transformers_check.py FOLDER [NAME...]    exit status 1 if a logit differs by 1e-4 or a token

FOLDER has the tiny models. Needs the packages torch, transformers and gguf, which no test installs: run it by
hand when an architecture is added. Each model is built from a configuration and takes the weights that gguf
dequantises, so that nothing of the program and nothing of logits.py is used.
"""
import json
import os
import sys

import gguf
import numpy as np
import torch
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "gemma2": "Gemma2",
           "gemma3": "Gemma3", "falcon": "Falcon", "phi3": "Phi3", "olmo2": "Olmo2", "mixtral": "Mixtral",
           "qwen2moe": "Qwen2Moe", "qwen3moe": "Qwen3Moe"}
NAMES = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_qkv": "self_attn.qkv_proj", "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm",
         "attn_k_norm": "self_attn.k_norm", "attn_norm": "input_layernorm", "ffn_gate": "mlp.gate_proj",
         "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "ffn_norm": "post_attention_layernorm"}
GEMMA = {"post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
         "post_ffw_norm": "post_feedforward_layernorm"}
EXPERTS = {"ffn_gate_inp": "mlp.gate", "ffn_down_exps": "mlp.experts.down_proj",
           "ffn_gate_inp_shexp": "mlp.shared_expert_gate", "ffn_gate_shexp": "mlp.shared_expert.gate_proj",
           "ffn_up_shexp": "mlp.shared_expert.up_proj", "ffn_down_shexp": "mlp.shared_expert.down_proj"}
OTHERS = {"phi3": {"ffn_up": "mlp.gate_up_proj"}, "mixtral": EXPERTS, "qwen2moe": EXPERTS, "qwen3moe": EXPERTS,
          "olmo2": {"post_attention_norm": "post_attention_layernorm",
                    "post_ffw_norm": "post_feedforward_layernorm"},
          "gemma2": GEMMA, "gemma3": GEMMA,
          "falcon": {"attn_qkv": "self_attention.query_key_value", "attn_output": "self_attention.dense",
                     "ffn_up": "mlp.dense_h_to_4h", "ffn_down": "mlp.dense_4h_to_h"}}


class File:
    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.fields = {name: field.contents() for name, field in reader.fields.items()
                       if not name.startswith("tokenizer.ggml.")}
        self.arch = self.fields["general.architecture"]
        self.tensors = {t.name: np.array(gguf.dequantize(t.data, t.tensor_type), np.float32)
                        for t in reader.tensors}

    def key(self, name, absent=None):
        return self.fields.get("%s.%s" % (self.arch, name), absent)


def family_of(file):
    if file.arch == "llama" and file.key("expert_count"):
        return "mixtral"
    return "mistral" if file.arch == "llama" and file.key("attention.sliding_window") else file.arch


def rope_of(file, family):
    rope = {"rope_type": "default", "rope_theta": file.key("rope.freq_base", 10000.0)}
    if "rope_factors_short.weight" in file.tensors:
        short, long = (file.tensors["rope_factors_%s.weight" % name].tolist() for name in ("short", "long"))
        original = file.key("rope.scaling.original_context_length")
        rope.update(rope_type="longrope", short_factor=short, long_factor=long,
                    original_max_position_embeddings=original, factor=file.key("context_length") / original,
                    attention_factor=file.key("rope.scaling.attn_factor"))
    if family == "gemma3":
        return {"full_attention": rope, "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}
    rope["partial_rotary_factor"] = file.key("rope.dimension_count") / head_of(file)
    return rope


def head_of(file):
    return file.key("attention.key_length", file.key("embedding_length") // file.key("attention.head_count"))


def config_of(file, family):
    layers, head = file.key("block_count"), head_of(file)
    values = {"vocab_size": file.tensors["token_embd.weight"].shape[0], "hidden_size": file.key("embedding_length"),
              "intermediate_size": file.key("feed_forward_length"), "num_hidden_layers": layers,
              "num_attention_heads": file.key("attention.head_count"),
              "num_key_value_heads": file.key("attention.head_count_kv"), "head_dim": head,
              "max_position_embeddings": file.key("context_length"),
              "rms_norm_eps": file.key("attention.layer_norm_rms_epsilon"),
              "tie_word_embeddings": "output.weight" not in file.tensors, "attention_bias": family == "qwen2",
              "rope_parameters": rope_of(file, family), "attn_implementation": "eager", "pad_token_id": 0}
    window = file.key("attention.sliding_window")
    if window:
        values["sliding_window"] = window
    if family in ("gemma2", "gemma3"):
        values.update(query_pre_attn_scalar=head, hidden_activation="gelu_pytorch_tanh",
                      attn_logit_softcapping=file.key("attn_logit_softcapping"),
                      final_logit_softcapping=file.key("final_logit_softcapping"))
        period = 2 if family == "gemma2" else 6
        values["layer_types"] = ["full_attention" if (i + 1) % period == 0 else "sliding_attention"
                                 for i in range(layers)]
    if family == "falcon":
        two = "blk.0.attn_norm_2.weight" in file.tensors
        del values["head_dim"]
        values.update(new_decoder_architecture=two, multi_query=not two, parallel_attn=True, bias=False, alibi=False,
                      num_kv_heads=values["num_key_value_heads"], ffn_hidden_size=values["intermediate_size"],
                      layer_norm_epsilon=file.key("attention.layer_norm_epsilon"), activation="gelu")
    if file.key("expert_count"):
        values["num_experts_per_tok"] = file.key("expert_used_count")
        values["num_experts" if family == "qwen2moe" else "num_local_experts"] = file.key("expert_count")
        if family != "mixtral":
            values.update(moe_intermediate_size=file.key("expert_feed_forward_length"),
                          norm_topk_prob=family == "qwen3moe", decoder_sparse_step=1)
        if family == "qwen2moe":
            values.update(shared_expert_intermediate_size=file.key("expert_shared_feed_forward_length"), qkv_bias=True)
    name = CONFIGS[family] + ("TextConfig" if family == "gemma3" else "Config")
    return getattr(transformers, name)(**values)


def half_pairs(matrix, heads):
    """llama files have pairs of neighbours; transformers has pairs of halves."""
    rows = matrix.shape[0] // heads
    return matrix.reshape(heads, rows // 2, 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def interleaved(file, matrix):
    """Falcon 40B: q of a group, its k and its v in turns, over all q, all k, all v."""
    head, kv = head_of(file), file.key("attention.head_count_kv")
    heads = file.key("attention.head_count")
    q, k, v = np.split(matrix, [heads * head, (heads + kv) * head])
    parts = [part.reshape(kv, -1, head, matrix.shape[1]) for part in (q, k, v)]
    return np.concatenate(parts, axis=1).reshape(matrix.shape)


def falcon_name(file, name):
    two = "blk.0.attn_norm_2.weight" in file.tensors
    norms = {"attn_norm": "ln_mlp", "attn_norm_2": "ln_attn"} if two else {"attn_norm": "input_layernorm"}
    return norms.get(name)


def state_of(file, family):
    """The model's parameters by transformers' names."""
    falcon = family == "falcon"
    top = {"token_embd": "transformer.word_embeddings" if falcon else "model.embed_tokens",
           "output_norm": "transformer.ln_f" if falcon else "model.norm", "output": "lm_head"}
    state = {}
    for name, value in file.tensors.items():
        site, suffix = name.rsplit(".", 1)
        if site.startswith("rope_") or site.endswith("up_exps"):
            continue
        if site.endswith("gate_exps"):  # gate and up of an expert are one matrix there
            both = np.concatenate([value, file.tensors[name.replace("gate", "up")]], axis=1)
            state["model.layers.%s.mlp.experts.gate_up_proj" % site.split(".")[1]] = torch.tensor(both)
            continue
        if site.startswith("blk."):
            _, layer, part = site.split(".")
            if file.arch == "llama" and part in ("attn_q", "attn_k"):
                value = half_pairs(value, file.key("attention.head_count" + ("" if part == "attn_q" else "_kv")))
            if falcon and part == "attn_qkv":
                value = interleaved(file, value)
            theirs = {**NAMES, **OTHERS.get(family, {})}.get(part)
            theirs = (falcon_name(file, part) or theirs) if falcon else theirs
            site = "%s.%s.%s" % ("transformer.h" if falcon else "model.layers", layer, theirs)
        else:
            site = top[site]
        if family in ("gemma2", "gemma3") and "norm" in site:
            value = value - 1  # the converter adds it
        if site.endswith("shared_expert_gate"):
            value = value[None, :]
        state[site if site.endswith("experts.down_proj") else "%s.%s" % (site, suffix)] = torch.tensor(value)
    if "output.weight" not in file.tensors:
        state["lm_head.weight"] = torch.tensor(file.tensors["token_embd.weight"])
    return state


def model_of(file):
    family = family_of(file)
    config = config_of(file, family)
    name = CONFIGS[family] + "ForCausalLM"
    model = getattr(transformers, name)(config).to(torch.float32).eval()
    missing, unexpected = model.load_state_dict(state_of(file, family), strict=False)
    if unexpected or [m for m in missing if "rotary" not in m]:
        raise SystemExit("%s: missing %s, unexpected %s" % (name, missing, unexpected))
    if "rope_freqs.weight" in file.tensors:  # Llama 3: the factors that the file has
        rotary = model.model.rotary_emb
        rotary.inv_freq = rotary.inv_freq / torch.tensor(file.tensors["rope_freqs.weight"])
    return model


def worst_of(model, case):
    """The largest difference of a logit, and whether the greedy tokens are the same."""
    ids, worst = list(case["ids"]), 0.0
    for step, token in enumerate(case["greedy"]):
        with torch.no_grad():
            row = model(torch.tensor([ids]), use_cache=False).logits[0, -1].numpy()
        if step == 0 and "last_logits" in case:
            worst = float(np.abs(row - np.array(case["last_logits"])).max())
        worst = max([worst, *(abs(float(row[i]) - x) for i, x in case["steps"][step]["top"])])
        if int(row.argmax()) != token:
            return worst, False
        ids.append(token)
    return worst, True


def main():
    folder, names = sys.argv[1], sys.argv[2:]
    with open(os.path.join(HERE, "tiny.json"), encoding="utf-8") as file:
        reference = json.load(file)
    failed = 0
    for name, entry in reference.items():
        path = os.path.join(folder, name + ".gguf")
        if names and name not in names:
            continue
        file = File(path)
        if file.key("rope.scaling.type") == "linear":
            continue  # with a factor on cosines, which transformers lacks
        model = model_of(file)
        results = [worst_of(model, case) for case in entry["cases"]]
        worst, same = max(r[0] for r in results), all(r[1] for r in results)
        failed += worst > 1e-4 or not same
        print("%-18s %-8s worst %.1e, tokens %s" % (name, family_of(file), worst, "the same" if same else "differ"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
