/* SPDX-License-Identifier: MIT */
/* SentencePiece-style tokens (tokenizer.ggml.model "llama"): neighbours joined by the score of the
 * result, bytes where no token fits. */
#ifndef VKFI_MODEL_SPM_H
#define VKFI_MODEL_SPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/gguf.h"
#include "model/tokenizer_vocab.h"
#include "model/tokenizer_work.h"

#define SPM_SPACE "\xE2\x96\x81" /* U+2581 stands for a space in token texts */

struct spm {
    const struct tokenizer_vocab *vocab;
    const uint32_t *priority; /* (count): scores in falling order, equal scores equal */
    int32_t byte_id[256];     /* -1: the vocabulary has none */
    bool before_space[256];   /* some token has U+2581 after this byte; else nothing joins there */
    int32_t unknown;          /* for characters that nothing else spells; -1: left out */
};

/* Reads tokenizer.ggml.scores and .unknown_token_id. */
enum status spm_init(struct spm *out, struct arena *arena, const struct gguf *gguf,
                     const struct tokenizer_vocab *vocab) STATUS_MUST_USE;

/* Appends the ids of `text`, any bytes; `prefix`: of " text". A byte that is no part of a
 * well-formed UTF-8 character counts as a character. */
enum status spm_encode(const struct spm *spm, struct tokenizer_work *work, const char *text,
                       size_t len, bool prefix) STATUS_MUST_USE;

/* The byte that a byte token's text "<0xNN>" names, -1: it is not of that form. */
int spm_byte(const char *text, size_t len);

#endif
