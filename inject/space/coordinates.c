/* SPDX-License-Identifier: MIT */
/* The coordinates of each op and point, as a table. */
#include "inject/space/coordinates.h"

#include "shared/hook.h"

/* What a coordinate counts. */
enum extent {
    NOT,      /* the coordinate is not used       */
    ROWS,     /* elements of the node's output row */
    WIDTH,    /* elements of one dot product or group */
    BLOCKS,   /* blocks of 32 of them */
    HEADS,    /* query heads                       */
    HEAD_DIM, /* features of a head                */
    TWO,      /* two operands                      */
};

struct shape {
    enum extent row, k;
    bool keyed;
    bool defined;
};

#define SHAPE(row, k, keyed)                                                                       \
    {                                                                                              \
        row, k, keyed, true                                                                        \
    }

static const struct shape SHAPES[OP_COUNT][HOOK_LAST + 1] = {
    [OP_EMBED] = {[HOOK_WEIGHT] = SHAPE(ROWS, NOT, false),
                  [HOOK_OUT] = SHAPE(ROWS, NOT, false),
                  [HOOK_MEM] = SHAPE(ROWS, NOT, false)},
    [OP_NORM] = {[HOOK_OPERAND] = SHAPE(ROWS, WIDTH, false),
                 [HOOK_WEIGHT] = SHAPE(ROWS, NOT, false),
                 [HOOK_PARTIAL] = SHAPE(ROWS, WIDTH, false),
                 [HOOK_ACCUMULATOR] = SHAPE(ROWS, BLOCKS, false),
                 [HOOK_OUT] = SHAPE(ROWS, NOT, false),
                 [HOOK_MEM] = SHAPE(ROWS, NOT, false)},
    [OP_LINEAR] = {[HOOK_OPERAND] = SHAPE(NOT, WIDTH, false),
                   [HOOK_WEIGHT] = SHAPE(ROWS, WIDTH, false),
                   [HOOK_PARTIAL] = SHAPE(ROWS, WIDTH, false),
                   [HOOK_ACCUMULATOR] = SHAPE(ROWS, BLOCKS, false),
                   [HOOK_OUT] = SHAPE(ROWS, NOT, false),
                   [HOOK_MEM] = SHAPE(ROWS, NOT, false)},
    [OP_ROPE] = {[HOOK_OPERAND] = SHAPE(NOT, ROWS, false),
                 [HOOK_OUT] = SHAPE(ROWS, NOT, false),
                 [HOOK_MEM] = SHAPE(ROWS, NOT, false)},
    [OP_SCORES] = {[HOOK_OPERAND] = SHAPE(HEADS, HEAD_DIM, false),
                   [HOOK_WEIGHT] = SHAPE(HEADS, HEAD_DIM, true),
                   [HOOK_PARTIAL] = SHAPE(HEADS, HEAD_DIM, true),
                   [HOOK_ACCUMULATOR] = SHAPE(HEADS, BLOCKS, true),
                   [HOOK_OUT] = SHAPE(HEADS, NOT, true),
                   [HOOK_MEM] = SHAPE(HEADS, NOT, true)},
    [OP_SOFTMAX] = {[HOOK_OPERAND] = SHAPE(HEADS, NOT, true),
                    [HOOK_PARTIAL] = SHAPE(HEADS, NOT, true),
                    [HOOK_OUT] = SHAPE(HEADS, NOT, true),
                    [HOOK_MEM] = SHAPE(HEADS, NOT, true)},
    [OP_HEADS] = {[HOOK_OPERAND] = SHAPE(ROWS, NOT, true),
                  [HOOK_WEIGHT] = SHAPE(ROWS, NOT, true),
                  [HOOK_PARTIAL] = SHAPE(ROWS, NOT, true),
                  [HOOK_OUT] = SHAPE(ROWS, NOT, false),
                  [HOOK_MEM] = SHAPE(ROWS, NOT, false)},
    [OP_GATE] = {[HOOK_OPERAND] = SHAPE(ROWS, TWO, false),
                 [HOOK_OUT] = SHAPE(ROWS, NOT, false),
                 [HOOK_MEM] = SHAPE(ROWS, NOT, false)},
    [OP_ADD] = {[HOOK_OPERAND] = SHAPE(ROWS, TWO, false),
                [HOOK_OUT] = SHAPE(ROWS, NOT, false),
                [HOOK_MEM] = SHAPE(ROWS, NOT, false)},
};

static uint32_t count_of(enum extent extent, const struct node *node, const struct hparams *hp)
{
    switch (extent) {
    case ROWS:
        return node->rows;
    case WIDTH:
        return node->width;
    case BLOCKS:
        return graph_blocks(node);
    case HEADS:
        return hp->n_head;
    case HEAD_DIM:
        return hp->head_dim;
    case TWO:
        return 2;
    case NOT:
        break;
    }
    return 0;
}

bool coordinates_of(struct coordinates *out, const struct node *node, uint32_t point,
                    const struct hparams *hp)
{
    if (point > HOOK_LAST || !SHAPES[node->op][point].defined)
        return false;
    const struct shape *shape = &SHAPES[node->op][point];
    *out = (struct coordinates){.rows = count_of(shape->row, node, hp),
                                .ks = count_of(shape->k, node, hp),
                                .keyed = shape->keyed};
    return true;
}

bool coordinates_needs_output(const struct node *node)
{
    return node->layer == GRAPH_NO_LAYER && node->op != OP_EMBED;
}
