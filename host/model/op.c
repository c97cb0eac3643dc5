/* SPDX-License-Identifier: MIT */
/* The table of the ops, and the sizes that a node gives its rows. */
#include "model/op.h"

#include "shared/hook.h"
#include "shared/order.h"

/* What sets a coordinate's extent. */
enum extent {
    NONE,   /* the point does not have it */
    ROWS,   /* elements of the node's output row; of scores and probabilities: heads */
    WIDTH,  /* terms of one sum: input features, features of a group or of a head */
    BLOCKS, /* blocks of 32 of these terms */
    WIDTHS, /* terms of two sums, those of the second after those of the first; both factors of the
               terms of one */
    BOTH,   /* the blocks of both */
    PAIR    /* the two operands */
};

enum trait {
    KEYED = 1,   /* at each key position */
    GROUPED = 2, /* rows of a group share one element */
    SHARED = 4,  /* all outputs share one element */
    NUMBER = 8,
    FIELD = 16,
    ENTRY = 32, /* of K or V */
    INDEX = 64  /* an integer below the node's width */
};

struct point {
    enum extent row, k;
    uint32_t traits;
    bool exists;
};

enum cost { FREE, MATRIX, ATTENTION };

struct traits {
    struct point point[HOOK_LAST + 1];
    enum cost cost;
    bool per_key, reads_pages, writes_pages;
};

#define POINT(row, k, traits)                                                                      \
    {                                                                                              \
        row, k, traits, true                                                                       \
    }
#define RESULT(row, traits)                                                                        \
    [HOOK_OUT] = POINT(row, NONE, traits), [HOOK_MEM] = POINT(row, NONE, traits)

/* An operand is the op's copy of a register's element as read, and all that share the copy see the
 * fault: all outputs of a matrix (of several: all of one), all of a norm's group, all keys of a
 * head's query, all features of a head's probability, both of a rotated pair, all ranks or weights
 * of a router's logit. */
static const struct traits TRAITS[OP_COUNT] = {
    [OP_EMBED] = {.point = {[HOOK_WEIGHT] = POINT(ROWS, NONE, FIELD), RESULT(ROWS, 0)}},
    [OP_NORM] = {.point = {[HOOK_OPERAND] = POINT(ROWS, WIDTH, GROUPED),
                           [HOOK_WEIGHT] = POINT(ROWS, NONE, NUMBER),
                           [HOOK_PARTIAL] = POINT(ROWS, WIDTH, GROUPED),
                           [HOOK_ACCUMULATOR] = POINT(ROWS, BLOCKS, GROUPED),
                           RESULT(ROWS, 0)}},
    [OP_LAYER_NORM] = {.point = {[HOOK_OPERAND] = POINT(ROWS, WIDTH, GROUPED),
                                 [HOOK_WEIGHT] = POINT(ROWS, NONE, NUMBER),
                                 [HOOK_PARTIAL] = POINT(ROWS, WIDTHS, GROUPED),
                                 [HOOK_ACCUMULATOR] = POINT(ROWS, BOTH, GROUPED),
                                 RESULT(ROWS, 0)}},
    [OP_LINEAR] = {.point = {[HOOK_OPERAND] = POINT(NONE, WIDTH, SHARED),
                             [HOOK_WEIGHT] = POINT(ROWS, WIDTH, FIELD),
                             [HOOK_PARTIAL] = POINT(ROWS, WIDTH, 0),
                             [HOOK_ACCUMULATOR] = POINT(ROWS, BLOCKS, 0),
                             RESULT(ROWS, 0)},
                   .cost = MATRIX},
    [OP_ROPE] = {.point = {[HOOK_OPERAND] = POINT(NONE, ROWS, 0), RESULT(ROWS, 0)}},
    [OP_STORE] = {.writes_pages = true},
    [OP_SCORES] = {.point = {[HOOK_OPERAND] = POINT(ROWS, WIDTH, 0),
                             [HOOK_WEIGHT] = POINT(ROWS, WIDTH, KEYED | ENTRY),
                             [HOOK_PARTIAL] = POINT(ROWS, WIDTH, KEYED),
                             [HOOK_ACCUMULATOR] = POINT(ROWS, BLOCKS, KEYED),
                             RESULT(ROWS, KEYED)},
                   .cost = ATTENTION,
                   .per_key = true,
                   .reads_pages = true},
    [OP_SOFTMAX] = {.point = {[HOOK_OPERAND] = POINT(ROWS, NONE, KEYED),
                              [HOOK_PARTIAL] = POINT(ROWS, NONE, KEYED),
                              RESULT(ROWS, KEYED)},
                    .per_key = true},
    [OP_HEADS] = {.point = {[HOOK_OPERAND] = POINT(ROWS, NONE, KEYED | GROUPED),
                            [HOOK_WEIGHT] = POINT(ROWS, NONE, KEYED | ENTRY),
                            [HOOK_PARTIAL] = POINT(ROWS, NONE, KEYED),
                            RESULT(ROWS, 0)},
                  .cost = ATTENTION,
                  .per_key = true,
                  .reads_pages = true},
    [OP_GATE] = {.point = {[HOOK_OPERAND] = POINT(ROWS, PAIR, 0), RESULT(ROWS, 0)}},
    [OP_ACT] = {.point = {[HOOK_OPERAND] = POINT(ROWS, NONE, 0), RESULT(ROWS, 0)}},
    [OP_ADD] = {.point = {[HOOK_OPERAND] = POINT(ROWS, PAIR, 0), RESULT(ROWS, 0)}},
    [OP_CHOOSE] =
        {.point = {[HOOK_OPERAND] = POINT(NONE, WIDTH, 0), [HOOK_OUT] = POINT(ROWS, NONE, INDEX)}},
    [OP_ROUTE] = {.point = {[HOOK_OPERAND] = POINT(NONE, WIDTH, 0),
                            [HOOK_PARTIAL] = POINT(NONE, WIDTH, 0),
                            RESULT(ROWS, 0)}},
    [OP_EXPERTS] = {.point = {[HOOK_OPERAND] = POINT(ROWS, WIDTH, GROUPED),
                              [HOOK_WEIGHT] = POINT(ROWS, WIDTH, FIELD),
                              [HOOK_PARTIAL] = POINT(ROWS, WIDTH, 0),
                              [HOOK_ACCUMULATOR] = POINT(ROWS, BLOCKS, 0),
                              RESULT(ROWS, 0)},
                    .cost = MATRIX},
    [OP_MIX] = {.point = {[HOOK_OPERAND] = POINT(ROWS, WIDTHS, 0),
                          [HOOK_PARTIAL] = POINT(ROWS, WIDTH, 0),
                          RESULT(ROWS, 0)}},
    [OP_SHARE] = {.point = {[HOOK_OPERAND] = POINT(ROWS, PAIR, 0), RESULT(ROWS, 0)}},
};

static uint32_t count_of(enum extent extent, const struct node *node)
{
    switch (extent) {
    case ROWS:
        return node->rows;
    case WIDTH:
        return node->width;
    case BLOCKS:
        return order_ceil(node->width, NM_BLOCK);
    case WIDTHS:
        return 2 * node->width;
    case BOTH:
        return 2 * order_ceil(node->width, NM_BLOCK);
    case PAIR:
        return 2;
    case NONE:
        break;
    }
    return 0;
}

bool op_point(struct op_point *out, const struct node *node, uint32_t point)
{
    if (point > HOOK_LAST || !TRAITS[node->op].point[point].exists)
        return false;
    const struct point *p = &TRAITS[node->op].point[point];
    *out = (struct op_point){.rows = count_of(p->row, node),
                             .row_step = p->traits & GROUPED ? node->rows / node->groups : 1,
                             .ks = count_of(p->k, node),
                             .keyed = p->traits & KEYED,
                             .operands = p->k == PAIR,
                             .shared = p->traits & SHARED,
                             .bound = p->traits & INDEX ? node->width : 0,
                             .stored = p->traits & NUMBER  ? OP_STORED_NUMBER
                                       : p->traits & FIELD ? OP_STORED_FIELD
                                       : p->traits & ENTRY ? OP_STORED_KV
                                                           : OP_STORED_NONE};
    return true;
}

bool op_is_site(enum op op)
{
    return TRAITS[op].point[HOOK_OUT].exists;
}

bool op_has_gain(enum op op)
{
    const struct point *weight = &TRAITS[op].point[HOOK_WEIGHT];
    return weight->exists && weight->traits & NUMBER;
}

bool op_per_key(enum op op)
{
    return TRAITS[op].per_key;
}

bool op_is_output(const struct node *node)
{
    return node->layer == GRAPH_NO_LAYER && node->op != OP_EMBED;
}

/* 0 for REG_NONE. */
static uint64_t bit_of(enum reg reg)
{
    return reg == REG_NONE ? 0 : OP_BIT(reg);
}

struct op_access op_access(const struct node *node)
{
    const struct traits *traits = &TRAITS[node->op];
    return (struct op_access){.reads = bit_of(node->in) | bit_of(node->in2) |
                                       (traits->reads_pages ? OP_BIT(OP_PAGES) : 0),
                              .writes = bit_of(node->out) |
                                        (traits->writes_pages ? OP_BIT(OP_PAGES) : 0)};
}

uint32_t op_seen(uint32_t position, uint32_t window)
{
    return position - order_first_key(position, window) + 1;
}

uint64_t op_macs(const struct node *node, uint32_t seen)
{
    switch (TRAITS[node->op].cost) {
    case MATRIX:
        return (uint64_t)node->rows * node->width;
    case ATTENTION: /* groups: heads, width: their features */
        return (uint64_t)node->groups * node->width * seen;
    case FREE:
        break;
    }
    return 0;
}
