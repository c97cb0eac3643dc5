/* SPDX-License-Identifier: MIT */
/* The answers that a campaign's faults cost, by group of tasks, stratum and task. */
#include "cli/cli_campaign.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inject/report/report_figure.h"
#include "inject/report/report_groups.h"
#include "inject/report/report_interval.h"

#define STRATA_MOST 8 /* more are left to the report */
#define ALL UINT32_MAX

/* The part of a campaign that a line is of. */
struct part {
    const struct report_data *data;
    const char *area, *task; /* null: all */
    uint32_t stratum;        /* ALL */
};

static const struct plan_question *question_of(const struct report_data *data, uint32_t item)
{
    return data->plan->item[item].question;
}

static bool has_item(const struct part *part, uint32_t item)
{
    const struct plan_question *q = question_of(part->data, item);
    return q && (!part->area || strcmp(part->area, task_area_name(q->area)) == 0) &&
           (!part->task || strcmp(part->task, q->task) == 0);
}

/* Only what has a score can lose it. */
static uint32_t key(const struct report_trial *trial, const void *user)
{
    const struct part *part = user;
    return has_item(part, trial->item) && trial->score_golden > 0 &&
                   (part->stratum == ALL || part->stratum == trial->stratum)
               ? 0
               : REPORT_NONE;
}

static void print_rate(const struct report_rate *rate, bool complete)
{
    const struct stats_interval bounds = rate->interval.bounds;
    const int decimals = report_interval_decimals(bounds);
    char share[REPORT_INTERVAL_TEXT], low[REPORT_INTERVAL_TEXT], high[REPORT_INTERVAL_TEXT];
    printf("  %6" PRIu64 "  %5" PRIu64, rate->estimate.counted, rate->estimate.events);
    if (complete && !rate->refused && !isnan(rate->estimate.rate)) {
        report_interval_percent(share, rate->estimate.rate, decimals);
        report_interval_percent(low, bounds.low, decimals);
        report_interval_percent(high, bounds.high, decimals);
        printf("  %6s %% [%s, %s]", share, low, high);
    }
    printf("\n");
}

/* Golden's score over the items, then the trials. */
static enum status print_part(struct report_context *context, const struct part *part,
                              const char *name)
{
    const struct report_data *data = context->data;
    struct report_groups groups;
    struct report_rate rate;
    uint32_t items = 0;
    double score = 0;
    const struct report_groups_by by = {key, part, 1};
    const enum status st = report_groups_make(&groups, context->arena, data, &by);
    if (st)
        return st;
    for (uint32_t i = 0; i < data->n_items; i++) {
        if (has_item(part, i) && !isnan(data->item[i].score)) {
            items++;
            score += data->item[i].score;
        }
    }
    report_figure_group(&rate, context, &groups, 0,
                        (struct report_query){.events = REPORT_CRITICAL, .given = REPORT_ALL});
    if (part->stratum == ALL)
        printf("%-22.22s %5" PRIu32 "  %5.3f", name, items, score / items);
    else
        printf("    %-18.18s %5s  %5s", name, "", "");
    print_rate(&rate, report_data_is_complete(data) && data->identity->shards == 1);
    return STATUS_OK;
}

/* Whether an earlier item has the same task, or (`task` false) the same group of tasks. */
static bool is_first(const struct report_data *data, uint32_t item, bool task)
{
    const struct plan_question *q = question_of(data, item);
    bool first = q != NULL;
    for (uint32_t i = 0; q && i < item; i++) {
        const struct plan_question *before = question_of(data, i);
        first = first &&
                !(before && (task ? strcmp(before->task, q->task) == 0 : before->area == q->area));
    }
    return first;
}

/* A group of tasks or all of them, with its strata and tasks. */
static enum status print_area(struct report_context *context, const char *area)
{
    const struct report_data *data = context->data;
    struct part part = {.data = data, .area = area, .stratum = ALL};
    enum status st = print_part(context, &part, area ? area : "all");
    for (uint32_t h = 0;
         !st && data->n_strata > 1 && data->n_strata <= STRATA_MOST && h < data->n_strata; h++) {
        part.stratum = h;
        st = print_part(context, &part, data->stratum[h].label);
    }
    part.stratum = ALL;
    for (uint32_t i = 0; !st && area && i < data->n_items; i++) {
        char name[64];
        if (!has_item(&part, i) || !is_first(data, i, true))
            continue;
        part.task = question_of(data, i)->task;
        snprintf(name, sizeof(name), "  %s", part.task);
        st = print_part(context, &part, name);
        part.task = NULL;
    }
    return st;
}

static enum status print_answers(const struct report_source *source, struct arena *arena)
{
    struct report_data data = source->data;
    struct report_work work;
    struct report_context context = {.data = &data, .arena = arena, .asked = 0.95};
    enum status st = report_context_init(&context, &work);
    if (st)
        return st;
    printf("\nanswers lost           items  score  faults   lost   share [%g %%]\n",
           100 * context.confidence);
    for (uint32_t i = 0; !st && i < data.n_items; i++) {
        if (is_first(&data, i, false))
            st = print_area(&context, task_area_name(question_of(&data, i)->area));
    }
    st = st ? st : print_area(&context, NULL);
    printf("score: of golden runs; faults: those on items with a score above 0; lost: the score "
           "fell (sdc_critical)\n");
    return st;
}

enum status cli_campaign_answers(const char *database)
{
    struct report_source source = {0};
    struct arena arena = {0};
    enum status st = report_source_open(&source, database);
    if (!st && plan_scores(&source.plan)) {
        st = report_source_load(&source, UINT64_MAX);
        if (!st && source.data.scored)
            st = print_answers(&source, &arena);
    }
    report_source_finish(&source);
    arena_finish(&arena);
    return st;
}
