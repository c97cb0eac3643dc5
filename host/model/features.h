/* SPDX-License-Identifier: MIT */
/* Features of a token: statistics of its row of logits, and of the residual they come from
 * (NUMERICS.md 6). Devices give the same bits; what is derived from them is computed here. */
#ifndef VKFI_MODEL_FEATURES_H
#define VKFI_MODEL_FEATURES_H

#include <stdint.h>

/* m: the largest logit. Floats are canonical. */
struct features {
    uint32_t nonfinite;  /* logits that are Inf or NaN */
    float first, second; /* the two largest logits, by key; NaN: there is none */
    float z;             /* sum of e^(x - m) over all logits x */
    float w;             /* sum of e^(x - m) (x - m) */
    float squares;       /* sum of the squares of the residual that enters the output norm */
};

/* NaN where the bits are. */
double features_margin(const struct features *f);    /* of the largest logit above the second */
double features_logsumexp(const struct features *f); /* natural logarithm */
double features_entropy(const struct features *f);   /* of the logits' softmax, in nats */
double features_hidden(const struct features *f);    /* L2 norm of the residual */

#endif
