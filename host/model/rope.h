/* SPDX-License-Identifier: MIT */
/* RoPE tables: cosine and sine of each position and pair, computed in double by our own code. */
#ifndef VKFI_MODEL_ROPE_H
#define VKFI_MODEL_ROPE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/hparams.h"

struct rope_params {
    const struct hparams *hp;
    uint32_t table; /* 0 global layers, 1 sliding-window layers */
    uint32_t positions;
    const float *factors; /* (rope_dim / 2) frequency factors (rope_freqs.weight), or null */
};

/* out[(position * rope_dim / 2 + pair) * 2] = cos, + 1 = sin, both times rope_magnitude;
 * (positions, rope_dim / 2, 2). angle = position * rope_scale / factor[pair] / rope_base ^ (2 pair
 * / rope_dim). */
enum status rope_table(float **out, struct arena *arena,
                       const struct rope_params *params) STATUS_MUST_USE;

#endif
