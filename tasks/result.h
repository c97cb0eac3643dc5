/* SPDX-License-Identifier: MIT */
/* Items and what came of them as lines of JSON: what `vkfi task run` writes and goes on from, and
 * what `vkfi task score` reads. */
#ifndef VKFI_TASKS_RESULT_H
#define VKFI_TASKS_RESULT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/status.h"
#include "tasks/choices.h"
#include "tasks/score.h"

/* What decides an answer besides the item. */
struct result_settings {
    const char *model;  /* SHA-256 of its file */
    const char *format; /* "plain", "chat" */
    const char *act, *kv;
    uint32_t samples;
    double temperature;
    uint64_t seed;
};

/* SHA-256 over the settings and all of the item that a model sees: two lines with the same hash
 * hold the same answers. Memory from `arena`; null (logged) when it is out. */
const char *result_hash(struct arena *arena, const struct result_settings *settings,
                        const struct task_item *item);

/* A line to be written. */
struct result_line {
    const char *task;
    const struct task_item *item;
    const struct score_columns *columns;
    const struct score *score;
    const struct choices_score *choice; /* (n_choices) TASK_CHOICES; else null */
    const char *const *response;        /* (n_responses) else */
    uint32_t n_responses;
    const char *hash;
};

/* {"task","doc_id","group","prompt","target","choices","logprobs","is_greedy","responses",
 * "filtered","metrics","prompt_hash"}, what does not apply left out. */
void result_put(struct json_writer *w, const struct result_line *line);

/* A line that was read: answers of this program or of another engine. Memory from an arena. */
struct result_read {
    const char *task, *doc_id, *group, *hash; /* null: not given; group: also as "pair" */
    double *loglik;                           /* (n_logliks); null: not given */
    const char **response;                    /* (n_responses); null: not given */
    uint32_t n_logliks, n_responses;
    struct result_metric {
        const char *name;
        double value; /* NaN: null */
    } * metric;       /* (n_metrics) */
    uint32_t n_metrics;
};

/* One line without its line feed; `where` names it in messages: "out.jsonl line 7". STATUS_INPUT
 * (logged) if it is no object with a doc_id, or a member is not as result_put writes it. Members
 * that are not known here are left alone. */
enum status result_parse(struct result_read *out, struct arena *arena, const char *text,
                         size_t size, const char *where) STATUS_MUST_USE;

/* The item that a line is of, by doc_id: the item's own, the same behind its group ("GROUP/ID"), or
 * a number that is the item's index; its place among the items, which is looked for from `from` on
 * and then from the start. UINT32_MAX: none. */
uint32_t result_item(const struct result_read *read, const struct task_items *items, uint32_t from);

#endif
