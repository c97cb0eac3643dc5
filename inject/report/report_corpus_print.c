/* SPDX-License-Identifier: MIT */
/* Rows of corpora as a table, JSON and lines. */
#include <inttypes.h>
#include <math.h>

#include "inject/report/report_corpus.h"

static const struct report_column COLUMNS[] = {
    {"task", "task", REPORT_TEXT, REPORT_ALONE},
    {"group", "pair or group", REPORT_TEXT, REPORT_ALONE},
    {"metric", "metric", REPORT_TEXT, REPORT_ALONE},
    {"sentences", "sentences", REPORT_COUNT, REPORT_ALONE},
    {"changed", "with another text", REPORT_COUNT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    REPORT_MEAN_COLUMNS("golden", "golden score", REPORT_NUMBER),
    {"chance", "chance", REPORT_NUMBER, REPORT_ALONE},
    {"faulty", "faulty score", REPORT_NUMBER, REPORT_ALONE},
    REPORT_MEAN_COLUMNS("change", "change", REPORT_NUMBER),
    REPORT_MEAN_COLUMNS("normalised", "normalised, %", REPORT_PERCENT),
    {"reason", NULL, REPORT_TEXT, REPORT_ALONE},
    {"signature", NULL, REPORT_TEXT, REPORT_ALONE},
};

enum status report_corpus_table(struct report_table *out, struct report_context *context)
{
    const struct report_corpora *corpora = context->corpora;
    out->id = "corpora";
    out->caption =
        "Scores of whole corpora by task and pair, in points: of golden's texts, and of draws of "
        "one faulty text a sentence, by the weights of trials (a DUE leaves golden's). Intervals: "
        "1,000 draws of sentences (and of faults where sentences share them), the same for both. "
        "Chance: golden's texts against references of other sentences. Normalised = (faulty - "
        "chance) / (golden - chance); not identifiable with fewer than 50 sentences or 10 with "
        "another text, or where golden is not shown to be above chance.";
    const enum status st = report_table_init(out, context->arena, corpora->count, COLUMNS,
                                             sizeof(COLUMNS) / sizeof(*COLUMNS));
    for (uint32_t r = 0; !st && r < corpora->count; r++) {
        const struct report_corpus *c = &corpora->row[r];
        report_table_text(out, r, "task", c->task);
        report_table_text(out, r, "group", c->group ? c->group : "all");
        report_table_text(out, r, "metric", task_metric_name(c->metric));
        report_table_set(out, r, "sentences", c->sentences);
        report_table_set(out, r, "changed", c->changed);
        report_table_set(out, r, "trials", (double)c->trials);
        report_figure_mean(out, r, "golden", c->golden, c->of_golden);
        report_table_set(out, r, "chance", c->chance);
        report_table_set(out, r, "faulty", c->faulty);
        report_figure_mean(out, r, "change", c->change, c->of_change);
        report_figure_mean(out, r, "normalised", c->normalised, c->of_normalised);
        report_table_text(out, r, "signature", c->signature ? c->signature : "");
        out->faint[r] = c->sentences < REPORT_FEW;
        if (!c->reason)
            continue;
        report_table_text(out, r, "reason", c->reason);
        report_table_text(out, r, "normalised", "not identifiable");
    }
    return st;
}

static void put_corpus(struct json_writer *w, const struct report_corpus *c)
{
    json_object_open(w);
    json_member_text(w, "area", c->area);
    json_member_text(w, "task", c->task);
    json_member_text(w, "group", c->group);
    json_member_text(w, "metric", task_metric_name(c->metric));
    json_member_text(w, "signature", c->signature);
    json_member_int(w, "sentences", c->sentences);
    json_member_int(w, "changed", c->changed);
    json_member_int(w, "trials", c->trials);
    json_member_number(w, "chance", c->chance);
    report_interval_mean(w, "golden", c->golden, c->of_golden);
    json_member_number(w, "faulty", c->faulty);
    report_interval_mean(w, "change", c->change, c->of_change);
    json_member_text(w, "no_interval", c->no_interval);
    report_interval_mean(w, "normalised", c->normalised, c->of_normalised);
    json_member_text(w, "not_identifiable", c->reason);
    json_object_close(w);
}

void report_corpus_members(struct json_writer *w, const struct report_corpora *corpora)
{
    if (corpora->count == 0)
        return;
    json_member_array(w, "corpora");
    for (uint32_t i = 0; i < corpora->count; i++)
        put_corpus(w, &corpora->row[i]);
    json_array_close(w);
}

void report_corpus_change(char out[REPORT_INTERVAL_TEXT], const struct report_corpus *row)
{
    const struct stats_interval of = {row->of_change.low / 100, row->of_change.high / 100};
    char number[REPORT_INTERVAL_TEXT];
    report_interval_percent(number, row->change / 100, report_interval_decimals(of));
    if (isnan(row->change) || row->no_interval)
        snprintf(out, REPORT_INTERVAL_TEXT, "%.16s, no interval: %.80s",
                 isnan(row->change) ? "-" : number, row->no_interval);
    else
        report_interval_ends(out, row->change / 100, "", of);
}

/* Groups are left to tables and JSON. */
void report_corpus_lines(struct text *out, const struct report_corpora *corpora, double confidence)
{
    for (uint32_t i = 0; i < corpora->count; i++) {
        const struct report_corpus *c = &corpora->row[i];
        char change[REPORT_INTERVAL_TEXT];
        if (c->group)
            continue;
        report_corpus_change(change, c);
        text_addf(out,
                  "corpus      %s, %s: %" PRIu32 " sentences, %" PRIu32
                  " with another text; %" PRIu64 " trials\n",
                  c->task, task_metric_name(c->metric), c->sentences, c->changed, c->trials);
        text_addf(out, "  golden score    %.2f, chance %.2f\n", c->golden, c->chance);
        text_addf(out, "  faulty score    %.2f, change %s", c->faulty, change);
        if (!c->no_interval)
            text_addf(out, " (%g %%: %d paired draws)", 100 * confidence, REPORT_CORPUS_DRAWS);
        text_put(out, "\n  normalised      ");
        if (c->reason)
            text_addf(out, "not identifiable: %s\n", c->reason);
        else
            text_addf(out, "%.1f %% [%.1f, %.1f] (%g %%: of the same draws)\n", 100 * c->normalised,
                      100 * c->of_normalised.low, 100 * c->of_normalised.high, 100 * confidence);
    }
}
