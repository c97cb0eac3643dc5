/* SPDX-License-Identifier: MIT */
/* Ranks strata, checks that a second campaign is about them, compares both estimates. */
#include "inject/report/report_worst.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_confirm.h"
#include "inject/report/report_forest.h"
#include "inject/report/report_pictures.h"

static int by_rate(const void *a, const void *b)
{
    const struct report_worst *x = a, *y = b;
    if (x->rate.estimate.rate != y->rate.estimate.rate)
        return x->rate.estimate.rate > y->rate.estimate.rate ? -1 : 1;
    return x->stratum < y->stratum ? -1 : x->stratum > y->stratum;
}

/* All strata with a trial, by falling estimate. */
static enum status rate_all(struct report_worst **out, uint32_t *out_count,
                            struct report_context *context)
{
    const struct report_data *data = context->data;
    struct report_groups groups;
    struct report_worst *worst = arena_array(context->arena, data->n_strata + 1, sizeof(*worst));
    const enum status st = report_groups_strata(&groups, context->arena, data);
    uint32_t count = 0;
    if (st || !worst)
        return STATUS_MEMORY;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        if (report_groups_size(&groups, h) == 0)
            continue;
        worst[count].stratum = h;
        report_figure_group(&worst[count].rate, context, &groups, h,
                            (struct report_query){.events = context->main});
        count++;
    }
    qsort(worst, count, sizeof(*worst), by_rate);
    *out = worst;
    *out_count = count;
    return STATUS_OK;
}

enum status report_worst_rank(struct report_worst **out, uint32_t *out_count,
                              struct report_context *context, uint32_t most)
{
    const enum status st = rate_all(out, out_count, context);
    if (st)
        return st;
    *out_count = *out_count > most ? most : *out_count;
    while (*out_count > 0 && (*out)[*out_count - 1].rate.estimate.events == 0)
        --*out_count;
    return STATUS_OK;
}

enum status report_worst_check_first(const struct report_source *source)
{
    const struct report_data *data = &source->data;
    const enum status st = report_source_check_whole(source);
    if (st)
        return st;
    if (!report_data_is_complete(data))
        log_error("%s: found %" PRIu64 " of %" PRIu64 " trials, expected a finished campaign to "
                  "choose strata from",
                  source->path, data->n_rows, data->expected);
    else if (data->plan->population == PLAN_CENSUS)
        log_error("%s: found a census, which leaves no fresh fault; its rates are exact",
                  source->path);
    else if (data->plan->confirm.n_strata > 0)
        log_error("%s: found a campaign that confirms that of plan %.12s..., expected the first "
                  "one",
                  source->path, data->plan->confirm.of);
    else
        return STATUS_OK;
    return STATUS_INPUT;
}

enum status report_worst_check_anew(const struct report_source *source,
                                    const struct report_source *anew)
{
    const struct store_identity *first = source->data.identity, *fresh = anew->data.identity;
    const struct plan_confirm *confirm = &anew->plan.confirm;
    if (confirm->n_strata == 0)
        log_error("%s: found a campaign that confirms nothing, expected one of a plan that `vkfi "
                  "plan confirm %s` wrote",
                  anew->path, source->path);
    else if (strcmp(confirm->of, first->plan_hash) != 0)
        log_error("%s: found a confirmation of plan %.16s..., expected that of %s, plan %.16s...",
                  anew->path, confirm->of, source->path, first->plan_hash);
    else if (strcmp(fresh->model_hash, first->model_hash) != 0)
        log_error("%s: found model %.16s..., expected that of %s, %.16s...", anew->path,
                  fresh->model_hash, source->path, first->model_hash);
    else if (anew->plan.seed == source->plan.seed)
        log_error("%s: found the seed of %s, %" PRIu64 ", expected another: its trials are not "
                  "fresh",
                  anew->path, source->path, anew->plan.seed);
    else
        return STATUS_OK;
    return STATUS_INPUT;
}

static const struct report_column WORST_COLUMNS[] = {
    {"stratum", "stratum", REPORT_TEXT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"events", "events", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("rate", "first estimate, %"),
    {"fresh_trials", "fresh n", REPORT_COUNT, REPORT_ALONE},
    {"fresh_events", "fresh events", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("fresh", "fresh estimate (unbiased), %"),
    {"shrinkage", "first minus fresh, points", REPORT_PERCENT, REPORT_ALONE},
};
#define WORST_COLUMN_COUNT ((uint32_t)(sizeof(WORST_COLUMNS) / sizeof(*WORST_COLUMNS)))
#define WORST_FIRST (3 + REPORT_RATE_WIDTH) /* columns of the first campaign */

/* The rows of the list, by falling first estimate. */
static enum status choose(struct report_worst **out, uint32_t *out_count,
                          struct report_context *context)
{
    const struct report_data *data = context->data;
    uint32_t kept = 0;
    *out_count = 0;
    if (!context->anew)
        return data->n_strata > REPORT_WORST
                   ? report_worst_rank(out, out_count, context, REPORT_WORST)
                   : STATUS_OK;
    const enum status st = rate_all(out, out_count, context);
    for (uint32_t i = 0; !st && i < *out_count; i++) {
        const char *label = data->stratum[(*out)[i].stratum].label;
        if (plan_confirm_has(&context->anew->data->plan->confirm, label))
            (*out)[kept++] = (*out)[i];
    }
    *out_count = kept;
    return st;
}

static enum status fill_fresh(struct report_table *table, const struct report_worst *worst,
                              uint32_t count, struct report_context *context)
{
    struct report_context *anew = context->anew;
    struct report_groups groups;
    const enum status st = report_groups_strata(&groups, anew->arena, anew->data);
    for (uint32_t r = 0; !st && r < count; r++) {
        struct report_rate fresh;
        const char *label = context->data->stratum[worst[r].stratum].label;
        const uint32_t stratum = report_data_stratum(anew->data, label);
        if (stratum == REPORT_NONE)
            continue;
        report_figure_group(&fresh, anew, &groups, stratum,
                            (struct report_query){.events = anew->main});
        report_table_set(table, r, "fresh_trials", (double)fresh.estimate.counted);
        report_table_set(table, r, "fresh_events", (double)fresh.estimate.events);
        report_figure_rate(table, r, "fresh", &fresh);
        report_table_set(table, r, "shrinkage", worst[r].rate.estimate.rate - fresh.estimate.rate);
        table->faint[r] = fresh.estimate.counted < REPORT_FEW;
    }
    return st;
}

const char *report_worst_sentence(struct report_table *table, struct report_context *context)
{
    char text[2][REPORT_FORMAT_TEXT];
    double first = 0, fresh = 0;
    uint32_t count = 0;
    for (uint32_t r = 0; r < table->n_rows; r++) {
        if (isnan(report_table_number(table, r, "shrinkage")))
            continue;
        first += report_table_number(table, r, "rate");
        fresh += report_table_number(table, r, "fresh");
        count++;
    }
    if (count == 0)
        return "No stratum of the list has a fresh trial yet.";
    report_table_format(text[0], first / count, REPORT_PERCENT);
    report_table_format(text[1], fresh / count, REPORT_PERCENT);
    return arena_printf(context->arena,
                        "Over the %" PRIu32 " strata chosen as the worst, the mean %s was %s %% "
                        "when they were chosen and is %s %% on fresh trials%s.",
                        count, context->main_name, text[0], text[1],
                        report_data_is_complete(context->anew->data)
                            ? ""
                            : " (which are not all done: provisional)");
}

static const char *caption_of(struct report_table *table, struct report_context *context)
{
    if (!context->anew)
        return arena_printf(
            context->arena,
            "The %" PRIu32 " strata with the highest estimates of %s among all faults, %g %% "
            "intervals. A list that is chosen by its estimates is biased upwards, and its "
            "intervals do not account for the choice: `vkfi plan confirm` draws fresh trials.",
            table->n_rows, context->main_name, 100 * context->confidence);
    const char *sentence = report_worst_sentence(table, context);
    return sentence
               ? arena_printf(context->arena,
                              "%s of strata that were chosen as the worst, and of fresh trials of "
                              "them (plan %.12s, seed %" PRIu64 "), %g %% intervals. The fresh "
                              "estimate is the unbiased one; the first is biased upwards by the "
                              "choice. %s",
                              context->main_start, context->anew->data->identity->plan_hash,
                              context->anew->data->plan->seed, 100 * context->confidence, sentence)
               : NULL;
}

enum status report_worst_table(struct report_table *out, struct report_context *context)
{
    struct report_worst *worst = NULL;
    uint32_t count = 0;
    out->id = "worst";
    enum status st = choose(&worst, &count, context);
    st = st ? st
            : report_table_init(out, context->arena, count, WORST_COLUMNS,
                                context->anew ? WORST_COLUMN_COUNT : WORST_FIRST);
    for (uint32_t r = 0; !st && r < count; r++) {
        report_table_text(out, r, "stratum", context->data->stratum[worst[r].stratum].label);
        report_table_set(out, r, "trials", (double)worst[r].rate.estimate.counted);
        report_table_set(out, r, "events", (double)worst[r].rate.estimate.events);
        report_figure_rate(out, r, "rate", &worst[r].rate);
        out->faint[r] = worst[r].rate.estimate.counted < REPORT_FEW;
    }
    if (!st && context->anew)
        st = fill_fresh(out, worst, count, context);
    out->caption = st ? "" : caption_of(out, context);
    return st ? st : out->caption ? STATUS_OK : STATUS_MEMORY;
}

enum status report_worst_anew(struct report_figure *out, struct report_context *context)
{
    out->id = "anew";
    out->title = "The worst strata on fresh trials";
    if (!context->anew) {
        out->absent = "it needs a campaign of a plan of `vkfi plan confirm` (--confirm)";
        return STATUS_OK;
    }
    const enum status st = report_worst_table(&out->table, context);
    uint32_t *row = arena_array(context->arena, (size_t)out->table.n_rows + 1, sizeof(*row));
    if (st || !row)
        return STATUS_MEMORY;
    for (uint32_t r = 0; r < out->table.n_rows; r++)
        row[r] = r;
    out->table.id = "anew";
    out->caption = arena_printf(
        context->arena,
        "%s of the strata that were chosen as the worst: the estimate by which each was chosen "
        "(open square, biased upwards) and the one of fresh trials (filled circle, unbiased), %g "
        "%% intervals; n is that of the fresh trials.",
        context->main_start, 100 * context->confidence);
    report_forest_write(out,
                        &(struct report_forest){
                            .row = row,
                            .count = out->table.n_rows,
                            .series = {{"rate", "trials", "first", 4, 0.75, 1.2, REPORT_GREY},
                                       {"fresh", "fresh_trials", "fresh", 7, 0.75, 1.8, REPORT_A}},
                            .n = "fresh_trials",
                            .always = true,
                            .title = context->main_name});
    return out->caption ? out->script.st : STATUS_MEMORY;
}
