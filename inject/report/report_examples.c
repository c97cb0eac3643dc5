/* SPDX-License-Identifier: MIT */
/* Which trials are shown, and how: their texts word by word, by a longest common subsequence. */
#include "inject/report/report_examples.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "inject/report/report_out.h"

#define DIFF_WORDS 4000

struct words {
    const char **at; /* (count + 1): the last is the end */
    bool *common;    /* (count) */
    uint32_t count;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static enum status split(struct words *out, struct arena *arena, const char *text)
{
    const size_t most = strlen(text) + 2;
    *out = (struct words){arena_array(arena, most, sizeof(*out->at)),
                          arena_array(arena, most, sizeof(*out->common)), 0};
    if (!out->at || !out->common)
        return STATUS_MEMORY;
    out->at[0] = text;
    while (*text) {
        while (*text && !is_space(*text))
            text++;
        while (is_space(*text))
            text++;
        out->at[++out->count] = text;
    }
    return STATUS_OK;
}

static bool same(const struct words *a, uint32_t i, const struct words *b, uint32_t j)
{
    const size_t n = (size_t)(a->at[i + 1] - a->at[i]);
    return n == (size_t)(b->at[j + 1] - b->at[j]) && memcmp(a->at[i], b->at[j], n) == 0;
}

/* Matches words only at both ends: everything between differs. */
static void mark_ends(struct words *a, struct words *b)
{
    uint32_t head = 0, tail = 0;
    while (head < a->count && head < b->count && same(a, head, b, head))
        head++;
    while (tail < a->count - head && tail < b->count - head &&
           same(a, a->count - 1 - tail, b, b->count - 1 - tail))
        tail++;
    for (uint32_t i = 0; i < a->count; i++)
        a->common[i] = i < head || i >= a->count - tail;
    for (uint32_t j = 0; j < b->count; j++)
        b->common[j] = j < head || j >= b->count - tail;
}

static enum status mark_common(struct words *a, struct words *b, struct arena *arena)
{
    const size_t width = (size_t)b->count + 1;
    uint16_t *longest = arena_array(arena, ((size_t)a->count + 1) * width, sizeof(*longest));
    if (!longest)
        return STATUS_MEMORY;
    for (uint32_t i = a->count; i-- > 0;) {
        for (uint32_t j = b->count; j-- > 0;) {
            const uint16_t below = longest[(i + 1) * width + j], right = longest[i * width + j + 1];
            longest[i * width + j] = same(a, i, b, j) ? longest[(i + 1) * width + j + 1] + 1
                                     : below > right  ? below
                                                      : right;
        }
    }
    for (uint32_t i = 0, j = 0; i < a->count && j < b->count;) {
        if (same(a, i, b, j))
            a->common[i++] = b->common[j++] = true;
        else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1])
            i++;
        else
            j++;
    }
    return STATUS_OK;
}

/* Writes runs of equal kind in one piece. */
static void write_words(struct text *out, const struct words *words)
{
    for (uint32_t i = 0; i < words->count;) {
        uint32_t end = i;
        while (end < words->count && words->common[end] == words->common[i])
            end++;
        text_put(out, words->common[i] ? "" : "<mark>");
        report_out_html_n(out, words->at[i], (size_t)(words->at[end] - words->at[i]));
        text_put(out, words->common[i] ? "" : "</mark>");
        i = end;
    }
}

enum status report_diff_make(struct report_diff *out, struct arena *arena, const char *golden,
                             const char *faulty)
{
    struct words a, b;
    *out = (struct report_diff){0};
    enum status st = split(&a, arena, golden);
    st = st ? st : split(&b, arena, faulty);
    if (st)
        return st;
    if (a.count > DIFF_WORDS || b.count > DIFF_WORDS)
        mark_ends(&a, &b);
    else
        st = mark_common(&a, &b, arena);
    if (st)
        return st;
    write_words(&out->golden, &a);
    write_words(&out->faulty, &b);
    return out->golden.st ? out->golden.st : out->faulty.st;
}

void report_diff_finish(struct report_diff *diff)
{
    text_finish(&diff->golden);
    text_finish(&diff->faulty);
}

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
    if (value != TRIAL_ROW_NULL)
        text_addf(out, "<span><b>%s</b> %" PRId64 "</span> ", name, value);
}

static void put_facts(struct text *out, const struct trial_row *row)
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
    struct trial_row row;
    struct report_diff diff;
    bool found = false;
    const struct store_item *item = &context->data->item[t->item];
    enum status st = store_find_row(context->data->store, t->trial, context->arena, &row, &found);
    if (st || !found)
        return st;
    st = report_diff_make(&diff, context->arena, item->text ? item->text : "",
                          row.faulty_text ? row.faulty_text : "");
    text_addf(out, "<article class=\"example\"><h3>Trial %" PRIu64 ", item %" PRIu32, t->trial,
              t->base);
    if (item->sample != STORE_ONE_SAMPLE)
        text_addf(out, ", sample %" PRIu32, item->sample);
    text_put(out, "</h3>\n");
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
