/* SPDX-License-Identifier: MIT */
/* The control that a real mitigation must beat: a token whose logits are not all finite is computed
 * again. */
#include "mitigations/protection.h"

static enum status look(void *self, void *state, const struct decode_view *view,
                        struct protection_finding *out)
{
    (void)self;
    (void)state;
    if (view->token == DECODE_NO_TOKEN || view->result->finite)
        return STATUS_OK;
    out->severity = PROTECTION_HARD;
    out->back = 1;
    return STATUS_OK;
}

const struct protection protection_nan_trap = {
    .name = "nan_trap",
    .what = "Inf and NaN among the logits: the control of all others",
    .look = look,
};
