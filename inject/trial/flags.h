/* SPDX-License-Identifier: MIT */
/* What can be said of an output by itself: the flags beside an outcome. */
#ifndef VKFI_INJECT_FLAGS_H
#define VKFI_INJECT_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "inject/space/kinds.h"
#include "model/generate.h"

/* A run as the flags see it. */
struct flags_run {
    const struct generate_params *params;
    const int32_t *tokens; /* (n_tokens) */
    uint32_t n_tokens;
    uint32_t golden_tokens; /* length of the golden run */
    bool nonfinite;         /* some logit was Inf or NaN */
    bool ended;             /* abnormally: neither at an end token nor at the limit */
};

/* Bits `1 << enum flag`.
 * repetition: the output ends in one unit of 1 to 16 tokens that stands there at least 4 times in a
 *   row and over at least 16 tokens, end token aside.
 * invalid_token: a token that spells no text (control, unknown, unused), but for the end token.
 * empty: no text at all.
 * nan_logits: some logit is Inf or NaN.
 * hit_length_limit: the most tokens were generated and no end token came; never where end tokens
 *   are ignored, since every run does.
 * stopped_early: an end token came, with fewer tokens than golden's. */
enum status flags_of(uint32_t *out, const struct flags_run *run) STATUS_MUST_USE;

/* True if both token lists spell the same bytes. Special tokens spell none. */
struct flags_tokens {
    const int32_t *tokens;
    uint32_t n;
};
enum status flags_same_text(bool *out, const struct tokenizer *tk, const struct flags_tokens *a,
                            const struct flags_tokens *b) STATUS_MUST_USE;

#endif
