/* SPDX-License-Identifier: MIT */
/* The cost of dispatches, and the budget of a submit. */
#include "vk/vk_pace.h"

#include "model/op.h"
#include "vk/vk_state.h"

/* Units. Devices differ by ten in each of them: the budget follows what is measured, and these only
 * keep it from jumping between prompts, decoding and faults. */
#define PACE_DISPATCH (1u << 18)
#define PACE_WEIGHT 8u    /* reading one, however many columns use it */
#define PACE_ATTENTION 4u /* a multiply-add of scores or heads */
#define PACE_ELEMENT 8u   /* written, or exponentiated */
#define PACE_FAULT 8u     /* times an op's, in the body with hooks */
#define PACE_LOOK 4096u   /* an entry of a guard */

/* The first submit: 0.13 s where a second has 1e9 units, as on the weakest GPUs. */
#define PACE_FIRST (UINT64_C(1) << 27)
#define PACE_FIRST_PROCESSOR (UINT64_C(1) << 30)
#define PACE_SECONDS_PROCESSOR 0.5

#define PACE_STEP 4u /* the budget grows or shrinks at most so many times after one submit */
#define PACE_LEAST (UINT64_C(1) << 20)
#define PACE_MOST (UINT64_C(1) << 44)

static bool is_matrix(const struct node *node)
{
    return node->op == OP_LINEAR || node->op == OP_EXPERTS;
}

/* Of one column. */
static uint64_t cost_of_column(const struct vk_rec *rec)
{
    const struct node *node = rec->node;
    const uint32_t seen = op_seen(rec->last_position, node->window);
    const uint64_t macs = op_macs(node, seen);
    const uint64_t elements =
        node->op == OP_SCORES || node->op == OP_SOFTMAX ? (uint64_t)node->rows * seen : node->rows;

    return elements * PACE_ELEMENT + macs * (is_matrix(node) ? 1 : PACE_ATTENTION);
}

/* Of experts as for one column: most choose others, and each pays a part of it. */
static uint64_t cost_of_weights(const struct node *node)
{
    return is_matrix(node) ? op_macs(node, 0) * PACE_WEIGHT : 0;
}

/* Nodes that one dispatch does. */
static uint32_t count_nodes(const struct vk_rec *rec)
{
    const bool plain = !rec->patch && rec->evaluation == 0;
    const uint32_t merged =
        rec->node->op == OP_LINEAR ? rec->vk->weights.plan[rec->index].merged : 1;

    return !plain ? 1 : merged > rec->nodes ? merged : rec->nodes;
}

uint64_t vk_pace_cost(const struct vk_rec *rec)
{
    const struct vk_patch *patch = rec->patch;
    struct vk_rec each = *rec;
    uint64_t cost = 0;

    for (uint32_t n = count_nodes(rec); n > 0; n--, each.node++)
        cost += cost_of_column(&each) * rec->slots + cost_of_weights(each.node);
    if (patch && is_matrix(rec->node)) /* only the tiles of these rows */
        cost = cost / rec->node->rows * (patch->row_end - patch->row + TILE_ROWS);
    return PACE_DISPATCH + cost * (patch ? PACE_FAULT : 1);
}

uint64_t vk_pace_looks(uint32_t groups)
{
    return PACE_DISPATCH + (uint64_t)groups * PACE_LOOK;
}

uint32_t vk_pace_columns(const struct vk_pace *pace, const struct vk_rec *rec)
{
    struct vk_rec one = *rec, none = *rec;
    one.slots = 1;
    none.slots = 0;
    const uint64_t fixed = vk_pace_cost(&none), column = vk_pace_cost(&one) - fixed;
    const uint64_t room = pace->budget > fixed ? (pace->budget - fixed) / column : 0;
    const uint64_t whole = room / VK_COLUMNS_MAX * VK_COLUMNS_MAX;

    if (whole >= rec->slots)
        return rec->slots;
    return whole > 0 ? (uint32_t)whole : VK_COLUMNS_MAX;
}

void vk_pace_begin(struct vk_pace *out, bool processor)
{
    *out = processor ? (struct vk_pace){PACE_FIRST_PROCESSOR, PACE_SECONDS_PROCESSOR}
                     : (struct vk_pace){PACE_FIRST, VK_PACE_SECONDS};
}

void vk_pace_learn(struct vk_pace *pace, uint64_t units, double seconds)
{
    const double fits = (double)units * pace->seconds / (seconds > 1e-6 ? seconds : 1e-6);
    const double low = (double)(pace->budget / PACE_STEP), high = (double)pace->budget * PACE_STEP;

    /* A small submit takes as long as its latency: it can only show that the device is fast. */
    if (seconds <= pace->seconds && fits <= (double)pace->budget)
        return;
    const uint64_t budget = (uint64_t)(fits < low ? low : fits > high ? high : fits);
    pace->budget = budget < PACE_LEAST ? PACE_LEAST : budget > PACE_MOST ? PACE_MOST : budget;
}
