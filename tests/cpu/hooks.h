/* SPDX-License-Identifier: MIT */
/* Hooks on tiny models: one faulty pass with all its results, and random hooks of any site. */
#ifndef VKFI_TESTS_CPU_HOOKS_H
#define VKFI_TESTS_CPU_HOOKS_H

#include "runs.h"

enum { HOOKS_N = 45, HOOKS_ROW = 4096, HOOKS_WORDS = 64 };

/* Results of one pass over positions [0, HOOKS_N): hashes, and the row of one node and column. */
struct hooks_run {
    uint64_t hash[HOOKS_N];
    const struct node *node;
    uint32_t position;
    float row[HOOKS_ROW];
    uint32_t count;
    uint32_t words[HOOKS_WORDS]; /* of the pass */
};

static inline void hooks_watch(void *user, const struct node *node, uint32_t column,
                               const float *values, uint32_t count)
{
    struct hooks_run *run = user;
    if (node != run->node || column != run->position)
        return;
    assert_true(count <= HOOKS_ROW);
    memcpy(run->row, values, count * sizeof(float));
    run->count = count;
}

/* run->node (or null) and run->position say what to keep. The index of a column is its position. */
static inline void hooks_pass(struct executor *ex, struct hook *hooks, uint32_t n,
                              struct hooks_run *run)
{
    struct column columns[HOOKS_N];
    struct column_result results[HOOKS_N];
    const uint32_t branch = runs_branch(ex);

    for (uint32_t i = 0; i < HOOKS_N; i++)
        columns[i] = runs_column(ex, branch, i);
    const struct pass pass = {.columns = columns,
                              .n_columns = HOOKS_N,
                              .hooks = hooks,
                              .n_hooks = n,
                              .words = run->words,
                              .n_words = HOOKS_WORDS,
                              .watch = run->node ? hooks_watch : NULL,
                              .watch_user = run};
    assert_int_equal(executor_pass(ex, &pass, results), STATUS_OK);
    for (uint32_t i = 0; i < HOOKS_N; i++)
        run->hash[i] = results[i].hash;
    kv_release(ex->kv, branch);
}

static inline struct hook hooks_make(const struct executor *ex, const char *site, uint32_t column,
                                     uint32_t point, struct hook_data data)
{
    const struct node *node = graph_find(&ex->model->graph, site);
    assert_non_null(node);
    return (struct hook){.node = (uint32_t)(node - ex->model->graph.node),
                         .column = column,
                         .point = point,
                         .data = data};
}

#define HOOKS_FLIP(bits) .kind = KIND_FLIP, .mask = (bits)
#define HOOKS_SET(bits) .kind = KIND_SET, .value = (bits)

static inline struct executor *hooks_executor(const struct model *model, struct runs_kind kind)
{
    const struct executor_params params = {.model = model,
                                           .act = kind.act,
                                           .kv = kind.kv,
                                           .positions = HOOKS_N,
                                           .branches = 3,
                                           .columns = HOOKS_N + 1,
                                           .checkpoints = HOOKS_N,
                                           .threads = kind.threads};
    struct executor *ex = NULL;
    assert_int_equal(cpu_create(&ex, kind.form, &params), STATUS_OK);
    return ex;
}

static inline uint32_t hooks_below(struct rng *rng, uint32_t bound)
{
    return (uint32_t)rng_below(rng, bound);
}

/* A field of the type. */
static inline uint32_t hooks_field(struct rng *rng, enum quant type)
{
    for (;;) {
        const enum quant_field field = (enum quant_field)hooks_below(rng, QUANT_FIELD_COUNT);
        if (quant_field_width(type, field) > 0)
            return field;
    }
}

/* Coordinates of the table in shared/hook.h; false: the op has no such point. */
static inline bool hooks_coordinates(struct rng *rng, const struct model *model, struct hook *hook)
{
    const struct node *node = &model->graph.node[hook->node];
    const uint32_t position = hook->column;
    const uint32_t first =
        node->window != 0 && position >= node->window ? position - node->window + 1 : 0;
    const bool sums = node->op == OP_NORM || node->op == OP_LAYER_NORM || node->op == OP_LINEAR ||
                      node->op == OP_SCORES || node->op == OP_SOFTMAX || node->op == OP_HEADS ||
                      node->op == OP_EXPERTS || node->op == OP_ROUTE || node->op == OP_MIX;
    const bool blocks = node->op != OP_SOFTMAX && node->op != OP_HEADS && node->op != OP_ROUTE &&
                        node->op != OP_MIX;                  /* of sums over features */
    const uint32_t both = node->op == OP_LAYER_NORM ? 2 : 1; /* sums */
    struct hook_data *d = &hook->data;

    if (node->op == OP_STORE || (hook->point == HOOK_PARTIAL && !sums) ||
        (hook->point == HOOK_ACCUMULATOR && !(sums && blocks)) ||
        (hook->point == HOOK_OPERAND && node->op == OP_EMBED) ||
        (hook->point == HOOK_WEIGHT && node->op != OP_EMBED && node->op != OP_HEADS &&
         !(sums && blocks)) ||
        (hook->point == HOOK_MEM && node->op == OP_CHOOSE))
        return false;
    d->row = hooks_below(rng, node->rows);
    d->k = hooks_below(rng, node->width);
    d->key = first + hooks_below(rng, position - first + 1);
    if (node->op == OP_GATE || node->op == OP_ADD || node->op == OP_SHARE)
        d->k = hooks_below(rng, 2);
    if (node->op == OP_MIX && hook->point == HOOK_OPERAND)
        d->k = hooks_below(rng, 2 * node->width);
    if (node->op == OP_ROPE)
        d->k = hooks_below(rng, node->rows);
    if (hook->point == HOOK_PARTIAL)
        d->k = hooks_below(rng, both * node->width);
    if (hook->point == HOOK_ACCUMULATOR)
        d->k = hooks_below(rng, both * ((node->width + 31) / 32));
    if (node->op == OP_EMBED || node->op == OP_LINEAR || node->op == OP_EXPERTS)
        d->field = hooks_field(rng, node->weight->type);
    return true;
}

/* Any point of any node. */
static inline struct hook hooks_draw(struct rng *rng, const struct model *model)
{
    struct hook hook;

    do {
        hook = (struct hook){.node = hooks_below(rng, model->graph.count),
                             .column = hooks_below(rng, HOOKS_N),
                             .point = 1 + hooks_below(rng, HOOK_LAST)};
    } while (!hooks_coordinates(rng, model, &hook));
    hook.data.kind = hooks_below(rng, 3) ? KIND_FLIP : hooks_below(rng, KIND_RANDOM);
    hook.data.mask = hooks_below(rng, 5) ? 1u << hooks_below(rng, 32) : rng_u32(rng);
    hook.data.value = rng_u32(rng);
    return hook;
}

#endif
