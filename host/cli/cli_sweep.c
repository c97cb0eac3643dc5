/* SPDX-License-Identifier: MIT */
/* `vkfi sweep`: the campaign over every op, point and bit of a model, its table, and the hooks that
 * fired. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli_campaign.h"
#include "cli/cli_manifest.h"
#include "inject/campaign/campaign_coverage.h"
#include "inject/plan/sweep.h"
#include "inject/report/report_groups.h"
#include "inject/report/report_interval.h"
#include "inject/report/report_rate.h"
#include "inject/report/report_source.h"
#include "inject/store/store.h"

struct cell {
    uint32_t op, field; /* names of the data */
    uint8_t point;
    struct report_rate sdc;
};

struct result {
    const char *database; /* if kept; null: none */
    const struct model *model;
    const struct report_data *data;
    struct cell *cell; /* (n_cells) in the order of ops, points, fields */
    uint32_t n_cells;
    struct campaign_coverage coverage;
};

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

/* The names by which cells are sorted. */
struct ordered {
    struct cell cell;
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
    const struct result *result = user;
    uint32_t i = 0;
    for (; i < result->n_cells; i++) {
        const struct cell *cell = &result->cell[i];
        if (cell->op == t->op && cell->point == t->point && cell->field == t->field)
            break;
    }
    return i;
}

static enum status list_cells(struct result *out, struct arena *arena)
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
            struct cell *more = arena_array(arena, room, sizeof(*more));
            if (!more)
                return STATUS_MEMORY;
            if (out->n_cells > 0)
                memcpy(more, out->cell, out->n_cells * sizeof(*more));
            out->cell = more;
        }
        out->cell[out->n_cells++] =
            (struct cell){.op = t->op, .field = t->field, .point = t->point};
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

static enum status rate_cells(struct result *out, struct arena *arena, struct report_data *data)
{
    const struct report_groups_by by = {find_cell, out, out->n_cells};
    struct report_groups groups;
    struct report_work work;
    /* as drawn: each bit of an op and point equally often, each counts the same */
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

/* `source` is loaded and outlives the result; its strata get equal weights. */
static enum status read_result(struct result *out, struct arena *arena,
                               struct report_source *source, const struct model *model)
{
    const struct campaign_coverage_of of = {source->store, &source->plan, model};
    *out = (struct result){.model = model, .data = &source->data};
    enum status st = list_cells(out, arena);
    st = st ? st : rate_cells(out, arena, &source->data);
    return st ? st : campaign_coverage_read(&out->coverage, arena, &of);
}

/* --- text --- */

/* Variants that a field of the weight can name. */
static const char *field_of(const struct fault *fault)
{
    return fault->point == HOOK_WEIGHT ? quant_field_name(fault->field) : NULL;
}

/* Variant i and its site if it has not fired on the device; else null. */
static const struct fault *not_seen(const struct campaign_coverage *c, uint32_t device, uint32_t i,
                                    char site[FAULT_SITE_TEXT])
{
    if (c->fired[(size_t)device * c->variant.count + i])
        return NULL;
    fault_site(&c->variant.fault[i], site);
    return &c->variant.fault[i];
}

static void print_coverage(const struct result *result, uint32_t device)
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

static enum status print_text(const struct result *result)
{
    const struct report_data *data = result->data;
    printf("%-8s  %-8s  %-9s  %6s  %6s  SDC with its interval\n", "op", "point", "bits", "n",
           "SDC");
    for (uint32_t i = 0; i < result->n_cells; i++) {
        const struct cell *cell = &result->cell[i];
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

static void put_cell(struct json_writer *w, const struct report_data *data, const struct cell *cell)
{
    json_object_open(w);
    json_member_text(w, "op", report_data_name(data, cell->op));
    json_member_text(w, "point", kinds_text(KINDS_POINT, cell->point));
    json_member_text(w, "bit_field", report_data_name(data, cell->field));
    json_member_int(w, "n", cell->sdc.estimate.counted);
    json_member_int(w, "events", cell->sdc.estimate.events);
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
    json_member_array(w, "not_seen");
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

static enum status print_json(const struct result *result)
{
    const struct report_data *data = result->data;
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "database", result->database);
    json_member_text(&w, "identity", data->plan->hash);
    json_member_int(&w, "rows", data->n_rows);
    json_member_int(&w, "planned", data->expected);
    json_member_number(&w, "confidence", data->plan->confidence);
    json_member_array(&w, "cells");
    for (uint32_t i = 0; i < result->n_cells; i++)
        put_cell(&w, data, &result->cell[i]);
    json_array_close(&w);
    json_member_array(&w, "coverage");
    for (uint32_t d = 0; d < result->coverage.n_devices; d++)
        put_coverage(&w, &result->coverage, d);
    json_array_close(&w);
    json_object_close(&w);
    return json_end(&w);
}

/* --- the command --- */

struct options {
    struct sweep_params params;
    struct args_list sites, devices;
    const char *bits, *output; /* null: a temporary database */
    uint64_t threads, n, seed, limit;
    bool plan_only, json;
};

/* "0-31", "30". */
static enum status parse_bits(const char *text, struct sweep_params *out)
{
    char *end = NULL;
    const unsigned long first = strtoul(text, &end, 10);
    unsigned long last = first;
    if (end != text && *end == '-' && end[1] >= '0' && end[1] <= '9')
        last = strtoul(end + 1, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && first <= last && last <= 31) {
        out->bit_first = (uint32_t)first;
        out->bit_last = (uint32_t)last;
        return STATUS_OK;
    }
    log_error("--bits: found '%s', expected bits from 0 to 31, as 30 or 0-31", text);
    return STATUS_USAGE;
}

static enum status report(const struct cli_crew *crew, const char *database,
                          const struct options *o)
{
    struct report_source source = {0};
    struct result result;
    struct arena arena = {0};
    enum status st = report_source_open(&source, database);
    st = st ? st : report_source_load(&source, UINT64_MAX);
    st = st ? st : read_result(&result, &arena, &source, crew->model);
    result.database = o->output;
    st = st ? st : o->json ? print_json(&result) : print_text(&result);
    report_source_finish(&source);
    arena_finish(&arena);
    return st;
}

static enum status run_plan(struct cli_campaign *c, const struct cli_env *env,
                            const struct options *o)
{
    enum status st = cli_campaign_run(c, env, o->output);
    if (!st && c->ended && c->end.done > 0) /* else interrupted before its first trial */
        st = report(c->crew, c->database, o);
    return st;
}

static enum status run(const struct cli_env *env, const struct options *o)
{
    const struct cli_campaign_call call = {
        .devices = &o->devices, .threads = o->threads, .limit = o->limit, .whole = true};
    struct cli_campaign c;
    struct model *model = NULL;
    enum status st = cli_campaign_open(&c, env, &call);
    st = st ? st : cli_manifest_open(&model, env, o->params.model);
    st = st ? st : sweep_plan(&c.crew->plan, &c.crew->arena, &o->params, model);
    model_close(&model);
    if (!st && o->plan_only)
        fputs(c.crew->plan.text, stdout);
    else if (!st)
        st = run_plan(&c, env, o);
    cli_campaign_close(&c, st);
    return st;
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "A sweep strikes every kind of op, at every point it has, in every bit, the same number of "
    "times: a first map of a model, and the proof that each hook fires. Layers, sites, elements, "
    "positions and prompts are drawn. Cells without such a bit (the codes of a quantised weight "
    "have few) are left out.\n"
    "\n"
    "It is a campaign like any other: -o keeps its database, the same command goes on with it, and "
    "`vkfi report` draws the rate of each op, point and bit. Without -o the rows are dropped once "
    "the table is made.\n"
    "\n"
    "The table has a line for each op, point and bit field: trials n, how many of them were silent "
    "data corruption (SDC), the rate and its interval. Bits of a line weigh the same; there is no "
    "total, since the cells are no sample of what hardware does.\n"
    "\n"
    "Coverage counts, for each device, the hook variants (place, op, point, type and field of the "
    "weight, granularity) of which some trial read back activations, of all that the plan could "
    "draw. Those that did not fire are named.\n"
    "\n"
    "--plan-only prints the plan instead; `vkfi plan show` says what it comes to.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done; interrupted, it ends by the signal\n"
    "  2  wrong usage, no such model or site, fewer trials than cells, or\n"
    "     a database of something else\n"
    "  3  no device is left, or a golden run has other bits than the CPU's\n"
    "  4  a control failed, or a fault did not fire as predicted\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi sweep -m smollm2-135m --sites 'blk.*.attn_*' --bits 23-31 -d 0\n"
    "  vkfi sweep -m smollm2-135m -o sweep.db\n"
    "  vkfi sweep -m smollm2-135m --plan-only >sweep.json\n";

static enum status check(const struct options *o)
{
    if (!o->plan_only || (!o->output && o->devices.count == 0 && o->limit == 0 && !o->json))
        return STATUS_OK;
    log_error("sweep --plan-only: found an option of a run, expected those of a plan alone");
    return STATUS_USAGE;
}

static enum status parse(struct options *o, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &o->params.model, "MODEL",
         "A model's name or the path of a GGUF file (smollm2-135m).", 0, 0},
        {0, "sites", ARGS_LIST, &o->sites, "GLOB",
         "Only sites that match, as 'blk.*.ffn_*'; may be given again (all).", 0, 0},
        {0, "bits", ARGS_TEXT, &o->bits, "A-B", "Bits to flip (0-31).", 0, 0},
        {0, "trials", ARGS_UINT, &o->params.trials, "N",
         "Most runs, controls included (6000); cells share them evenly.", 1, 1e9},
        {'n', "tokens", ARGS_UINT, &o->n, "N", "Tokens to generate (16).", 1, 1e6},
        {0, "seed", ARGS_UINT, &o->seed, "SEED", "Seed of the draws (1).", 0, 9e18},
        {'d', "device", ARGS_LIST, &o->devices, "DEVICE",
         "A device, as often as there are devices. " CLI_DEVICE_HELP " Default cpu.", 0, 0},
        {'o', "output", ARGS_TEXT, &o->output, "DB",
         "The database to write or go on with (none is kept).", 0, 0},
        {0, "limit", ARGS_UINT, &o->limit, "N",
         "Ends after N more trials, those with the lowest ids. Default 0: no limit.", 0, 0},
        CLI_THREADS_OPTION(&o->threads),
        {0, "plan-only", ARGS_FLAG, &o->plan_only, NULL, "Prints the plan as JSON.", 0, 0},
        {0, "json", ARGS_FLAG, &o->json, NULL, "Prints the table as JSON.", 0, 0},
        {0}};
    const struct args_spec spec = {
        .command = "vkfi sweep",
        .summary = "every op, point and bit of a model once or more",
        .synopsis = "[-m MODEL] [--sites GLOB]... [--bits A-B] [--trials N] [-n N] [-o DB] "
                    "[-d DEVICE]... [--limit N] [--threads N] [--json]\n"
                    "--plan-only [-m MODEL] [--sites GLOB]... [--bits A-B] [--trials N] [-n N]",
        .details = DETAILS,
        .options = options};
    enum status st = args_parse(&spec, argc, argv, out_done);
    if (st || *out_done)
        return st;
    st = parse_bits(o->bits, &o->params);
    return st ? st : check(o);
}

enum status cli_sweep(const struct cli_env *env, int argc, char **argv)
{
    struct options o = {.params = {.model = "smollm2-135m", .trials = SWEEP_TRIALS},
                        .threads = env->threads,
                        .bits = "0-31",
                        .n = 16,
                        .seed = 1};
    bool done = false;
    const enum status st = parse(&o, argc, argv, &done);
    if (st || done)
        return st;
    o.params.sites = o.sites.item;
    o.params.n_sites = o.sites.count;
    o.params.n = (uint32_t)o.n;
    o.params.seed = o.seed;
    return run(env, &o);
}
