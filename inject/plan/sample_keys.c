/* SPDX-License-Identifier: MIT */
/* Key positions of a unit of positions: how many its columns see, and the weight of each. */
#include "inject/plan/sample_internal.h"
#include "shared/order.h"

uint32_t sample_keys_of(const struct sample_extent *extent, const struct sample_span *unit,
                        const struct sample_item *item, uint32_t *out_first)
{
    *out_first = 0;
    if (extent->all_keys)
        return 1;
    if (extent->entries)
        return unit->first;
    if (extent->rows) {
        *out_first = unit->first;
        return item->n_prompt + item->n_tokens - 1 - unit->first;
    }
    if (!extent->seen)
        return 1;
    *out_first = order_first_key(unit->first, extent->window);
    return unit->end - *out_first;
}

bool sample_keys_vary(const struct sample_family *family, const struct sample_extent *extent)
{
    return family->unit == UNIT_RANGE && extent->seen && !extent->all_keys;
}

uint32_t sample_keys_begin(const struct sample_span *unit, uint32_t key)
{
    return key > unit->first ? key : unit->first;
}

/* One past the last position of a unit that sees a key. */
static uint32_t end_of(const struct sample_extent *extent, const struct sample_span *unit,
                       uint32_t key)
{
    const uint64_t last = (uint64_t)key + extent->window;
    return extent->window != 0 && last < unit->end ? (uint32_t)last : unit->end;
}

double sample_keys_weight(const struct sample_curve *curve, const struct sample_extent *extent,
                          const struct sample_span *unit, uint32_t key)
{
    const uint32_t begin = sample_keys_begin(unit, key), end = end_of(extent, unit, key);
    if (curve->growth == GROWTH_PART_SEEN)
        return curve->key[end] - curve->key[begin];
    return curve->growth == GROWTH_SEEN ? end - begin : 1;
}

double sample_keys_most(const struct sample_curve *curve, const struct sample_extent *extent,
                        const struct sample_span *unit)
{
    /* an evaluation's share of one key grows with the position: the last of those seen longest */
    const uint32_t length = unit->end - unit->first;
    const bool slides = extent->window != 0 && extent->window < length;
    return sample_keys_weight(curve, extent, unit,
                              slides ? unit->end - extent->window : unit->first);
}

uint32_t sample_keys_beside(const struct sample_extent *extent, const struct sample_span *unit,
                            uint32_t key, uint32_t *out_first)
{
    const uint32_t first = order_first_key(unit->first, extent->window),
                   low = order_first_key(key, extent->window);
    *out_first = low > first ? low : first;
    return end_of(extent, unit, key) - *out_first;
}
