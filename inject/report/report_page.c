/* SPDX-License-Identifier: MIT */
/* All parts of a report, and the order of the page. */
#include "inject/report/report_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inject/report/report_examples.h"
#include "inject/report/report_hypotheses.h"
#include "inject/report/report_out.h"
#include "inject/report/report_own.h"
#include "inject/report/report_plot.h"
#include "inject/report/report_worst.h"

report_draw *const report_pictures[REPORT_PICTURES] = {
    report_strata_forest, report_cells_map,        report_layers_bars,   report_bits_curve,
    report_maps_sites,    report_maps_heads,       report_maps_stages,   report_bins_change,
    report_bins_margin,   report_layers_deviation, report_time_survival, report_flow_right,
    report_worst_anew,    report_protect_share,    report_flow_devices,  report_strata_width,
    report_arms_pareto,   report_arms_roc,
};

static const struct report_column INCIDENT_COLUMNS[] = {
    {"trial", "trial", REPORT_COUNT, REPORT_ALONE},
    {"device", "device", REPORT_TEXT, REPORT_ALONE},
    {"what", "what happened", REPORT_TEXT, REPORT_ALONE},
};

static enum status incidents(struct report_table *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    out->id = "incidents";
    out->caption = "Abnormal ends that did not come back when the trial was run again.";
    const enum status st =
        report_table_init(out, context->arena, data->n_incidents, INCIDENT_COLUMNS,
                          sizeof(INCIDENT_COLUMNS) / sizeof(*INCIDENT_COLUMNS));
    for (uint32_t i = 0; !st && i < data->n_incidents; i++) {
        const struct store_incident *incident = &data->incident[i];
        report_table_set(out, i, "trial", (double)incident->trial);
        report_table_text(out, i, "what", incident->what);
        if (incident->device < data->n_devices)
            report_table_text(out, i, "device", data->device[incident->device].name);
    }
    return st;
}

typedef enum status make_table(struct report_table *out, struct report_context *context);
static make_table *const MAKE_TABLE[REPORT_TABLES] = {
    [REPORT_TABLE_OUTCOMES] = report_summary_outcomes,
    [REPORT_TABLE_HYPOTHESES] = report_hypotheses_table,
    [REPORT_TABLE_TASKS] = report_tasks_scores,
    [REPORT_TABLE_ANSWERS] = report_tasks_answers,
    [REPORT_TABLE_ARMS] = report_arms_table,
    [REPORT_TABLE_COVERAGE] = report_arms_coverage,
    [REPORT_TABLE_ALARMS] = report_arms_alarms,
    [REPORT_TABLE_OWN] = report_own_table,
    [REPORT_TABLE_CORPORA] = report_corpus_table,
    [REPORT_TABLE_PASSES] = report_pass_table,
    [REPORT_TABLE_PLACES] = report_maps_places,
    [REPORT_TABLE_FLAGS] = report_summary_flags,
    [REPORT_TABLE_CHECKS] = report_summary_checks,
    [REPORT_TABLE_KEPT] = report_summary_kept,
    [REPORT_TABLE_DEVICES] = report_summary_devices,
    [REPORT_TABLE_INCIDENTS] = incidents,
    [REPORT_TABLE_WORST] = report_worst_table,
};

/* The campaign that estimates strata anew uses the same measure. */
static enum status add_anew(struct report_page *page, const struct report_params *params)
{
    page->anew = (struct report_context){
        .data = params->anew, .arena = &page->arena, .asked = params->confidence};
    const enum status st = report_context_init(&page->anew, &page->anew_work);
    page->anew.main = page->context.main;
    page->context.anew = &page->anew;
    return st;
}

enum status report_page_init(struct report_page *out, const struct report_params *params, bool draw)
{
    struct report_data *data = params->data;
    *out = (struct report_page){0};
    out->context = (struct report_context){
        .data = data,
        .other = params->other,
        .site = params->site,
        .n_sites = params->n_sites,
        .model = params->model,
        .model_about = params->model_about,
        .own = params->own,
        .arena = &out->arena,
        .asked = params->confidence,
    };
    enum status st = report_context_init(&out->context, &out->work);
    if (!st && params->anew)
        st = add_anew(out, params);
    if (!st)
        st = report_tasks_make(&out->tasks, &out->context);
    if (!st)
        st = report_corpus_make(&out->corpora, &out->context);
    st = st ? st : report_pass_make(&out->passes, &out->context, &out->tasks);
    out->context.passes = &out->passes;
    out->context.tasks = &out->tasks;
    st = st ? st : report_arms_make(&out->arms, &out->context);
    out->context.arms = &out->arms;
    out->context.corpora = &out->corpora;
    if (!st)
        report_summary_totals(&out->totals, &out->context);
    for (int t = 0; !st && t < REPORT_TABLES; t++)
        st = MAKE_TABLE[t](&out->table[t], &out->context);
    for (int f = 0; !st && f < REPORT_PICTURES; f++) {
        struct report_figure *figure = &out->figure[f];
        st = report_pictures[f](figure, &out->context);
        if (!st && draw && !figure->absent)
            st = report_plot_draw(figure);
    }
    if (st)
        report_page_finish(out);
    return st;
}

void report_page_finish(struct report_page *page)
{
    for (int f = 0; f < REPORT_PICTURES; f++) {
        text_finish(&page->figure[f].script);
        text_finish(&page->figure[f].svg);
    }
    arena_finish(&page->arena);
    *page = (struct report_page){0};
}

static void put_pair(struct text *out, const char *name, const char *value)
{
    text_addf(out, "<dt>%s</dt><dd>", name);
    report_out_html(out, value && *value ? value : "\xe2\x80\x93");
    text_put(out, "</dd>\n");
}

static const char *title_of(const struct report_page *page)
{
    const char *title = page->context.data->plan->title;
    return title && *title ? title : "Fault-injection campaign";
}

static void put_head(struct text *out, const struct report_page *page)
{
    const struct report_data *data = page->context.data;
    text_put(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                  "<title>");
    report_out_html(out, title_of(page));
    text_put(out, "</title>\n");
    report_style_write(out);
    text_put(out, "</head>\n<body>\n<header>\n<h1>");
    report_out_html(out, title_of(page));
    text_put(out, "</h1>\n<p class=\"soft\">Fault injection into ");
    report_out_html(out, data->plan->model);
    text_addf(out,
              ", population %s, design %s, %" PRIu64 " trials over %" PRIu32
              " items; plan <code>%.12s</code>.</p>\n",
              kinds_text(KINDS_POPULATION, data->plan->population),
              kinds_text(KINDS_DESIGN, data->plan->design), (uint64_t)data->n, data->n_bases,
              data->identity->plan_hash);
    if (data->plan->notes && *data->plan->notes) {
        text_put(out, "<p>");
        report_out_html(out, data->plan->notes);
        text_put(out, "</p>\n");
    }
    text_put(out, "<nav><a href=\"#summary\">Summary</a><a href=\"#pictures\">Pictures</a>"
                  "<a href=\"#strata\">Strata</a><a href=\"#examples\">Examples</a>"
                  "<a href=\"#methods\">Methods</a><a href=\"#provenance\">Provenance</a>"
                  "<a href=\"#limits\">Limits</a></nav>\n</header>\n<main>\n");
}

static enum status put_summary(struct text *out, struct report_page *page)
{
    text_put(out, "<section id=\"summary\"><h2>Summary</h2>\n<ul class=\"verdict\">\n");
    enum status st = report_methods_verdict(out, &page->context, &page->totals);
    if (page->context.anew) {
        const char *sentence =
            report_worst_sentence(&page->table[REPORT_TABLE_WORST], &page->context);
        text_put(out, "<li>");
        report_out_html(out, sentence ? sentence : "");
        text_put(out, "</li>\n");
        st = st ? st : sentence ? STATUS_OK : STATUS_MEMORY;
    }
    text_addf(out, "<li>%s</li>\n</ul>\n", report_sentence);
    for (int t = 0; t <= REPORT_TABLE_CHECKS; t++) {
        if (page->table[t].n_rows > 0)
            report_table_html(out, &page->table[t]);
    }
    text_put(out, "</section>\n");
    return st;
}

static void put_figure(struct text *out, const struct report_figure *figure, int number)
{
    text_addf(out, "<figure id=\"figure-%s\">\n", figure->id);
    report_plot_inline(out, figure);
    text_addf(out, "<figcaption><b>Figure %d. %s.</b> ", number, figure->title);
    report_out_html(out, figure->caption);
    text_put(out, "</figcaption>\n</figure>\n");
}

/* Titles by their reason, each reason once, in the order of the page. */
static void put_absent(struct text *out, const struct report_page *page)
{
    bool told[REPORT_PICTURES] = {false}, first = true;
    text_put(out, "<p class=\"soft\">Not drawn: ");
    for (int f = 0; f < REPORT_PICTURES; f++) {
        const char *reason = page->figure[f].absent;
        if (!reason || !*reason || told[f])
            continue;
        text_addf(out, "%s%s", first ? "" : "; ", page->figure[f].title);
        for (int g = f + 1; g < REPORT_PICTURES; g++) {
            if (!page->figure[g].absent || strcmp(page->figure[g].absent, reason) != 0)
                continue;
            told[g] = true;
            text_addf(out, ", %s", page->figure[g].title);
        }
        text_addf(out, " (%s)", reason);
        first = false;
    }
    text_put(out, ".</p>\n");
}

static void put_pictures(struct text *out, const struct report_page *page)
{
    int number = 0, drawn = 0, untold = 0;
    while (drawn < REPORT_PICTURES - 1 && page->figure[drawn].absent)
        drawn++;
    text_put(out, "<section id=\"pictures\"><h2>Pictures</h2>\n");
    report_plot_shapes(out, &page->figure[drawn]);
    text_put(out, "<div class=\"figures\">\n");
    for (int f = 0; f < REPORT_PICTURES; f++) {
        untold += page->figure[f].absent && !*page->figure[f].absent;
        if (!page->figure[f].absent)
            put_figure(out, &page->figure[f], ++number);
    }
    text_put(out, "</div>\n");
    if (number + untold < REPORT_PICTURES)
        put_absent(out, page);
    text_put(out, "</section>\n");
}

static void put_strata(struct text *out, const struct report_page *page)
{
    text_put(out, "<section id=\"strata\"><h2>Strata</h2>\n");
    if (page->table[REPORT_TABLE_WORST].n_rows > 0)
        report_table_html(out, &page->table[REPORT_TABLE_WORST]);
    if (page->figure[0].absent)
        text_put(out, "<p>No trial counts yet.</p>\n");
    else
        report_table_html(out, &page->figure[0].table);
    text_put(out, "</section>\n");
}

static void put_provenance(struct text *out, const struct report_page *page)
{
    const struct report_data *data = page->context.data;
    const struct store_identity *id = data->identity;
    char shard[64];
    snprintf(shard, sizeof(shard), "%" PRIu32 " of %" PRIu32, id->shard,
             id->shards ? id->shards : 1);
    text_put(out, "<section id=\"provenance\"><h2>Provenance</h2>\n<dl>\n");
    put_pair(out, "plan, SHA-256", id->plan_hash);
    put_pair(out, "model", data->plan->model);
    put_pair(out, "model, its file", id->model);
    put_pair(out, "model, SHA-256", id->model_hash);
    put_pair(out, "shaders", id->shaders);
    put_pair(out, "arithmetic contract", id->contract);
    put_pair(out, "tool", id->tool);
    put_pair(out, "shard", shard);
    text_put(out, "</dl>\n");
    for (int t = REPORT_TABLE_KEPT; t <= REPORT_TABLE_INCIDENTS; t++) {
        if (page->table[t].n_rows > 0)
            report_table_html(out, &page->table[t]);
    }
    text_put(out, "<details><summary>The plan as given</summary>\n<pre>");
    report_out_html(out, id->plan ? id->plan : "");
    text_put(out, "</pre></details>\n</section>\n");
}

enum status report_page_html(struct text *out, struct report_page *page)
{
    struct text methods = {0};
    put_head(out, page);
    enum status st = put_summary(out, page);
    put_pictures(out, page);
    put_strata(out, page);
    text_put(out, "<section id=\"examples\"><h2>Worst examples</h2>\n");
    st = st ? st : report_examples_write(out, &page->context);
    text_put(out, "</section>\n<section id=\"methods\"><h2>Methods</h2>\n<p>");
    st = st ? st : report_methods_paragraph(&methods, &page->context);
    report_out_html(out, text_of(&methods));
    text_put(out, "</p></section>\n");
    put_provenance(out, page);
    text_put(out, "<section id=\"limits\"><h2>Limits</h2>\n<ul>\n");
    for (uint32_t i = 0; report_limits(&page->context, i); i++)
        text_addf(out, "<li>%s</li>\n", report_limits(&page->context, i));
    text_put(out, "</ul></section>\n</main>\n</body>\n</html>\n");
    text_finish(&methods);
    return st ? st : out->st;
}
