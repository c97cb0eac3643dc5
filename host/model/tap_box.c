/* SPDX-License-Identifier: MIT */
/* The box of elements that a fault strikes at a position. */
#include "model/op.h"
#include "model/tap.h"
#include "shared/order.h"

bool tap_box(const struct tap_fault *fault, const struct node *node, uint32_t last_key,
             struct hook_data *out)
{
    const uint32_t first_key = order_first_key(last_key, node->window);
    struct op_point at;

    *out = fault->data;
    if (!op_point(&at, node, fault->point) || !at.keyed)
        return true;
    if (out->keys == TAP_ALL_KEYS) {
        out->key = first_key;
        out->keys = last_key - first_key + 1;
        return true;
    }
    const uint64_t end = (uint64_t)out->key + out->keys;
    const uint64_t last = end - 1 < last_key ? end - 1 : last_key;
    if (out->key > last_key || last < first_key)
        return false;
    out->key = out->key < first_key ? first_key : out->key;
    out->keys = (uint32_t)last - out->key + 1;
    return true;
}

bool tap_may_fire(const struct hook_data *box)
{
    const uint64_t size = hook_size(box);
    if (box->rate == 0 || size > TAP_DRAWS)
        return true;
    for (uint32_t i = 0; i < size; i++) {
        if (hook_draw(*box, i, HOOK_SALT_RATE) < box->rate)
            return true;
    }
    return false;
}

uint64_t tap_size(const struct tap_fault *fault, const struct node *node, uint32_t last_key)
{
    struct hook_data box;
    return tap_box(fault, node, last_key, &box) ? hook_size(&box) : 0;
}
