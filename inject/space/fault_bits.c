/* SPDX-License-Identifier: MIT */
/* From raw bits to types, values and classes. */
#include "inject/space/fault_bits.h"

#include "base/fpenv.h"
#include "shared/numerics.h"

/* Bits of the exponent and, below it, of the mantissa. */
static const struct {
    uint32_t exponent, mantissa;
} LAYOUTS[] = {
    [STORAGE_F32] = {8, 23},
    [STORAGE_F16] = {5, 10},
    [STORAGE_BF16] = {8, 7},
};

const struct tensor *fault_bits_weight(const struct fault *fault, const struct fault_bounds *bounds)
{
    if (fault->place == PLACE_WEIGHT)
        return fault->tensor;
    if (fault->place != PLACE_OP || fault->point != HOOK_WEIGHT)
        return NULL;
    return bounds->model->graph.node[fault->node].weight;
}

void fault_bits_of(struct fault_bits *out, const struct fault *fault,
                   const struct fault_bounds *bounds)
{
    const struct tensor *weight = fault_bits_weight(fault, bounds);
    *out = (struct fault_bits){.width = fault_width(fault, bounds)};
    out->is_float = fault_number(fault, bounds, &out->storage);
    if (weight && quant_form(weight->type) != QUANT_FORM_PLAIN)
        out->name = quant_field_name(fault->field);
}

float fault_bits_float(const struct fault_bits *type, uint32_t bits)
{
    return nm_load(bits, type->storage);
}

double fault_bits_value(const struct fault_bits *type, uint32_t bits)
{
    return type->is_float ? fpenv_widen(fault_bits_float(type, bits)) : bits;
}

static const char *bit_class(const struct fault_bits *type, uint32_t bit)
{
    const uint32_t mantissa = LAYOUTS[type->storage].mantissa;
    if (bit < mantissa)
        return "mantissa";
    return bit < mantissa + LAYOUTS[type->storage].exponent ? "exponent" : "sign";
}

const char *fault_bits_field(const struct fault_bits *type, uint32_t mask)
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

const char *fault_bits_direction(uint32_t before, uint32_t after)
{
    const uint32_t set = after & ~before, cleared = before & ~after;
    if (set == 0 && cleared == 0)
        return NULL;
    return cleared == 0 ? "0>1" : set == 0 ? "1>0" : "mixed";
}
