/* SPDX-License-Identifier: MIT */
/* The ladder of outcomes. */
#include "inject/trial/outcome.h"

enum outcome outcome_of(const struct outcome_facts *f)
{
    if (!f->reached)
        return OUTCOME_NOT_REACHED;
    if (!f->bits_changed && !f->dry)
        return OUTCOME_INERT;
    if (f->abnormal)
        return OUTCOME_DUE;
    if (f->same_bits && f->same_tokens)
        return OUTCOME_MASKED_BITEXACT;
    if (f->same_text)
        return OUTCOME_MASKED_TOKENS;
    if (!f->scored)
        return OUTCOME_SDC_UNSCORED;
    if (f->score_change > f->eps)
        return OUTCOME_SDC_IMPROVED;
    return f->score_change >= -f->eps ? OUTCOME_SDC_BENIGN : OUTCOME_SDC_CRITICAL;
}
