/* SPDX-License-Identifier: MIT */
/* Sentences with golden's and the faulty texts, counted and handed to the draws. */
#include "inject/report/report_corpus.h"

#include <math.h>
#include <string.h>

#include "inject/stats/stats_corpus.h"
#include "tasks/bleu.h"
#include "tasks/chrf.h"

#define SEED 20261130u  /* of the draws: the same rows have the same interval */
#define CHANCE_TEXTS 4u /* other references that a text is held against */

/* Of one row while it is made. */
struct part {
    struct report_context *context;
    struct report_corpus *out;
    struct bleu_tokens *tokens;             /* of the group at hand */
    size_t width;                           /* of a sentence's counts */
    uint32_t *item;                         /* (sentences) by group */
    uint32_t *of_item;                      /* (n_items) its sentence, REPORT_NONE */
    struct stats_corpus_sentence *sentence; /* (sentences) */
    uint32_t n_groups;
    const double *of_stratum;  /* (n_strata) trials that count */
    uint32_t *cell, *in_group; /* (n_strata) trials of a sentence, and of its group */
    bool uneven;               /* strata whose trials weigh differently */
    bool holes;                /* uneven, and a sentence without a trial of a stratum */
};

/* Weights of trials that differ by more are told apart: proportional allocation rounds. */
#define EVEN 1.1

static const struct plan_question *question_of(const struct report_data *data, uint32_t item)
{
    return item < data->plan->n_items ? data->plan->item[item].question : NULL;
}

static bool is_of_corpus(const struct report_data *data, uint32_t item)
{
    const struct plan_question *q = question_of(data, item);
    return q && task_metric_is_corpus(q->metric) && data->item[item].task;
}

static const char *group_of(const struct report_data *data, uint32_t item)
{
    return data->item[item].task_group ? data->item[item].task_group : "";
}

static const char *target_of(const struct report_data *data, uint32_t item)
{
    return data->item[item].target ? data->item[item].target : "";
}

static const char *golden_of(const struct report_data *data, uint32_t item)
{
    const struct store_item *of = &data->item[item];
    return of->answer ? of->answer : of->text ? of->text : "";
}

static bool holds(const struct report_corpus *row, const struct report_data *data, uint32_t item)
{
    return is_of_corpus(data, item) && strcmp(data->item[item].task, row->task) == 0 &&
           (!row->group || strcmp(group_of(data, item), row->group) == 0);
}

/* The language that a pair translates into: "eng_Latn-deu_Latn". */
static const char *language_of(const char *group)
{
    const char *dash = strrchr(group, '-');
    return dash ? dash + 1 : group;
}

/* Counts of the row's metric; from the arena. */
static enum status count(uint64_t **out, const struct part *part, const char *hyp, const char *ref)
{
    *out = arena_array(part->context->arena, part->width, sizeof(**out));
    if (!*out)
        return STATUS_MEMORY;
    return part->out->metric == TASK_BLEU
               ? bleu_count((struct bleu_counts *)*out, part->tokens, hyp, ref)
               : chrf_count((struct chrf_counts *)*out, hyp, ref);
}

static const struct resample_metric *metric_of(const struct report_corpus *row)
{
    return row->metric == TASK_BLEU ? &bleu_metric : &chrf_metric;
}

/* Trials of each item, and of each stratum. */
static void count_trials(uint32_t *of_item, double *of_stratum, const struct report_data *data)
{
    for (size_t i = 0; i < data->n; i++) {
        of_item[data->trial[i].item]++;
        of_stratum[data->trial[i].stratum]++;
    }
}

/* The row's items that were struck, those of a group together. */
static enum status take_items(struct part *part, const uint32_t *trials)
{
    const struct report_data *data = part->context->data;
    uint32_t n = 0;
    part->item = arena_array(part->context->arena, data->n_items, sizeof(*part->item));
    part->of_item = arena_array(part->context->arena, data->n_items, sizeof(*part->of_item));
    if (!part->item || !part->of_item)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < data->n_items; i++)
        part->of_item[i] = REPORT_NONE;
    for (uint32_t first = 0; first < data->n_items; first++) {
        bool new = holds(part->out, data, first) && trials[first] > 0;
        for (uint32_t k = 0; k < n && new; k++)
            new = strcmp(group_of(data, part->item[k]), group_of(data, first)) != 0;
        for (uint32_t i = first; i < data->n_items && new; i++) {
            if (holds(part->out, data, i) && trials[i] > 0 &&
                strcmp(group_of(data, i), group_of(data, first)) == 0) {
                part->of_item[i] = n;
                part->item[n++] = i;
            }
        }
        part->n_groups += new;
    }
    part->out->sentences = n;
    return STATUS_OK;
}

static double weight_of(const struct part *part, uint32_t stratum)
{
    const double weight = part->context->data->stratum[stratum].weight;
    return weight > 0 ? weight : 1;
}

/* Trials by stratum of the sentences from `first` to `end`. */
static void count_cells(uint32_t *cell, const struct part *part, uint32_t first, uint32_t end)
{
    const struct report_data *data = part->context->data;
    memset(cell, 0, data->n_strata * sizeof(*cell));
    for (size_t i = 0; i < data->n; i++) {
        const uint32_t sentence = part->of_item[data->trial[i].item];
        cell[data->trial[i].stratum] += sentence >= first && sentence < end;
    }
}

static void find_uneven(struct part *part)
{
    const struct report_data *data = part->context->data;
    double least = INFINITY, most = 0;
    count_cells(part->cell, part, 0, part->out->sentences);
    for (uint32_t h = 0; h < data->n_strata; h++) {
        if (part->cell[h] == 0)
            continue;
        least = fmin(least, weight_of(part, h) / part->of_stratum[h]);
        most = fmax(most, weight_of(part, h) / part->of_stratum[h]);
    }
    part->uneven = most > EVEN * least;
}

/* The texts of a sentence: its trials'. A stratum has its weight in each sentence, however many of
 * its trials the sentence has: weighed as in a rate, a sentence with a single trial would be all of
 * that trial's stratum, and rare strata would count too much. */
static enum status take_texts(struct stats_corpus_sentence *out, struct part *part, uint32_t index)
{
    const struct report_data *data = part->context->data;
    const uint32_t item = part->item[index];
    struct stats_corpus_text *text = arena_array(part->context->arena, out->n_texts, sizeof(*text));
    enum status st = text ? STATUS_OK : STATUS_MEMORY;
    bool changed = false;
    uint32_t n = 0;
    count_cells(part->cell, part, index, index + 1);
    for (uint32_t h = 0; h < data->n_strata; h++)
        part->holes = part->holes || (part->uneven && part->in_group[h] > 0 && part->cell[h] == 0);
    for (size_t i = 0; i < data->n && !st; i++) {
        const struct report_trial *t = &data->trial[i];
        uint64_t *counts;
        if (t->item != item)
            continue;
        const double trials = part->uneven ? part->cell[t->stratum] : part->of_stratum[t->stratum];
        text[n] =
            (struct stats_corpus_text){out->golden, weight_of(part, t->stratum) / trials, t->fault};
        if (t->text) {
            st = count(&counts, part, t->text, target_of(data, item));
            text[n].counts = counts;
            changed = true;
        }
        n++;
    }
    out->text = text;
    part->out->changed += changed;
    return st;
}

static enum status open_tokens(struct part *part, const char *group)
{
    bleu_tokens_destroy(&part->tokens);
    return part->out->metric == TASK_BLEU
               ? bleu_tokens_create(&part->tokens, bleu_tokens_name(language_of(group)))
               : STATUS_OK;
}

/* The score of golden's texts of a group against the references of the sentences `shift` on. */
static enum status add_chance(double *sum, const struct part *part, uint32_t first, uint32_t end,
                              uint32_t shift)
{
    const struct report_data *data = part->context->data;
    uint64_t total[sizeof(struct chrf_counts) / sizeof(uint64_t)] = {0}, *counts;
    enum status st = STATUS_OK;
    for (uint32_t i = first; i < end && !st; i++) {
        const uint32_t other = first + (i - first + shift) % (end - first);
        st = count(&counts, part, golden_of(data, part->item[i]),
                   target_of(data, part->item[other]));
        for (size_t k = 0; k < part->width && !st; k++)
            total[k] += counts[k];
    }
    *sum += st ? 0 : metric_of(part->out)->score(total);
    return st;
}

/* Counts of a group's sentences and what a guess scores. */
static enum status take_group(struct part *part, uint32_t first, uint32_t end,
                              const uint32_t *trials)
{
    const struct report_data *data = part->context->data;
    const uint32_t shifts = end - first - 1 < CHANCE_TEXTS ? end - first - 1 : CHANCE_TEXTS;
    enum status st = open_tokens(part, group_of(data, part->item[first]));
    double sum = 0;
    count_cells(part->in_group, part, first, end);
    for (uint32_t i = first; i < end && !st; i++) {
        const uint32_t item = part->item[i];
        uint64_t *golden;
        st = count(&golden, part, golden_of(data, item), target_of(data, item));
        part->sentence[i] = (struct stats_corpus_sentence){
            .part = first, .golden = golden, .n_texts = trials[item]};
        st = st ? st : take_texts(&part->sentence[i], part, i);
        part->out->trials += trials[item];
    }
    for (uint32_t shift = 1; shift <= shifts && !st; shift++)
        st = add_chance(&sum, part, first, end, shift);
    part->out->chance += sum / shifts / part->n_groups; /* NaN of one sentence */
    return st;
}

/* Whether trials of several strata have a total. */
static bool has_total(const struct part *part)
{
    const struct report_data *data = part->context->data;
    const struct report_corpus *row = part->out;
    uint32_t strata = 0, weighted = 0;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        bool struck = false;
        for (size_t i = part->context->work->first[h]; i < part->context->work->first[h + 1]; i++)
            struck = struck || holds(row, data, data->trial[i].item);
        strata += struck;
        weighted += struck && data->stratum[h].weight > 0;
    }
    return strata < 2 || strata == weighted;
}

static const char *reason_of_interval(const struct part *part)
{
    if (part->out->sentences == 0)
        return "no trial yet";
    if (!has_total(part))
        return "no total over the strata";
    if (part->holes)
        return "unequal weights, and sentences without a trial of a stratum";
    if (isnan(part->out->chance))
        return "a group of one sentence";
    return part->out->changed < REPORT_CORPUS_CHANGED ? "fewer than 10 sentences with another text"
                                                      : NULL;
}

static const char *reason_of(const struct report_corpus *row)
{
    if (row->no_interval)
        return row->no_interval;
    if (row->sentences < REPORT_CORPUS_SENTENCES)
        return "fewer than 50 sentences";
    return row->of_golden.low > row->chance ? NULL : "golden not shown to be above chance";
}

static void set_unknown(struct report_corpus *row)
{
    row->golden = row->faulty = row->change = row->normalised = NAN;
    row->of_golden = row->of_change = row->of_normalised = (struct stats_interval){NAN, NAN};
}

static enum status draw(struct part *part)
{
    const struct report_data *data = part->context->data;
    struct report_corpus *row = part->out;
    const bool shared = data->plan->design != PLAN_NESTED;
    struct stats_corpus_result result;
    const enum status st =
        stats_corpus(&result, &(struct stats_corpus){.sentence = part->sentence,
                                                     .n = row->sentences,
                                                     .n_parts = part->n_groups,
                                                     .width = part->width,
                                                     .score = metric_of(row)->score,
                                                     .n_faults = shared ? data->n_faults : 0,
                                                     .chance = row->chance,
                                                     .replicates = REPORT_CORPUS_DRAWS,
                                                     .seed = SEED,
                                                     .level = report_figure_level(part->context)});
    if (st)
        return st;
    row->golden = result.golden;
    if (has_total(part) && !part->holes) {
        row->faulty = result.faulty;
        row->change = result.faulty - result.golden;
    }
    if (!isnan(row->chance))
        row->of_golden = result.of_golden;
    if (!row->no_interval)
        row->of_change = result.of_change;
    row->reason = reason_of(row);
    if (!row->reason) {
        row->normalised = result.normalised;
        row->of_normalised = result.of_normalised;
    }
    return STATUS_OK;
}

static enum status fill_row(struct report_corpus *row, struct report_context *context,
                            const uint32_t *trials, const double *of_stratum)
{
    const size_t strata = context->data->n_strata;
    struct part part = {.context = context,
                        .out = row,
                        .width = metric_of(row)->width,
                        .of_stratum = of_stratum,
                        .cell = arena_array(context->arena, strata, sizeof(*part.cell)),
                        .in_group = arena_array(context->arena, strata, sizeof(*part.in_group))};
    enum status st = part.cell && part.in_group ? take_items(&part, trials) : STATUS_MEMORY;
    const uint32_t n = row->sentences;
    if (!st)
        find_uneven(&part);
    part.sentence = st ? NULL : arena_array(context->arena, n + 1, sizeof(*part.sentence));
    st = st || part.sentence ? st : STATUS_MEMORY;
    for (uint32_t first = 0, end; first < n && !st; first = end) {
        const char *group = group_of(context->data, part.item[first]);
        for (end = first + 1;
             end < n && strcmp(group_of(context->data, part.item[end]), group) == 0;)
            end++;
        st = take_group(&part, first, end, trials);
    }
    set_unknown(row);
    row->no_interval = row->reason = reason_of_interval(&part);
    st = st || n == 0 ? st : draw(&part);
    if (!st && part.n_groups == 1) {
        const struct resample_params draws = {REPORT_CORPUS_DRAWS, SEED};
        row->signature = row->metric == TASK_BLEU
                             ? bleu_signature(context->arena, part.tokens, &draws)
                             : chrf_signature(context->arena, &draws);
        st = row->signature ? STATUS_OK : STATUS_MEMORY;
    }
    bleu_tokens_destroy(&part.tokens);
    return st;
}

static bool is_listed(const struct report_corpora *corpora, const struct report_corpus *row)
{
    for (uint32_t i = 0; i < corpora->count; i++) {
        const struct report_corpus *r = &corpora->row[i];
        const bool same =
            row->group && r->group ? strcmp(row->group, r->group) == 0 : !row->group && !r->group;
        if (same && r->metric == row->metric && strcmp(row->task, r->task) == 0)
            return true;
    }
    return false;
}

static void list(struct report_corpora *corpora, const struct report_corpus *row)
{
    if (!is_listed(corpora, row))
        corpora->row[corpora->count++] = *row;
}

/* Rows of a task: by metric its groups, if there are several, and all of it. */
static void list_task(struct report_corpora *corpora, const struct report_data *data, uint32_t of)
{
    static const enum task_metric metrics[] = {TASK_BLEU, TASK_CHRF};
    struct report_corpus row = {.area = data->item[of].area ? data->item[of].area : "",
                                .task = data->item[of].task};
    for (size_t m = 0; m < 2; m++) {
        const uint32_t first = corpora->count;
        row.metric = metrics[m];
        for (uint32_t i = 0; i < data->n_items; i++) {
            row.group = NULL;
            if (!holds(&row, data, i))
                continue;
            row.group = group_of(data, i);
            list(corpora, &row);
        }
        row.group = NULL;
        if (corpora->count == first + 1)
            corpora->count = first;
        list(corpora, &row);
    }
}

enum status report_corpus_make(struct report_corpora *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    struct arena *arena = context->arena;
    uint32_t *trials = arena_array(arena, (size_t)data->n_items + 1, sizeof(*trials));
    double *of_stratum = arena_array(arena, (size_t)data->n_strata + 1, sizeof(*of_stratum));
    *out = (struct report_corpora){0};
    out->row = arena_array(arena, 4 * (size_t)data->n_items + 4, sizeof(*out->row));
    if (!trials || !of_stratum || !out->row)
        return STATUS_MEMORY;
    count_trials(trials, of_stratum, data);
    for (uint32_t i = 0; i < data->n_items; i++) {
        const struct report_corpus all = {.task = data->item[i].task, .metric = TASK_BLEU};
        if (is_of_corpus(data, i) && !is_listed(out, &all))
            list_task(out, data, i);
    }
    enum status st = STATUS_OK;
    for (uint32_t r = 0; r < out->count && !st; r++)
        st = fill_row(&out->row[r], context, trials, of_stratum);
    return st;
}
