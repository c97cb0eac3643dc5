/* SPDX-License-Identifier: MIT */
/* What can be said of an output by itself: the flags beside an outcome. */
#ifndef VKFI_INJECT_FLAGS_H
#define VKFI_INJECT_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "inject/space/kinds.h"
#include "model/decode.h"

/* A run as the flags see it. */
struct flags_run {
    const struct decode *decode;
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
 * hit_length_limit: the most tokens were generated, and neither an end token nor a stop string
 * came; never where end tokens are ignored, since every run does. stopped_early: an end token or a
 * stop string came, with fewer tokens than golden's. */
enum status flags_of(uint32_t *out, const struct flags_run *run) STATUS_MUST_USE;

/* True if the bytes that count of both token lists are the same. */
enum status flags_same_text(bool *out, const struct decode *decode, const struct decode_tokens *a,
                            const struct decode_tokens *b) STATUS_MUST_USE;

#endif
