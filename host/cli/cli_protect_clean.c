/* SPDX-License-Identifier: MIT */
/* `vkfi protect clean`: held-out items of tasks without and with a policy: the same bits, and how
 * often each of its protections gives an alarm. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/cli_manifest.h"
#include "cli/cli_protect.h"
#include "cli/cli_task.h"
#include "inject/stats/stats_interval.h"
#include "model/generate.h"
#include "tasks/answers.h"
#include "tasks/choices.h"
#include "tasks/task_split.h"

#define PROMPT_MOST 1024u /* tokens of a prompt: the last ones */
#define DECODED 16u

struct alarms {
    uint64_t damage, doubt, requests, checks; /* requests: with at least one; checks: guards */
};

struct clean {
    struct cli_protect_run run;
    struct generate_params params;
    struct alarms alarms[POLICY_MOST]; /* by entry of the policy */
    uint64_t requests, tokens, redone, differ, left_out;
    struct cli_progress progress;
};

/* The guards of a column at rest, `times` as many. */
static enum status count_checks(struct clean *c, struct arena *arena, uint32_t position,
                                uint64_t times)
{
    const struct decode_check *check = protector_check(c->run.protection.protector);
    struct guard *guard = arena_array(arena, check->most_guards + 1, sizeof(*guard));
    void *state = arena_alloc(arena, check->state);
    if (!guard || !state)
        return STATUS_MEMORY;
    const uint32_t n =
        check->ask ? check->ask(check->user, state, position, c->params.n_ids, guard) : 0;
    for (uint32_t i = 0; i < n; i++)
        c->alarms[protector_asker(&guard[i])].checks += times;
    return STATUS_OK;
}

static void count_alarms(struct clean *c, const struct generation *g)
{
    bool seen[POLICY_MOST] = {false};
    uint32_t n, dropped;
    const struct protector_event *event =
        protector_events(c->run.protection.protector, g->state, &n, &dropped);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t entry = event[i].entry;
        struct alarms *a = &c->alarms[entry];
        a->damage += event[i].severity == PROTECTION_HARD;
        a->doubt += event[i].severity != PROTECTION_HARD;
        a->requests += !seen[entry];
        seen[entry] = true;
    }
    c->left_out += dropped;
}

static enum status run_request(struct clean *c, const int32_t *ids, uint32_t n_ids)
{
    struct arena arena = {0};
    struct generation plain, guarded;
    struct generate_params params = c->params;
    params.n_ids = c->params.n_ids = n_ids < PROMPT_MOST ? n_ids : PROMPT_MOST;
    params.ids = ids + n_ids - params.n_ids;
    enum status st = generate(&plain, &arena, &params);
    if (!st) {
        kv_release(c->run.device.ex->kv, plain.branch);
        params.rules.check = protector_check(c->run.protection.protector);
        st = generate(&guarded, &arena, &params);
    }
    if (!st) {
        kv_release(c->run.device.ex->kv, guarded.branch);
        c->differ += plain.hash != guarded.hash;
        c->requests++;
        c->tokens += params.n_ids + guarded.n_tokens;
        c->redone += guarded.redone;
        count_alarms(c, &guarded);
        st = count_checks(c, &arena, 0, params.n_ids - 1);
        st = st ? st : count_checks(c, &arena, params.n_ids - 1, guarded.n_tokens);
    }
    arena_finish(&arena);
    return st;
}

static enum status run_item(struct clean *c, const struct cli_task *task,
                            const struct task_item *item)
{
    struct arena arena = {0};
    struct choices_item choices;
    struct answers_item answers;
    enum status st;
    if (task->task->kind == TASK_CHOICES) {
        st = choices_encode(&choices, &arena, c->run.model, item);
        st = st ? st : run_request(c, choices.choice[0].ids, choices.choice[0].n_context);
    } else {
        st = answers_encode(&answers, &arena, c->run.model, item, ANSWERS_AUTO);
        st = st ? st : run_request(c, answers.ids, answers.n_ids);
    }
    arena_finish(&arena);
    return st;
}

static enum status run_task(struct clean *c, const struct cli_env *env, const char *name)
{
    const struct cli_task_options options = {.data = c->run.o->data, .shots = CLI_TASK_NO_SHOTS};
    const struct task_split_ask ask = {TASK_SPLIT_EVALUATE, 0, (uint32_t)c->run.o->n};
    struct arena arena = {0};
    struct cli_task task = {0};
    struct task_items items = {0};
    uint32_t *chosen = NULL, n = 0;
    enum status st = cli_task_open(&task, env, name, &options);
    st = st ? st : cli_task_items(&items, &task);
    chosen = st ? NULL : arena_array(&arena, items.count + 1, sizeof(*chosen));
    if (!st)
        st = chosen ? task_split_choose(chosen, &n, task.task->name, &items, &ask) : STATUS_MEMORY;
    for (uint32_t i = 0; i < n && !st; i++) {
        cli_progress_show(&c->progress, "%s %" PRIu32 "/%" PRIu32, name, i + 1, n);
        st = run_item(c, &task, &items.item[chosen[i]]);
    }
    cli_progress_clear(&c->progress);
    task_items_finish(&items);
    cli_task_close(&task);
    arena_finish(&arena);
    return st;
}

static struct stats_interval share(uint64_t events, uint64_t n)
{
    return stats_interval_clopper_pearson((double)events, (double)n,
                                          (struct stats_interval_level){0.95, STATS_INTERVAL_BOTH});
}

static void put_share(struct json_writer *w, const char *key, uint64_t events, uint64_t n)
{
    const struct stats_interval i = share(events, n);
    json_member_array(w, key);
    json_put_number(w, i.low);
    json_put_number(w, i.high);
    json_array_close(w);
}

static enum status print_json(const struct clean *c)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    const enum status st = cli_protect_json(&w, &c->run);
    json_member_int(&w, "requests", (int64_t)c->requests);
    json_member_int(&w, "tokens", (int64_t)c->tokens);
    json_member_int(&w, "other_bits", (int64_t)c->differ);
    json_member_int(&w, "redone", (int64_t)c->redone);
    json_member_int(&w, "events_left_out", (int64_t)c->left_out);
    json_member_array(&w, "protections");
    for (uint32_t i = 0; i < c->run.protection.policy.n; i++) {
        const struct alarms *a = &c->alarms[i];
        const uint64_t all = a->damage + a->doubt;
        json_object_open(&w);
        json_member_text(&w, "kind", c->run.protection.policy.entry[i].protection->name);
        json_member_int(&w, "damage", (int64_t)a->damage);
        json_member_int(&w, "doubt", (int64_t)a->doubt);
        json_member_int(&w, "requests", (int64_t)a->requests);
        json_member_int(&w, "checks", (int64_t)a->checks);
        put_share(&w, "per_check", all, a->checks);
        put_share(&w, "per_token", all, c->tokens);
        put_share(&w, "per_request", a->requests, c->requests);
        json_object_close(&w);
    }
    json_array_close(&w);
    json_object_close(&w);
    const enum status ended = json_end(&w);
    return st ? st : ended;
}

static enum status print(const struct clean *c)
{
    if (c->run.o->json)
        return print_json(c);
    printf("policy    %s, on %s\n", c->run.policy, c->run.o->model);
    printf("runs      %" PRIu64 " requests, %" PRIu64 " tokens; %" PRIu64
           " with other bits, %" PRIu64 " columns computed again\n",
           c->requests, c->tokens, c->differ, c->redone);
    printf("%-14s %7s %7s %10s  %s\n", "", "damage", "doubt", "checks",
           "per token, per request [95 %]");
    for (uint32_t i = 0; i < c->run.protection.policy.n; i++) {
        const struct alarms *a = &c->alarms[i];
        const struct stats_interval token = share(a->damage + a->doubt, c->tokens);
        const struct stats_interval request = share(a->requests, c->requests);
        printf("%-14s %7" PRIu64 " %7" PRIu64 " %10" PRIu64 "  [%.2g, %.2g], [%.2g, %.2g]\n",
               c->run.protection.policy.entry[i].protection->name, a->damage, a->doubt, a->checks,
               token.low, token.high, request.low, request.high);
    }
    return cli_output_flush();
}

static enum status open_clean(struct clean *c, const struct cli_env *env)
{
    enum status st = cli_protect_open_model(&c->run, env);
    st = st ? st : cli_protect_open_device(&c->run, env, PROMPT_MOST + DECODED);
    cli_progress_init(&c->progress, 0, 0);
    c->params = (struct generate_params){
        .ex = c->run.device.ex, .save_position = EXECUTOR_NONE, .rules = {.n = DECODED}};
    return st;
}

static enum status check(const struct clean *c)
{
    for (uint32_t i = 0; i < c->run.protection.policy.n; i++) {
        if (c->alarms[i].damage > 0) {
            log_error("protect clean: %" PRIu64 " alarms of damage by %s, expected none in clean "
                      "runs",
                      c->alarms[i].damage, c->run.protection.policy.entry[i].protection->name);
            return STATUS_INTERNAL;
        }
    }
    if (c->differ > 0) {
        log_error("protect clean: %" PRIu64 " of %" PRIu64
                  " requests with other bits, expected none: a clean run must keep its bits",
                  c->differ, c->requests);
        return STATUS_INTERNAL;
    }
    return STATUS_OK;
}

enum status cli_protect_clean(const struct cli_env *env, const void *options,
                              const struct args_list *operands)
{
    const struct cli_protect_options *o = options;
    struct clean c = {.run = {.o = o, .policy = operands->item[0]}};
    enum status st = cli_manifest_check(o->model);
    if (!st && o->tasks.count == 0) {
        log_error("protect clean: found no --tasks, expected at least one");
        st = STATUS_USAGE;
    }
    if (st)
        return st;
    st = open_clean(&c, env);
    for (size_t i = 0; i < o->tasks.count && !st; i++)
        st = run_task(&c, env, o->tasks.item[i]);
    st = st ? st : print(&c);
    st = st ? st : check(&c);
    const enum status closed = cli_protect_close(&c.run);
    return st ? st : closed;
}
