/* SPDX-License-Identifier: MIT */
/* Begin and end of a lane: branch, tap, tokens known beforehand, proof. */
#include <string.h>

#include "inject/trial/lane.h"

static enum status strike(void *user, struct executor *ex, uint32_t branch)
{
    struct lane *lane = user;
    return fault_strike(&lane->job->fault[0], ex, branch, &lane->struck);
}

static enum status make_tap(struct lane *lane)
{
    struct executor *ex = lane->golden->params.ex;
    const struct fault *fault = &lane->job->fault[0];
    tap_init(&lane->tap);
    if (fault->place != PLACE_OP) {
        lane->tap.strike_position = fault->position;
        lane->tap.strike = strike;
        lane->tap.user = lane;
        return STATUS_OK;
    }
    fault_hook(fault, &ex->model->graph, &lane->hook);
    lane->tap.hooks = &lane->hook;
    lane->tap.n_hooks = 1;
    return lane->hook.stale ? kv_branch(ex->kv, &lane->tap.helper_branch) : STATUS_OK;
}

static bool may_certify(const struct lane *lane)
{
    bool behind = false;
    for (uint32_t i = 0; i < lane->job->n_faults; i++) {
        const struct fault *fault = &lane->job->fault[i];
        const bool embeds = fault->place == PLACE_OP &&
                            lane->golden->params.ex->model->graph.node[fault->node].op == OP_EMBED;
        behind = behind || (fault->layer == GRAPH_NO_LAYER && !embeds);
    }
    return lane->golden->certify && lane->settings->level == RECORD_OUTCOME && !lane->whole &&
           !behind;
}

/* Where a fork starts, its earlier steps are golden's, and golden's tokens stand behind them. */
static void take_over(struct lane *lane)
{
    const struct golden *golden = lane->golden;
    const uint32_t n_ids = golden->params.n_ids;
    const uint32_t steps = lane->first + 1 > n_ids ? lane->first + 1 - n_ids : 0;
    memcpy(lane->run.tokens, golden->run.tokens, golden->run.n_tokens * sizeof(int32_t));
    memcpy(lane->run.step, golden->run.step, steps * sizeof *lane->run.step);
    lane->run.n_tokens = steps;
    lane->next = lane->first;
    kv_share(golden->params.ex->kv,
             &(struct kv_share){.from = golden->run.branch,
                                .to = lane->branch,
                                .layer_count = golden->params.ex->model->hp.n_layers,
                                .positions = golden->n_evaluated});
    for (uint32_t i = 0; i < steps; i++)
        lane->nonfinite |= !golden->run.step[i].finite;
}

static enum status allocate(struct lane *lane)
{
    const uint32_t n = lane->feed && lane->n_feed > lane->golden->params.n
                           ? lane->n_feed
                           : lane->golden->params.n;
    lane->run.tokens = arena_array(lane->arena, n, sizeof *lane->run.tokens);
    lane->run.step = arena_array(lane->arena, n, sizeof *lane->run.step);
    lane->reach = arena_array(lane->arena, lane->job->n_faults, sizeof *lane->reach);
    if (!lane->run.tokens || !lane->run.step || !lane->reach)
        return STATUS_MEMORY;
    if (lane->settings->level < RECORD_FULL)
        return STATUS_OK;
    /* where no column of the first position is run, its residuals are golden's */
    lane->deviation = arena_array(
        lane->arena, lane->golden->params.ex->model->hp.n_layers + 1, sizeof *lane->deviation);
    return lane->deviation ? STATUS_OK : STATUS_MEMORY;
}

enum status lane_open(struct lane *lane, struct arena *arena, const struct lane_params *params)
{
    struct executor *ex = params->golden->params.ex;
    *lane = (struct lane){.golden = params->golden,
                          .settings = params->settings,
                          .job = params->job,
                          .whole = params->whole,
                          .feed = params->feed,
                          .n_feed = params->n_feed,
                          .first = EXECUTOR_NONE,
                          .arena = arena};
    tap_init(&lane->tap);
    enum status st = allocate(lane);
    if (!st)
        st = kv_branch(ex->kv, &lane->branch);
    if (st)
        return st;
    lane->open = true;
    for (uint32_t i = 0; i < params->job->n_faults; i++) {
        const struct fault *fault = &params->job->fault[i];
        lane->reach[i] = fault_reach(fault, ex->model);
        lane->first = fault->position < lane->first ? fault->position : lane->first;
    }
    lane->certifies = may_certify(lane);
    if (!lane->whole)
        take_over(lane);
    return make_tap(lane);
}

enum status lane_close(struct lane *lane)
{
    struct executor *ex = lane->golden ? lane->golden->params.ex : NULL;
    if (!lane->open)
        return STATUS_OK;
    lane->open = false;
    kv_release(ex->kv, lane->branch);
    if (lane->tap.helper_branch != EXECUTOR_NONE)
        kv_release(ex->kv, lane->tap.helper_branch);
    if (lane->tap.struck && lane->struck.count > 0)
        return fault_undo(&lane->job->fault[0], ex, lane->struck.before);
    return STATUS_OK;
}

struct lane_proof lane_proof(const struct lane *lane)
{
    const struct fault *fault = &lane->job->fault[0];
    const struct hook_data *data = fault->place == PLACE_OP ? &lane->hook.data : &lane->struck;
    return (struct lane_proof){.activations = data->count,
                               .expected = 1,
                               .before = data->before,
                               .after = data->after,
                               .changed = data->before != data->after,
                               .dry = fault->kind == KIND_DRY};
}
