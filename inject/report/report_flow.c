/* SPDX-License-Identifier: MIT */
/* Pictures of pairs: right and wrong from golden to faulty, outcomes on one device and another. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inject/report/report_heat.h"
#include "inject/report/report_pictures.h"
#include "inject/report/report_tasks.h"

/* Golden right, wrong; faulty right, wrong, no answer. */
enum { FLOW_FROM = 2, FLOW_TO = 3 };
static const char *const FROM_TEXT[FLOW_FROM] = {"right", "wrong"};
static const char *const TO_TEXT[FLOW_TO] = {"right", "wrong", "no answer (DUE)"};

static const struct report_column FLOW_COLUMNS[] = {
    {"task", "task", REPORT_TEXT, REPORT_ALONE},
    {"golden", "golden answer", REPORT_TEXT, REPORT_ALONE},
    {"faulty", "faulty answer", REPORT_TEXT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"share", "share of the row, %", REPORT_PERCENT, REPORT_ALONE},
};

/* The trials of a task, in a part of the picture that starts at height `base`. */
struct flow {
    const struct report_task *task;
    uint64_t count[FLOW_FROM][FLOW_TO];
    uint32_t number;
    double base;
};
#define FLOW_HIGH 135 /* of a part: blocks of 100 in all, gaps, its name */
#define FLOW_LETTER 9 /* least distance of two labels */

static void count_flow(struct flow *flow, const struct report_data *data)
{
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        if (isnan(t->score_golden) || !report_tasks_holds(flow->task, &data->item[t->item]))
            continue;
        const bool right = report_tasks_faulty(t) >= REPORT_RIGHT;
        flow->count[!t->golden_right][t->outcome == OUTCOME_DUE ? 2 : !right]++;
    }
}

/* A band from height `from` on the left to `to` on the right, `size` high. */
static void write_band(struct report_figure *out, const char *name, double from, double to,
                       double size)
{
    report_figure_data(out, name);
    for (int i = 0; i <= 40; i++) {
        const double x = i / 40., s = x * x * (3 - 2 * x);
        const double low = from + (to - from) * s;
        text_addf(&out->script, "%.4f %.5f %.5f\n", x, low, low + size);
    }
    report_figure_end_data(out);
}

static const char *const BAND_STYLE[FLOW_FROM][FLOW_TO] = {
    {"fillstyle solid 1 noborder linecolor rgb \"" REPORT_SHADE_1 "\"",
     "fillstyle solid 1 noborder linecolor rgb \"" REPORT_A "\"",
     "fillstyle pattern 2 noborder linecolor rgb \"" REPORT_B "\""},
    {"fillstyle solid 1 noborder linecolor rgb \"" REPORT_C "\"",
     "fillstyle solid 1 noborder linecolor rgb \"" REPORT_GRID "\"",
     "fillstyle pattern 2 noborder linecolor rgb \"" REPORT_B "\""},
};

/* A label at height `at`, below the last one. */
static void write_label(struct report_figure *out, const char *text, double share, bool right,
                        double *at)
{
    text_addf(&out->script, "set label \"%s, %.4g %%\" at %s,%.3f %s\n", text, share,
              right ? "1.02" : "-0.02", *at, right ? "left" : "right");
    *at += FLOW_LETTER;
}

/* Blocks in the order of the table on both sides, a gap between them; labels beside. */
static void write_flow(struct report_figure *out, const struct flow *flow)
{
    const double gap = 4;
    double total = 0, from = flow->base, to[FLOW_TO] = {0}, left = 0, right = 0;
    for (int f = 0; f < FLOW_FROM; f++) {
        for (int t = 0; t < FLOW_TO; t++) {
            total += (double)flow->count[f][t];
            to[t] += (double)flow->count[f][t];
        }
    }
    text_addf(&out->script, "set label ");
    report_figure_quoted(out, flow->task->name);
    text_addf(&out->script, "at 0.5,%.3f center\n", flow->base - 8);
    double top = flow->base;
    for (int t = 0; t < FLOW_TO; t++) {
        const double size = 100 * to[t] / total;
        right = fmax(right, top + size / 2);
        if (size > 0)
            write_label(out, TO_TEXT[t], size, true, &right);
        to[t] = top;
        top += size + (size > 0 ? gap : 0);
    }
    for (int f = 0; f < FLOW_FROM; f++) {
        double size = 0;
        for (int t = 0; t < FLOW_TO; t++)
            size += 100 * (double)flow->count[f][t] / total;
        left = fmax(left, from + size / 2);
        if (size > 0)
            write_label(out, FROM_TEXT[f], size, false, &left);
        for (int t = 0; t < FLOW_TO; t++) {
            const double own = 100 * (double)flow->count[f][t] / total;
            char name[32];
            snprintf(name, sizeof(name), "band%" PRIu32 "_%d%d", flow->number, f, t);
            write_band(out, name, from, to[t], own);
            from += own;
            to[t] += own;
        }
        from += gap;
    }
}

static void fill_flow(struct report_table *table, const struct flow *flow)
{
    for (uint32_t k = 0; k < FLOW_FROM * FLOW_TO; k++) {
        const uint64_t *own = flow->count[k / FLOW_TO];
        const uint32_t r = flow->number * FLOW_FROM * FLOW_TO + k;
        report_table_text(table, r, "task", flow->task->name);
        report_table_text(table, r, "golden", FROM_TEXT[k / FLOW_TO]);
        report_table_text(table, r, "faulty", TO_TEXT[k % FLOW_TO]);
        report_table_set(table, r, "trials", (double)own[k % FLOW_TO]);
        report_table_set(table, r, "share",
                         (double)own[k % FLOW_TO] / (double)(own[0] + own[1] + own[2]));
    }
}

/* Tasks with trials, counted. */
static uint32_t list_flows(struct flow *flow, const struct report_context *context)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < context->tasks->count; i++) {
        const struct report_task *task = &context->tasks->task[i];
        if (!task->name || task->trials == 0)
            continue;
        flow[n] = (struct flow){.task = task, .number = n, .base = n * FLOW_HIGH};
        count_flow(&flow[n++], context->data);
    }
    return n;
}

enum status report_flow_right(struct report_figure *out, struct report_context *context)
{
    struct flow *flow = arena_array(context->arena, context->tasks->count + 1, sizeof(*flow));
    out->id = "flow";
    out->title = "Right and wrong, golden to faulty";
    if (!flow)
        return STATUS_MEMORY;
    const uint32_t n = list_flows(flow, context);
    if (n == 0) {
        out->absent = "the items have no scorer";
        return STATUS_OK;
    }
    const enum status st =
        report_table_init(&out->table, context->arena, n * FLOW_FROM * FLOW_TO, FLOW_COLUMNS,
                          sizeof(FLOW_COLUMNS) / sizeof(*FLOW_COLUMNS));
    if (st)
        return st;
    out->table.id = "flow";
    out->table.caption = out->caption = "Trials by the golden and the faulty answer, by task; as "
                                        "drawn, without weights. A score of 1 is right.";
    report_figure_begin(out, REPORT_WIDTH, 80 + 230 * n);
    for (uint32_t i = 0; i < n; i++) {
        fill_flow(&out->table, &flow[i]);
        write_flow(out, &flow[i]);
    }
    text_addf(&out->script,
              "unset border\nunset tics\nunset grid\nset xrange [-0.45:1.85]\n"
              "set yrange [%" PRIu32 ":-14]\nset lmargin 1\nset rmargin 1\nset label "
              "\"golden\" at -0.02,-8 right\nset label \"faulty\" at 1.02,-8 left\nplot ",
              n * FLOW_HIGH - 18);
    for (uint32_t b = 0; b < n * FLOW_FROM * FLOW_TO; b++) {
        const uint32_t f = b / FLOW_TO % FLOW_FROM, t = b % FLOW_TO;
        text_addf(&out->script,
                  "%s$band%" PRIu32 "_%" PRIu32 "%" PRIu32 " using 1:2:3 with filledcurves %s",
                  b ? ", " : "", b / FLOW_TO / FLOW_FROM, f, t, BAND_STYLE[f][t]);
    }
    text_put(&out->script, "\n");
    return out->script.st;
}

static const struct report_column DEVICE_COLUMNS[] = {
    {"first", "outcome here", REPORT_TEXT, REPORT_ALONE},
    {"second", "outcome there", REPORT_TEXT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
};

/* Trials of both by id: (OUTCOME_COUNT, OUTCOME_COUNT) counts. */
static uint64_t count_pairs(uint64_t *count, const struct report_data *a,
                            const struct report_data *b, struct arena *arena)
{
    uint64_t pairs = 0, most = 0;
    for (size_t i = 0; i < b->n; i++)
        most = b->trial[i].trial > most ? b->trial[i].trial : most;
    uint32_t *at = arena_array(arena, (size_t)most + 2, sizeof(*at));
    if (!at)
        return UINT64_MAX;
    for (size_t i = 0; i < b->n; i++)
        at[b->trial[i].trial] = (uint32_t)i + 1;
    for (size_t i = 0; i < a->n; i++) {
        const struct report_trial *t = &a->trial[i];
        if (t->trial > most || at[t->trial] == 0)
            continue;
        const struct report_trial *other = &b->trial[at[t->trial] - 1];
        if (other->fault_key != t->fault_key)
            continue;
        count[t->outcome * OUTCOME_COUNT + other->outcome]++;
        pairs++;
    }
    return pairs;
}

/* Outcomes of either database, in their order; returns their number. */
static uint32_t keep_outcomes(uint32_t kept[OUTCOME_COUNT], const uint64_t *count)
{
    uint32_t n = 0;
    for (uint32_t o = 0; o < OUTCOME_COUNT; o++) {
        bool used = false;
        for (uint32_t p = 0; p < OUTCOME_COUNT; p++)
            used = used || count[o * OUTCOME_COUNT + p] || count[p * OUTCOME_COUNT + o];
        if (used)
            kept[n++] = o;
    }
    return n;
}

/* Outcomes on both devices: which of them occur, and how many trials have each pair. */
struct agreement {
    uint64_t *count; /* (OUTCOME_COUNT, OUTCOME_COUNT) */
    uint64_t pairs;
    uint32_t kept[OUTCOME_COUNT], n;
};

/* The table, and the map of its shares. */
static enum status fill_devices(struct report_figure *out, struct report_heat_map *map,
                                const struct agreement *a, struct arena *arena)
{
    double *value = arena_array(arena, (size_t)a->n * a->n, sizeof(*value));
    uint64_t *trials = arena_array(arena, (size_t)a->n * a->n, sizeof(*trials));
    const char **label = arena_array(arena, a->n, sizeof(*label));
    if (!value || !trials || !label)
        return STATUS_MEMORY;
    const enum status st = report_table_init(&out->table, arena, a->n * a->n, DEVICE_COLUMNS,
                                             sizeof(DEVICE_COLUMNS) / sizeof(*DEVICE_COLUMNS));
    for (uint32_t i = 0, row = 0; i < a->n && !st; i++) {
        label[i] = kinds_text(KINDS_OUTCOME, a->kept[i]);
        for (uint32_t j = 0; j < a->n; j++, row++) {
            trials[row] = a->count[a->kept[i] * OUTCOME_COUNT + a->kept[j]];
            value[row] = (double)trials[row] / (double)a->pairs;
            report_table_text(&out->table, row, "first", label[i]);
            report_table_text(&out->table, row, "second", kinds_text(KINDS_OUTCOME, a->kept[j]));
            report_table_set(&out->table, row, "trials", (double)trials[row]);
        }
    }
    map->row = map->column = label;
    map->n_rows = map->n_columns = a->n;
    map->value = value;
    map->trials = trials;
    return st;
}

enum status report_flow_devices(struct report_figure *out, struct report_context *context)
{
    struct agreement a = {
        .count = arena_array(context->arena, OUTCOME_COUNT * OUTCOME_COUNT, sizeof(*a.count))};
    struct report_heat_map map = {.row_title = "here",
                                  .column_title = "second database",
                                  .value_title = "share",
                                  .most = 1,
                                  .counts = true};
    out->id = "devices";
    out->title = "The same faults on another device";
    if (!a.count)
        return STATUS_MEMORY;
    if (!context->other) {
        out->absent = "it needs a second database of the same plan (--with)";
        return STATUS_OK;
    }
    a.pairs = count_pairs(a.count, context->data, context->other, context->arena);
    if (a.pairs == UINT64_MAX)
        return STATUS_MEMORY;
    if (a.pairs == 0) {
        out->absent = "the databases share no trial";
        return STATUS_OK;
    }
    a.n = keep_outcomes(a.kept, a.count);
    const enum status st = fill_devices(out, &map, &a, context->arena);
    if (st)
        return st;
    out->table.id = "devices";
    out->table.caption = out->caption =
        arena_printf(context->arena,
                     "Outcome of %" PRIu64 " shared trials here (rows) and in the second database "
                     "(columns). Off the diagonal the devices disagree.",
                     a.pairs);
    report_heat_write(out, &map);
    return out->caption ? out->script.st : STATUS_MEMORY;
}
