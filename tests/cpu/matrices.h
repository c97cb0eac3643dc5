/* SPDX-License-Identifier: MIT */
/* Random matrices of every tensor type, as the scalar form and as packed forms read them. */
#ifndef VKFI_TESTS_CPU_MATRICES_H
#define VKFI_TESTS_CPU_MATRICES_H

#include "forms.h"

#include "cpu/cpu_pack.h"

enum { MATRICES_COLUMNS = 17 };

struct matrix {
    struct tensor tensor;
    struct cpu_weight scalar, packed;
};

/* Random bits, with small scales where the numbers must stay finite. */
static inline void matrices_init(struct matrix *m, struct rng *rng, enum quant type, uint32_t width,
                                 uint32_t rows)
{
    const size_t row_bytes = quant_row_bytes(type, width);

    m->tensor = (struct tensor){.name = "t",
                                .type = type,
                                .n_dims = 2,
                                .dim = {width, rows, 1, 1},
                                .size = rows * row_bytes};
    m->tensor.data = forms_memory(rows, row_bytes);
    for (size_t i = 0; i < m->tensor.size; i++)
        m->tensor.data[i] = (uint8_t)rng_u32(rng);
    m->scalar = (struct cpu_weight){.tensor = &m->tensor};
    m->packed = m->scalar;
}

static inline void matrices_tame(struct matrix *m, struct rng *rng)
{
    const enum quant type = m->tensor.type;
    const uint64_t width = m->tensor.dim[0];

    for (uint64_t row = 0; row < m->tensor.dim[1]; row++) {
        uint8_t *bytes = m->tensor.data + row * quant_row_bytes(type, width);
        for (uint64_t k = 0; k < width; k += quant_block_elements(type)) {
            const uint32_t half = 0x2000u + rng_u32(rng) % 0x1000u;
            if (quant_form(type) == QUANT_FORM_PLAIN) {
                const float x = forms_number(rng, FORMS_TAME);
                quant_field_write(type, bytes, k, QUANT_FIELD_CODE,
                                  nm_store(lang_bits(x), type == QUANT_F16    ? NM_F16
                                                         : type == QUANT_BF16 ? NM_BF16
                                                                              : NM_F32));
                continue;
            }
            quant_field_write(type, bytes, k, QUANT_FIELD_SCALE,
                              type == QUANT_MXFP4 ? 0x70 + half % 16 : half);
            if (quant_field_width(type, QUANT_FIELD_MIN) > 0)
                quant_field_write(type, bytes, k, QUANT_FIELD_MIN, half ^ 0x8000u);
        }
    }
}

static inline void matrices_pack(struct matrix *m)
{
    const uint32_t tiles = order_ceil((uint32_t)m->tensor.dim[1], CPU_TILE);

    m->packed.tile_bytes = cpu_pack_tile_bytes(m->tensor.type, m->tensor.dim[0]);
    m->packed.tiles = forms_memory(tiles, m->packed.tile_bytes);
    memset(m->packed.tiles, 0, tiles * m->packed.tile_bytes);
    for (uint32_t tile = 0; tile < tiles; tile++)
        cpu_pack_tile(&m->tensor, tile, m->packed.tiles + tile * m->packed.tile_bytes);
}

static inline void matrices_finish(struct matrix *m)
{
    free(m->tensor.data);
    free(m->packed.tiles);
}

static inline struct cpu_scratch matrices_scratch_of(uint32_t width)
{
    const uint32_t blocks = order_ceil(width, NM_BLOCK);
    return (struct cpu_scratch){
        .sum_x = forms_memory((size_t)MATRICES_COLUMNS * blocks, 2 * sizeof(float)),
        .panel = forms_memory((size_t)MATRICES_COLUMNS * width, sizeof(float)),
        .block = forms_memory(blocks, sizeof(struct quant_block)),
        .row = forms_memory(width, sizeof(float))};
}

static inline void matrices_scratch_finish(struct cpu_scratch *s)
{
    free(s->sum_x);
    free(s->panel);
    free(s->block);
    free(s->row);
}

#endif
