/* SPDX-License-Identifier: MIT */
/* The state of a campaign, read from its database. */
#include "cli/cli_campaign_status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli_gate.h"
#include "inject/store/store_status.h"

/* What the plan's question says, where it has one and it may be asked. */
struct question {
    bool asked;
    struct report_source source;
    struct report_gate gate;
};

static enum status ask(struct question *out, const char *path, const struct store *store,
                       const struct store_status *s, struct arena *arena)
{
    const struct store_identity *identity = store_identity(store);
    struct plan plan;
    enum status st = plan_read(
        &plan, arena, &(struct plan_source){identity->plan, strlen(identity->plan), path, "."});
    if (st || !plan_stops_itself(&plan) || s->suspect > 0 || identity->shards > 1)
        return st;
    const struct report_gate_request request = report_gate_question(&plan.gate);
    out->asked = true;
    st = report_source_open(&out->source, path);
    return st ? st : report_gate_decide(&out->gate, &out->source, &request);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_outcomes(const struct store_status *s)
{
    printf("outcome           trials   share of %" PRIu64 ", unweighted\n", s->counted);
    for (uint32_t i = 0; i < OUTCOME_COUNT; i++) {
        if (s->outcome[i] == 0)
            continue;
        printf("  %-15s %7" PRIu64 "  %6.2f %%", kinds_text(KINDS_OUTCOME, i), s->outcome[i],
               percent(s->outcome[i], s->counted));
        const char *before = " (";
        for (uint32_t d = DUE_NONE + 1; i == OUTCOME_DUE && d < DUE_REASON_COUNT; d++) {
            if (s->due[d] > 0) {
                printf("%s%s %" PRIu64, before, kinds_text(KINDS_DUE_REASON, d), s->due[d]);
                before = ", ";
            }
        }
        printf("%s\n", before[0] == ',' ? ")" : "");
    }
}

static void print_rest(const struct store_status *s)
{
    printf("controls         ");
    for (uint32_t i = ROLE_TRIAL + 1; i < ROLE_COUNT; i++)
        printf(" %s %" PRIu64 "%s", kinds_text(KINDS_ROLE, i), s->control[i],
               i + 1 < ROLE_COUNT ? "," : "\n");
    printf("suspect           %" PRIu64 "\n", s->suspect);
    printf("incidents         %" PRIu64 "\n", s->incidents);
    printf("tried again       %" PRIu64 "\n", s->retried);
    for (uint32_t i = 0; i < s->n_devices; i++)
        printf("device %-10" PRIu32 " %" PRIu64 " trials in %.1f s: %s\n", i, s->by_device[i].done,
               s->by_device[i].seconds, s->device[i].name ? s->device[i].name : "unknown");
    uint32_t done = 0;
    for (uint32_t i = 0; i < s->n_strata; i++)
        done += s->by_stratum[i].done >= s->by_stratum[i].planned;
    printf("strata            %" PRIu32 " of %" PRIu32 " have all their trials here\n", done,
           s->n_strata);
}

static void print_question(const struct question *question)
{
    printf("gate              ");
    cli_gate_line(stdout, &question->gate, &question->source.plan.gate);
    printf("%s\n", question->gate.result.verdict == STATS_GATE_UNDECIDED || question->gate.complete
                       ? ""
                       : "; the campaign has ended");
}

static void print_text(const char *path, const struct store_identity *id,
                       const struct store_status *s)
{
    printf("%s: %" PRIu64 " of %" PRIu64 " trials, %.1f %%", path, s->done, s->planned,
           percent(s->done, s->planned));
    if (id->shards > 1)
        printf(", shard %" PRIu32 "/%" PRIu32 " of %" PRIu64, id->shard, id->shards, id->trials);
    printf("\n");
    printf("plan              %.16s\n", id->plan_hash);
    printf("model             %.16s\n", id->model_hash);
    print_outcomes(s);
    print_rest(s);
}

static void put_counts(struct json_writer *w, const char *key, enum kinds_table table,
                       const uint64_t *counts)
{
    json_put_key(w, key);
    json_object_open(w);
    for (uint32_t i = 0; i < kinds_count(table); i++) {
        if (kinds_text(table, i)[0]) {
            json_put_key(w, kinds_text(table, i));
            json_put_int(w, (int64_t)counts[i]);
        }
    }
    json_object_close(w);
}

static void put_devices(struct json_writer *w, const struct store_status *s)
{
    json_put_key(w, "devices");
    json_array_open(w);
    for (uint32_t i = 0; i < s->n_devices; i++) {
        json_object_open(w);
        json_member_text(w, "name", s->device[i].name);
        json_member_int(w, "trials", s->by_device[i].done);
        json_put_key(w, "seconds");
        json_put_number(w, s->by_device[i].seconds);
        json_object_close(w);
    }
    json_array_close(w);
}

static void put_strata(struct json_writer *w, const struct store_status *s)
{
    json_put_key(w, "strata");
    json_array_open(w);
    for (uint32_t i = 0; i < s->n_strata; i++) {
        json_object_open(w);
        json_member_text(w, "label", s->stratum[i].label);
        json_member_int(w, "planned", s->by_stratum[i].planned);
        json_member_int(w, "trials", s->by_stratum[i].done);
        json_object_close(w);
    }
    json_array_close(w);
}

static enum status print_json(const struct store_identity *id, const struct store_status *s,
                              const struct question *question)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "plan_hash", id->plan_hash);
    json_member_text(&w, "model_hash", id->model_hash);
    json_member_text(&w, "contract", id->contract);
    json_member_int(&w, "shard", id->shard);
    json_member_int(&w, "shards", id->shards);
    json_member_int(&w, "trials", id->trials);
    json_member_int(&w, "planned", s->planned);
    json_member_int(&w, "done", s->done);
    json_member_int(&w, "counted", s->counted);
    put_counts(&w, "outcomes", KINDS_OUTCOME, s->outcome);
    put_counts(&w, "due", KINDS_DUE_REASON, s->due);
    put_counts(&w, "controls", KINDS_ROLE, s->control);
    json_member_int(&w, "suspect", s->suspect);
    json_member_int(&w, "incidents", s->incidents);
    json_member_int(&w, "retried", s->retried);
    json_put_key(&w, "seconds");
    json_put_number(&w, s->seconds);
    json_put_key(&w, "gate");
    if (question->asked) {
        json_object_open(&w);
        cli_gate_members(&w, &question->gate, &question->source.plan.gate);
        json_object_close(&w);
    } else {
        json_put_null(&w);
    }
    put_devices(&w, s);
    put_strata(&w, s);
    json_object_close(&w);
    return json_end(&w);
}

enum status cli_campaign_status(const char *path, bool json)
{
    struct arena arena = {0};
    struct store *store = NULL;
    struct store_status s;
    struct question question = {.asked = false};
    enum status st = store_open(&store, path);
    if (!st)
        st = store_status_read(store, &arena, &s);
    if (!st)
        st = ask(&question, path, store, &s, &arena);
    if (!st && json)
        st = print_json(store_identity(store), &s, &question);
    else if (!st)
        print_text(path, store_identity(store), &s);
    if (!st && !json && question.asked)
        print_question(&question);
    report_source_finish(&question.source);
    store_destroy(&store);
    arena_finish(&arena);
    return st;
}
