/* SPDX-License-Identifier: MIT */
/* Scores texts by their items' tasks, and names the SDC of rows by the change. */
#include "inject/campaign/campaign_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "inject/space/kinds.h"
#include "inject/trial/outcome.h"
#include "tasks/chrf.h"
#include "tasks/judge.h"
#include "tasks/score.h"

#define BUCKETS 4096u  /* of texts seen: a power of two */
#define CHRF_EPS 0.05  /* METHOD.md 3: a change of five points of sentence chrF means nothing */
#define WAIT_SECONDS 1 /* for news of programs */

struct scored {
    struct scored *next;
    uint32_t base; /* of its item: samples share their texts */
    uint64_t key;  /* of the text */
    const char *text, *answer;
    double score;
};

struct campaign_score {
    const struct plan *plan;
    struct sandbox_host host; /* of coding tasks */
    struct arena arena;       /* of all that was scored */
    struct scored *bucket[BUCKETS];
};

/* What runs programs, where some item asks for one. */
static enum status open_host(struct campaign_score *s)
{
    bool wanted = false;
    for (uint32_t i = 0; i < s->plan->n_items; i++) {
        const struct plan_question *q = s->plan->item[i].question;
        wanted = wanted || (q && q->kind == TASK_CODE);
    }
    enum status st = wanted ? sandbox_host_init(&s->host) : STATUS_OK;
    return st || !wanted ? st : code_check_python(&s->host);
}

enum status campaign_score_create(struct campaign_score **out, const struct plan *plan)
{
    *out = calloc(1, sizeof(**out));
    if (!*out) {
        log_error("out of host memory for scores");
        return STATUS_MEMORY;
    }
    (*out)->plan = plan;
    return open_host(*out);
}

void campaign_score_destroy(struct campaign_score **score)
{
    if (!*score)
        return;
    arena_finish(&(*score)->arena);
    free(*score);
    *score = NULL;
}

/* Whether the program passes its tests, in a sandbox. */
static enum status judge_text(bool *out, const struct campaign_score *s,
                              const struct task_item *item, const char *text)
{
    struct judge judge;
    struct judge_case *judged = NULL;
    judge_open(&judge, &s->host, 1);
    enum status st = judge_put(&judge, item, &text, 1);
    while (!st && !judged) {
        st = judge_go(&judge, WAIT_SECONDS);
        judged = st ? NULL : judge_take(&judge);
    }
    if (judged)
        *out = judged->passed[0];
    judge_case_destroy(&judged);
    judge_close(&judge);
    return st;
}

/* A corpus metric says nothing of one text: it gets chrF, from 0 to 1. */
static enum status score_text(struct scored *out, struct campaign_score *s,
                              const struct plan_question *q, const char *text)
{
    bool passed = false;
    struct score_columns columns = {.column = {{.metric = q->metric, .rule = q->rule, .k = 1}},
                                    .n = 1};
    struct score_answer answer = {.response = &text, .n_responses = 1};
    struct score score;
    struct chrf_counts counts;
    enum status st = STATUS_OK;
    if (q->kind == TASK_CODE) {
        answer.passed = &passed;
        st = judge_text(&passed, s, &q->item, text);
    }
    st = st ? st : score_item(&score, &s->arena, &columns, &q->item, &answer);
    if (st)
        return st;
    out->score = score.value[0];
    out->answer = score.filtered && q->kind != TASK_CODE ? score.filtered[0] : NULL;
    if (!task_metric_is_corpus(q->metric))
        return STATUS_OK;
    st = chrf_count(&counts, out->answer ? out->answer : "", q->item.target);
    out->score = st ? NAN : chrf_score(&counts) / 100;
    return st;
}

/* The score of a text, made once. */
static enum status look_up(const struct scored **out, struct campaign_score *s, uint32_t item,
                           const char *text)
{
    const uint32_t base = s->plan->item[item].base;
    const uint64_t key = hash_fold_bytes(base, text, strlen(text));
    struct scored **bucket = &s->bucket[key % BUCKETS];
    for (const struct scored *seen = *bucket; seen; seen = seen->next) {
        if (seen->base == base && seen->key == key && strcmp(seen->text, text) == 0) {
            *out = seen;
            return STATUS_OK;
        }
    }
    struct scored *made = arena_alloc(&s->arena, sizeof(*made));
    if (!made)
        return STATUS_MEMORY;
    *made = (struct scored){.next = *bucket, .base = base, .key = key, .score = NAN};
    made->text = arena_text(&s->arena, text, strlen(text));
    if (!made->text)
        return STATUS_MEMORY;
    const enum status st = score_text(made, s, s->plan->item[item].question, made->text);
    if (!st)
        *bucket = made;
    *out = made;
    return st;
}

static enum status copy(const char **out, struct arena *arena, const char *text)
{
    *out = text ? arena_text(arena, text, strlen(text)) : NULL;
    return text && !*out ? STATUS_MEMORY : STATUS_OK;
}

enum status campaign_score_item(struct campaign_score *s, struct arena *arena,
                                struct store_item *item)
{
    const struct plan_question *q = s->plan->item[item->id].question;
    const struct scored *scored;
    if (!q || q->kind == TASK_CHOICES)
        return STATUS_OK;
    const enum status st = look_up(&scored, s, item->id, item->text);
    if (st)
        return st;
    item->score = scored->score;
    return copy(&item->answer, arena, scored->answer);
}

/* The fall of a score that counts. */
static double eps_of(const struct plan *plan, const struct plan_question *q)
{
    return task_metric_is_corpus(q->metric) && plan->score_eps == 0 ? CHRF_EPS : plan->score_eps;
}

enum status campaign_score_row(struct campaign_score *s, struct arena *arena, struct trial_row *row,
                               const struct store_item *item)
{
    const struct plan_question *q = s->plan->item[item->id].question;
    const struct scored *scored;
    if (!q || q->kind == TASK_CHOICES)
        return STATUS_OK;
    row->score_golden = item->score;
    row->answer_golden = item->answer;
    if (strcmp(row->outcome, kinds_text(KINDS_OUTCOME, OUTCOME_SDC_UNSCORED)) != 0)
        return STATUS_OK;
    enum status st = look_up(&scored, s, item->id, row->faulty_text ? row->faulty_text : "");
    if (st)
        return st;
    const struct outcome_facts facts = {.reached = true,
                                        .bits_changed = true,
                                        .scored = true,
                                        .score_change = scored->score - item->score,
                                        .eps = eps_of(s->plan, q)};
    row->outcome = kinds_text(KINDS_OUTCOME, outcome_of(&facts));
    row->score_faulty = scored->score;
    return copy(&row->answer_faulty, arena, scored->answer);
}
