/* SPDX-License-Identifier: MIT */
/* Text to token ids and back, from the GGUF's own vocabulary: byte-level BPE and SentencePiece. */
#ifndef VKFI_MODEL_TOKENIZER_H
#define VKFI_MODEL_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/gguf.h"

struct tokenizer;

/* STATUS_INPUT if the file's tokenizer is of an unknown model or pre-tokenizer (named), or its
 * lists disagree. Views into `gguf`, which must outlive it. */
enum status tokenizer_create(struct tokenizer **out, const struct gguf *gguf) STATUS_MUST_USE;
void tokenizer_destroy(struct tokenizer **tokenizer);

uint32_t tokenizer_size(const struct tokenizer *tk);
int32_t tokenizer_begin(const struct tokenizer *tk);           /* -1: none is put in front */
bool tokenizer_is_end(const struct tokenizer *tk, int32_t id); /* ends an answer */
const int32_t *tokenizer_end_ids(const struct tokenizer *tk, uint32_t *out_count); /* ascending */

/* What the text of special tokens stands for: itself, those tokens, or those tokens in the text of
 * a chat template, which gets no second begin token if it starts with one. */
enum tokenizer_parse { TOKENIZER_PLAIN, TOKENIZER_SPECIAL, TOKENIZER_CHAT };

struct tokenizer_text {
    const char *bytes; /* (size), any */
    size_t size;
    enum tokenizer_parse parse;
};

/* Ids of the text, begin token included where the file asks for it; never an end token, since the
 * text is a prompt. Result from `arena`. */
enum status tokenizer_encode(const struct tokenizer *tk, struct arena *arena,
                             const struct tokenizer_text *text, int32_t **out,
                             size_t *out_count) STATUS_MUST_USE;

#endif
