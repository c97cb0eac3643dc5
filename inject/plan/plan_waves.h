/* SPDX-License-Identifier: MIT */
/* Further waves of a plan: a campaign that goes on past its first size, in the same database.
 *
 * sampling.trials (or a goal) is the first wave. `sampling.waves` lists the trials of further ones:
 * samples by the same design, each drawn by its own key, with ids after those of earlier waves.
 * They are outside the plan's identity, and a campaign takes a plan whose list starts with that of
 * its database. Whether to extend is decided after a look, so a look at a wave spends part of the
 * error, fixed beforehand. */
#ifndef VKFI_INJECT_PLAN_WAVES_H
#define VKFI_INJECT_PLAN_WAVES_H

#include "inject/plan/plan_read.h"

#define PLAN_WAVES_MAX 32

/* The error that look 0, 1, ... (at the end of that wave) may spend of alpha: rule waves alpha / 2,
 * alpha / 4, ..., alpha in all. Rule fixed spends all at its first look and alpha / 4, alpha / 8,
 * ... at later ones, less than 1.5 alpha in all. */
double plan_waves_tail(const struct plan *plan, double alpha, uint32_t look);
/* Over the looks up to this one: the greatest chance that a rate at the limit passes at any of
 * them. */
double plan_waves_spent(const struct plan *plan, double alpha, uint32_t look);

/* The share of an error that a look at all waves may spend: 1 for a campaign that was not extended,
 * 1/4, 1/8, ... for one that was (rule waves: 1/2 from the start). A comparison with `other` (or
 * null) follows the looks at both. */
double plan_waves_share(const struct plan *plan, const struct plan *other);

/* The plan with one more wave, read anew. STATUS_INPUT, logged, for a plan that cannot have one.
 * Memory from `arena`. */
enum status plan_waves_extend(struct plan *out, struct arena *arena, const struct plan *base,
                              uint64_t trials) STATUS_MUST_USE;

#endif
