/* SPDX-License-Identifier: MIT */
/* Closed forms, and bisection where the interval has none. */
#include "inject/stats/stats_plan.h"

#include <math.h>

#include "inject/stats/stats_interval.h"
#include "inject/stats/stats_special.h"

#define PLAN_FEW_EVENTS 10 /* as stats_cluster: exact below, Wilson from here */
#define PLAN_MOST 0x1p60   /* trials: beyond it a goal counts as out of reach */
#define PLAN_MOST_EVENTS 200000

static uint64_t whole(double n)
{
    return n >= 0 && n <= PLAN_MOST ? (uint64_t)fmax(ceil(n - 1e-9), 1) : STATS_PLAN_NEVER;
}

/* Finite-population correction of n. */
static double in_population(double n, double population)
{
    return population > 0 ? n / (1 + (n - 1) / population) : n;
}

static double two_sided_z(double confidence)
{
    return -stats_special_normal_quantile((1 - confidence) / 2);
}

uint64_t stats_plan_leveugle(const struct stats_plan_leveugle *goal)
{
    const double z = two_sided_z(goal->confidence);
    const double n = z * z * goal->rate * (1 - goal->rate) / (goal->margin * goal->margin);
    if (goal->population > 0)
        return whole(goal->population / (1 + (goal->population - 1) / n));
    return whole(n);
}

/* The goal's measure at a real number of independent trials. */
static double measure(const struct stats_plan_goal *goal, double n)
{
    const struct stats_interval_level level = {
        goal->confidence,
        goal->kind == STATS_PLAN_UPPER_BOUND ? STATS_INTERVAL_UPPER : STATS_INTERVAL_BOTH};
    const double rarer = goal->rate < 0.5 ? goal->rate : 1 - goal->rate;
    const struct stats_interval bounds =
        rarer * n < PLAN_FEW_EVENTS ? stats_interval_clopper_pearson(goal->rate * n, n, level)
                                    : stats_interval_wilson(goal->rate, n, level);
    if (goal->kind == STATS_PLAN_UPPER_BOUND)
        return bounds.high;
    return (bounds.high - bounds.low) / 2 / (goal->kind == STATS_PLAN_RELATIVE ? goal->rate : 1);
}

double stats_plan_expected(const struct stats_plan_goal *goal, uint64_t trials)
{
    const double n = (double)trials, left = 1 - (n - 1) / goal->population;
    if (goal->population > 0 && n >= goal->population)
        return goal->kind == STATS_PLAN_UPPER_BOUND ? goal->rate : 0;
    return measure(goal, n / (goal->population > 0 ? left : 1) / fmax(goal->design_effect, 1));
}

uint64_t stats_plan_trials(const struct stats_plan_goal *goal)
{
    double low = 0, high = 1;
    if (goal->kind == STATS_PLAN_UPPER_BOUND && !(goal->rate < goal->target))
        return STATS_PLAN_NEVER;
    while (!(measure(goal, high) <= goal->target)) {
        low = high;
        high *= 2;
        if (high > PLAN_MOST)
            return goal->population > 0 && goal->target >= 0 ? whole(goal->population)
                                                             : STATS_PLAN_NEVER;
    }
    for (int step = 0; step < 100 && high - low > 1e-9 * high; step++) {
        const double mid = low + (high - low) / 2;
        if (measure(goal, mid) <= goal->target)
            high = mid;
        else
            low = mid;
    }
    return whole(in_population(ceil(high - 1e-6) * fmax(goal->design_effect, 1), goal->population));
}

/* Whether c events in n trials pass: P(X <= c) <= 1 - confidence at the limit. */
static int passes(const struct stats_plan_gate *gate, double events, double n)
{
    return events <= n &&
           stats_special_binomial_at_most(events, n, gate->limit) <= 1 - gate->confidence;
}

double stats_plan_gate_power(const struct stats_plan_gate *gate, uint64_t trials)
{
    const double n = (double)trials;
    if (!passes(gate, 0, n))
        return isnan(gate->limit + gate->confidence) ? NAN : 0;
    double low = 0, high = n;
    while (high - low > 1) {
        const double mid = floor((low + high) / 2);
        if (passes(gate, mid, n))
            low = mid;
        else
            high = mid;
    }
    return stats_special_binomial_at_most(low, n, gate->rate);
}

/* Fewest trials in which `events` events pass. */
static double fewest_for(const struct stats_plan_gate *gate, double events)
{
    double low = events, high = events + 1;
    while (!passes(gate, events, high) && high < PLAN_MOST) {
        low = high;
        high *= 2;
    }
    while (high - low > 1) {
        const double mid = floor((low + high) / 2);
        if (passes(gate, events, mid))
            high = mid;
        else
            low = mid;
    }
    return high;
}

uint64_t stats_plan_gate_trials(const struct stats_plan_gate *gate)
{
    if (!(gate->rate >= 0 && gate->rate < gate->limit && gate->limit < 1 && gate->confidence < 1 &&
          gate->confidence > 0 && gate->power < 1))
        return STATS_PLAN_NEVER;
    double low = -1, high = 0; /* allowed events: power grows with them */
    while (high < PLAN_MOST_EVENTS &&
           stats_plan_gate_power(gate, (uint64_t)fewest_for(gate, high)) < gate->power) {
        low = high;
        high = 2 * high + 1;
    }
    if (high >= PLAN_MOST_EVENTS)
        return STATS_PLAN_NEVER;
    while (high - low > 1) {
        const double mid = floor((low + high) / 2);
        if (stats_plan_gate_power(gate, (uint64_t)fewest_for(gate, mid)) < gate->power)
            low = mid;
        else
            high = mid;
    }
    return (uint64_t)fewest_for(gate, high);
}

uint64_t stats_plan_two_arms(const struct stats_plan_arms *arms)
{
    const double p = arms->first, q = arms->second, mean = (p + q) / 2;
    const double root =
        two_sided_z(arms->confidence) * sqrt(2 * mean * (1 - mean)) +
        stats_special_normal_quantile(arms->power) * sqrt(p * (1 - p) + q * (1 - q));
    return whole(root * root / ((p - q) * (p - q)));
}

uint64_t stats_plan_pairs(const struct stats_plan_arms *arms)
{
    const double sum = arms->first + arms->second, difference = arms->first - arms->second;
    const double root =
        two_sided_z(arms->confidence) * sqrt(sum) +
        stats_special_normal_quantile(arms->power) * sqrt(sum - difference * difference);
    return whole(root * root / (difference * difference));
}

void stats_plan_allocation(double *share, const struct stats_plan_strata *strata)
{
    double sum = 0;
    for (size_t h = 0; h < strata->count; h++) {
        const double p = strata->rate[h], cost = strata->cost ? strata->cost[h] : 1;
        share[h] = strata->weight[h] * sqrt(p * (1 - p) / cost);
        sum += share[h];
    }
    for (size_t h = 0; h < strata->count; h++)
        share[h] /= sum;
}

void stats_plan_components(struct stats_plan_components *out, const struct stats_plan_pilot *pilot)
{
    double n = 0, squares = 0, events = 0, inside = 0, explained = 0, items = 0;
    for (size_t i = 0; i < pilot->items; i++) {
        const double m = (double)pilot->trials[i], y = (double)pilot->events[i];
        if (m == 0)
            continue;
        items++;
        n += m;
        squares += m * m;
        events += y;
        inside += y - y * y / m;
        explained += y * y / m;
    }
    *out = (struct stats_plan_components){events / n, NAN, NAN, NAN};
    if (items < 2 || n <= items)
        return;
    const double typical = (n - squares / n) / (items - 1);
    const double mean_square = (explained - events * events / n) / (items - 1);
    out->within = inside / (n - items);
    out->between = fmax((mean_square - out->within) / typical, 0);
    out->correlation = out->between / (out->between + out->within);
}

uint64_t stats_plan_trials_per_item(const struct stats_plan_components *components,
                                    double cost_item, double cost_trial)
{
    const double m = sqrt(cost_item / cost_trial * components->within / components->between);
    return m < PLAN_MOST ? (uint64_t)fmax(round(m), 1) : STATS_PLAN_NEVER;
}

double stats_plan_design_effect(double correlation, double trials_per_item)
{
    return 1 + (trials_per_item - 1) * correlation;
}
