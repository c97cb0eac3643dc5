/* SPDX-License-Identifier: MIT */
/* Items and their results as lines of JSON: written and resumed by `vkfi task run`, read by `vkfi
 * task score`. */
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

/* Settings that decide an answer besides the item. */
struct result_settings {
    const char *model;  /* SHA-256 of its file */
    const char *format; /* "plain", "chat" */
    const char *act, *kv;
    uint32_t samples;
    double temperature;
    uint64_t seed;
};

/* SHA-256 over the settings and the item as a model sees it: two lines with the same hash hold the
 * same answers. Memory from `arena`; null (logged) when it is out. */
const char *result_hash(struct arena *arena, const struct result_settings *settings,
                        const struct task_item *item);

/* A line to write. */
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
 * "filtered","metrics","prompt_hash"}, without members that do not apply. */
void result_put(struct json_writer *w, const struct result_line *line);

/* A line as read: answers of this program or another engine. Memory from an arena. */
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
 * (logged) if it is not an object with a doc_id, or a member differs from result_put's form.
 * Unknown members are ignored. */
enum status result_parse(struct result_read *out, struct arena *arena, const char *text,
                         size_t size, const char *where) STATUS_MUST_USE;

/* The item of a line, by doc_id: the item's own, the same after its group ("GROUP/ID"), or the
 * item's index; its place among the items, searched from `from` on and then from the start.
 * UINT32_MAX: none. */
uint32_t result_item(const struct result_read *read, const struct task_items *items, uint32_t from);

#endif
