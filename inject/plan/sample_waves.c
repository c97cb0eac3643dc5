/* SPDX-License-Identifier: MIT */
/* Plans the trials of each stratum in each wave, their controls and their ids. */
#include <inttypes.h>
#include <math.h>

#include "base/log.h"
#include "inject/plan/sample_internal.h"
#include "inject/stats/stats_plan.h"

#define WAVE_KEY (UINT64_C(5) << 56) /* apart from all keys of draws */

static struct stats_plan_goal goal_of(const struct sample *s, const struct sample_weighed *h)
{
    const struct plan *plan = s->plan;
    static const enum stats_plan_kind kinds[] = {[PLAN_GOAL_TRIALS] = STATS_PLAN_HALF_WIDTH,
                                                 [PLAN_GOAL_HALF_WIDTH] = STATS_PLAN_HALF_WIDTH,
                                                 [PLAN_GOAL_RELATIVE] = STATS_PLAN_RELATIVE,
                                                 [PLAN_GOAL_UPPER_BOUND] = STATS_PLAN_UPPER_BOUND};
    return (struct stats_plan_goal){.kind = kinds[plan->goal],
                                    .target = plan->goal_value,
                                    .confidence = plan->confidence,
                                    .rate = plan->expected_rate,
                                    .design_effect = plan->design_effect,
                                    .population = h->shown.size * (s->n_items / s->n_strike)};
}

/* Trials wanted of a stratum, before its size caps them. */
static enum status wanted(const struct sample *s, uint32_t index, double *out)
{
    const struct plan *plan = s->plan;
    const struct sample_weighed *h = &s->stratum[index];
    const double per_fault = s->n_items / s->n_strike;
    if (plan->population == PLAN_CENSUS) {
        *out = h->shown.size * per_fault;
    } else if (plan->goal == PLAN_GOAL_TRIALS) {
        const uint64_t n = plan->trials, rest = n % s->n_strata;
        *out = plan->population == PLAN_EQUAL ? (double)n
               : plan->allocation == PLAN_ALLOCATE_PROPORTIONAL
                   ? fmax(round((double)n * h->shown.weight), 1)
                   : (double)(n / s->n_strata + (index < rest));
    } else {
        const struct stats_plan_goal goal = goal_of(s, h);
        const uint64_t n = stats_plan_trials(&goal);
        if (n == STATS_PLAN_NEVER) {
            log_error("%s: no number of trials meets the goal of %g in stratum '%s'",
                      plan_place(plan, "/sampling"), plan->goal_value, h->shown.label);
            return STATUS_INPUT;
        }
        *out = (double)n;
    }
    if (*out < 1) {
        log_error("%s: found %" PRIu64 " trials for %u strata, expected at least one each",
                  plan_place(plan, "/sampling/trials"), plan->trials, s->n_strata);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

/* Faults of a stratum in a further wave: its share is that of the first wave. */
static enum status wanted_further(const struct sample *s, uint32_t wave, uint32_t index,
                                  double *out)
{
    const struct plan *plan = s->plan;
    const struct sample_wave *first = &s->wave[0];
    const double per_fault = s->n_items / s->n_strike;
    const double all = ceil((double)plan->wave[wave - 1] / per_fault);
    const double total = (double)first->n_faults;
    if (plan->population == PLAN_EQUAL) {
        *out = all;
        return STATUS_OK;
    }
    if (all < s->n_strata) {
        log_error("%s: found %" PRIu64 " trials for %u strata, expected at least one each",
                  plan_place(plan, "/sampling/waves"), plan->wave[wave - 1], s->n_strata);
        return STATUS_INPUT;
    }
    *out = round(all * ((double)first->first_fault[index + 1] / total)) -
           round(all * ((double)first->first_fault[index] / total));
    *out = fmax(*out, 1);
    return STATUS_OK;
}

/* Adds a stratum to a wave. */
static enum status plan_row(struct sample *s, uint32_t wave, uint32_t index)
{
    struct sample_weighed *h = &s->stratum[index];
    struct sample_wave *w = &s->wave[wave];
    const double per_fault = s->n_items / s->n_strike;
    double n = 0;
    enum status st = wave ? wanted_further(s, wave, index, &n) : wanted(s, index, &n);
    if (st)
        return st;
    n = wave ? n : ceil(n / per_fault);
    const double faults = fmin(n, floor(h->shown.size));
    if (!((double)(w->first_index + w->n_faults) + faults < 0x1p52 / per_fault)) {
        log_error("%s: found more than 2^52 trials up to stratum '%s'",
                  plan_place(s->plan, "/sampling"), h->shown.label);
        return STATUS_INPUT;
    }
    w->n_faults += (uint64_t)faults;
    w->first_fault[index + 1] = w->n_faults;
    h->shown.trials += (uint64_t)(faults * per_fault);
    h->shown.cut += (uint64_t)((n - faults) * per_fault);
    return STATUS_OK;
}

static uint64_t share_of(double share, uint64_t trials)
{
    return (uint64_t)ceil(share * (double)trials);
}

static void plan_controls(const struct sample *s, struct sample_wave *w)
{
    const struct plan *plan = s->plan;
    w->n_trials = w->n_faults * (s->n_items / s->n_strike);
    w->control[ROLE_TRIAL] = w->n_trials;
    w->control[ROLE_DRY] = share_of(plan->control_dry, w->n_trials);
    w->control[ROLE_SENTINEL] = share_of(plan->control_sentinel, w->n_trials);
    w->control[ROLE_NAIVE] = share_of(plan->control_naive, w->n_trials);
    w->control[ROLE_CPU] = share_of(plan->control_cpu, w->n_trials);
    for (int role = ROLE_DRY; role < ROLE_COUNT; role++)
        w->n_control += w->control[role];
}

static enum status make_wave(struct sample *s, uint32_t wave)
{
    struct sample_wave *w = &s->wave[wave];
    enum status st = STATUS_OK;
    *w = (struct sample_wave){.key = wave ? sample_index_key(s->key, WAVE_KEY | wave) : s->key};
    if (wave > 0) {
        const struct sample_wave *before = w - 1;
        w->first_id = before->first_id + before->n_trials + before->n_control;
        w->first_index = before->first_index + before->n_faults;
    }
    w->first_fault = arena_array(&s->arena, (size_t)s->n_strata + 1, sizeof(*w->first_fault));
    if (!w->first_fault)
        return STATUS_MEMORY;
    for (uint32_t i = 0; !st && i < s->n_strata; i++)
        st = plan_row(s, wave, i);
    if (!st)
        plan_controls(s, w);
    return st;
}

/* Completes a stratum over all waves. Two waves may draw the same fault. */
static void finish_row(struct sample *s, uint32_t index)
{
    struct sample_weighed *h = &s->stratum[index];
    const uint64_t *first = s->wave[0].first_fault;
    const double faults = (double)(first[index + 1] - first[index]);
    struct stats_plan_goal goal = goal_of(s, h);
    /* further faults of a trial are independent draws */
    h->shown.distinct =
        s->n_waves == 1 && (s->plan->population == PLAN_CENSUS ||
                            (s->plan->faults_per_trial == 1 &&
                             faults * (s->fault_set[h->fault_set].ratio / h->weight) <= 1 + 1e-9));
    goal.population = h->shown.distinct ? goal.population : 0;
    h->shown.expected = stats_plan_expected(&goal, h->shown.trials);
}

enum status sample_waves_make(struct sample *s)
{
    enum status st = STATUS_OK;
    s->n_waves = s->plan->n_waves + 1;
    s->wave = arena_array(&s->arena, s->n_waves, sizeof(*s->wave));
    if (!s->wave)
        return STATUS_MEMORY;
    for (uint32_t i = 0; !st && i < s->n_waves; i++)
        st = make_wave(s, i);
    for (uint32_t i = 0; !st && i < s->n_strata; i++)
        finish_row(s, i);
    return st;
}

uint64_t sample_wave_begin(const struct sample *sample, uint32_t wave)
{
    const struct sample_wave *last = &sample->wave[sample->n_waves - 1];
    return wave < sample->n_waves ? sample->wave[wave].first_id
                                  : last->first_id + last->n_trials + last->n_control;
}

uint64_t sample_trials(const struct sample *sample)
{
    return sample_wave_begin(sample, sample->n_waves);
}

uint64_t sample_role_trials(const struct sample *sample, enum trial_role role)
{
    uint64_t trials = 0;
    for (uint32_t i = 0; i < sample->n_waves; i++)
        trials += sample->wave[i].control[role];
    return trials;
}

uint64_t sample_cut(const struct sample *sample)
{
    uint64_t trials = 0;
    for (uint32_t i = 0; i < sample->n_strata; i++)
        trials += sample->stratum[i].shown.cut;
    return trials;
}
