/* SPDX-License-Identifier: MIT */
/* Orders the columns of a pass so that those concerned always come first. */
#include "model/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/op.h"

/* False: the column needs nothing after the K/V store of its last layer. */
static bool goes_on(const struct pass *pass, const bool *seen, uint32_t column)
{
    const struct column *c = &pass->columns[column];
    return c->save != EXECUTOR_NONE || c->outputs != 0 || pass->watch || seen[column];
}

static bool same_layers(const struct column *a, const struct column *b)
{
    return a->start_layer == b->start_layer && a->end_layer == b->end_layer;
}

/* Columns in their order, but among those of equal layers the ones that go on come first: so the
 * slots that go on after the last store are a prefix, as the active ones are. */
static void assign_slots(struct schedule *s, const bool *seen)
{
    const struct column *columns = s->pass->columns;
    const uint32_t n = s->pass->n_columns;
    uint32_t slot = 0;
    for (uint32_t begin = 0, end; begin < n; begin = end) {
        for (end = begin; end < n && same_layers(&columns[begin], &columns[end]); end++) {
            if (goes_on(s->pass, seen, end))
                s->column[slot++] = end;
        }
        for (uint32_t i = begin; i < end; i++) {
            if (!goes_on(s->pass, seen, i))
                s->column[slot++] = i;
        }
    }
    for (uint32_t i = 0; i < n; i++)
        s->slot[s->column[i]] = i;
}

static void count_layer(struct schedule *s, const bool *seen, uint32_t layer)
{
    const struct column *columns = s->pass->columns;
    uint32_t n = 0;
    while (n < s->pass->n_columns && columns[s->column[n]].start_layer <= layer &&
           columns[s->column[n]].end_layer > layer)
        n++;
    s->active[layer] = n;
    while (n > 0 && columns[s->column[n - 1]].end_layer == layer + 1 &&
           !goes_on(s->pass, seen, s->column[n - 1]))
        n--;
    s->tail[layer] = n;
}

static bool needs_logits(const struct pass *pass, const bool *seen_logits, uint32_t column)
{
    return (pass->columns[column].outputs & ~COLUMN_HIDDEN) != 0 || pass->watch ||
           seen_logits[column];
}

static void assign_outputs(struct schedule *s, const bool *seen_logits)
{
    const struct pass *pass = s->pass;
    for (uint32_t i = 0; i < pass->n_columns; i++)
        s->output_slot[i] = EXECUTOR_NONE;
    for (int logits = 1; logits >= 0; logits--) {
        for (uint32_t slot = 0; slot < pass->n_columns; slot++) {
            const uint32_t column = s->column[slot];
            if (pass->columns[column].outputs == 0 ||
                needs_logits(pass, seen_logits, column) != logits)
                continue;
            s->output_slot[column] = s->n_outputs;
            s->output[s->n_outputs++] = column;
        }
        s->n_logits = logits ? s->n_outputs : s->n_logits;
    }
}

/* Stable, so that the guards of a kind keep their order within it. `count` (keys + 1). */
struct sort {
    const struct pass *pass;
    uint32_t *count;
    uint32_t keys;
    bool by_kind; /* else by node */
};

static void sort_guards(const struct sort *sort, const uint32_t *from, uint32_t *to)
{
    const uint32_t n = sort->pass->n_guards;
    memset(sort->count, 0, (sort->keys + 1) * sizeof(*sort->count));
    for (int place = 0; place < 2; place++) {
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t index = from ? from[i] : i;
            const struct guard *guard = &sort->pass->guards[index];
            const uint32_t key = sort->by_kind ? (uint32_t)guard->kind : guard->node;
            if (place)
                to[sort->count[key]++] = index;
            else
                sort->count[key + 1]++;
        }
        for (uint32_t key = 0; !place && key < sort->keys; key++)
            sort->count[key + 1] += sort->count[key];
    }
}

/* Places the guards by node and kind; `spare` (n_guards). */
static void assign_guards(struct schedule *s, uint32_t nodes, uint32_t *spare)
{
    uint32_t kinds[GUARD_KINDS + 1];
    const struct sort by_kind = {s->pass, kinds, GUARD_KINDS, true};
    const struct sort by_node = {s->pass, s->guard_first, nodes, false};
    sort_guards(&by_kind, NULL, spare);
    sort_guards(&by_node, spare, s->guard);
    /* placing has moved each node's first to its end, which is the next one's first */
    memmove(s->guard_first + 1, s->guard_first, nodes * sizeof(*s->guard_first));
    s->guard_first[0] = 0;
}

/* Which nodes hooks and guards act after, and which columns go on after their last store, to their
 * logits too. A guard makes no column go on, since nothing reads what it would check there. */
static void mark(struct schedule *s, const struct graph *graph, bool *column, bool *logits)
{
    const struct pass *pass = s->pass;
    const uint32_t nodes = graph->count;
    for (uint32_t i = 0; i < pass->n_hooks; i++) {
        const struct hook *hook = &pass->hooks[i];
        s->hooked[hook->node] = column[hook->column] = true;
        logits[hook->column] |= hook->node + 1 == nodes;
    }
    for (uint32_t i = 0; i < pass->n_guards; i++) {
        const struct guard *guard = &pass->guards[i];
        s->guarded[guard->node] = true;
        s->edited[guard->node] |= guard_edits(guard);
        s->twice[guard->node] |= guard_evaluation(guard->kind) != 0;
        logits[guard->column] |= guard->node + 1 == nodes;
    }
}

enum status schedule_make(struct schedule *out, const struct model *model, const struct pass *pass)
{
    const uint32_t n = pass->n_columns, layers = model->hp.n_layers, nodes = model->graph.count;
    const uint32_t guards = pass->n_guards, firsts = guards > 0 ? nodes + 1 : 0;
    const size_t count = 4 * (size_t)n + 2 * (size_t)layers + 2 * (size_t)guards + firsts;
    const size_t flags = 4 * (size_t)nodes + 2 * (size_t)n;
    uint32_t *words = malloc(count * sizeof(*words) + flags * sizeof(bool));
    *out = (struct schedule){.pass = pass, .memory = words};
    if (!words) {
        log_error("pass: no host memory for %u columns and %u guards", n, guards);
        return STATUS_MEMORY;
    }
    out->column = words;
    out->slot = out->column + n;
    out->output = out->slot + n;
    out->output_slot = out->output + n;
    out->active = out->output_slot + n;
    out->tail = out->active + layers;
    out->guard = out->tail + layers;
    out->guard_first = guards > 0 ? out->guard + 2 * (size_t)guards : NULL;
    out->hooked = (bool *)(words + count);
    out->guarded = out->hooked + nodes;
    out->edited = out->guarded + nodes;
    out->twice = out->edited + nodes;
    bool *column = out->twice + nodes, *logits = column + n; /* watched are its logits */
    memset(out->hooked, 0, flags * sizeof(bool));
    mark(out, &model->graph, column, logits);
    if (guards > 0)
        assign_guards(out, nodes, out->guard + guards);
    assign_slots(out, column);
    for (uint32_t layer = 0; layer < layers; layer++)
        count_layer(out, column, layer);
    assign_outputs(out, logits);
    return STATUS_OK;
}

bool schedule_next_guards(const struct schedule *schedule, uint32_t node,
                          struct schedule_guards *it)
{
    const uint32_t *first = schedule->guard_first;
    if (!first)
        return false;
    uint32_t at = it->n > 0 ? it->first + it->n : first[node], n = 0;
    if (at == first[node + 1])
        return false;
    const struct guard *guards = schedule->pass->guards;
    const enum guard_kind kind = guards[schedule->guard[at]].kind;
    while (at + n < first[node + 1] && guards[schedule->guard[at + n]].kind == kind)
        n++;
    *it = (struct schedule_guards){kind, at, n};
    return true;
}

uint32_t schedule_guard_slot(const struct schedule *schedule, const struct model *model,
                             const struct guard *guard)
{
    const struct node *node = &model->graph.node[guard->node];
    if (node->op == OP_EMBED && schedule->pass->columns[guard->column].checkpoint != EXECUTOR_NONE)
        return EXECUTOR_NONE;
    return (op_is_output(node) ? schedule->output_slot : schedule->slot)[guard->column];
}

void schedule_finish(struct schedule *schedule)
{
    free(schedule->memory);
    *schedule = (struct schedule){0};
}

bool schedule_loads(const struct column *column, uint32_t layer)
{
    return column->start_layer == layer && column->checkpoint != EXECUTOR_NONE;
}

bool schedule_saves(const struct column *column, uint32_t layer)
{
    const bool made =
        layer > column->start_layer || (layer == 0 && column->checkpoint == EXECUTOR_NONE);
    return column->save != EXECUTOR_NONE && made && layer <= column->end_layer;
}

bool schedule_gathers(const struct schedule *schedule)
{
    for (uint32_t i = 0; i < schedule->n_outputs; i++) {
        if (schedule->slot[schedule->output[i]] != i)
            return true;
    }
    return false;
}
