/* SPDX-License-Identifier: MIT */
/* The heat maps: layer x site, layer x head, stage x duration; a table by stage and by site. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inject/report/report_heat.h"
#include "inject/report/report_pictures.h"

/* Order of a layer's work, for columns; other sites follow, by name. */
static const char *const SITE_ORDER[] = {
    "attn_norm",     "attn_q",        "attn_k",       "attn_v",      "attn_q_norm",
    "attn_k_norm",   "rope_q",        "rope_k",       "kv_k",        "kv_v",
    "attn_scores",   "attn_probs",    "attn_heads",   "attn_output", "post_attention_norm",
    "attn_residual", "ffn_norm",      "ffn_gate",     "ffn_up",      "ffn_act",
    "ffn_down",      "post_ffw_norm", "ffn_residual",
};
#define SITE_ORDER_COUNT (sizeof(SITE_ORDER) / sizeof(*SITE_ORDER))

static size_t site_rank(const char *site)
{
    const size_t n = strcspn(site, "."); /* "attn_q.weight" goes next to "attn_q" */
    for (size_t i = 0; i < SITE_ORDER_COUNT; i++) {
        if (strlen(SITE_ORDER[i]) == n && strncmp(site, SITE_ORDER[i], n) == 0)
            return i;
    }
    return SITE_ORDER_COUNT;
}

static int by_site(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    const size_t i = site_rank(x), j = site_rank(y);
    return i != j ? (i < j ? -1 : 1) : strcmp(x, y);
}

/* Labels "0" .. count - 1. */
static const char **number_labels(struct arena *arena, uint32_t count)
{
    const char **label = arena_array(arena, (size_t)count + 1, sizeof(*label));
    for (uint32_t i = 0; label && i < count; i++) {
        label[i] = arena_printf(arena, "%" PRIu32, i);
        if (!label[i])
            return NULL;
    }
    return label;
}

struct site_columns {
    const char **label; /* (count) */
    uint32_t *of_name;  /* (names): column, REPORT_NONE */
    uint32_t count;
};

/* Kinds of sites that lie in layers. */
static enum status find_sites(struct site_columns *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    const uint32_t names = data->names.count;
    out->label = arena_array(context->arena, (size_t)names + 1, sizeof(*out->label));
    out->of_name = arena_array(context->arena, (size_t)names + 1, sizeof(*out->of_name));
    if (!out->label || !out->of_name)
        return STATUS_MEMORY;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        if (t->layer < 0 || t->site_kind == REPORT_NONE || out->of_name[t->site_kind])
            continue;
        out->of_name[t->site_kind] = 1;
        out->label[out->count++] = data->names.text[t->site_kind];
    }
    qsort(out->label, out->count, sizeof(*out->label), by_site);
    for (uint32_t name = 0; name < names; name++) {
        uint32_t column = REPORT_NONE;
        for (uint32_t c = 0; c < out->count && out->of_name[name]; c++) {
            if (out->label[c] == data->names.text[name])
                column = c;
        }
        out->of_name[name] = column;
    }
    return STATUS_OK;
}

static uint32_t site_key(const struct report_trial *trial, const void *user)
{
    const struct site_columns *sites = user;
    if (trial->layer < 0 || trial->site_kind == REPORT_NONE)
        return REPORT_NONE;
    return (uint32_t)trial->layer * sites->count + sites->of_name[trial->site_kind];
}

/* The map of groups, with caption and script. */
static enum status draw_map(struct report_figure *out, struct report_context *context,
                            const struct report_groups_by *by,
                            const struct report_heat_request *request)
{
    struct report_groups groups;
    struct report_heat_map map;
    enum status st = report_groups_make(&groups, context->arena, context->data, by);
    st = st ? st : report_heat_rates(&map, out, context, &groups, request);
    if (st || out->absent)
        return st;
    out->table.id = out->id;
    out->table.caption = out->caption = arena_printf(
        context->arena,
        "%s of all faults by %s and %s, %%. Cells with fewer than %d trials are outlines without "
        "a colour, their numbers in brackets; empty ones had none. The highest of many cells is "
        "biased upwards.%s",
        context->main_start, request->row_title, request->column_title, REPORT_FEW,
        report_context_note(context));
    report_heat_write(out, &map);
    return out->caption ? out->script.st : STATUS_MEMORY;
}

enum status report_maps_sites(struct report_figure *out, struct report_context *context)
{
    struct site_columns sites = {0};
    const uint32_t layers = report_groups_layers(context->data);
    out->id = "sites";
    out->title = "Layer by site";
    enum status st = find_sites(&sites, context);
    if (st)
        return st;
    if (layers * sites.count < 2 || sites.count < 2) {
        out->absent = "fewer than two kinds of sites in layers were struck";
        return STATUS_OK;
    }
    if (!report_context_agrees(context, PLAN_BY_SITE) &&
        !(report_context_agrees(context, PLAN_BY_LAYER) &&
          report_context_agrees(context, PLAN_BY_SITE_KIND))) {
        out->absent = REPORT_SEVERAL;
        return STATUS_OK;
    }
    const char **rows = number_labels(context->arena, layers);
    if (!rows)
        return STATUS_MEMORY;
    return draw_map(
        out, context, &(struct report_groups_by){site_key, &sites, layers * sites.count},
        &(struct report_heat_request){rows, sites.label, layers, sites.count, "layer", "site"});
}

struct head_strata {
    uint32_t *cell; /* (n_strata): layer * heads + head, REPORT_NONE */
};

static uint32_t head_key(const struct report_trial *trial, const void *user)
{
    const struct head_strata *heads = user;
    return heads->cell[trial->stratum];
}

/* Layer and head of strata with both in the label; 0 heads if there are none. */
static uint32_t find_heads(struct head_strata *out, const struct report_data *data,
                           uint32_t *out_layers)
{
    uint32_t heads = 0, layers = 0;
    char layer[16], head[16];
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t h = 0; h < data->n_strata; h++) {
            const char *label = data->stratum[h].label;
            out->cell[h] = REPORT_NONE;
            if (!report_data_dimension(label, "layer", layer, sizeof(layer)) ||
                !report_data_dimension(label, "head", head, sizeof(head)) ||
                strspn(layer, "0123456789") != strlen(layer) ||
                strspn(head, "0123456789") != strlen(head) || !*head || !*layer)
                continue;
            const uint32_t l = (uint32_t)atoi(layer), d = (uint32_t)atoi(head);
            heads = d >= heads ? d + 1 : heads;
            layers = l >= layers ? l + 1 : layers;
            out->cell[h] = l * heads + d; /* right in the second pass */
        }
    }
    *out_layers = layers;
    return heads;
}

enum status report_maps_heads(struct report_figure *out, struct report_context *context)
{
    struct head_strata strata;
    uint32_t layers = 0;
    out->id = "heads";
    out->title = "Layer by head";
    strata.cell =
        arena_array(context->arena, (size_t)context->data->n_strata + 1, sizeof(*strata.cell));
    if (!strata.cell)
        return STATUS_MEMORY;
    const uint32_t heads = find_heads(&strata, context->data, &layers);
    if (heads < 2) {
        out->absent = "the plan has no strata by layer and head";
        return STATUS_OK;
    }
    const char **rows = number_labels(context->arena, layers);
    const char **columns = number_labels(context->arena, heads);
    if (!rows || !columns)
        return STATUS_MEMORY;
    return draw_map(out, context, &(struct report_groups_by){head_key, &strata, layers * heads},
                    &(struct report_heat_request){rows, columns, layers, heads, "layer", "head"});
}

static uint32_t stage_key(const struct report_trial *trial, const void *user)
{
    (void)user;
    return trial->stage * (uint32_t)DURATION_COUNT + trial->duration;
}

enum status report_maps_stages(struct report_figure *out, struct report_context *context)
{
    const char *rows[STAGE_COUNT], *columns[DURATION_COUNT];
    uint32_t seen = 0, first = REPORT_NONE;
    out->id = "stages";
    out->title = "Stage by duration";
    for (uint32_t s = 0; s < STAGE_COUNT; s++)
        rows[s] = kinds_text(KINDS_STAGE, s);
    for (uint32_t d = 0; d < DURATION_COUNT; d++)
        columns[d] = kinds_text(KINDS_DURATION, d);
    for (size_t i = 0; i < context->data->n; i++) {
        const uint32_t key = stage_key(&context->data->trial[i], NULL);
        seen += first != REPORT_NONE && key != first;
        first = first == REPORT_NONE ? key : first;
    }
    if (seen == 0) {
        out->absent = "one stage and one duration only";
        return STATUS_OK;
    }
    if (!report_context_agrees(context, PLAN_BY_STAGE) ||
        !report_context_agrees(context, PLAN_BY_DURATION)) {
        out->absent = REPORT_SEVERAL;
        return STATUS_OK;
    }
    return draw_map(out, context,
                    &(struct report_groups_by){stage_key, NULL, STAGE_COUNT * DURATION_COUNT},
                    &(struct report_heat_request){rows, columns, STAGE_COUNT, DURATION_COUNT,
                                                  "stage", "duration"});
}

static uint32_t begin_key(const struct report_trial *trial, const void *user)
{
    (void)user;
    return trial->stage;
}

static uint32_t kind_key(const struct report_trial *trial, const void *user)
{
    const struct site_columns *sites = user;
    return trial->layer < 0 || trial->site_kind == REPORT_NONE ? REPORT_NONE
                                                               : sites->of_name[trial->site_kind];
}

static const struct report_column PLACE_COLUMNS[] = {
    {"by", "by", REPORT_TEXT, REPORT_ALONE},
    {"value", "where", REPORT_TEXT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("sdc", "SDC, %"),
    REPORT_RATE_COLUMNS("critical", "critical SDC, %"),
    {"right_trials", "n, golden right", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("right_to_wrong", "right to wrong, %"),
};

static void put_place(struct report_table *table, struct report_context *context,
                      const struct report_groups *groups, uint32_t group)
{
    static const struct {
        const char *prefix;
        struct report_query query;
        bool scored;
    } rates[] = {
        {"sdc", {.events = REPORT_SDC}, false},
        {"critical", {.events = REPORT_CRITICAL}, true},
        {"right_to_wrong", {.events = REPORT_CRITICAL, .given = REPORT_GOLDEN_RIGHT}, true},
    };
    const uint32_t row = table->n_rows++;
    report_table_set(table, row, "trials", (double)report_groups_size(groups, group));
    table->faint[row] = report_groups_size(groups, group) < REPORT_FEW;
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        struct report_rate rate;
        if (rates[i].scored && !context->data->scored)
            continue;
        report_figure_group(&rate, context, groups, group, rates[i].query);
        if (rates[i].query.given == REPORT_GOLDEN_RIGHT)
            report_table_set(table, row, "right_trials", (double)rate.estimate.counted);
        if (!rate.refused && rate.estimate.counted > 0)
            report_figure_rate(table, row, rates[i].prefix, &rate);
    }
}

/* Rows of a dimension, none if only one of its values was struck. */
static enum status put_places(struct report_table *table, struct report_context *context,
                              const struct report_groups_by *by, const char *const *label,
                              const char *name)
{
    struct report_groups groups;
    uint32_t struck = 0;
    const enum status st = report_groups_make(&groups, context->arena, context->data, by);
    for (uint32_t g = 0; !st && g < groups.count; g++)
        struck += report_groups_size(&groups, g) > 0;
    for (uint32_t g = 0; struck > 1 && g < groups.count; g++) {
        if (report_groups_size(&groups, g) == 0)
            continue;
        report_table_text(table, table->n_rows, "by", name);
        report_table_text(table, table->n_rows, "value", label[g]);
        put_place(table, context, &groups, g);
    }
    return st;
}

enum status report_maps_places(struct report_table *out, struct report_context *context)
{
    const char *stages[STAGE_COUNT];
    struct site_columns sites = {0};
    enum status st = find_sites(&sites, context);
    if (!st)
        st = report_table_init(out, context->arena, STAGE_COUNT + sites.count, PLACE_COLUMNS,
                               sizeof(PLACE_COLUMNS) / sizeof(*PLACE_COLUMNS));
    out->id = "places";
    out->caption = "Outcomes by the stage in which a fault begins, and by the kind of site that it "
                   "strikes in the layers, weighed over strata. Right to wrong: of trials whose "
                   "golden answer is right, those after which the score fell.";
    out->n_rows = 0;
    for (uint32_t s = 0; s < STAGE_COUNT; s++)
        stages[s] = kinds_text(KINDS_STAGE, s);
    if (!st && report_context_agrees(context, PLAN_BY_STAGE))
        st = put_places(out, context, &(struct report_groups_by){begin_key, NULL, STAGE_COUNT},
                        stages, "stage");
    if (!st && (report_context_agrees(context, PLAN_BY_SITE) ||
                report_context_agrees(context, PLAN_BY_SITE_KIND)))
        st = put_places(out, context, &(struct report_groups_by){kind_key, &sites, sites.count},
                        sites.label, "site");
    for (uint32_t h = 0; h < context->data->n_strata; h++) {
        if (context->data->n_strata > 1 && isnan(context->data->stratum[h].weight))
            out->n_rows = 0; /* no total over them */
    }
    return st;
}
