/* SPDX-License-Identifier: MIT */
/* Attaches a tap's faults to one pass and collects their proofs. */
#include "model/tap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* The pass as the executor gets it: columns with helpers, hooks with captures. */
struct attached {
    struct column *columns; /* (n + n_hooks) */
    uint32_t *source;       /* (n + n_hooks) index in the caller's pass, EXECUTOR_NONE: helper */
    struct column_result *result; /* (n + n_hooks) */
    struct hook *hooks;           /* (2 n_hooks) */
    uint32_t *tap_of;             /* (2 n_hooks) index in tap->hooks, EXECUTOR_NONE: capture */
    uint32_t n_columns, n_hooks;
};

void tap_init(struct tap *tap)
{
    *tap = (struct tap){.helper_branch = EXECUTOR_NONE, .strike_position = EXECUTOR_NONE};
}

uint32_t tap_split(const struct tap *tap, uint32_t position, uint32_t n)
{
    if (!tap)
        return n;
    if (!tap->struck && position < tap->strike_position && position + n > tap->strike_position)
        n = tap->strike_position - position;
    for (uint32_t h = 0; h < tap->n_hooks; h++) {
        const struct tap_hook *hook = &tap->hooks[h];
        if (hook->stale && position < hook->position && position + n > hook->position)
            n = hook->position - position;
    }
    return n;
}

static void attached_finish(struct attached *a)
{
    free(a->columns);
    free(a->source);
    free(a->result);
    free(a->hooks);
    free(a->tap_of);
}

static enum status attached_init(struct attached *a, uint32_t columns, uint32_t hooks)
{
    *a = (struct attached){0};
    a->columns = calloc(columns, sizeof *a->columns);
    a->source = calloc(columns, sizeof *a->source);
    a->result = calloc(columns, sizeof *a->result);
    a->hooks = calloc(2 * (size_t)hooks, sizeof *a->hooks);
    a->tap_of = calloc(2 * (size_t)hooks, sizeof *a->tap_of);
    if (a->columns && a->source && a->result && (hooks == 0 || (a->hooks && a->tap_of)))
        return STATUS_OK;
    attached_finish(a);
    log_error("out of memory for a pass of %u columns", columns);
    return STATUS_MEMORY;
}

/* The element a hook names does not exist one position earlier: the first position, or a key that
 * lies beyond the earlier column. */
static bool has_previous(const struct graph *graph, const struct tap_hook *hook)
{
    enum op op = graph->node[hook->node].op;
    bool keyed = op == OP_SCORES || op == OP_SOFTMAX || op == OP_HEADS;
    bool needs_key =
        keyed && !(op == OP_HEADS && (hook->point == HOOK_OUT || hook->point == HOOK_MEM));
    return hook->position > 0 && !(needs_key && hook->data.key >= hook->position);
}

/* A column that evaluates the position before columns[i] once more, on the helper branch. */
static void add_helper(struct attached *a, const struct tap *tap, const struct tap_pass *pass,
                       uint32_t i)
{
    const struct column *column = &pass->columns[i];
    struct kv_share share = {.from = column->branch,
                             .to = tap->helper_branch,
                             .layer = 0,
                             .layer_count = pass->ex->model->hp.n_layers,
                             .positions = column->position - 1};
    /* its earlier positions must be in the pages already: tap_split put the column first */
    assert(i == 0 && tap->helper_branch != EXECUTOR_NONE && pass->previous_token);
    kv_share(pass->ex->kv, &share);
    struct column helper = *column;
    helper.branch = tap->helper_branch;
    helper.position = column->position - 1;
    helper.token = pass->previous_token[i];
    helper.checkpoint =
        column->checkpoint == EXECUTOR_NONE ? EXECUTOR_NONE : column->checkpoint - 1;
    helper.save = EXECUTOR_NONE;
    a->source[a->n_columns] = EXECUTOR_NONE;
    a->columns[a->n_columns++] = helper;
}

static void add_hook(struct attached *a, const struct tap_hook *hook, uint32_t index,
                     uint32_t helper)
{
    if (helper != EXECUTOR_NONE) {
        struct hook *capture = &a->hooks[a->n_hooks];
        *capture = (struct hook){
            .node = hook->node, .column = helper, .point = hook->point, .data = hook->data};
        capture->data.capture = a->n_hooks + 2; /* the hook that follows, counted from 1 */
        a->tap_of[a->n_hooks++] = EXECUTOR_NONE;
    }
    struct hook *attached = &a->hooks[a->n_hooks];
    *attached = (struct hook){
        .node = hook->node, .column = a->n_columns, .point = hook->point, .data = hook->data};
    attached->data.count = attached->data.before = attached->data.after = 0;
    if (hook->stale) {
        attached->data.and_mask = attached->data.xor_mask = 0;
        attached->data.or_mask = 0;
    }
    a->tap_of[a->n_hooks++] = index;
}

static void attach(struct attached *a, const struct tap *tap, const struct tap_pass *pass)
{
    const struct graph *graph = &pass->ex->model->graph;
    for (uint32_t i = 0; i < pass->n; i++) {
        uint32_t helper = EXECUTOR_NONE;
        for (uint32_t h = 0; h < tap->n_hooks && helper == EXECUTOR_NONE; h++) {
            const struct tap_hook *hook = &tap->hooks[h];
            if (hook->position == pass->columns[i].position && hook->stale &&
                has_previous(graph, hook)) {
                helper = a->n_columns;
                add_helper(a, tap, pass, i);
            }
        }
        for (uint32_t h = 0; h < tap->n_hooks; h++) {
            const struct tap_hook *hook = &tap->hooks[h];
            if (hook->position == pass->columns[i].position)
                add_hook(a, hook, h,
                         hook->stale && has_previous(graph, hook) ? helper : EXECUTOR_NONE);
        }
        a->source[a->n_columns] = i;
        a->columns[a->n_columns++] = pass->columns[i];
    }
}

static void collect(struct tap *tap, const struct attached *a, struct column_result *out)
{
    for (uint32_t i = 0; i < a->n_columns; i++) {
        if (a->source[i] != EXECUTOR_NONE)
            out[a->source[i]] = a->result[i];
    }
    for (uint32_t i = 0; i < a->n_hooks; i++) {
        if (a->tap_of[i] == EXECUTOR_NONE)
            continue;
        struct hook_data *data = &tap->hooks[a->tap_of[i]].data;
        if (data->count == 0) {
            data->before = a->hooks[i].data.before;
            data->after = a->hooks[i].data.after;
        }
        data->count += a->hooks[i].data.count;
    }
}

enum status tap_run(struct tap *tap, const struct tap_pass *pass, struct column_result *out)
{
    struct pass plain = {.columns = pass->columns,
                         .n_columns = pass->n,
                         .watch = pass->watch,
                         .watch_user = pass->watch_user};
    if (!tap)
        return executor_pass(pass->ex, &plain, out);

    if (!tap->struck && tap->strike_position != EXECUTOR_NONE &&
        pass->columns[0].position >= tap->strike_position) {
        tap->struck = true;
        enum status st = tap->strike(tap->user, pass->ex, pass->columns[0].branch);
        if (st)
            return st;
    }
    struct attached a;
    enum status st = attached_init(&a, pass->n + tap->n_hooks, tap->n_hooks);
    if (st)
        return st;
    attach(&a, tap, pass);
    struct pass full = {.columns = a.columns,
                        .n_columns = a.n_columns,
                        .hooks = a.hooks,
                        .n_hooks = a.n_hooks,
                        .watch = pass->watch,
                        .watch_user = pass->watch_user};
    st = executor_pass(pass->ex, &full, a.result);
    if (!st)
        collect(tap, &a, out);
    attached_finish(&a);
    return st;
}
