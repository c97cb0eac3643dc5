/* SPDX-License-Identifier: MIT */
/* Pilots as campaigns with a limit, on a temporary database. */
#include "cli/cli_plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/cli_campaign.h"
#include "cli/cli_task.h"
#include "inject/report/report_interval.h"
#include "inject/report/report_rate.h"
#include "inject/report/report_source.h"

#define PROMPTS 8u   /* of a pilot: enough to see differences, with few golden runs */
#define SECONDS 60.0 /* a slow device runs fewer trials in this time */
#define WINDOW 256.0 /* trials per golden run of a prompt (inject/campaign/README.md) */

/* --- the share of SDC --- */

/* Events and trials of each item, for the variance between and within. */
static enum status find_parts(struct cli_plan_share *out, struct arena *arena,
                              const struct report_data *data)
{
    uint64_t *events = arena_array(arena, data->n_items, sizeof(*events));
    uint64_t *trials = arena_array(arena, data->n_items, sizeof(*trials));
    if (!events || !trials)
        return STATUS_MEMORY;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        trials[t->base]++;
        events[t->base] += REPORT_SDC >> t->outcome & 1;
    }
    for (uint32_t i = 0; i < data->n_bases; i++) {
        out->counted += trials[i];
        out->events += events[i];
        out->prompts += trials[i] > 0;
    }
    stats_plan_components(&out->parts, &(struct stats_plan_pilot){events, trials, data->n_bases});
    return STATUS_OK;
}

static enum status find_rate(struct cli_plan_share *out, struct arena *arena,
                             struct report_data *data)
{
    struct report_work work;
    struct report_rate rate;
    const enum status st = report_work_init(&work, arena, data);
    if (st)
        return st;
    report_rate_floor(data, &work);
    report_rate(&rate, &work,
                &(struct report_query){.events = REPORT_SDC,
                                       .level = {data->plan->confidence, STATS_INTERVAL_BOTH}});
    out->rate = rate.estimate.rate;
    out->interval = rate.interval;
    out->design_effect = rate.estimate.design_effect;
    return STATUS_OK;
}

/* Half width of the weighted total at a rate and design effect, strata taken as independent. */
static double total_within(const struct cli_plan *p, double rate, double effect)
{
    const double per_fault = p->plan.design == PLAN_NESTED ? 1 : p->plan.n_items;
    double square = 0;
    for (uint32_t h = 0; h < sample_strata(p->sample); h++) {
        const struct sample_stratum s = sample_stratum(p->sample, h);
        const struct stats_plan_goal goal = {.kind = STATS_PLAN_HALF_WIDTH,
                                             .confidence = p->plan.confidence,
                                             .rate = rate,
                                             .design_effect = effect,
                                             .population = s.distinct ? s.size * per_fault : 0};
        const double half = s.weight * stats_plan_expected(&goal, s.trials);
        square += half * half;
    }
    return sqrt(square);
}

/* Predictions for the plan. Without an event the rate may be up to the interval's end. */
static void look_ahead(struct cli_plan_share *out, const struct cli_plan *plan,
                       const struct cli_plan_speed *speed)
{
    const double rate = out->rate > 0 ? out->rate : out->interval.bounds.high;
    const double correlation = out->parts.correlation;
    out->planned = (double)sample_role_trials(plan->sample, ROLE_TRIAL) / plan_bases(&plan->plan);
    out->effect =
        isnan(correlation) ? NAN : stats_plan_design_effect(correlation, fmax(out->planned, 1));
    out->best = isnan(correlation) ? STATS_PLAN_NEVER
                                   : stats_plan_trials_per_item(&out->parts, speed->prompt_seconds,
                                                                1 / speed->per_second);
    out->half_width =
        isnan(out->rate)
            ? NAN
            : total_within(plan, rate, isnan(out->effect) ? plan->plan.design_effect : out->effect);
}

static enum status read_share(struct cli_plan_share *out, const char *database)
{
    struct report_source source = {0};
    struct arena arena = {0};
    *out = (struct cli_plan_share){.rate = NAN};
    enum status st = report_source_open(&source, database);
    st = st ? st : report_source_load(&source, UINT64_MAX);
    st = st ? st : find_parts(out, &arena, &source.data);
    st = st ? st : find_rate(out, &arena, &source.data);
    report_source_finish(&source);
    arena_finish(&arena);
    return st;
}

/* --- the runs --- */

struct job {
    const struct cli_env *env;
    const char *path;
    const struct cli_plan *plan;
    const struct cli_plan_options *options;
};

void cli_plan_pilot_hours(struct cli_plan_speed *speed, const struct cli_plan *plan)
{
    const double runs = (double)sample_trials(plan->sample);
    const double prompts = fmax(plan->plan.n_items, runs / WINDOW);
    speed->hours = (runs / speed->per_second + prompts * speed->prompt_seconds) / 3600;
}

/* The campaign's first device is the named one. */
static enum status take_speed(struct cli_plan_speed *out, const struct cli_campaign *c,
                              const char *device, const struct cli_plan *plan)
{
    const struct campaign_rate *rate = &c->rate[0];
    if (rate->done == 0 || !(rate->trial_seconds > 0)) {
        log_error("%s: the pilot ended before a trial was done", device);
        return STATUS_DEVICE;
    }
    *out = (struct cli_plan_speed){.per_second = (double)rate->done / rate->trial_seconds,
                                   .prompt_seconds = (rate->seconds - rate->trial_seconds) /
                                                     (rate->prompts ? rate->prompts : 1)};
    snprintf(out->name, sizeof(out->name), "%s", device);
    cli_plan_pilot_hours(out, plan);
    return STATUS_OK;
}

static enum status run_device(struct cli_plan_pilot *out, const struct job *job, const char *device)
{
    const struct args_list devices = {.count = 1, .item = {device}};
    const struct cli_campaign_call call = {.devices = &devices,
                                           .threads = job->options->threads,
                                           .limit = job->options->pilot,
                                           .seconds = SECONDS,
                                           .whole = true};
    struct cli_plan_speed *speed = &out->speed[out->n_speeds];
    struct cli_plan_share share;
    struct cli_campaign c;
    enum status st = cli_campaign_open(&c, job->env, &call);
    st = st ? st
            : plan_load(&c.crew->plan, &c.crew->arena, job->path,
                        &(struct plan_tasks){cli_task_of_plan, job->env});
    if (!st) {
        struct plan *plan = &c.crew->plan;
        plan->model = job->options->model ? job->options->model : plan->model;
        plan->n_items = plan->n_items < PROMPTS ? plan->n_items : PROMPTS;
        st = cli_campaign_run(&c, job->env, NULL);
    }
    const bool whole = !st && !cli_campaign_interrupted(&c);
    if (whole)
        st = take_speed(speed, &c, device, job->plan);
    if (whole && !st)
        st = read_share(&share, c.database);
    if (whole && !st) {
        out->n_speeds++;
        if (share.counted > out->share.counted || out->n_speeds == 1) {
            look_ahead(&share, job->plan, speed);
            out->share = share;
        }
    }
    cli_campaign_close(&c, st); /* if interrupted, the program ends here */
    return st;
}

enum status cli_plan_pilot(struct cli_plan_pilot *out, const struct cli_env *env, const char *path,
                           const struct cli_plan *plan, const struct cli_plan_options *options)
{
    const struct job job = {env, path, plan, options};
    enum status st = STATUS_OK;
    *out = (struct cli_plan_pilot){.trials = (uint32_t)options->pilot};
    if (options->devices.count > CAMPAIGN_DEVICES_MAX) {
        log_error("found %zu devices, expected at most %d", options->devices.count,
                  CAMPAIGN_DEVICES_MAX);
        return STATUS_USAGE;
    }
    for (size_t i = 0; !st && i < options->devices.count; i++)
        st = run_device(out, &job, options->devices.item[i]);
    return st;
}

/* --- output --- */

static void print_prompts(const struct cli_plan_share *s)
{
    if (isnan(s->parts.correlation)) {
        printf("prompts     one alone: how much they differ is not known\n");
        return;
    }
    printf("prompts     correlation of trials of one prompt %.3g: with %.0f of each, design effect "
           "%.2f",
           s->parts.correlation, s->planned, s->effect);
    if (s->best == STATS_PLAN_NEVER)
        printf("; any number of each will do\n");
    else
        printf("; %" PRIu64 " of each tell most for their cost\n", s->best);
}

static void print_share(const struct cli_plan_share *s, double confidence)
{
    char text[REPORT_INTERVAL_TEXT];
    report_interval_text(text, &(struct report_interval){s->rate, s->interval, 1}, confidence);
    printf(", share of the whole %s, design effect %.2f\n", text, s->design_effect);
}

void cli_plan_pilot_print(const struct cli_plan_pilot *pilot, const struct cli_plan *plan)
{
    const struct cli_plan_share *s = &pilot->share;
    if (pilot->n_speeds == 0)
        return;
    printf("pilot       %" PRIu64 " trials of %" PRIu32 " prompts: SDC %" PRIu64, s->counted,
           s->prompts, s->events);
    if (isnan(s->rate))
        printf("; no share of the whole (strata without weights, or without a trial here)\n");
    else
        print_share(s, plan->plan.confidence);
    print_prompts(s);
    if (!isnan(s->half_width))
        printf("precision   total within %.4g at the pilot's %s and design effect\n", s->half_width,
               s->events > 0 ? "share" : "upper end");
}

void cli_plan_pilot_json(struct json_writer *w, const struct cli_plan_pilot *pilot)
{
    const struct cli_plan_share *s = &pilot->share;
    if (pilot->n_speeds == 0) {
        json_member_null(w, "pilot");
        return;
    }
    const bool known = !isnan(s->rate);
    json_member_object(w, "pilot");
    json_member_int(w, "trials", s->counted);
    json_member_int(w, "prompts", s->prompts);
    json_member_int(w, "events", s->events);
    json_member_number(w, "rate", s->rate);
    json_member_number(w, "low", known ? s->interval.bounds.low : NAN);
    json_member_number(w, "high", known ? s->interval.bounds.high : NAN);
    if (known)
        report_interval_members(w, &s->interval);
    json_member_number(w, "design_effect", s->design_effect);
    json_member_number(w, "correlation", s->parts.correlation);
    json_member_number(w, "trials_a_prompt", s->planned);
    json_member_number(w, "planned_design_effect", s->effect);
    json_member_number(w, "best_trials_a_prompt",
                       s->best == STATS_PLAN_NEVER ? NAN : (double)s->best);
    json_member_number(w, "total_half_width", s->half_width);
    json_object_close(w);
}
