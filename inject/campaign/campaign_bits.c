/* SPDX-License-Identifier: MIT */
/* From raw bits to types, values and classes. */
#include "inject/campaign/campaign_bits.h"

#include <math.h>

/* Bits of the exponent and, below it, of the mantissa. */
static const struct {
    uint32_t exponent, mantissa;
} LAYOUTS[] = {
    [STORAGE_F32] = {8, 23},
    [STORAGE_F16] = {5, 10},
    [STORAGE_BF16] = {8, 7},
};

/* The tensor whose stored bits are struck or read, null if it is not a weight. */
static const struct tensor *weight_of(const struct fault *fault, const struct fault_bounds *bounds)
{
    if (fault->place == PLACE_WEIGHT)
        return fault->tensor;
    if (fault->place != PLACE_OP || fault->point != HOOK_WEIGHT)
        return NULL;
    return bounds->model->graph.node[fault->node].weight;
}

void campaign_bits_of(struct campaign_bits *out, const struct fault *fault,
                      const struct fault_bounds *bounds)
{
    const struct tensor *weight = weight_of(fault, bounds);
    *out = (struct campaign_bits){.width = fault_width(fault, bounds)};
    out->is_float = fault_number(fault, bounds, &out->storage);
    if (weight && quant_form(weight->type) != QUANT_FORM_PLAIN)
        out->name = quant_field_name(fault->field);
}

/* Without the processor's arithmetic on floats, which takes denormals for zero here. */
double campaign_bits_value(const struct campaign_bits *type, uint32_t bits)
{
    if (!type->is_float)
        return bits;
    const uint32_t n_exponent = LAYOUTS[type->storage].exponent;
    const uint32_t n_mantissa = LAYOUTS[type->storage].mantissa;
    const uint32_t top = (1u << n_exponent) - 1;
    const uint32_t exponent = bits >> n_mantissa & top;
    const uint32_t mantissa = bits & ((1u << n_mantissa) - 1);
    const int bias = (int)(top >> 1);
    double value;
    if (exponent == top)
        value = mantissa ? NAN : HUGE_VAL;
    else if (exponent == 0)
        value = ldexp(mantissa, 1 - bias - (int)n_mantissa);
    else
        value =
            ldexp((double)mantissa + (1u << n_mantissa), (int)exponent - bias - (int)n_mantissa);
    return bits >> (n_exponent + n_mantissa) & 1u ? -value : value;
}

static const char *bit_class(const struct campaign_bits *type, uint32_t bit)
{
    const uint32_t mantissa = LAYOUTS[type->storage].mantissa;
    if (bit < mantissa)
        return "mantissa";
    return bit < mantissa + LAYOUTS[type->storage].exponent ? "exponent" : "sign";
}

const char *campaign_bits_field(const struct campaign_bits *type, uint32_t mask)
{
    const char *found = NULL;
    if (mask == 0)
        return NULL;
    if (type->name)
        return type->name;
    if (!type->is_float)
        return "integer";
    for (uint32_t bit = 0; bit < 32; bit++) {
        if (!(mask >> bit & 1u))
            continue;
        const char *name = bit_class(type, bit);
        if (found && found != name)
            return "mixed";
        found = name;
    }
    return found;
}

const char *campaign_bits_direction(uint32_t before, uint32_t after)
{
    const uint32_t set = after & ~before, cleared = before & ~after;
    if (set == 0 && cleared == 0)
        return NULL;
    return cleared == 0 ? "0>1" : set == 0 ? "1>0" : "mixed";
}
