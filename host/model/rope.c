/* SPDX-License-Identifier: MIT */
/* Fills RoPE tables from the model's base, scale and frequency factors. */
#include "model/rope.h"

#include <inttypes.h>

#include "base/log.h"
#include "model/dmath.h"

#define ROPE_ANGLE_MAX 1048576.0 /* of dmath_sin_cos */

enum status rope_table(float **out, struct arena *arena, const struct rope_params *params)
{
    const struct hparams *hp = params->hp;
    uint32_t table = params->table, positions = params->positions;
    uint32_t pairs = hp->rope_dim / 2;
    double *frequency = arena_array(arena, pairs, sizeof(*frequency));
    float *values = arena_array(arena, (size_t)positions * pairs, 2 * sizeof(*values));

    if (!frequency || !values)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < pairs; i++) {
        double factor = params->factors ? (double)params->factors[i] : 1;
        double power = dmath_pow(hp->rope_base[table], 2.0 * i / hp->rope_dim);
        frequency[i] = hp->rope_scale[table] / factor / power;
        if (!(frequency[i] > 0 && frequency[i] * positions <= ROPE_ANGLE_MAX)) {
            log_error("rope table %" PRIu32 ": found frequency %g of pair %" PRIu32
                      " (base %g, scale %g, factor %g), expected one above 0 and at most %g",
                      table, frequency[i], i, hp->rope_base[table], hp->rope_scale[table], factor,
                      ROPE_ANGLE_MAX / positions);
            return STATUS_INPUT;
        }
    }
    *out = values;
    for (uint32_t position = 0; position < positions; position++) {
        for (uint32_t i = 0; i < pairs; i++, values += 2) {
            double s, c;
            dmath_sin_cos(position * frequency[i], &s, &c);
            values[0] = (float)(c * hp->rope_magnitude);
            values[1] = (float)(s * hp->rope_magnitude);
        }
    }
    return STATUS_OK;
}
