/* SPDX-License-Identifier: MIT */
/* How many trials a wanted precision, bound or comparison needs. */
#ifndef VKFI_INJECT_STATS_PLAN_H
#define VKFI_INJECT_STATS_PLAN_H

#include <stddef.h>
#include <stdint.h>

/* The answer if no number of trials suffices (a bound below the rate), and for NaN. */
#define STATS_PLAN_NEVER UINT64_MAX

/* n = N / (1 + e^2 (N - 1) / (z^2 p (1 - p))), p = 0.5 if unknown; margin e absolute, population 0:
 * infinite (Leveugle, Calvez, Maistri, Vanhauwaert, DATE 2009, formula 1). */
struct stats_plan_leveugle {
    double population, margin, confidence, rate;
};
uint64_t stats_plan_leveugle(const struct stats_plan_leveugle *goal);

enum stats_plan_kind {
    STATS_PLAN_HALF_WIDTH,  /* half the two-sided interval <= target            */
    STATS_PLAN_RELATIVE,    /* half the two-sided interval <= target x rate     */
    STATS_PLAN_UPPER_BOUND, /* one-sided upper bound <= target                  */
};

struct stats_plan_goal {
    enum stats_plan_kind kind;
    double target, confidence;
    double rate;          /* expected, from a pilot; 0 is allowed for a bound         */
    double design_effect; /* from a pilot; below 1 it counts as 1                     */
    double population;    /* faults in the stratum; 0: infinite */
};

/* Fewest trials for which the interval of stats_cluster, at the expected rate and design effect,
 * meets the goal: exact below 10 expected events, Wilson from there; never more than the population
 * (n = n_inf / (1 + (n_inf - 1) / N), Cochran 1977, 4.2). */
uint64_t stats_plan_trials(const struct stats_plan_goal *goal);

/* The goal's measure (half width; the same over the rate; upper bound) after n trials. */
double stats_plan_expected(const struct stats_plan_goal *goal, uint64_t trials);

/* A gate with limit, at a true rate below it. */
struct stats_plan_gate {
    double limit, rate, confidence;
    double power; /* wanted probability that the gate passes */
};

/* Probability that n independent trials pass, and fewest trials that pass with `power`: exact sums
 * of the binomial distribution (Clopper and Pearson 1934). Multiply by the design effect. */
double stats_plan_gate_power(const struct stats_plan_gate *gate, uint64_t trials);
uint64_t stats_plan_gate_trials(const struct stats_plan_gate *gate);

/* Two arms. Unpaired: trials per arm for rates `first` and `second` (Fleiss, Levin, Paik 2003,
 * 4.14); paired: pairs, `first` and `second` being the two discordant shares (Miettinen 1968;
 * Connor 1987). Both two-sided at `confidence`, with probability `power`. */
struct stats_plan_arms {
    double first, second, confidence, power;
};
uint64_t stats_plan_two_arms(const struct stats_plan_arms *arms);
uint64_t stats_plan_pairs(const struct stats_plan_arms *arms);

/* Shares of a total over strata with the least variance: W_h sqrt(p_h (1 - p_h)), at unequal cost
 * over sqrt(cost_h) (Neyman 1934; Cochran 1977, 5.5). cost may be null; share sums to 1. */
struct stats_plan_strata {
    const double *weight, *rate, *cost;
    size_t count;
};
void stats_plan_allocation(double *share, const struct stats_plan_strata *strata);

/* A pilot: events[i] of trials[i] for each item. */
struct stats_plan_pilot {
    const uint64_t *events, *trials;
    size_t items;
};

/* One-way analysis of variance (Searle, Casella, McCulloch 1992, 3.6); between is not below 0. NaN
 * with fewer than two items or no item with two trials. */
struct stats_plan_components {
    double rate, within, between;
    double correlation; /* between / (between + within) */
};
void stats_plan_components(struct stats_plan_components *out, const struct stats_plan_pilot *pilot);

/* Trials per item: sqrt(cost_item / cost_trial x within / between), at least 1 (Cochran 1977,
 * 10.6); STATS_PLAN_NEVER if items do not differ: any number will do. */
uint64_t stats_plan_trials_per_item(const struct stats_plan_components *components,
                                    double cost_item, double cost_trial);

/* 1 + (m - 1) correlation, m trials per item (Kish 1965, 5.4). */
double stats_plan_design_effect(double correlation, double trials_per_item);

#endif
