/* SPDX-License-Identifier: MIT */
/* Which runs under arms a campaign still needs. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "inject/campaign/campaign_arm.h"
#include "inject/campaign/campaign_state.h"

/* Place of a run among the bits. */
static uint64_t bit_of(const struct campaign_state *s, uint32_t arm, int64_t trial)
{
    const uint64_t trials = sample_trials(s->sample), size = trials + s->setup->plan->n_items;
    return arm * size +
           (campaign_arm_is_clean(trial) ? trials + (uint64_t)(-1 - trial) : (uint64_t)trial);
}

static bool is_done(const struct campaign_state *s, uint32_t arm, int64_t trial)
{
    const uint64_t bit = bit_of(s, arm, trial);
    return s->armed[bit / 8] >> (bit % 8) & 1;
}

static enum status mark(void *user, const struct trial_row *row)
{
    struct campaign_state *s = user;
    const struct plan *plan = s->setup->plan;
    uint32_t arm = 0;
    while (arm < plan->n_arms && strcmp(plan->arm[arm].name, row->arm) != 0)
        arm++;
    if (arm == plan->n_arms || row->trial >= (int64_t)sample_trials(s->sample) ||
        row->trial < -(int64_t)plan->n_items) {
        log_error("%s: damaged: found trial %" PRId64 " of arm '%s', expected one of the plan's",
                  s->params->database, row->trial, row->arm);
        return STATUS_INPUT;
    }
    const uint64_t bit = bit_of(s, arm, row->trial);
    s->armed[bit / 8] |= (uint8_t)(1u << (bit % 8));
    s->armed_before++;
    return STATUS_OK;
}

enum status campaign_armed_begin(struct campaign_state *s)
{
    const struct plan *plan = s->setup->plan;
    const uint64_t bits = plan->n_arms * (sample_trials(s->sample) + plan->n_items);
    enum status st = STATUS_OK;
    if (plan->n_arms == 0)
        return STATUS_OK;
    s->armed = arena_alloc(&s->arena, (size_t)(bits / 8) + 1);
    st = s->armed ? store_each_armed(s->store, mark, s) : STATUS_MEMORY;
    for (uint32_t i = s->params->shard.index; !st && i < plan->n_items;
         i += s->params->shard.count) {
        const uint32_t arms = sample_strikes(s->sample, i) ? plan->n_arms : 0;
        for (uint32_t arm = 0; !st && arm < arms; arm++) {
            const struct campaign_queue_arm run = {arm, i, (uint64_t)campaign_arm_clean(i)};
            if (!is_done(s, arm, campaign_arm_clean(i)))
                st = campaign_queue_add_arm(s->queue, &run);
        }
    }
    return st;
}

enum status campaign_armed_add(struct campaign_state *s, const struct trial_row *row)
{
    const struct plan *plan = s->setup->plan;
    enum status st = STATUS_OK;
    if (plan->n_arms == 0 || campaign_arm_weight(plan, row) == 0)
        return STATUS_OK;
    for (uint32_t arm = 0; !st && arm < plan->n_arms; arm++) {
        const struct campaign_queue_arm run = {arm, (uint32_t)row->item, (uint64_t)row->trial};
        if (!is_done(s, arm, row->trial))
            st = campaign_queue_add_arm(s->queue, &run);
    }
    return st;
}

enum status campaign_armed_weigh(struct campaign_state *s, struct trial_row *row)
{
    struct arena arena = {0};
    struct trial_row original;
    bool found = true;
    enum status st = STATUS_OK;
    row->arm_weight = 1;
    if (campaign_arm_is_clean(row->trial))
        return STATUS_OK;
    st = store_find_row(s->store, (uint64_t)row->trial, &arena, &original, &found);
    if (!st && !found) {
        log_error("trial %" PRId64 " is not in the database, though it ran in arm '%s'", row->trial,
                  row->arm);
        st = STATUS_INTERNAL;
    }
    if (!st)
        row->arm_weight = campaign_arm_weight(s->setup->plan, &original);
    arena_finish(&arena);
    return st;
}
