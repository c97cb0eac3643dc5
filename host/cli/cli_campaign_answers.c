/* SPDX-License-Identifier: MIT */
/* The answers that a campaign's faults cost, by group of tasks, stratum and task; what arms win
 * back. */
#include "cli/cli_campaign.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inject/report/report_arms.h"
#include "inject/report/report_corpus.h"
#include "inject/report/report_pass.h"
#include "inject/report/report_tasks.h"

#define STRATA_MOST 8 /* more are left to the report */

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

static bool has_intervals(const struct report_data *data)
{
    return report_data_is_complete(data) && data->identity->shards == 1;
}

/* A row that stands for itself, with its strata, or a task of the area above it. */
static void print_row(struct report_context *context, const struct report_tasks *tasks,
                      const struct report_task *row, bool indented)
{
    const struct report_data *data = context->data;
    const bool complete = has_intervals(data);
    const char *name = row->name ? row->name : row->area ? row->area : "all";
    printf("%s%-*.*s %5" PRIu32 "  %5.3f", indented ? "  " : "", indented ? 20 : 22,
           indented ? 20 : 22, name, row->items, row->golden.rate);
    print_rate(&row->lost, complete);
    for (uint32_t h = 0;
         !indented && data->n_strata > 1 && data->n_strata <= STRATA_MOST && h < data->n_strata;
         h++) {
        struct report_rate lost;
        report_tasks_lost(&lost, tasks, context, row, h);
        if (lost.estimate.counted == 0) /* a stratum of other items */
            continue;
        printf("    %-18s %5s  %5s", data->stratum[h].label, "", "");
        print_rate(&lost, complete);
    }
}

/* Translations are worth little one by one: scores of the corpora. */
static enum status print_corpora(struct report_context *context)
{
    struct report_corpora corpora;
    const enum status st = report_corpus_make(&corpora, context);
    for (uint32_t i = 0; i < corpora.count && !st; i++) {
        const struct report_corpus *c = &corpora.row[i];
        char name[64], change[REPORT_INTERVAL_TEXT];
        if (i == 0)
            printf("\ncorpora            sentences  golden  faulty  change [%g %%]\n",
                   100 * context->confidence);
        if (c->group)
            continue;
        report_corpus_change(change, c);
        snprintf(name, sizeof(name), "%s %s", c->task, task_metric_name(c->metric));
        printf("%-20.20s  %6" PRIu32 "  %6.2f", name, c->sentences, c->golden);
        if (has_intervals(context->data))
            printf("  %6.2f  %s", c->faulty, change);
        printf("\n");
    }
    return st;
}

/* Several samples of an item: pass@k. */
static enum status print_passes(struct report_context *context, const struct report_tasks *tasks)
{
    struct report_passes passes;
    const enum status st = report_pass_make(&passes, context, tasks);
    if (!st && passes.count > 0)
        printf("\npass@k                 items  golden  faulty  change [%g %%]\n",
               100 * context->confidence);
    for (uint32_t i = 0; i < passes.count && !st; i++) {
        const struct report_pass *p = &passes.row[i];
        char name[64], change[REPORT_INTERVAL_TEXT];
        snprintf(name, sizeof(name), "%s pass@%" PRIu32, p->task, p->k);
        printf("%-22.22s %5" PRIu32 "   %5.3f", name, p->items, p->golden.rate);
        report_interval_ends(change, p->change, " points", p->of_change);
        if (has_intervals(context->data) && !p->reason)
            printf("   %5.3f  %s", p->faulty.rate, change);
        printf("\n");
    }
    return st;
}

static enum status print_answers(struct report_context *context)
{
    struct report_tasks tasks;
    enum status st = report_tasks_make(&tasks, context);
    if (st)
        return st;
    printf("\nanswers lost           items  score  faults   lost   share [%g %%]\n",
           100 * context->confidence);
    const char *area = NULL;
    for (uint32_t i = 0; i < tasks.count; i++) {
        const struct report_task *row = &tasks.task[i];
        area = row->name ? area : row->area;
        print_row(context, &tasks, row, row->name && area && strcmp(area, row->area) == 0);
    }
    print_row(context, &tasks, &tasks.all, false);
    printf("score: of golden runs; faults: those on items with a score above 0; lost: the score "
           "fell (sdc_critical)\n");
    st = print_corpora(context);
    return st ? st : print_passes(context, &tasks);
}

/* A line an arm. */
static enum status print_arms(struct report_context *context)
{
    struct report_arms arms;
    struct text text = {0};
    enum status st = report_arms_make(&arms, context);
    if (!st)
        report_arms_lines(&text, &arms, context->confidence);
    st = st ? st : text.st;
    if (!st)
        printf("%s", text_of(&text));
    text_finish(&text);
    return st;
}

static enum status print(const struct report_source *source, struct arena *arena)
{
    struct report_data data = source->data;
    struct report_work work;
    struct report_context context = {.data = &data, .arena = arena, .asked = 0.95};
    enum status st = report_context_init(&context, &work);
    if (!st && data.scored)
        st = print_answers(&context);
    return !st && data.plan->n_arms > 0 ? print_arms(&context) : st;
}

enum status cli_campaign_answers(const char *database)
{
    struct report_source source = {0};
    struct arena arena = {0};
    enum status st = report_source_open(&source, database);
    if (!st && (plan_scores(&source.plan) || source.plan.n_arms > 0)) {
        st = report_source_load(&source, UINT64_MAX);
        if (!st && (source.data.scored || source.data.n > 0))
            st = print(&source, &arena);
    }
    report_source_finish(&source);
    arena_finish(&arena);
    return st;
}
