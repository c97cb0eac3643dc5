/* SPDX-License-Identifier: MIT */
/* Token ids back to text, one at a time. */
#ifndef VKFI_MODEL_DETOKENIZER_H
#define VKFI_MODEL_DETOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "model/tokenizer.h"

/* Bytes of an incomplete character are held back; detokenizer_flush gives them as U+FFFD at the
 * end. Special tokens (control, unknown, unused) give no text unless `special`. */
struct detokenizer {
    const struct tokenizer *tk;
    bool special;
    bool started; /* the first token of text has passed: SentencePiece drops its leading space if
                     the file asks for a space prefix. Set it to go on after a known prompt. */
    uint8_t held[8];
    uint32_t n_held;
};

void detokenizer_init(struct detokenizer *dt, const struct tokenizer *tk, bool special);

/* Appends valid UTF-8 only, whole characters only; id must be valid. */
enum status detokenizer_put(struct detokenizer *dt, int32_t id, struct text *out) STATUS_MUST_USE;
/* The same for bytes of a text that has started. */
enum status detokenizer_put_bytes(struct detokenizer *dt, const char *bytes, size_t size,
                                  struct text *out) STATUS_MUST_USE;
enum status detokenizer_flush(struct detokenizer *dt, struct text *out) STATUS_MUST_USE;

/* Appends the text of ids that follow a prompt, U+0000 as TEXT_NUL; special tokens give none.
 * out->data is not null afterwards. */
enum status detokenizer_answer(struct text *out, const struct tokenizer *tk, const int32_t *ids,
                               size_t count) STATUS_MUST_USE;

/* The same from the bytes that tokens spell. */
enum status detokenizer_bytes(struct text *out, const char *bytes, size_t size) STATUS_MUST_USE;

/* Appends the bytes of one token as they are, which may be a part of a character. */
enum status detokenizer_piece(const struct tokenizer *tk, int32_t id, bool special,
                              struct text *out) STATUS_MUST_USE;

#endif
