/* SPDX-License-Identifier: MIT */
/* Key positions of a unit of positions: how many its columns see, and how often each is drawn. */
#include "inject/plan/sample_internal.h"

static uint32_t first_seen(uint32_t position, uint32_t window)
{
    return window != 0 && position >= window ? position - window + 1 : 0;
}

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
    *out_first = first_seen(unit->first, extent->window);
    return unit->end - *out_first;
}

bool sample_keys_vary(const struct sample_cell *cell, const struct sample_extent *extent)
{
    return cell->unit == UNIT_RANGE && extent->seen && !extent->all_keys;
}

uint32_t sample_keys_begin(const struct sample_span *unit, uint32_t key)
{
    return key > unit->first ? key : unit->first;
}

uint32_t sample_keys_end(const struct sample_extent *extent, const struct sample_span *unit,
                         uint32_t key)
{
    const uint64_t last = (uint64_t)key + extent->window;
    return extent->window != 0 && last < unit->end ? (uint32_t)last : unit->end;
}

uint32_t sample_keys_evaluations(const struct sample_extent *extent, const struct sample_span *unit,
                                 uint32_t key)
{
    return sample_keys_end(extent, unit, key) - sample_keys_begin(unit, key);
}

uint32_t sample_keys_most(const struct sample_extent *extent, const struct sample_span *unit)
{
    /* all see the first one's own key, or as many as the window lets */
    return sample_keys_evaluations(extent, unit, unit->first);
}

uint32_t sample_keys_beside(const struct sample_extent *extent, const struct sample_span *unit,
                            uint32_t key, uint32_t *out_first)
{
    const uint32_t first = first_seen(unit->first, extent->window),
                   low = first_seen(key, extent->window);
    *out_first = low > first ? low : first;
    return sample_keys_end(extent, unit, key) - *out_first;
}
