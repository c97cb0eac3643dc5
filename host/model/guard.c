/* SPDX-License-Identifier: MIT */
/* Layout of the values of an output row; what a range means in bits. */
#include "model/guard.h"

#include <float.h>
#include <string.h>

#include "model/executor.h"
#include "model/op.h"
#include "shared/order.h"

struct guard_lines guard_lines(const struct node *node, const struct column *column,
                               uint32_t score_stride)
{
    const uint32_t last = column_last(column);
    struct op_point out;
    if (op_point(&out, node, HOOK_OUT) && out.keyed)
        return (struct guard_lines){node->rows, score_stride, order_first_key(last, node->window),
                                    last};
    return (struct guard_lines){1, 0, 0, node->rows - 1};
}

bool guard_round(struct guard *guard, uint32_t act)
{
    const float low = nm_round(guard->low, act), high = nm_round(guard->high, act);
    if (guard->kind != GUARD_RANGE)
        return true;
    if (nm_is_nan(lang_bits(low)) || nm_is_nan(lang_bits(high)) ||
        nm_key(lang_bits(low)) > nm_key(lang_bits(high)))
        return false;
    guard->low = low;
    guard->high = high;
    return true;
}

struct range_check guard_check_of(const struct guard *guard)
{
    const bool range = guard->kind == GUARD_RANGE, clips = guard->action == GUARD_CLIP;
    const uint32_t low = lang_bits(range ? guard->low : -FLT_MAX);
    const uint32_t high = lang_bits(range ? guard->high : FLT_MAX);
    const uint32_t zero = nm_key(0);
    return (struct range_check){.low = nm_key(low),
                                .span = nm_key(high) - nm_key(low),
                                .writes = guard_edits(guard),
                                .below = clips ? low : 0,
                                .above = clips ? high : 0,
                                .nan = clips && nm_key(low) > zero    ? low
                                       : clips && nm_key(high) < zero ? high
                                                                      : 0};
}

uint32_t guard_words(const struct guard *guard, const struct guard_abft *tables)
{
    return guard->kind == GUARD_ABFT ? GUARD_WORDS * tables[guard->node].parts : GUARD_WORDS;
}

void guard_begin(enum guard_kind kind, uint32_t *words)
{
    memset(words, 0, GUARD_WORDS * sizeof(*words));
    words[1] = kind == GUARD_STORED || kind == GUARD_ABFT ? 0 : UINT32_MAX;
}

void guard_conclude(struct guard *guard, const uint32_t *words)
{
    memmove(guard->verdict, words, sizeof(guard->verdict));
    if (guard->kind == GUARD_NONFINITE ||
        (guard->kind != GUARD_STORED && guard->kind != GUARD_ABFT && words[0] == 0))
        guard->verdict[1] = 0;
}
