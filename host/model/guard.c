/* SPDX-License-Identifier: MIT */
/* Layout of the values of an output row. */
#include "model/guard.h"

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
