/* SPDX-License-Identifier: MIT */
/* Which trials are shown, and how. */
#include "inject/report/report_examples.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "inject/report/report_diff.h"
#include "inject/report/report_out.h"

static double loss(double value)
{
    return isnan(value) ? 0 : value;
}

/* Negative if `a` is worse. */
static int compare_harm(const struct report_trial *a, const struct report_trial *b)
{
    if ((a->outcome == OUTCOME_SDC_CRITICAL) != (b->outcome == OUTCOME_SDC_CRITICAL))
        return a->outcome == OUTCOME_SDC_CRITICAL ? -1 : 1;
    const double score_a = loss(a->score_faulty - a->score_golden);
    const double score_b = loss(b->score_faulty - b->score_golden);
    if (score_a != score_b)
        return score_a < score_b ? -1 : 1;
    if (loss(a->logp_sum) != loss(b->logp_sum))
        return loss(a->logp_sum) < loss(b->logp_sum) ? -1 : 1;
    if (a->first_diff != b->first_diff)
        return a->first_diff < b->first_diff ? -1 : 1;
    return a->trial < b->trial ? -1 : 1;
}

static bool is_taken(const struct report_data *data, const size_t *chosen, uint32_t count,
                     size_t trial, bool same_site)
{
    for (uint32_t i = 0; i < count; i++) {
        if (chosen[i] == trial ||
            (same_site && data->trial[chosen[i]].site_kind == data->trial[trial].site_kind))
            return true;
    }
    return false;
}

uint32_t report_examples_choose(size_t out[REPORT_EXAMPLES], const struct report_context *context)
{
    const struct report_data *data = context->data;
    uint32_t count = 0;
    for (int spread = 1; spread >= 0; spread--) {
        while (count < REPORT_EXAMPLES) {
            size_t best = data->n;
            for (size_t i = 0; i < data->n; i++) {
                const struct report_trial *t = &data->trial[i];
                if (!(REPORT_SDC >> t->outcome & 1) || t->outcome == OUTCOME_SDC_IMPROVED ||
                    is_taken(data, out, count, i, spread))
                    continue;
                if (best == data->n || compare_harm(t, &data->trial[best]) < 0)
                    best = i;
            }
            if (best == data->n)
                break;
            out[count++] = best;
        }
    }
    return count;
}

static void put_fact(struct text *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    text_addf(out, "<span><b>%s</b> ", name);
    report_out_html(out, value);
    text_put(out, "</span> ");
}

static void put_number(struct text *out, const char *name, int64_t value)
{
    if (value != ROW_NULL)
        text_addf(out, "<span><b>%s</b> %" PRId64 "</span> ", name, value);
}

static void put_facts(struct text *out, const struct row *row)
{
    text_put(out, "<p class=\"facts\">");
    if (row->n_faults > 1)
        text_addf(out, "<span><b>the first of %" PRId64 " faults:</b></span> ", row->n_faults);
    put_fact(out, "site", row->site);
    put_fact(out, "point", row->point);
    put_fact(out, "kind", row->kind);
    put_fact(out, "field", row->bit_field);
    put_number(out, "bit", row->bit);
    put_fact(out, "stage", row->stage);
    put_number(out, "step", row->step);
    put_number(out, "position", row->position);
    put_number(out, "row", row->row);
    put_number(out, "k", row->k);
    if (!isnan(row->before_value) || !isnan(row->after_value))
        text_addf(out, "<span><b>value</b> %.6g \xe2\x86\x92 %.6g</span> ", row->before_value,
                  row->after_value);
    put_number(out, "first difference at step", row->first_diff);
    put_fact(out, "flags", row->flags);
    put_fact(out, "outcome", row->outcome);
    if (!isnan(row->score_golden))
        text_addf(out, "<span><b>score</b> %.4g \xe2\x86\x92 %.4g</span> ", row->score_golden,
                  row->score_faulty);
    text_put(out, "</p>\n");
}

static enum status put_example(struct text *out, const struct report_context *context,
                               const struct report_trial *t)
{
    struct row row;
    struct report_diff diff;
    bool found = false;
    const struct store_item *item = &context->data->item[t->item];
    enum status st = store_find_row(context->data->store, t->trial, context->arena, &row, &found);
    if (st || !found)
        return st;
    st = report_diff_make(&diff, context->arena, item->text ? item->text : "",
                          row.faulty_text ? row.faulty_text : "");
    text_addf(out, "<article class=\"example\"><h3>Trial %" PRIu64 ", item %" PRIu32 "</h3>\n",
              t->trial, t->item);
    put_facts(out, &row);
    text_put(out, "<p class=\"prompt\"><b>Prompt</b> ");
    report_out_html(out, item->prompt ? item->prompt : "(token ids)");
    text_put(out, "</p>\n<div class=\"pair\"><div><h4>Golden</h4><p class=\"said\">");
    text_put(out, text_of(&diff.golden));
    text_put(out, "</p></div><div><h4>Faulty</h4><p class=\"said\">");
    text_put(out, text_of(&diff.faulty));
    text_put(out, "</p></div></div></article>\n");
    report_diff_finish(&diff);
    return st;
}

enum status report_examples_write(struct text *out, const struct report_context *context)
{
    size_t chosen[REPORT_EXAMPLES];
    const uint32_t count = report_examples_choose(chosen, context);
    enum status st = STATUS_OK;
    if (count == 0) {
        text_put(out, "<p>No trial that counts changed the text.</p>\n");
        return out->st;
    }
    text_put(out, "<p>The worst that were found, each at another kind of site where there are "
                  "several: what can happen, not how often. Words that differ are marked.</p>\n");
    for (uint32_t i = 0; !st && i < count; i++)
        st = put_example(out, context, &context->data->trial[chosen[i]]);
    return st ? st : out->st;
}
