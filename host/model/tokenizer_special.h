/* SPDX-License-Identifier: MIT */
/* Finds the texts of special tokens in a text. */
#ifndef VKFI_MODEL_TOKENIZER_SPECIAL_H
#define VKFI_MODEL_TOKENIZER_SPECIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/tokenizer_vocab.h"

struct tokenizer_special {
    uint32_t count;
    const struct tokenizer_special_entry *entries; /* (count), by text */
    uint32_t first[257]; /* entries whose text begins with byte b: first[b] to first[b + 1] */
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

#endif
