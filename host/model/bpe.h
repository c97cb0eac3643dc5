/* SPDX-License-Identifier: MIT */
/* Byte-level BPE (tokenizer.ggml.model "gpt2"): bytes spelled as printable characters, joined by
 * rank. */
#ifndef VKFI_MODEL_BPE_H
#define VKFI_MODEL_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/gguf.h"
#include "model/pretokenizer.h"
#include "model/tokenizer_vocab.h"
#include "model/tokenizer_work.h"

struct bpe {
    const struct tokenizer_vocab *vocab;
    struct pretokenizer *pretokenizer; /* owned */
    int32_t byte_id[256];              /* token of a single byte, -1: the vocabulary has none */
    struct bpe_merge *merges;          /* (mask + 1), by pair of ids, open addressing */
    uint32_t mask;
};

/* Reads tokenizer.ggml.pre and .merges. A merge must name two tokens; one whose result is no token
 * never applies and is left out. */
enum status bpe_init(struct bpe *out, struct arena *arena, const struct gguf *gguf,
                     const struct tokenizer_vocab *vocab) STATUS_MUST_USE;
void bpe_finish(struct bpe *bpe);

/* Appends the ids of `text`, any bytes. Bytes without a token are left out and counted. */
enum status bpe_encode(const struct bpe *bpe, struct tokenizer_work *work, const char *text,
                       size_t len) STATUS_MUST_USE;

/* The byte that character `code` of a token's text spells, -1: none. Source: GPT-2 encoder.py,
 * bytes_to_unicode. */
int bpe_byte(uint32_t code);

#endif
