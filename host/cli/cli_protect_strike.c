/* SPDX-License-Identifier: MIT */
/* `vkfi protect strike`: trials of the protections' own memory (inject/trial/strike.h), as a table,
 * as JSON, or one alone. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/cli_manifest.h"
#include "cli/cli_prompt.h"
#include "cli/cli_protect.h"
#include "inject/trial/strike.h"

#define CONFIDENCE 0.95

struct own {
    struct cli_protect_run run;
    struct strike_params params;
    struct strike *strike;
};

static enum status run_trials(struct own *own)
{
    const uint64_t trials = own->run.o->trials;
    struct strike_trial trial;
    struct cli_progress progress;
    enum status st = STATUS_OK;
    cli_progress_init(&progress, 0, 0);
    for (uint64_t t = 0; t < trials && !st; t++) {
        cli_progress_show(&progress, "trial %" PRIu64 "/%" PRIu64, t + 1, trials);
        st = strike_run(own->strike, t, &trial);
    }
    cli_progress_clear(&progress);
    return st;
}

static enum status put_json(const char **out, struct own *own)
{
    uint32_t n;
    const struct strike_area *area = strike_areas(own->strike, &n);
    struct json_memory m;
    json_begin_memory(&m, true);
    json_object_open(&m.w);
    enum status st = cli_protect_json(&m.w, &own->run);
    json_member_int(&m.w, "seed", (int64_t)own->run.o->seed);
    json_member_int(&m.w, "prompt_tokens", own->params.n_ids);
    json_member_int(&m.w, "tokens", own->params.n);
    strike_put(&m.w, area, n, CONFIDENCE);
    json_object_close(&m.w);
    const enum status ended = json_end_memory(&m, &own->run.arena);
    st = st ? st : ended;
    *out = st ? NULL : m.text;
    return st;
}

static void print_shares(const struct strike_share share[STRIKE_EFFECTS])
{
    for (int e = STRIKE_FALSE_ALARM; e < STRIKE_EFFECTS; e++)
        printf("  %5.1f [%.1f, %.1f]", 100 * share[e].rate, 100 * share[e].bounds.low,
               100 * share[e].bounds.high);
    putchar('\n');
}

static enum status print_table(const struct own *own)
{
    struct strike_share share[STRIKE_EFFECTS];
    uint32_t n;
    const struct strike_area *area = strike_areas(own->strike, &n);
    printf("%-28s %12s %6s  %s\n", "memory", "bits", "n",
           "false alarm, refused, harmed: % [95 %, exact]");
    for (uint32_t i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s.%s", area[i].protection, area[i].name);
        printf("%-28s %12" PRIu64 " %6" PRIu64, name, area[i].bits, strike_trials(&area[i]));
        for (int e = 0; e < STRIKE_EFFECTS; e++)
            share[e] = strike_share_of(&area[i], (enum strike_effect)e, CONFIDENCE);
        print_shares(share);
    }
    printf("%-28s %12s %6s", "all, by bits", "", "");
    for (int e = 0; e < STRIKE_EFFECTS; e++)
        share[e] = strike_total(area, n, (enum strike_effect)e, CONFIDENCE);
    print_shares(share);
    return cli_output_flush();
}

static enum status print(struct own *own)
{
    const struct cli_protect_options *o = own->run.o;
    const char *text = NULL;
    enum status st = o->json || o->output ? put_json(&text, own) : STATUS_OK;
    if (!st && o->output)
        st = file_write(o->output, text, strlen(text));
    if (st)
        return st;
    if (!o->json)
        return print_table(own);
    fputs(text, stdout);
    return cli_output_flush();
}

static enum status print_trial(struct own *own)
{
    struct strike_trial trial;
    const enum status st = strike_run(own->strike, own->run.o->trial, &trial);
    if (st)
        return st;
    printf("trial %" PRIu64 ": bit %" PRIu64 " of %s.%s at position %" PRIu32 ": %s\n",
           own->run.o->trial, trial.bit, trial.area->protection, trial.area->name, trial.position,
           strike_effect_name(trial.effect));
    return cli_output_flush();
}

static enum status open_strike(struct own *own, const struct cli_env *env)
{
    static const char prompt[] = "A ship leaves the harbour with twelve crates of oranges. In the "
                                 "first port the crew sells four of them. Left on board are";
    struct cli_protect_run *run = &own->run;
    struct strike_params *params = &own->params;
    const struct cli_prompt given = {.text = run->o->prompt ? run->o->prompt : prompt};
    int32_t *ids = NULL;
    enum status st = cli_protect_open_model(run, env);
    st = st ? st : cli_prompt_ids(&given, run->model, &run->arena, &ids, &params->n_ids);
    st = st ? st : cli_prompt_fits(run->model, params->n_ids, run->o->n);
    st = st ? st : cli_protect_open_device(run, env, params->n_ids + (uint32_t)run->o->n);
    params->ex = run->device.ex;
    params->protector = run->protection.protector;
    params->ids = ids;
    params->n = (uint32_t)run->o->n;
    params->seed = run->o->seed;
    return st ? st : strike_open(&own->strike, params);
}

enum status cli_protect_strike(const struct cli_env *env, const void *options,
                               const struct args_list *operands)
{
    const struct cli_protect_options *o = options;
    struct own own = {.run = {.o = o, .policy = operands->item[0]}};
    const bool alone = o->trial != CLI_PROTECT_ALL;
    enum status st = cli_manifest_check(o->model);
    if (!st && alone && (o->json || o->output)) {
        log_error("protect strike: found --trial with %s, expected one of them",
                  o->json ? "--json" : "-o");
        st = STATUS_USAGE;
    }
    if (!st && o->output)
        st = file_check_writable(o->output);
    if (st)
        return st;
    st = open_strike(&own, env);
    if (!st && alone)
        st = print_trial(&own);
    else if (!st)
        st = run_trials(&own);
    if (!st && !alone)
        st = print(&own);
    strike_close(&own.strike);
    const enum status closed = cli_protect_close(&own.run);
    return st ? st : closed;
}
