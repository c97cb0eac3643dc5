/* SPDX-License-Identifier: MIT */
/* The scores of a task's items: means, intervals, groups. */
#include "cli/cli_task_scores.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "base/sort.h"
#include "inject/stats/stats_bootstrap.h"

#define REPLICATES 1000u  /* of the bootstrap */
#define JUDGED_AT_ONCE 2u /* programs; each is two processes */
#define SEED 20261130u    /* of its draws: the same answers have the same interval */

static const struct stats_interval_level LEVEL = {0.95, STATS_INTERVAL_BOTH};

enum status cli_task_scores_open(struct cli_task_scores *out, const struct cli_task *task,
                                 uint32_t samples)
{
    *out = (struct cli_task_scores){.task = task->task};
    const enum status st = task_items(&out->items, task->task, &task->query);
    const uint32_t n = out->items.count;
    if (st)
        return st;
    if (n == 0) {
        log_error("task %s: found no items in the range asked for, expected at least 1",
                  task->task->name);
        return STATUS_INPUT;
    }
    score_columns(&out->columns, task->task, samples);
    out->value = arena_array(&out->arena, (size_t)n * out->columns.n, sizeof(*out->value));
    out->scored = arena_array(&out->arena, n, sizeof(*out->scored));
    out->answer = arena_array(&out->arena, n, sizeof(*out->answer));
    return out->value && out->scored && out->answer ? STATUS_OK : STATUS_MEMORY;
}

void cli_task_scores_finish(struct cli_task_scores *scores)
{
    task_items_finish(&scores->items);
    arena_finish(&scores->arena);
}

static double *values_of(const struct cli_task_scores *scores, uint32_t item)
{
    return scores->value + (size_t)item * scores->columns.n;
}

void cli_task_scores_note(struct cli_task_scores *scores, uint32_t at)
{
    scores->n += !scores->scored[at];
    scores->scored[at] = true;
}

enum status cli_task_scores_put(struct cli_task_scores *scores, uint32_t at,
                                const struct score *score)
{
    const char *answer = score->filtered && score->filtered[0] ? score->filtered[0] : "";
    memcpy(values_of(scores, at), score->value, scores->columns.n * sizeof(*scores->value));
    scores->answer[at] = arena_text(&scores->arena, answer, strlen(answer));
    cli_task_scores_note(scores, at);
    return scores->answer[at] ? STATUS_OK : STATUS_MEMORY;
}

/* The value that a line has for a column. */
static double metric_of(const struct result_read *line, const char *name)
{
    for (uint32_t i = 0; i < line->n_metrics; i++) {
        if (strcmp(line->metric[i].name, name) == 0)
            return line->metric[i].value;
    }
    return NAN;
}

static enum status expected(const char *where, const char *what)
{
    log_error("%s: found no %s, expected one", where, what);
    return STATUS_INPUT;
}

enum status cli_task_scores_take(struct cli_task_scores *scores, uint32_t at,
                                 const struct result_read *line, const char *where)
{
    const struct task_item *item = &scores->items.item[at];
    const struct score_answer answer = {
        .loglik = line->loglik, .response = line->response, .n_responses = line->n_responses};
    struct arena arena = {0};
    struct score score = {0};
    enum status st = STATUS_OK;
    if (scores->task->kind == TASK_CHOICES && line->n_logliks != item->n_choices)
        return expected(where, "logprobs with a number for each choice");
    if (scores->task->kind != TASK_CHOICES && line->n_responses == 0)
        return expected(where, "list of responses");
    if (scores->task->kind != TASK_CODE)
        st = score_item(&score, &arena, &scores->columns, item, &answer);
    for (uint32_t c = 0; scores->task->kind == TASK_CODE && c < scores->columns.n; c++)
        score.value[c] = metric_of(line, scores->columns.column[c].name);
    if (!st)
        st = cli_task_scores_put(scores, at, &score);
    arena_finish(&arena);
    return st;
}

double cli_task_scores_mean(const struct cli_task_scores *scores, uint32_t column)
{
    double sum = 0;
    for (uint32_t i = 0; i < scores->items.count; i++)
        sum += scores->scored[i] ? values_of(scores, i)[column] : 0;
    return sum / scores->n;
}

/* Groups with a score, in the order of their first item; fewer than two: none. */
struct groups {
    const char **name; /* (n) owned */
    uint32_t n;
};

static enum status groups_of(struct groups *out, const struct cli_task_scores *scores)
{
    const uint32_t n = scores->items.count;
    const char **group = calloc(n, sizeof(*group));
    uint32_t found = 0;
    *out = (struct groups){.name = group};
    if (!group) {
        log_error("out of host memory for groups");
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = 0;
        while (k < found && strcmp(group[k], scores->items.item[i].group) != 0)
            k++;
        if (k == found && scores->scored[i])
            group[found++] = scores->items.item[i].group;
    }
    out->n = found > 1 ? found : 0;
    return STATUS_OK;
}

/* The items of one group that are scored; null: of all. */
struct part {
    const char *group;
    uint32_t *item; /* (n) */
    uint32_t n;
    const struct groups *groups; /* of all items: those they fall into; else null */
};

static enum status take_part(struct part *out, const struct cli_task_scores *scores,
                             const char *group)
{
    *out = (struct part){.group = group, .item = calloc(scores->items.count, sizeof(*out->item))};
    if (!out->item) {
        log_error("out of host memory for scores");
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < scores->items.count; i++) {
        if (scores->scored[i] && (!group || strcmp(group, scores->items.item[i].group) == 0))
            out->item[out->n++] = i;
    }
    return STATUS_OK;
}

/* A column of some items. */
struct summary {
    double value; /* mean, or of the corpus */
    struct stats_interval interval;
    const char *method;    /* of the interval */
    const char *signature; /* of a corpus; else null */
};

/* Resamples items with replacement: their own values are shares or numbers, not yes or no. */
static struct stats_interval bootstrap(const struct cli_task_scores *scores,
                                       const struct part *part, uint32_t column)
{
    double mean[REPLICATES];
    if (part->n == 1) /* all draws are the same */
        return (struct stats_interval){NAN, NAN};
    for (uint32_t r = 0; r < REPLICATES; r++) {
        struct rng rng;
        double sum = 0;
        rng_init(&rng, SEED, r);
        for (uint32_t i = 0; i < part->n; i++)
            sum += values_of(scores, part->item[rng_below(&rng, part->n)])[column];
        mean[r] = sum / part->n;
    }
    sort_doubles(mean, REPLICATES);
    return stats_bootstrap_interval(mean, REPLICATES, LEVEL);
}

/* The language that translations of a group are in: "eng_Latn-deu_Latn" is into German. */
static const char *language_of(const char *group)
{
    const char *dash = strrchr(group, '-');
    return dash ? dash + 1 : group;
}

static enum status summarize_corpus(struct summary *out, struct arena *arena,
                                    const struct cli_task_scores *scores, const struct part *part,
                                    enum task_metric metric)
{
    const char **hyp = arena_array(arena, part->n, sizeof(*hyp));
    const char **ref = arena_array(arena, part->n, sizeof(*ref));
    const struct score_sentences sentences = {hyp, ref, part->n,
                                              language_of(scores->items.item[part->item[0]].group)};
    struct score_corpus corpus;
    if (!hyp || !ref)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < part->n; i++) {
        hyp[i] = scores->answer[part->item[i]];
        ref[i] = scores->items.item[part->item[i]].target;
    }
    const enum status st = score_corpus(&corpus, arena, metric, &sentences);
    if (!st)
        *out = (struct summary){
            corpus.value, {corpus.low, corpus.high}, "bootstrap", corpus.signature};
    if (part->n == 1) /* all draws are the same */
        out->interval = (struct stats_interval){NAN, NAN};
    return st;
}

/* Several corpora, as pairs of languages: the mean of their scores. Its interval is that of a sum
 * of independent estimates (Zou and Donner 2008). */
static enum status summarize_groups(struct summary *out, struct arena *arena,
                                    const struct cli_task_scores *scores,
                                    const struct groups *groups, enum task_metric metric)
{
    double sum = 0, below = 0, above = 0;
    uint32_t n = 0;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < groups->n && !st; i++) {
        struct summary one;
        struct part part;
        st = take_part(&part, scores, groups->name[i]);
        if (!st && part.n > 0) {
            st = summarize_corpus(&one, arena, scores, &part, metric);
            sum += st ? 0 : one.value;
            below += st ? 0 : (one.value - one.interval.low) * (one.value - one.interval.low);
            above += st ? 0 : (one.interval.high - one.value) * (one.interval.high - one.value);
            n++;
        }
        free(part.item);
    }
    if (!st && n > 0)
        *out = (struct summary){sum / n,
                                {(sum - sqrt(below)) / n, (sum + sqrt(above)) / n},
                                "bootstrap of each pair",
                                NULL};
    return st;
}

static enum status summarize(struct summary *out, struct arena *arena,
                             const struct cli_task_scores *scores, const struct part *part,
                             uint32_t column)
{
    const struct score_column *of = &scores->columns.column[column];
    bool whole = true;
    double sum = 0;
    *out = (struct summary){.value = NAN, .interval = {NAN, NAN}};
    if (part->n == 0)
        return STATUS_OK;
    if (of->corpus && part->groups && part->groups->n > 0)
        return summarize_groups(out, arena, scores, part->groups, of->metric);
    if (of->corpus)
        return summarize_corpus(out, arena, scores, part, of->metric);
    for (uint32_t i = 0; i < part->n; i++) {
        const double value = values_of(scores, part->item[i])[column];
        sum += value;
        whole = whole && (value == 0 || value == 1);
    }
    out->value = sum / part->n;
    out->method = whole ? "Wilson" : "bootstrap";
    out->interval =
        whole ? stats_interval_wilson(out->value, part->n, LEVEL) : bootstrap(scores, part, column);
    return STATUS_OK;
}

static void print_summary(const char *name, const struct summary *summary)
{
    printf("  %-26s %.4f", name, summary->value);
    if (isnan(summary->interval.low))
        printf("  no interval: one sentence of a pair, or one item");
    else
        printf("  [%.4f, %.4f] (%g %%: %s)", summary->interval.low, summary->interval.high,
               100 * LEVEL.confidence, summary->method);
    printf("%s%s\n", summary->signature ? "  " : "", summary->signature ? summary->signature : "");
}

static enum status print_part(const struct cli_task_scores *scores, const char *group,
                              const struct groups *groups)
{
    struct part part;
    struct summary summary;
    struct arena arena = {0};
    enum status st = take_part(&part, scores, group);
    part.groups = groups;
    if (!st && group)
        printf("  %-26s n %-6" PRIu32, group, part.n);
    for (uint32_t c = 0; !st && c < scores->columns.n; c++) {
        const char *name = scores->columns.column[c].name;
        st = summarize(&summary, &arena, scores, &part, c);
        if (!st && group)
            printf("  %s %.4f", name, summary.value);
        else if (!st)
            print_summary(name, &summary);
        if (!st && group && summary.signature)
            printf(" (%s)", summary.signature);
    }
    if (!st && group)
        putchar('\n');
    free(part.item);
    arena_finish(&arena);
    return st;
}

enum status cli_task_scores_print(const struct cli_task_scores *scores)
{
    struct groups groups;
    printf("%s: %" PRIu32 " items", scores->task->name, scores->n);
    if (!isnan(scores->items.chance))
        printf(", chance %.4f", scores->items.chance);
    putchar('\n');
    enum status st = groups_of(&groups, scores);
    if (!st)
        st = print_part(scores, NULL, &groups);
    for (uint32_t i = 0; i < groups.n && !st; i++)
        st = print_part(scores, groups.name[i], NULL);
    free(groups.name);
    return st;
}

static void put_signatures(struct json_writer *w, const struct cli_task_scores *scores,
                           const struct summary *summary)
{
    bool any = false;
    for (uint32_t c = 0; c < scores->columns.n; c++)
        any = any || summary[c].signature;
    if (!any)
        return;
    json_member_object(w, "signatures");
    for (uint32_t c = 0; c < scores->columns.n; c++) {
        if (summary[c].signature)
            json_member_text(w, scores->columns.column[c].name, summary[c].signature);
    }
    json_object_close(w);
}

/* Null where there is no interval. */
static void put_end(struct json_writer *w, double end)
{
    if (isnan(end))
        json_put_null(w);
    else
        json_put_number(w, end);
}

static enum status put_part(struct json_writer *w, const struct cli_task_scores *scores,
                            const char *group, const struct groups *groups)
{
    struct summary summary[SCORE_COLUMNS] = {0};
    const uint32_t n = scores->columns.n;
    struct arena arena = {0};
    struct part part;
    enum status st = take_part(&part, scores, group);
    part.groups = groups;
    for (uint32_t c = 0; c < n && !st; c++)
        st = summarize(&summary[c], &arena, scores, &part, c);
    json_member_int(w, "n", part.n);
    json_member_object(w, "metrics");
    for (uint32_t c = 0; c < n && !st; c++)
        json_member_number(w, scores->columns.column[c].name, summary[c].value);
    json_object_close(w);
    json_member_object(w, "intervals");
    for (uint32_t c = 0; c < n && !st; c++) {
        json_member_array(w, scores->columns.column[c].name);
        put_end(w, summary[c].interval.low);
        put_end(w, summary[c].interval.high);
        json_array_close(w);
    }
    json_object_close(w);
    put_signatures(w, scores, summary);
    free(part.item);
    arena_finish(&arena);
    return st;
}

enum status cli_task_scores_json(struct json_writer *w, const struct cli_task_scores *scores)
{
    struct groups groups;
    json_member_text(w, "task", scores->task->name);
    enum status st = groups_of(&groups, scores);
    if (!st)
        st = put_part(w, scores, NULL, &groups);
    json_member_number(w, "chance", scores->items.chance);
    json_member_array(w, "groups");
    for (uint32_t i = 0; i < groups.n && !st; i++) {
        json_object_open(w);
        json_member_text(w, "group", groups.name[i]);
        st = put_part(w, scores, groups.name[i], NULL);
        json_object_close(w);
    }
    json_array_close(w);
    free(groups.name);
    return st;
}

enum status cli_task_scores_json_all(const struct cli_task_scores *scores, size_t count)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    if (count > 1)
        json_array_open(&w);
    for (size_t i = 0; i < count; i++) {
        json_object_open(&w);
        json_take(&w, cli_task_scores_json(&w, &scores[i]));
        json_object_close(&w);
    }
    if (count > 1)
        json_array_close(&w);
    return json_end(&w);
}

enum status cli_task_scores_judge_open(struct cli_task_scores_judge *judge, const struct task *task,
                                       bool unsandboxed)
{
    enum status st = STATUS_OK;
    if (task->kind != TASK_CODE || judge->open)
        return STATUS_OK;
    judge->host = (struct sandbox_host){.unsandboxed = unsandboxed};
    if (!unsandboxed)
        st = sandbox_host_init(&judge->host);
    if (!st)
        st = code_check_python(&judge->host);
    if (st)
        return st;
    judge_open(&judge->judge, &judge->host, JUDGED_AT_ONCE);
    judge->open = true;
    return STATUS_OK;
}

void cli_task_scores_judge_close(struct cli_task_scores_judge *judge)
{
    if (judge->open)
        judge_close(&judge->judge);
    judge->open = false;
}
