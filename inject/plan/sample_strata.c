/* SPDX-License-Identifier: MIT */
/* Crosses cores with sets of items into strata: their weights, sizes, labels and planned trials. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "inject/plan/plan_confirm.h"
#include "inject/plan/sample_internal.h"
#include "inject/stats/stats_plan.h"

static bool has_dimension(const struct plan *plan, enum plan_dimension dimension)
{
    for (uint32_t i = 0; i < plan->n_strata; i++) {
        if (plan->strata[i] == dimension)
            return true;
    }
    return false;
}

/* The set an item goes into, made if it is the first. */
static uint32_t set_of(struct sample *s, uint32_t item)
{
    const bool by_item = has_dimension(s->plan, PLAN_BY_ITEM);
    const char *label = has_dimension(s->plan, PLAN_BY_GROUP) ? s->plan->item[item].group : "";
    for (uint32_t k = 0; !by_item && k < s->n_sets; k++) {
        if (strcmp(s->set[k].label, label) == 0)
            return k;
    }
    s->set[s->n_sets] = (struct sample_set){.label = label};
    return s->n_sets++;
}

/* One set of all items, or one an item, or one a group. */
static enum status make_sets(struct sample *s)
{
    uint32_t *set = arena_array(&s->arena, s->n_strike, sizeof *set);
    s->set = arena_array(&s->arena, s->n_strike, sizeof *s->set);
    s->set_item = arena_array(&s->arena, s->n_strike, sizeof *s->set_item);
    if (!set || !s->set || !s->set_item)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < s->n_strike; i++) {
        set[i] = set_of(s, i);
        s->set[set[i]].count++;
    }
    for (uint32_t k = 1; k < s->n_sets; k++)
        s->set[k].first = s->set[k - 1].first + s->set[k - 1].count;
    for (uint32_t k = 0; k < s->n_sets; k++)
        s->set[k].count = 0;
    for (uint32_t i = 0; i < s->n_strike; i++) {
        struct sample_set *to = &s->set[set[i]];
        s->set_item[to->first + to->count++] = i;
    }
    return STATUS_OK;
}

/* sum over the classes of a core, for an item. */
static double core_sum(const struct sample *s, const double *by_class, uint32_t item)
{
    double sum = 0;
    for (uint32_t k = 0; k < s->n_classes; k++) {
        if (by_class[k] > 0)
            sum += by_class[k] * sample_growth_all(s, &s->class[k], &s -> strike[item]);
    }
    return sum;
}

static enum status label_row(struct sample *s, struct sample_row *row)
{
    const struct plan *plan = s->plan;
    const struct sample_set *set = &s->set[row->set];
    const struct plan_item *item = &plan->item[s->set_item[set->first]];
    struct text text = {0};
    const char **value = arena_array(&s->arena, PLAN_DIMENSION_COUNT, sizeof *value);
    if (!value)
        return STATUS_MEMORY;
    enum status st = text_add(&text, plan->n_strata ? "" : "all", plan->n_strata ? 0 : 3);
    for (uint32_t i = 0; !st && i < plan->n_strata; i++) {
        const enum plan_dimension d = plan->strata[i];
        if (d == PLAN_BY_ITEM)
            value[d] = arena_printf(&s->arena, "%u", s->set_item[set->first]);
        else if (d == PLAN_BY_GROUP)
            value[d] = item->group[0] ? item->group : "none";
        else
            value[d] = sample_cores_text(s, d, s->core[row->core].key[d]);
        if (!value[d])
            st = STATUS_MEMORY;
        else
            st = text_addf(&text, "%s%s=%s", i ? " " : "", plan_dimension_name[d], value[d]);
    }
    row->row.value = value;
    row->row.label = st ? NULL : arena_text(&s->arena, text.data, text.size);
    text_finish(&text);
    return st ? st : row->row.label ? STATUS_OK : STATUS_MEMORY;
}

/* Adds the stratum unless the items leave nothing in it. */
static enum status add_row(struct sample *s, uint32_t core, uint32_t set)
{
    struct sample_row *row = &s->stratum[s->n_strata];
    const struct sample_set *items = &s->set[set];
    double *cum = arena_array(&s->arena, items->count, sizeof *cum);
    if (!cum)
        return STATUS_MEMORY;
    *row = (struct sample_row){.core = core, .set = set, .item = cum};
    for (uint32_t i = 0; i < items->count; i++) {
        const uint32_t item = s->set_item[items->first + i];
        row->weight += core_sum(s, s->core[core].weight, item) * s->scale[item];
        row->row.size += core_sum(s, s->core[core].elements, item);
        cum[i] = row->weight;
    }
    if (!(row->weight > 0))
        return STATUS_OK;
    s->n_strata++;
    return label_row(s, row);
}

/* Of a plan that confirms only its own strata stay. */
static enum status keep_confirmed(struct sample *s)
{
    const struct plan_confirm *confirm = &s->plan->confirm;
    uint32_t kept = 0;
    if (confirm->n_strata == 0 || s->n_strata == 0)
        return STATUS_OK;
    for (uint32_t i = 0; i < s->n_strata; i++) {
        if (plan_confirm_has(confirm, s->stratum[i].row.label)) {
            const struct sample_row row = s->stratum[i];
            s->stratum[i] = s->stratum[kept]; /* what is dropped may still name the example */
            s->stratum[kept++] = row;
        }
    }
    for (uint32_t c = 0; kept < confirm->n_strata && c < confirm->n_strata; c++) {
        uint32_t i = 0;
        while (i < kept && strcmp(s->stratum[i].row.label, confirm->stratum[c]) != 0)
            i++;
        if (i < kept)
            continue;
        log_error("%s: found no stratum '%s', expected one of the plan's %" PRIu32 " such as '%s'",
                  plan_place(s->plan, "/confirm/strata"), confirm->stratum[c], s->n_strata,
                  s->stratum[0].row.label);
        return STATUS_INPUT;
    }
    s->n_strata = kept;
    return STATUS_OK;
}

static enum status make_rows(struct sample *s)
{
    const uint64_t room = (uint64_t)s->n_cores * s->n_sets;
    const bool total = s->plan->population == PLAN_OPS || s->plan->population == PLAN_BITS;
    double sum = 0;
    enum status st = STATUS_OK;
    if (room > SAMPLE_STRATA) {
        log_error("%s: found %" PRIu64 " strata, expected at most %d",
                  plan_place(s->plan, "/strata"), room, SAMPLE_STRATA);
        return STATUS_INPUT;
    }
    s->stratum = arena_array(&s->arena, room, sizeof *s->stratum);
    if (!s->stratum)
        return STATUS_MEMORY;
    for (uint32_t c = 0; !st && c < s->n_cores; c++) {
        for (uint32_t k = 0; !st && k < s->n_sets; k++)
            st = add_row(s, c, k);
    }
    if (!st && s->n_strata == 0) {
        log_error("%s: found no position at which something could be struck, expected stages and "
                  "steps that the items reach",
                  plan_place(s->plan, "/when"));
        return STATUS_INPUT;
    }
    if (!st)
        st = keep_confirmed(s);
    for (uint32_t i = 0; i < s->n_strata; i++)
        sum += s->stratum[i].weight;
    for (uint32_t i = 0; i < s->n_strata; i++)
        s->stratum[i].row.weight = total ? s->stratum[i].weight / sum : NAN;
    return st;
}

static struct stats_plan_goal goal_of(const struct sample *s, const struct sample_row *row)
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
                                    .population = row->row.size * (s->n_items / s->n_strike)};
}

/* Trials wanted of a stratum, before what it holds caps them. */
static enum status wanted(const struct sample *s, uint32_t index, double *out)
{
    const struct plan *plan = s->plan;
    const struct sample_row *row = &s->stratum[index];
    const double per_fault = s->n_items / s->n_strike;
    if (plan->population == PLAN_CENSUS) {
        *out = row->row.size * per_fault;
    } else if (plan->goal == PLAN_GOAL_TRIALS) {
        const uint64_t n = plan->trials, rest = n % s->n_strata;
        *out = plan->population == PLAN_EQUAL ? (double)n
               : plan->allocation == PLAN_ALLOCATE_PROPORTIONAL
                   ? fmax(round((double)n * row->row.weight), 1)
                   : (double)(n / s->n_strata + (index < rest));
    } else {
        const struct stats_plan_goal goal = goal_of(s, row);
        const uint64_t n = stats_plan_trials(&goal);
        if (n == STATS_PLAN_NEVER) {
            log_error("%s: no number of trials meets the goal of %g in stratum '%s'",
                      plan_place(plan, "/sampling"), plan->goal_value, row->row.label);
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

static enum status plan_row(struct sample *s, uint32_t index)
{
    struct sample_row *row = &s->stratum[index];
    const double per_fault = s->n_items / s->n_strike;
    double n = 0;
    enum status st = wanted(s, index, &n);
    if (st)
        return st;
    const double faults = fmin(ceil(n / per_fault), floor(row->row.size));
    if (!((double)s->n_faults + faults < 0x1p52 / per_fault)) {
        log_error("%s: found more than 2^52 trials up to stratum '%s'",
                  plan_place(s->plan, "/sampling"), row->row.label);
        return STATUS_INPUT;
    }
    row->first_fault = s->n_faults;
    row->faults = (uint64_t)faults;
    s->n_faults += row->faults;
    row->row.trials = row->faults * (s->n_items / s->n_strike);
    /* further faults of a trial are independent draws */
    row->row.distinct = s->plan->population == PLAN_CENSUS ||
                        (s->plan->faults_per_trial == 1 &&
                         faults * (s->core[row->core].ratio / row->weight) <= 1 + 1e-9);
    struct stats_plan_goal goal = goal_of(s, row);
    goal.population = row->row.distinct ? goal.population : 0;
    row->row.expected = stats_plan_expected(&goal, row->row.trials);
    return STATUS_OK;
}

static uint64_t share_of(double share, uint64_t trials)
{
    return (uint64_t)ceil(share * (double)trials);
}

static void plan_controls(struct sample *s)
{
    const struct plan *plan = s->plan;
    s->n_trials = s->n_faults * (s->n_items / s->n_strike);
    s->control[ROLE_TRIAL] = s->n_trials;
    s->control[ROLE_DRY] = share_of(plan->control_dry, s->n_trials);
    s->control[ROLE_SENTINEL] = share_of(plan->control_sentinel, s->n_trials);
    s->control[ROLE_NAIVE] = share_of(plan->control_naive, s->n_trials);
    s->control[ROLE_CPU] = share_of(plan->control_cpu, s->n_trials);
    for (int role = ROLE_DRY; role < ROLE_COUNT; role++)
        s->n_control += s->control[role];
}

enum status sample_strata_make(struct sample *s)
{
    enum status st = make_sets(s);
    if (!st)
        st = make_rows(s);
    for (uint32_t i = 0; !st && i < s->n_strata; i++)
        st = plan_row(s, i);
    if (!st)
        plan_controls(s);
    return st;
}

double sample_strata_bits(const struct sample *s, const struct sample_row *row, uint32_t item)
{
    const struct sample_core *core = &s->core[row->core];
    const struct sample_item *strike = &s->strike[item];
    double sum = 0;
    if (s->plan->population != PLAN_BITS)
        return core_sum(s, core->elements, item);
    /* at rest: each bit once, however long it may be struck */
    for (uint32_t k = 0; k < s->n_classes; k++) {
        const double end = strike->n_prompt + strike->n_tokens - 1;
        const double copies = s->class[k].growth == GROWTH_ENTRIES ? end - 1
                              : s->class[k].growth == GROWTH_ROWS  ? end
                                                                   : 1;
        sum += core->elements[k] > 0 ? core->elements[k] * copies : 0;
    }
    return sum;
}
