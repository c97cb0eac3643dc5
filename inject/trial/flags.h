/* SPDX-License-Identifier: MIT */
/* Properties of an output alone: the flags beside an outcome. */
#ifndef VKFI_INJECT_FLAGS_H
#define VKFI_INJECT_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "inject/space/kinds.h"
#include "model/decode.h"

/* What the flags read of a run. */
struct flags_run {
    const struct decode *decode;
    const int32_t *tokens; /* (n_tokens) */
    uint32_t n_tokens;
    uint32_t golden_tokens; /* length of the golden run */
    bool nonfinite;         /* some logit was Inf or NaN */
    bool ended;             /* abnormally: neither at an end token nor at the limit */
};

/* Bits `1 << enum flag`.
 * repetition: the output ends in a unit of 1 to 16 tokens, repeated at least 4 times and over at
 *   least 16 tokens, without the end token.
 * invalid_token: a token without text (control, unknown, unused) other than the end token.
 * empty: no text at all.
 * nan_logits: some logit is Inf or NaN.
 * hit_length_limit: the most tokens were generated, with neither an end token nor a stop string;
 *   never set where end tokens are ignored, since every run hits it.
 * stopped_early: an end token or a stop string came, with fewer tokens than golden's. */
enum status flags_of(uint32_t *out, const struct flags_run *run) STATUS_MUST_USE;

/* True if both token lists give the same bytes before a stop string. */
enum status flags_same_text(bool *out, const struct decode *decode, const struct decode_tokens *a,
                            const struct decode_tokens *b) STATUS_MUST_USE;

#endif
