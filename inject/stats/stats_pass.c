/* SPDX-License-Identifier: MIT */
/* Means of products by a recurrence over samples; gains and falls as rates of their own. */
#include "inject/stats/stats_pass.h"

#include <assert.h>
#include <math.h>

#include "inject/stats/stats_arms.h"

#define K_MOST 1000 /* samples of an item: a plan has no more */

/* mean[j] of the first s samples: of the products of j of the chances to be wrong. Of the sets of
 * j, a share of j / s has the last one. */
double stats_pass_chance(const double *right, uint32_t n, uint32_t k)
{
    double mean[K_MOST + 1] = {1};
    assert(k >= 1 && k <= n && k <= K_MOST);
    for (uint32_t s = 1; s <= n; s++) {
        for (uint32_t j = s < k ? s : k; j > 0; j--) {
            const double with = (double)j / s;
            mean[j] = with * (1 - right[s - 1]) * mean[j - 1] + (1 - with) * mean[j];
        }
    }
    return 1 - mean[k];
}

enum side { SIDE_FAULTY, SIDE_CHANGE, SIDE_GAIN, SIDE_FALL };

static double value_of(const struct stats_pass_pair *pair, enum side side)
{
    const double change = pair->faulty - pair->golden;
    switch (side) {
    case SIDE_FAULTY:
        return pair->faulty;
    case SIDE_GAIN:
        return fmax(change, 0);
    case SIDE_FALL:
        return fmax(-change, 0);
    default:
        return change;
    }
}

void stats_pass_compare(struct stats_pass *out, struct stats_cluster_data *data,
                        struct stats_cluster_trial *unit, const struct stats_pass_pair *pair,
                        const struct stats_cluster_request *request)
{
    struct stats_cluster_estimate change;
    struct stats_cluster_estimate *const to[] = {[SIDE_FAULTY] = &out->faulty,
                                                 [SIDE_CHANGE] = &change,
                                                 [SIDE_GAIN] = &out->gain,
                                                 [SIDE_FALL] = &out->fall};
    for (int side = SIDE_FAULTY; side <= SIDE_FALL; side++) {
        for (size_t i = 0; i < data->n_trials; i++)
            unit[i].value = value_of(&pair[i], (enum side)side);
        stats_cluster_rate(to[side], data);
    }
    struct stats_arms arms = {.first = out->gain,
                              .second = out->fall,
                              .deff_floor = {request->deff_floor, request->deff_floor}};
    arms.correlation = out->correlation = stats_arms_correlation(&arms, &change);
    out->change = change.rate;
    /* of one unit an item, the sides' rule for few events takes a part of an item for all of it */
    const bool apart = change.items == change.trials && change.events >= STATS_PASS_CHANGED;
    out->of_change = apart ? stats_cluster_contrast_interval(&change, request->level)
                           : stats_arms_interval(&arms, request->level);
    stats_cluster_interval(&out->of_faulty, &out->faulty, request);
}
