/* SPDX-License-Identifier: MIT */
/* The columns of a task, and what one item gets in each. */
#include "tasks/score.h"

#include "tasks/choices.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/utf8.h"
#include "tasks/extract.h"
#include "tasks/integral.h"
#include "tasks/math_equal.h"
#include "tasks/number.h"

static struct score_column *add(struct score_columns *out, enum task_metric metric)
{
    struct score_column *column = &out->column[out->n < SCORE_COLUMNS ? out->n++ : out->n - 1];
    *column = (struct score_column){.metric = metric};
    snprintf(column->name, sizeof(column->name), "%s", task_metric_name(metric));
    return column;
}

static void add_matches(struct score_columns *out, const struct task *task)
{
    for (uint32_t i = 0; i < task->n_extracts; i++) {
        struct score_column *column = add(out, TASK_EXACT_MATCH);
        const size_t size = strlen(column->name);
        column->rule = task->extract[i];
        if (i > 0)
            snprintf(column->name + size, sizeof(column->name) - size, ",%s", column->rule);
    }
}

uint32_t score_pass_ks(uint32_t out[SCORE_PASS_KS], uint32_t samples)
{
    const uint32_t ks[SCORE_PASS_KS] = {1, 10, 100, samples};
    uint32_t n = 0;
    for (uint32_t i = 0; i < SCORE_PASS_KS; i++) {
        if (ks[i] > (n ? out[n - 1] : 0) && ks[i] <= samples)
            out[n++] = ks[i];
    }
    return n;
}

static void add_passes(struct score_columns *out, uint32_t samples)
{
    uint32_t ks[SCORE_PASS_KS];
    const uint32_t n = score_pass_ks(ks, samples);
    for (uint32_t i = 0; i < n; i++) {
        struct score_column *column = add(out, TASK_PASS);
        column->k = ks[i];
        snprintf(column->name, sizeof(column->name), "pass@%u", ks[i]);
    }
}

static void add_other(struct score_columns *out, const struct task *task, enum task_metric metric)
{
    struct score_column *column = add(out, metric);
    column->corpus = task_metric_is_corpus(metric);
    if (column->corpus && task->n_extracts > 0)
        column->rule = task->extract[0];
}

void score_columns(struct score_columns *out, const struct task *task, uint32_t samples)
{
    *out = (struct score_columns){0};
    for (uint32_t i = 0; i < task->n_metrics; i++) {
        const enum task_metric metric = task->metric[i];
        if (metric == TASK_EXACT_MATCH)
            add_matches(out, task);
        else if (metric == TASK_PASS)
            add_passes(out, samples);
        else
            add_other(out, task, metric);
    }
}

/* The first of the largest; NaN is less than any number. */
static uint32_t most_likely(const struct task_item *item, const double *loglik, bool by_character)
{
    double best = NAN;
    uint32_t choice = 0;
    for (uint32_t c = 0; c < item->n_choices; c++) {
        const double value =
            by_character ? loglik[c] / choices_characters(item->choice[c].text) : loglik[c];
        if (value > best || (isnan(best) && !isnan(value))) {
            best = value;
            choice = c;
        }
    }
    return choice;
}

/* Without the blanks around them. */
static bool same_text(const char *a, const char *b)
{
    static const char blanks[] = " \t\r\n";
    a += strspn(a, blanks);
    b += strspn(b, blanks);
    size_t n = strlen(a), m = strlen(b);
    while (n > 0 && strchr(blanks, a[n - 1]))
        n--;
    while (m > 0 && strchr(blanks, b[m - 1]))
        m--;
    return n == m && memcmp(a, b, n) == 0;
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Whether an answer is the target's, by what its rule takes. */
static enum status match(bool *out, const char *rule, const struct task_item *item,
                         const char *answer)
{
    enum integral_verdict verdict;
    enum status st = STATUS_OK;
    if (strcmp(rule, "integral") == 0 && item->integrand && item->variable) {
        const struct integral_problem problem = {item->integrand, item->variable};
        st = integral_check(&verdict, &problem, answer);
        *out = !st && verdict == INTEGRAL_RIGHT;
    } else if (strcmp(rule, "boxed") == 0) {
        st = math_equal(out, answer, item->target);
    } else if (starts(rule, "gsm8k_") || starts(rule, "mgsm")) {
        *out = number_equal(answer, item->target);
    } else {
        *out = same_text(answer, item->target);
    }
    return st;
}

/* Without a rule all of a response is its answer. */
static enum status take_answer(const char **out, struct arena *arena, const char *rule,
                               const char *response)
{
    *out = response;
    return rule[0] ? extract_answer(out, arena, rule, response) : STATUS_OK;
}

/* One item while it is scored. */
struct scoring {
    struct score *out;
    struct arena *arena;
    const struct task_item *item;
    const struct score_answer *answer;
};

/* The share of responses whose answer by the rule is right. */
static enum status exact_match(double *out, const struct scoring *s, const char *rule)
{
    const uint32_t n = s->answer->n_responses;
    const char **found = arena_array(s->arena, n, sizeof(*found));
    uint32_t right = 0;
    enum status st = found ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t i = 0; i < n && !st; i++) {
        bool equal = false;
        st = take_answer(&found[i], s->arena, rule, s->answer->response[i]);
        if (!st && found[i])
            st = match(&equal, rule, s->item, found[i]);
        right += equal;
    }
    if (!s->out->filtered)
        s->out->filtered = found;
    *out = (double)right / n;
    return st;
}

/* A sum of logarithms: factorials overflow, and a product near 1 cancels. */
double score_pass_at_k(uint32_t n, uint32_t right, uint32_t k)
{
    assert(right <= n && k >= 1 && k <= n);
    if (n - right < k)
        return 1;
    if (right == 0)
        return 0; /* the formula's zero is negative, and printed as "-0.0" */
    double log_none = 0;
    for (uint32_t i = n - right + 1; i <= n; i++)
        log_none += log1p(-(double)k / i);
    return -expm1(log_none);
}

static double passes(const struct scoring *s, uint32_t k)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < s->answer->n_responses; i++)
        right += s->answer->passed[i];
    return score_pass_at_k(s->answer->n_responses, right, k);
}

/* The first answer by a rule is shown also where a corpus is scored. */
static enum status filter(const struct scoring *s, const char *rule)
{
    double unused;
    return s->out->filtered || !rule ? STATUS_OK : exact_match(&unused, s, rule);
}

enum status score_item(struct score *out, struct arena *arena, const struct score_columns *columns,
                       const struct task_item *item, const struct score_answer *answer)
{
    const struct scoring s = {out, arena, item, answer};
    enum status st = STATUS_OK;
    *out = (struct score){0};
    if (answer->passed)
        st = filter(&s, "code");
    if (answer->loglik)
        out->choice = most_likely(item, answer->loglik, false);
    for (uint32_t i = 0; i < columns->n && !st; i++) {
        const struct score_column *column = &columns->column[i];
        double *value = &out->value[i];
        *value = NAN;
        if (column->metric == TASK_ACC)
            *value = out->choice == item->gold;
        else if (column->metric == TASK_ACC_NORM)
            *value = most_likely(item, answer->loglik, true) == item->gold;
        else if (column->metric == TASK_PASS)
            *value = passes(&s, column->k);
        else if (column->metric == TASK_EXACT_MATCH)
            st = exact_match(value, &s, column->rule);
        else
            st = filter(&s, column->rule);
    }
    return st;
}
