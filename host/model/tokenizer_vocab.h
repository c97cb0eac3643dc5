/* SPDX-License-Identifier: MIT */
/* The token list of a file: text and type by id, id by text. */
#ifndef VKFI_MODEL_TOKENIZER_VOCAB_H
#define VKFI_MODEL_TOKENIZER_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/gguf.h"

/* Numbers of tokenizer.ggml.token_type (GGUF specification). */
enum tokenizer_vocab_type {
    TOKENIZER_VOCAB_UNDEFINED, /* treated as NORMAL */
    TOKENIZER_VOCAB_NORMAL,
    TOKENIZER_VOCAB_UNKNOWN,
    TOKENIZER_VOCAB_CONTROL,
    TOKENIZER_VOCAB_USER, /* user-defined: found in any text before everything else */
    TOKENIZER_VOCAB_UNUSED,
    TOKENIZER_VOCAB_BYTE, /* SentencePiece: <0x00> to <0xFF> */
    TOKENIZER_VOCAB_TYPES
};

struct tokenizer_vocab {
    uint32_t count;
    uint32_t longest;        /* bytes of the longest token that tokenizer_vocab_find can find */
    const char *const *text; /* (count), views into the gguf, not null-terminated */
    const uint32_t *len;     /* (count) */
    const int32_t *type;     /* (count), enum tokenizer_vocab_type; tokenizer_ends.c changes some */
    struct tokenizer_vocab_slot *slots; /* (mask + 1), open addressing */
    uint32_t mask;
};

/* Reads tokenizer.ggml.tokens and .token_type; both must be there and of one length. */
enum status tokenizer_vocab_read(struct tokenizer_vocab *out,
                                 const struct gguf *gguf) STATUS_MUST_USE;

/* Makes it searchable by text, with the types as they are now. */
enum status tokenizer_vocab_index(struct tokenizer_vocab *vocab,
                                  struct arena *arena) STATUS_MUST_USE;

/* Id of the token with this text that plain text may become (no control, unknown or byte token);
 * -1: none. Of tokens with equal text the last. */
int32_t tokenizer_vocab_find(const struct tokenizer_vocab *vocab, const char *text, size_t len);

/* Whether tokenizer_vocab_find could give `id` (any number) for this text; does not search. */
bool tokenizer_vocab_is(const struct tokenizer_vocab *vocab, int32_t id, const char *text,
                        size_t len);

/* The id under a metadata key, -1 if the file has no such key. */
enum status tokenizer_vocab_id(const struct tokenizer_vocab *vocab, const struct gguf *gguf,
                               const char *key, int32_t *out) STATUS_MUST_USE;

#endif
