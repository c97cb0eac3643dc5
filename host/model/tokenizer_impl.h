/* SPDX-License-Identifier: MIT */
/* The inside of a tokenizer: texts of special tokens, tokens that end an answer, the rest. */
#ifndef VKFI_MODEL_TOKENIZER_IMPL_H
#define VKFI_MODEL_TOKENIZER_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/bpe.h"
#include "model/spm.h"
#include "model/tokenizer.h"
#include "model/tokenizer_vocab.h"

enum tokenizer_model { TOKENIZER_BPE, TOKENIZER_SPM };

struct tokenizer_ends {
    const int32_t *id; /* (count), ascending */
    uint32_t count;
};

/* End tokens that the file gives another type become control tokens in `vocab` (with a warning), so
 * that templates find them and plain text does not; call it before the vocabulary is indexed. */
enum status tokenizer_ends_init(struct tokenizer_ends *out, struct arena *arena,
                                const struct gguf *gguf,
                                struct tokenizer_vocab *vocab) STATUS_MUST_USE;

bool tokenizer_ends_has(const struct tokenizer_ends *ends, int32_t id);

struct tokenizer_special {
    uint32_t count;
    const struct tokenizer_special_entry *entries; /* (count), by text */
    uint32_t first[257]; /* entries whose text starts with byte b: first[b] to first[b + 1] */
};

struct tokenizer_special_match {
    size_t start, size; /* bytes; start == len of the text: no more */
    int32_t id;
};

/* Special are control, unknown and user-defined tokens; views into `vocab`. */
enum status tokenizer_special_init(struct tokenizer_special *out, struct arena *arena,
                                   const struct gguf *gguf,
                                   const struct tokenizer_vocab *vocab) STATUS_MUST_USE;

/* The leftmost occurrence, the longest of those. User-defined tokens always count, others only if
 * `all`. */
struct tokenizer_special_match tokenizer_special_next(const struct tokenizer_special *special,
                                                      const char *text, size_t len, bool all);

struct tokenizer {
    struct arena arena; /* owns what the fields below point to */
    enum tokenizer_model model;
    struct tokenizer_vocab vocab;
    struct tokenizer_special special;
    struct bpe bpe;    /* if TOKENIZER_BPE */
    struct spm spm;    /* if TOKENIZER_SPM */
    bool space_prefix; /* TOKENIZER_SPM: a space before text at the start and after special
                          tokens */
    int32_t begin;     /* put in front of every text, -1: none */
    struct tokenizer_ends ends;
};

#endif
