/* SPDX-License-Identifier: MIT */
/* The table of a sweep: made from its database, as text and as JSON. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli_output.h"
#include "cli/cli_sweep.h"
#include "inject/report/report_groups.h"
#include "inject/report/report_interval.h"

/* --- reading --- */

static int op_rank(const char *name)
{
    int op = 0;
    while (op < OP_COUNT && strcmp(graph_op_name((enum op)op), name) != 0)
        op++;
    return op;
}

/* Sign, exponent, mantissa, then the fields of weights. */
static int field_rank(const char *name)
{
    static const char *const first[] = {"sign", "exponent", "mantissa"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, first[i]) == 0)
            return i;
    }
    return 3;
}

/* The names that cells are put in order by, while they are. */
struct ordered {
    struct cli_sweep_cell cell;
    const char *op, *field;
};

static int by_name(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;
    if (x->cell.op != y->cell.op)
        return op_rank(x->op) - op_rank(y->op);
    if (x->cell.point != y->cell.point)
        return x->cell.point - y->cell.point;
    const int rank = field_rank(x->field) - field_rank(y->field);
    return rank ? rank : strcmp(x->field, y->field);
}

/* The cell of a trial; n_cells: none yet. */
static uint32_t find_cell(const struct report_trial *t, const void *user)
{
    const struct cli_sweep_result *result = user;
    uint32_t i = 0;
    for (; i < result->n_cells; i++) {
        const struct cli_sweep_cell *cell = &result->cell[i];
        if (cell->op == t->op && cell->point == t->point && cell->field == t->field)
            break;
    }
    return i;
}

static enum status list_cells(struct cli_sweep_result *out, struct arena *arena)
{
    const struct report_data *data = out->data;
    struct ordered *ordered = NULL;
    uint32_t room = 0;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        if (find_cell(t, out) < out->n_cells)
            continue;
        if (out->n_cells == room) {
            room = room ? 2 * room : 64;
            struct cli_sweep_cell *more = arena_array(arena, room, sizeof(*more));
            if (!more)
                return STATUS_MEMORY;
            if (out->n_cells > 0)
                memcpy(more, out->cell, out->n_cells * sizeof(*more));
            out->cell = more;
        }
        out->cell[out->n_cells++] =
            (struct cli_sweep_cell){.op = t->op, .field = t->field, .point = t->point};
    }
    ordered = arena_array(arena, (size_t)out->n_cells + 1, sizeof(*ordered));
    if (!ordered)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < out->n_cells; i++)
        ordered[i] = (struct ordered){out->cell[i], report_data_name(data, out->cell[i].op),
                                      report_data_name(data, out->cell[i].field)};
    qsort(ordered, out->n_cells, sizeof(*ordered), by_name);
    for (uint32_t i = 0; i < out->n_cells; i++)
        out->cell[i] = ordered[i].cell;
    return STATUS_OK;
}

static enum status rate_cells(struct cli_sweep_result *out, struct arena *arena,
                              struct report_data *data)
{
    const struct report_groups_by by = {find_cell, out, out->n_cells};
    struct report_groups groups;
    struct report_work work;
    /* as drawn: each bit of an op and point the same number of times, each counts the same */
    for (uint32_t h = 0; h < data->n_strata; h++)
        data->stratum[h].weight = 1.0 / data->n_strata;
    enum status st = report_groups_make(&groups, arena, data, &by);
    st = st ? st : report_work_init(&work, arena, data);
    if (!st)
        report_rate_floor(data, &work);
    for (uint32_t i = 0; !st && i < out->n_cells; i++)
        report_rate(&out->cell[i].sdc, &work,
                    &(struct report_query){.index = groups.index + groups.first[i],
                                           .count = report_groups_size(&groups, i),
                                           .events = REPORT_SDC,
                                           .level = {data->plan->confidence, STATS_INTERVAL_BOTH}});
    return st;
}

enum status cli_sweep_read(struct cli_sweep_result *out, struct arena *arena,
                           struct report_source *source, const struct model *model)
{
    const struct campaign_coverage_of of = {source->store, &source->plan, model};
    *out = (struct cli_sweep_result){.model = model, .data = &source->data};
    enum status st = list_cells(out, arena);
    st = st ? st : rate_cells(out, arena, &source->data);
    return st ? st : campaign_coverage_read(&out->coverage, arena, &of);
}

/* --- text --- */

/* Variants that can be named by a field of the weight. */
static const char *field_of(const struct fault *fault)
{
    return fault->point == HOOK_WEIGHT ? quant_field_name(fault->field) : NULL;
}

/* Variant i, and its site, if it has not fired on the device; else null. */
static const struct fault *not_seen(const struct campaign_coverage *c, uint32_t device, uint32_t i,
                                    char site[FAULT_SITE_TEXT])
{
    if (c->fired[(size_t)device * c->variant.count + i])
        return NULL;
    fault_site(&c->variant.fault[i], site);
    return &c->variant.fault[i];
}

static void print_coverage(const struct cli_sweep_result *result, uint32_t device)
{
    const struct campaign_coverage *c = &result->coverage;
    printf("coverage  %s: %" PRIu32 " of %" PRIu32 " hook variants fired\n", c->device[device].name,
           campaign_coverage_fired(c, device), c->variant.count);
    for (uint32_t i = 0; i < c->variant.count; i++) {
        char site[FAULT_SITE_TEXT];
        const struct fault *fault = not_seen(c, device, i, site);
        if (!fault)
            continue;
        printf("          not seen: that of %s, %s%s%s\n", site,
               kinds_text(KINDS_POINT, fault->point), field_of(fault) ? " " : "",
               field_of(fault) ? field_of(fault) : "");
    }
}

enum status cli_sweep_print(const struct cli_sweep_result *result)
{
    const struct report_data *data = result->data;
    printf("%-8s  %-8s  %-9s  %6s  %6s  SDC with its interval\n", "op", "point", "bits", "n",
           "SDC");
    for (uint32_t i = 0; i < result->n_cells; i++) {
        const struct cli_sweep_cell *cell = &result->cell[i];
        const struct report_interval rate = report_interval_of(&cell->sdc);
        char text[REPORT_INTERVAL_TEXT];
        report_interval_text(text, &rate, data->plan->confidence);
        printf("%-8s  %-8s  %-9s  %6" PRIu64 "  %6" PRIu64 "  %s\n",
               report_data_name(data, cell->op), kinds_text(KINDS_POINT, cell->point),
               report_data_name(data, cell->field), cell->sdc.estimate.counted,
               cell->sdc.estimate.events, text);
    }
    printf("\ntrials    %" PRIu64 " of %" PRIu64 ", controls included\n", data->n_rows,
           data->expected);
    for (uint32_t d = 0; d < result->coverage.n_devices; d++)
        print_coverage(result, d);
    if (result->database)
        printf("pictures  vkfi report %s -o %s.html\n", result->database, result->database);
    return cli_output_flush();
}

/* --- JSON --- */

static void put_cell(struct json_writer *w, const struct report_data *data,
                     const struct cli_sweep_cell *cell)
{
    json_object_open(w);
    json_member_text(w, "op", report_data_name(data, cell->op));
    json_member_text(w, "point", kinds_text(KINDS_POINT, cell->point));
    json_member_text(w, "bit_field", report_data_name(data, cell->field));
    json_member_int(w, "n", (int64_t)cell->sdc.estimate.counted);
    json_member_int(w, "events", (int64_t)cell->sdc.estimate.events);
    json_member_number(w, "rate", cell->sdc.estimate.rate);
    json_member_number(w, "low", cell->sdc.interval.bounds.low);
    json_member_number(w, "high", cell->sdc.interval.bounds.high);
    report_interval_members(w, &cell->sdc.interval);
    json_member_number(w, "n_effective", cell->sdc.estimate.n_effective);
    json_object_close(w);
}

static void put_coverage(struct json_writer *w, const struct campaign_coverage *c, uint32_t device)
{
    json_object_open(w);
    json_member_text(w, "device", c->device[device].name);
    json_member_int(w, "fired", campaign_coverage_fired(c, device));
    json_member_int(w, "variants", c->variant.count);
    json_put_key(w, "not_seen");
    json_array_open(w);
    for (uint32_t i = 0; i < c->variant.count; i++) {
        char site[FAULT_SITE_TEXT];
        const struct fault *fault = not_seen(c, device, i, site);
        if (!fault)
            continue;
        json_object_open(w);
        json_member_text(w, "site", site);
        json_member_text(w, "point", kinds_text(KINDS_POINT, fault->point));
        if (field_of(fault))
            json_member_text(w, "field", field_of(fault));
        json_object_close(w);
    }
    json_array_close(w);
    json_object_close(w);
}

enum status cli_sweep_json(const struct cli_sweep_result *result)
{
    const struct report_data *data = result->data;
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_put_key(&w, "database");
    if (result->database)
        json_put_text(&w, result->database);
    else
        json_put_null(&w);
    json_member_text(&w, "identity", data->plan->hash);
    json_member_int(&w, "rows", (int64_t)data->n_rows);
    json_member_int(&w, "planned", (int64_t)data->expected);
    json_member_number(&w, "confidence", data->plan->confidence);
    json_put_key(&w, "cells");
    json_array_open(&w);
    for (uint32_t i = 0; i < result->n_cells; i++)
        put_cell(&w, data, &result->cell[i]);
    json_array_close(&w);
    json_put_key(&w, "coverage");
    json_array_open(&w);
    for (uint32_t d = 0; d < result->coverage.n_devices; d++)
        put_coverage(&w, &result->coverage, d);
    json_array_close(&w);
    json_object_close(&w);
    return json_end(&w);
}
