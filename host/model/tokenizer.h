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
bool tokenizer_is_end(const struct tokenizer *tk, int32_t id); /* eos, eot, end of turn */

/* Any bytes. `special`: text of special tokens becomes those tokens. */
struct tokenizer_text {
    const char *bytes; /* (size) */
    size_t size;
    bool special;
};

/* Ids of the text, begin token included where the file asks for it. Result from `arena`. */
enum status tokenizer_encode(const struct tokenizer *tk, struct arena *arena,
                             const struct tokenizer_text *text, int32_t **out,
                             size_t *out_count) STATUS_MUST_USE;

#endif
