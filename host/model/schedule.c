/* SPDX-License-Identifier: MIT */
/* Orders the columns of a pass so that those concerned always come first. */
#include "model/schedule.h"

#include <stdlib.h>

#include "base/log.h"

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

enum status schedule_make(struct schedule *out, const struct model *model, const struct pass *pass)
{
    const uint32_t n = pass->n_columns, layers = model->hp.n_layers, nodes = model->graph.count;
    uint32_t *words =
        malloc((4 * (size_t)n + 2 * (size_t)layers) * sizeof(*words) + nodes + 2 * (size_t)n);
    *out = (struct schedule){.pass = pass, .memory = words};
    if (!words) {
        log_error("pass: no host memory for %u columns", n);
        return STATUS_MEMORY;
    }
    out->column = words;
    out->slot = out->column + n;
    out->output = out->slot + n;
    out->output_slot = out->output + n;
    out->active = out->output_slot + n;
    out->tail = out->active + layers;
    out->stops = (bool *)(out->tail + layers);
    bool *column = out->stops + nodes, *logits = column + n; /* watched are its logits */
    for (uint32_t i = 0; i < nodes + 2 * n; i++)
        out->stops[i] = false;
    for (uint32_t i = 0; i < pass->n_hooks; i++) {
        const struct hook *hook = &pass->hooks[i];
        out->stops[hook->node] = column[hook->column] = true;
        logits[hook->column] |= hook->node + 1 == nodes;
    }
    for (uint32_t i = 0; i < pass->n_guards; i++) {
        const struct guard *guard = &pass->guards[i];
        out->stops[guard->node] = column[guard->column] = true;
        logits[guard->column] |= guard->node + 1 == nodes;
    }
    assign_slots(out, column);
    for (uint32_t layer = 0; layer < layers; layer++)
        count_layer(out, column, layer);
    assign_outputs(out, logits);
    return STATUS_OK;
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
