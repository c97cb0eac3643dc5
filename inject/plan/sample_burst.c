/* SPDX-License-Identifier: MIT */
/* Bursts in stored weights: adjacent bits in GGUF byte order, in whatever fields. */
#include "inject/plan/sample_internal.h"

/* A bit of a tensor's row as the field of an element. */
struct named_bit {
    uint32_t k;
    enum quant_field field;
    uint32_t bit;
};

/* The field bit at bit `at` of a row; of elements that share it, the first. */
static bool name_bit(enum quant type, uint64_t at, struct named_bit *out)
{
    const uint32_t elements = quant_block_elements(type);
    const uint64_t block = at / 8 / quant_block_bytes(type);
    for (uint32_t i = 0; i < elements; i++) {
        out->k = (uint32_t)(block * elements + i);
        for (int f = 0; f < QUANT_FIELD_COUNT; f++) {
            const uint32_t width = quant_field_width(type, (enum quant_field)f);
            out->field = (enum quant_field)f;
            for (out->bit = 0; out->bit < width; out->bit++) {
                const struct quant_place p = quant_field_place(type, out->k, out->field, out->bit);
                if (p.byte * 8 + p.bit == at)
                    return true;
            }
        }
    }
    return false;
}

bool sample_burst_spreads(const struct plan *plan, const struct fault *start)
{
    return plan->what.pattern == PLAN_PATTERN_BURST && start->place == PLACE_WEIGHT &&
           start->mask != 0 && !hook_kinds_takes(start->kind, KIND_TAKES_DRAWS) &&
           start->k_count <= 1;
}

/* Moves a fault by whole rows; rows beyond the tensor are dropped. False: all of them. */
static bool move_rows(struct fault *fault, uint64_t rows)
{
    const struct tensor *t = fault->tensor;
    const uint64_t all = t->dim[1] * t->dim[2] * t->dim[3];
    const uint64_t step = fault->row_step ? fault->row_step : 1, row = fault->row + rows;
    if (row >= all)
        return false;
    const uint64_t fit = (all - 1 - row) / step + 1;
    fault->row = (uint32_t)row;
    if (fault->row_count > fit)
        fault->row_count = (uint32_t)fit;
    return true;
}

uint32_t sample_burst_spread(const struct plan *plan, const struct fault *start, struct fault *out)
{
    const struct tensor *t = start->tensor;
    const struct quant_place first =
        quant_field_place(t->type, start->k, start->field, (uint32_t)__builtin_ctz(start->mask));
    const uint64_t row_bits = quant_row_bytes(t->type, t->dim[0]) * 8;
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->what.pattern_bits; i++) {
        const uint64_t at = first.byte * 8 + first.bit + i;
        struct fault piece = *start;
        struct named_bit bit;
        uint32_t same = 0;
        if (!move_rows(&piece, at / row_bits) || !name_bit(t->type, at % row_bits, &bit))
            break;
        while (same < count &&
               (out[same].row != piece.row || out[same].k != bit.k || out[same].field != bit.field))
            same++;
        if (same == count) {
            piece.k = bit.k;
            piece.field = bit.field;
            piece.mask = 0;
            out[count++] = piece;
        }
        out[same].mask |= 1u << bit.bit;
    }
    return count;
}
