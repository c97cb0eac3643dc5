/* SPDX-License-Identifier: MIT */
/* RoPE tables: cosine and sine of each position and pair, computed in double by our own code. */
#ifndef VKFI_MODEL_ROPE_H
#define VKFI_MODEL_ROPE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/hparams.h"

/* out[(position * rope_dim / 2 + pair) * 2] = cos, + 1 = sin; (positions, rope_dim / 2, 2).
 * angle = position * rope_scale / factor[pair] / rope_base ^ (2 pair / rope_dim).
 * `factors`: (rope_dim / 2) frequency factors (tensor rope_freqs.weight) or null. */
enum status rope_table(struct arena *arena, const struct hparams *hp, uint32_t table,
                       uint32_t positions, const float *factors, float **out) STATUS_MUST_USE;

#endif
