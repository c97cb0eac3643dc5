/* SPDX-License-Identifier: MIT */
/* Rows of pass@k as a table, JSON and lines. */
#include <inttypes.h>
#include <math.h>

#include "inject/report/report_pass.h"

static const struct report_column COLUMNS[] = {
    {"task", "task", REPORT_TEXT, REPORT_ALONE},
    {"k", "k", REPORT_COUNT, REPORT_ALONE},
    {"items", "items", REPORT_COUNT, REPORT_ALONE},
    {"samples", "samples each", REPORT_COUNT, REPORT_ALONE},
    {"struck", "samples struck", REPORT_COUNT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"units", NULL, REPORT_COUNT, REPORT_ALONE},
    {"changed", NULL, REPORT_COUNT, REPORT_ALONE},
    {"left_out", NULL, REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("golden", "golden pass@k, %"),
    REPORT_RATE_COLUMNS("faulty", "faulty pass@k, %"),
    REPORT_MEAN_COLUMNS("change", "change, points", REPORT_PERCENT),
    {"reason", NULL, REPORT_TEXT, REPORT_ALONE},
};

enum status report_pass_table(struct report_table *out, struct report_context *context)
{
    const struct report_passes *passes = context->passes;
    out->id = "passes";
    out->caption =
        context->data->plan->design == PLAN_NESTED
            ? "pass@k: the chance that one of k samples of an item is right, without faults and "
              "where each sample has one of its own. Means over items, with intervals over items; "
              "a sample's chance is golden's plus the changes of its trials by their weights over "
              "the sample's share of them, a DUE counted as none."
            : "pass@k: the chance that one of k samples of an item is right, without faults and "
              "where one fault strikes all samples. Means over items and faults, with intervals "
              "clustered by both; a DUE counts as no change.";
    const enum status st = report_table_init(out, context->arena, passes->count, COLUMNS,
                                             sizeof(COLUMNS) / sizeof(*COLUMNS));
    for (uint32_t r = 0; !st && r < passes->count; r++) {
        const struct report_pass *p = &passes->row[r];
        report_table_text(out, r, "task", p->task);
        report_table_set(out, r, "k", p->k);
        report_table_set(out, r, "items", p->items);
        report_table_set(out, r, "samples", p->samples);
        report_table_set(out, r, "struck", p->struck);
        report_table_set(out, r, "trials", (double)p->trials);
        report_table_set(out, r, "units", p->units);
        report_table_set(out, r, "changed", p->changed);
        report_table_set(out, r, "left_out", p->left_out);
        report_figure_interval(out, r, "golden", &p->golden);
        if (!p->reason)
            report_figure_interval(out, r, "faulty", &p->faulty);
        report_figure_mean(out, r, "change", p->change, p->of_change);
        report_table_text(out, r, "reason", p->reason ? p->reason : "");
        out->faint[r] = p->items < REPORT_FEW;
    }
    return st;
}

static void put_share(struct json_writer *w, const char *key, const struct report_interval *of)
{
    json_member_object(w, key);
    json_member_number(w, "rate", of->rate);
    json_member_number(w, "low", of->interval.bounds.low);
    json_member_number(w, "high", of->interval.bounds.high);
    report_interval_members(w, &of->interval);
    json_object_close(w);
}

static void put_row(struct json_writer *w, const struct report_pass *p)
{
    char metric[24];
    snprintf(metric, sizeof(metric), "pass@%" PRIu32, p->k);
    json_object_open(w);
    json_member_text(w, "area", p->area);
    json_member_text(w, "task", p->task);
    json_member_text(w, "metric", metric);
    json_member_int(w, "k", p->k);
    json_member_int(w, "samples", p->samples);
    json_member_int(w, "items", p->items);
    json_member_int(w, "struck", p->struck);
    json_member_int(w, "trials", (int64_t)p->trials);
    json_member_int(w, "units", p->units);
    json_member_int(w, "changed", p->changed);
    json_member_int(w, "left_out", p->left_out);
    put_share(w, "golden", &p->golden);
    put_share(w, "faulty", &p->faulty);
    report_interval_mean(w, "change", p->change, p->of_change);
    json_member_text(w, "no_estimate", p->reason);
    json_object_close(w);
}

void report_pass_members(struct json_writer *w, const struct report_passes *passes)
{
    if (passes->count == 0)
        return;
    json_member_array(w, "passes");
    for (uint32_t i = 0; i < passes->count; i++)
        put_row(w, &passes->row[i]);
    json_array_close(w);
}

void report_pass_lines(struct text *out, const struct report_passes *passes, double confidence)
{
    for (uint32_t i = 0; i < passes->count; i++) {
        const struct report_pass *p = &passes->row[i];
        char golden[REPORT_INTERVAL_TEXT], faulty[REPORT_INTERVAL_TEXT];
        char change[REPORT_INTERVAL_TEXT];
        report_interval_text(golden, &p->golden, confidence);
        text_addf(out,
                  "pass@%-5" PRIu32 " %s: %" PRIu32 " items, %" PRIu32 " samples each, %" PRIu32
                  " struck; %" PRIu64 " trials",
                  p->k, p->task, p->items, p->samples, p->struck, p->trials);
        if (p->left_out > 0)
            text_addf(out, "; %" PRIu32 " faults on an item left out, not on all its samples yet",
                      p->left_out);
        text_addf(out, "\n  golden score    %s\n", golden);
        if (p->reason) {
            text_addf(out, "  faulty score    not known: %s\n", p->reason);
            continue;
        }
        report_interval_text(faulty, &p->faulty, confidence);
        report_interval_ends(change, p->change, " points", p->of_change);
        text_addf(out,
                  "  faulty score    %s\n  change          %s (%g %%: Newcombe of gains and "
                  "falls, by %s)\n",
                  faulty, change, 100 * confidence, p->k == 1 ? "trials" : "items");
    }
}
