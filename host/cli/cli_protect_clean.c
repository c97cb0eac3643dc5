/* SPDX-License-Identifier: MIT */
/* `vkfi protect clean`: held-out items of tasks without and with a policy: the same bits, and how
 * often each of its protections gives an alarm. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli_device.h"
#include "cli/cli_manifest.h"
#include "cli/cli_protect.h"
#include "cli/cli_protection.h"
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
    const struct cli_protect_options *o;
    struct arena arena;
    struct model *model;
    struct cli_device device;
    struct cli_protection protection;
    struct generate_params params;
    struct alarms alarms[POLICY_MOST]; /* by entry of the policy */
    uint64_t requests, tokens, redone, differ, left_out;
    struct cli_progress progress;
};

static uint32_t entry_of(const struct clean *c, const char *name)
{
    uint32_t i = 0;
    while (i + 1 < c->protection.policy.n &&
           strcmp(c->protection.policy.entry[i].protection->name, name) != 0)
        i++;
    return i;
}

/* The guards of a column at rest, `times` as many. */
static enum status count_checks(struct clean *c, struct arena *arena, uint32_t position,
                                uint64_t times)
{
    const struct decode_check *check = protector_check(c->protection.protector);
    struct guard *guard = arena_array(arena, check->most_guards + 1, sizeof(*guard));
    void *state = arena_alloc(arena, check->state);
    if (!guard || !state)
        return STATUS_MEMORY;
    const uint32_t n =
        check->ask ? check->ask(check->user, state, position, c->params.n_ids, guard) : 0;
    for (uint32_t i = 0; i < n; i++)
        c->alarms[entry_of(c, protector_asker(c->protection.protector, &guard[i]))].checks += times;
    return STATUS_OK;
}

static void count_alarms(struct clean *c, const struct generation *g)
{
    bool seen[POLICY_MOST] = {false};
    uint32_t n, dropped;
    const struct protector_event *event =
        protector_events(c->protection.protector, g->state, &n, &dropped);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t entry = entry_of(c, event[i].protection);
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
        kv_release(c->device.ex->kv, plain.branch);
        params.rules.check = protector_check(c->protection.protector);
        st = generate(&guarded, &arena, &params);
    }
    if (!st) {
        kv_release(c->device.ex->kv, guarded.branch);
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
        st = choices_encode(&choices, &arena, c->model, item);
        st = st ? st : run_request(c, choices.choice[0].ids, choices.choice[0].n_context);
    } else {
        st = answers_encode(&answers, &arena, c->model, item, ANSWERS_AUTO);
        st = st ? st : run_request(c, answers.ids, answers.n_ids);
    }
    arena_finish(&arena);
    return st;
}

static enum status run_task(struct clean *c, const struct cli_env *env, const char *name)
{
    const struct cli_task_options options = {.data = c->o->data, .shots = CLI_TASK_NO_SHOTS};
    const struct task_split_ask ask = {TASK_SPLIT_EVALUATE, 0, (uint32_t)c->o->n};
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

static enum status print_json(const struct clean *c, const char *policy)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "policy", policy);
    json_member_text(&w, "model", c->o->model);
    json_member_int(&w, "requests", (int64_t)c->requests);
    json_member_int(&w, "tokens", (int64_t)c->tokens);
    json_member_int(&w, "other_bits", (int64_t)c->differ);
    json_member_int(&w, "redone", (int64_t)c->redone);
    json_member_int(&w, "events_left_out", (int64_t)c->left_out);
    json_member_array(&w, "protections");
    for (uint32_t i = 0; i < c->protection.policy.n; i++) {
        const struct alarms *a = &c->alarms[i];
        const uint64_t all = a->damage + a->doubt;
        json_object_open(&w);
        json_member_text(&w, "kind", c->protection.policy.entry[i].protection->name);
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
    return json_end(&w);
}

static enum status print(const struct clean *c, const char *policy)
{
    if (c->o->json)
        return print_json(c, policy);
    printf("policy    %s, on %s\n", policy, c->o->model);
    printf("runs      %" PRIu64 " requests, %" PRIu64 " tokens; %" PRIu64
           " with other bits, %" PRIu64 " columns computed again\n",
           c->requests, c->tokens, c->differ, c->redone);
    printf("%-14s %7s %7s %10s  %s\n", "", "damage", "doubt", "checks",
           "per token, per request [95 %]");
    for (uint32_t i = 0; i < c->protection.policy.n; i++) {
        const struct alarms *a = &c->alarms[i];
        const struct stats_interval token = share(a->damage + a->doubt, c->tokens);
        const struct stats_interval request = share(a->requests, c->requests);
        printf("%-14s %7" PRIu64 " %7" PRIu64 " %10" PRIu64 "  [%.2g, %.2g], [%.2g, %.2g]\n",
               c->protection.policy.entry[i].protection->name, a->damage, a->doubt, a->checks,
               token.low, token.high, request.low, request.high);
    }
    return cli_output_flush();
}

static enum status open_clean(struct clean *c, const struct cli_env *env, const char *policy)
{
    const struct cli_protect_options *o = c->o;
    enum status st = cli_manifest_open(&c->model, env, o->model);
    if (st)
        return st;
    const struct executor_params needs = {.model = c->model,
                                          .act = (enum storage)o->act,
                                          .kv = (enum storage)o->kv,
                                          .positions = PROMPT_MOST + DECODED,
                                          .branches = 1,
                                          .threads = (uint32_t)o->threads};
    cli_progress_init(&c->progress, 0, 0);
    st = cli_device_open(&c->device, env, o->device, &needs, &c->progress);
    c->params = (struct generate_params){
        .ex = c->device.ex, .save_position = EXECUTOR_NONE, .rules = {.n = DECODED}};
    return st ? st : cli_protection_open(&c->protection, &c->arena, policy, c->device.ex);
}

static enum status check(const struct clean *c)
{
    for (uint32_t i = 0; i < c->protection.policy.n; i++) {
        if (c->alarms[i].damage > 0) {
            log_error("protect clean: %" PRIu64 " alarms of damage by %s, expected none in clean "
                      "runs",
                      c->alarms[i].damage, c->protection.policy.entry[i].protection->name);
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
    struct clean c = {.o = o};
    enum status st = cli_manifest_check(o->model);
    if (!st && o->tasks.count == 0) {
        log_error("protect clean: found no --tasks, expected at least one");
        st = STATUS_USAGE;
    }
    if (st)
        return st;
    st = open_clean(&c, env, operands->item[0]);
    for (size_t i = 0; i < o->tasks.count && !st; i++)
        st = run_task(&c, env, o->tasks.item[i]);
    st = st ? st : print(&c, operands->item[0]);
    st = st ? st : check(&c);
    cli_protection_close(&c.protection);
    const enum status closed = cli_device_finish(&c.device);
    model_close(&c.model);
    arena_finish(&c.arena);
    return st ? st : closed;
}
