/* SPDX-License-Identifier: MIT */
/* Which tokens end an answer: by the file's ids and by their texts. */
#ifndef VKFI_MODEL_TOKENIZER_ENDS_H
#define VKFI_MODEL_TOKENIZER_ENDS_H

#include "model/tokenizer_vocab.h"

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

#endif
