/* SPDX-License-Identifier: MIT */
/* LINEAR: tiles of 16 packed rows times panels of up to 8 columns. */
#include "cpu/cpu_weight.h"
#include "cpu/simd/simd_block.h"

/* Columns of the next panel: 8, 4 or what is left. */
static uint32_t panel_columns(uint32_t left)
{
    return left >= 8 ? 8 : left >= 4 ? 4 : left;
}

/* A panel starts where the previous one ends. */
static struct simd_panel panel_at(const struct cpu_linear *job, uint32_t column)
{
    const uint32_t width = (uint32_t)job->weight->tensor->dim[0];
    const uint32_t halves = quant_halves(quant_form(job->weight->tensor->type));

    return (struct simd_panel){.x = job->scratch->panel + (size_t)column * width,
                               .sums = job->scratch->sum_x +
                                       (size_t)column * order_ceil(width, NM_BLOCK) * halves,
                               .n = panel_columns(job->n - column)};
}

void SIMD(linear_prepare)(const struct cpu_linear *job)
{
    const uint32_t width = (uint32_t)job->weight->tensor->dim[0];

    for (uint32_t column = 0; column < job->n; column += panel_columns(job->n - column)) {
        const struct simd_panel panel = panel_at(job, column);
        for (uint32_t j = 0; j < panel.n; j++) {
            const float *x = job->x + (column + j) * job->x_stride;
            for (uint32_t k = 0; k < width; k++)
                panel.x[k * panel.n + j] = x[k];
            if (quant_halves(quant_form(job->weight->tensor->type)) == 2)
                SIMD(half_sums)(x, width, panel.n, panel.sums + j);
            else
                SIMD(block_sums)(x, width, panel.n, panel.sums + j);
        }
    }
}

SIMD_INLINE void tile(struct simd_shape is, const uint8_t *tile, uint32_t width,
                      const struct simd_panel *panel, float y[SIMD_COLUMNS][16])
{
    const uint32_t blocks = order_ceil(width, NM_BLOCK), per_group = simd_subs(is.type);
    const uint32_t bytes = cpu_pack_layout(is.type).bytes;
    const uint32_t halves = quant_halves(quant_form(is.type));
    struct simd_partials partials[SIMD_PARTS];
    uint32_t parts = SIMD_PARTS;

    SIMD_HERE(parts); /* a loop that is not unrolled: half the code */

    for (uint32_t part = 0; part < SIMD_PARTS; part++)
        simd_clear(&partials[part], blocks, is.n);
    for (uint32_t b = 0; b < blocks; b++) {
        for (uint32_t part = 0; part < parts; part++) {
            const struct simd_at at = {.group = tile + (size_t)(b / per_group) * bytes,
                                       .sub = b % per_group,
                                       .part = part};
            const float *x = panel->x + (size_t)b * NM_BLOCK * is.n;
            simd_float t[SIMD_COLUMNS];
            SIMD_HERE(x);
            if (simd_is_plain(is.type) && (b + 1) * NM_BLOCK > width)
                simd_some(is, &at, x, (struct simd_range){0, width - b * NM_BLOCK}, t);
            else
                simd_block(is, &at, x, panel->sums + (size_t)b * halves * is.n, t);
            simd_add_block(&partials[part], b, is.n, t);
        }
    }
    for (uint32_t part = 0; part < SIMD_PARTS; part++) {
        simd_tree(&partials[part], blocks, is.n);
        for (uint32_t j = 0; j < is.n; j++)
            simd_store(y[j] + part * SIMD_LANES, partials[part].at[0][j]);
    }
}

/* The rows of a tile. */
struct tile_rows {
    const uint8_t *tile;
    uint32_t begin, end;
};

/* A tile into the job's columns [column, column + is.n). */
SIMD_INLINE void rows(struct simd_shape is, const struct cpu_linear *job, uint32_t column,
                      struct tile_rows at)
{
    const struct simd_panel panel = panel_at(job, column);
    float y[SIMD_COLUMNS][16];

    tile(is, at.tile, (uint32_t)job->weight->tensor->dim[0], &panel, y);
    for (uint32_t j = 0; j < is.n; j++) {
        float *out = job->y + (column + j) * job->y_stride + (at.begin - job->y_row);
        for (uint32_t i = 0; i < at.end - at.begin; i++)
            out[i] = job->bias ? y[j][i] + job->bias[at.begin + i] : y[j][i];
    }
}

/* type_n: the loops with both constant. */
#define SIMD_ROWS(type, n)                                                                         \
    static void rows_##type##_##n(const struct cpu_linear *job, uint32_t column,                   \
                                  struct tile_rows at)                                             \
    {                                                                                              \
        rows((struct simd_shape){QUANT_##type, n}, job, column, at);                               \
    }

#define SIMD_TYPE(type, id, elements, bytes)                                                       \
    SIMD_ROWS(type, 1)                                                                             \
    SIMD_ROWS(type, 2)                                                                             \
    SIMD_ROWS(type, 3)                                                                             \
    SIMD_ROWS(type, 4)                                                                             \
    SIMD_ROWS(type, 8)

QUANT_TYPES(SIMD_TYPE)

typedef void rows_fn(const struct cpu_linear *job, uint32_t column, struct tile_rows at);

static rows_fn *const rows_of[QUANT_COUNT][SIMD_COLUMNS + 1] = {
#define SIMD_ENTRY(type, id, elements, bytes)                                                      \
    {[1] = rows_##type##_1,                                                                        \
     [2] = rows_##type##_2,                                                                        \
     [3] = rows_##type##_3,                                                                        \
     [4] = rows_##type##_4,                                                                        \
     [8] = rows_##type##_8},
    QUANT_TYPES(SIMD_ENTRY)
#undef SIMD_ENTRY
};

void SIMD(linear)(const struct cpu_linear *job, uint32_t row_begin, uint32_t row_end)
{
    rows_fn *const *fn = rows_of[job->weight->tensor->type];

    for (uint32_t row = row_begin; row < row_end; row += CPU_TILE) {
        const struct tile_rows at = {
            cpu_weight_tile(job->weight, row / CPU_TILE, job->scratch->tile), row,
            row_end - row < CPU_TILE ? row_end : row + CPU_TILE};
        for (uint32_t column = 0, n; column < job->n; column += n) {
            n = panel_columns(job->n - column);
            fn[n](job, column, at);
        }
    }
    for (uint32_t j = 0; j < job->n && job->cap != 0; j++)
        cpu_cap(job->y + j * job->y_stride + (row_begin - job->y_row), row_end - row_begin,
                job->cap);
    for (uint32_t j = 0; j < job->n && job->act != NM_F32; j++)
        SIMD(round)
    (job->y + j * job->y_stride + (row_begin - job->y_row), row_end - row_begin, job->act);
}
