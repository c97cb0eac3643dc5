/* SPDX-License-Identifier: MIT */
/* Start and end of a lane: branch, tap, tokens known beforehand, proof. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#include "inject/trial/lane.h"
#include "model/op.h"

#define LANE_EMULATED (HOOK_MOST / 5) /* a fault is up to 5 hooks: tap_room */

/* Faults of the output matrix or after it: bounds of the clean matrix do not hold. */
static bool is_after_layers(const struct fault *fault, const struct graph *graph)
{
    if (fault->place == PLACE_OP)
        return op_is_output(&graph->node[fault->node]);
    return fault->place == PLACE_WEIGHT && fault->tensor == graph->node[graph->count - 1].weight;
}

static bool may_certify(const struct lane *lane)
{
    bool after = false;
    for (uint32_t i = 0; i < lane->job->n_faults; i++)
        after =
            after || is_after_layers(&lane->job->fault[i], &lane->golden->params.ex->model->graph);
    return lane->golden->certify && lane->settings->level == RECORD_OUTCOME && !lane->whole &&
           !after;
}

/* The only LINEAR node inside the layers that reads a tensor, EXECUTOR_NONE: none, or more. */
static uint32_t only_reader(const struct graph *graph, const struct tensor *tensor)
{
    uint32_t found = EXECUTOR_NONE;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (node->weight != tensor && node->bias != tensor)
            continue;
        if (found != EXECUTOR_NONE || node->op != OP_LINEAR || node->weight != tensor ||
            node->layer == GRAPH_NO_LAYER)
            return EXECUTOR_NONE;
        found = i;
    }
    return found;
}

/* Faults that turn the same bits into the same bits at every evaluation. */
static bool is_steady(const struct fault *fault)
{
    return !hook_kinds_takes(fault->kind, KIND_UNSTEADY) && fault->rate == 0 &&
           fault->only_mask == 0;
}

/* Whether two ranges of `count` steps from `first` on touch the same `unit` elements. */
static bool meets(const uint32_t first[2], const uint32_t count[2], const uint32_t step[2],
                  uint32_t unit)
{
    uint64_t low[2], high[2];
    for (int i = 0; i < 2; i++) {
        const uint64_t steps = (uint64_t)(count[i] ? count[i] - 1 : 0) * (step[i] ? step[i] : 1);
        low[i] = first[i] / unit;
        high[i] = (first[i] + steps) / unit;
    }
    return low[0] <= high[1] && low[1] <= high[0];
}

/* Two faults of one trial see each other's bits: in a stored block, whose codes are separate, or as
 * read. */
static bool share_bits(const struct fault *a, const struct fault *b, const struct graph *graph)
{
    const bool codes = a->field == QUANT_FIELD_CODE && b->field == QUANT_FIELD_CODE;
    const uint32_t unit = codes ? 1 : quant_block_elements(a->tensor->type);
    if (b->place == PLACE_OP)
        return b->point == HOOK_WEIGHT && graph->node[b->node].weight == a->tensor;
    return b->place == PLACE_WEIGHT && b->tensor == a->tensor &&
           meets((uint32_t[]){a->row, b->row}, (uint32_t[]){a->row_count, b->row_count},
                 (uint32_t[]){a->row_step, b->row_step}, 1) &&
           meets((uint32_t[]){a->k, b->k}, (uint32_t[]){a->k_count, b->k_count},
                 (uint32_t[]){a->k_step, b->k_step}, unit);
}

bool lane_emulates(const struct trial_job *job, uint32_t i, const struct model *model)
{
    const struct fault *fault = &job->fault[i];
    if (job->n_faults > LANE_EMULATED || fault->place != PLACE_WEIGHT || !is_steady(fault) ||
        only_reader(&model->graph, fault->tensor) == EXECUTOR_NONE)
        return false;
    for (uint32_t k = 0; k < job->n_faults; k++) {
        if (k != i && share_bits(fault, &job->fault[k], &model->graph))
            return false;
    }
    return true;
}

/* A stored weight with one reader equals, for one branch, that weight as read at every position. */
static void emulate(const struct lane *lane, struct tap_fault *out)
{
    out->place = TAP_EVALUATION;
    out->node = only_reader(&lane->golden->params.ex->model->graph, out->tensor);
    out->point = HOOK_WEIGHT;
}

static enum status make_tap(struct lane *lane)
{
    const struct golden *golden = lane->golden;
    const struct fault_bounds bounds = golden_bounds(golden);
    const uint32_t n = lane->job->n_faults;
    for (uint32_t i = 0; i < n; i++) {
        const struct fault *fault = &lane->job->fault[i];
        fault_tap(fault, &bounds, &lane->tapped[i]);
        if (!lane->whole && lane_emulates(lane->job, i, bounds.model))
            emulate(lane, &lane->tapped[i]);
    }
    const enum status st = tap_init(&lane->tap, lane->tapped, n, golden->params.ex);
    lane->tapping = !st;
    lane->tap.keeps = lane->watched;
    return st;
}

/* Before a fork's start its steps are golden's; golden's tokens follow them. */
static enum status take_over(struct lane *lane)
{
    const struct golden *golden = lane->golden;
    const uint32_t n_ids = golden->params.n_ids, begin = tap_first(&lane->tap);
    const uint32_t steps = begin + 1 > n_ids ? begin + 1 - n_ids : 0;
    memcpy(lane->run.tokens, golden->run.tokens, golden->run.n_tokens * sizeof(int32_t));
    memcpy(lane->run.step, golden->run.step, steps * sizeof(*lane->run.step));
    lane->run.n_tokens = steps;
    lane->next = begin;
    kv_share(golden->params.ex->kv,
             &(struct kv_share){.from = golden->run.branch,
                                .to = lane->run.branch,
                                .layer_count = golden->params.ex->model->hp.n_layers,
                                .positions = golden->n_evaluated});
    for (uint32_t i = 0; i < steps; i++)
        lane->nonfinite |= !golden->run.step[i].finite;
    int32_t *fed = malloc(golden->n_evaluated * sizeof(*fed));
    if (!fed) {
        log_error("out of memory for %u tokens", golden->n_evaluated);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < golden->n_evaluated; i++)
        fed[i] = golden_token(golden, i);
    const struct fault_bounds bounds = golden_bounds(golden);
    fault_reach(&(struct fault_reach){.faults = lane->job->fault,
                                      .n_faults = lane->job->n_faults,
                                      .bounds = &bounds,
                                      .tokens = fed,
                                      .n_evaluated = golden->n_evaluated,
                                      .experts = golden->experts},
                lane->start);
    free(fed);
    return STATUS_OK;
}

static enum status allocate(struct lane *lane)
{
    const uint32_t most = lane->golden->params.rules.n;
    const uint32_t n = lane->feed && lane->n_feed > most ? lane->n_feed : most;
    const uint32_t n_faults = lane->job->n_faults;
    lane->start = arena_array(lane->arena, lane->golden->n_evaluated, sizeof(*lane->start));
    lane->tapped = arena_array(lane->arena, n_faults, sizeof(*lane->tapped));
    if (!lane->start || !lane->tapped)
        return STATUS_MEMORY;
    const enum status st = decode_begin(&lane->run, lane->arena, lane->decode,
                                        &(struct decode_size){lane->golden->params.n_ids, n});
    if (st)
        return st;
    if (lane->watched && lane->feed) {
        lane->shift_at = arena_array(lane->arena, lane->n_feed, sizeof(*lane->shift_at));
        if (!lane->shift_at)
            return STATUS_MEMORY;
    }
    if (lane->settings->level < RECORD_FULL)
        return STATUS_OK;
    /* if no column of the first position is run, its residuals are golden's */
    lane->deviation = arena_array(lane->arena, lane->golden->params.ex->model->hp.n_layers + 1,
                                  sizeof(*lane->deviation));
    return lane->deviation ? STATUS_OK : STATUS_MEMORY;
}

/* Reads golden residuals before anything is struck. */
static enum status read_clean(struct lane *lane)
{
    const struct hparams *hp = &lane->golden->params.ex->model->hp;
    if (lane->settings->level < RECORD_FULL || lane->first >= lane->golden->n_evaluated ||
        golden_row(lane->golden, lane->first) != EXECUTOR_NONE)
        return STATUS_OK;
    lane->clean =
        arena_array(lane->arena, (size_t)(hp->n_layers + 1) * hp->n_embd, sizeof(*lane->clean));
    return lane->clean ? golden_residuals(lane->clean, lane->golden, lane->first) : STATUS_MEMORY;
}

enum status lane_open(struct lane *lane, struct arena *arena, const struct lane_params *params)
{
    struct executor *ex = params->golden->params.ex;
    const struct decode *decode = trial_decode(params->golden, params->settings);
    const bool watched = decode_watches(decode) && !params->measures;
    *lane = (struct lane){.golden = params->golden,
                          .decode = decode,
                          .settings = params->settings,
                          .job = params->job,
                          .whole = params->whole || watched,
                          .watched = watched,
                          .feed = params->feed,
                          .n_feed = params->n_feed,
                          .first = EXECUTOR_NONE,
                          .arena = arena};
    enum status st = allocate(lane);
    if (!st)
        st = kv_branch(ex->kv, &lane->run.branch);
    if (st)
        return st;
    lane->open = true;
    for (uint32_t i = 0; i < params->job->n_faults; i++) {
        const uint32_t position = params->job->fault[i].position;
        lane->first = position < lane->first ? position : lane->first;
    }
    lane->certifies = may_certify(lane);
    st = read_clean(lane);
    if (!st)
        st = make_tap(lane);
    return st || lane->whole ? st : take_over(lane);
}

/* The run may end where the fault strikes: it can leave an integer out of its range. */
static bool may_end(const struct lane *lane, const struct tap_fault *fault)
{
    const struct graph *graph = &lane->golden->params.ex->model->graph;
    struct op_point at;
    return op_point(&at, &graph->node[fault->node], fault->point) && at.bound > 0;
}

uint32_t lane_forks(const struct lane *lane)
{
    const struct golden *golden = lane->golden;
    bool evaluations = true;
    for (uint32_t i = 0; i < lane->job->n_faults; i++)
        evaluations = evaluations && lane->tapped[i].place == TAP_EVALUATION &&
                      !may_end(lane, &lane->tapped[i]);
    if (!golden_is_choice(golden) || lane->whole || !evaluations || golden->n_shared < 2)
        return 0;
    const uint32_t fork = golden->n_shared - 1; /* its row gives first tokens */
    return tap_first(&lane->tap) < fork ? fork : 0;
}

/* The layer at which all columns from `position` on start; FAULT_REACH_NONE: none is run. */
static bool same_start(uint32_t *out, const struct lane *lane, uint32_t position)
{
    bool same = true;
    *out = lane->start[position];
    for (uint32_t p = position; p < lane->golden->n_evaluated; p++)
        same = same && lane->start[p] == *out;
    return same;
}

enum status lane_fork(struct lane *lane, struct arena *arena, const struct lane_params *params,
                      const struct lane *leader)
{
    struct executor *ex = params->golden->params.ex;
    const uint32_t fork = leader->pause, n_layers = ex->model->hp.n_layers;
    uint32_t layer, other;
    enum status st = lane_open(lane, arena, params);
    if (st || !same_start(&layer, lane, fork) || !same_start(&other, leader, fork) ||
        layer != other || lane->next >= fork)
        return st;
    st = tap_take_over(&lane->tap, &leader->tap);
    if (st)
        return st;
    /* Below the layer, entries are golden's; from it on those of the context are the leader's, and
     * the lane writes the others. */
    if (layer < n_layers)
        kv_share(ex->kv, &(struct kv_share){.from = leader->run.branch,
                                            .to = lane->run.branch,
                                            .layer = layer,
                                            .layer_count = n_layers - layer,
                                            .positions = fork});
    lane->next = fork;
    lane->differs_until = leader->differs_until;
    lane->deviation = leader->deviation;
    return STATUS_OK;
}

/* A weight as read fires once per column; the stored weight was struck once. */
static uint64_t stored_count(const struct lane *lane, const struct fault *fault,
                             const struct tap_proof *proof)
{
    uint64_t columns = lane->next > fault->position ? lane->next - fault->position : 0;
    if (fault->position_count != FAULT_FOREVER && columns > fault->position_count)
        columns = fault->position_count ? fault->position_count : 1;
    return proof->count == proof->count_first * columns ? proof->count_first : proof->count;
}

static void add_proof(struct lane *lane, uint32_t i)
{
    const struct fault *fault = &lane->job->fault[i];
    const struct fault_bounds bounds = golden_bounds(lane->golden);
    const struct fault_run run = {.n_evaluated =
                                      lane->next > lane->tap.seen ? lane->next : lane->tap.seen,
                                  .due = lane->due == DUE_RANGE};
    const struct tap_proof proof = tap_proof(&lane->tap, i);
    struct lane_proof *out = &lane->proof;
    const bool emulated = lane->tapped[i].place != (enum tap_place)fault->place;
    const uint64_t count = emulated ? stored_count(lane, fault, &proof) : proof.count;
    uint64_t expected = 0;
    const bool picks = fault->place == PLACE_CONTROL && fault->control == CONTROL_SAMPLER;
    if (picks && golden_is_choice(lane->golden)) {
        expected = 0; /* no token is picked */
    } else if (!fault_expected(&expected, fault, &bounds, &run)) {
        out->conditional = true;
        expected = count < expected ? count : expected;
    }
    if (run.due && fault->place == PLACE_CONTROL) /* the run ended when it fired, or before */
        expected = count;
    if (i == 0) {
        out->before = proof.before;
        out->after = proof.after;
        out->count_first = proof.count_first;
        out->dry = true;
    }
    out->activations += count;
    out->expected += expected;
    out->changed = out->changed || proof.changed > 0;
    out->dry = out->dry && fault->kind == KIND_DRY;
}

enum status lane_close(struct lane *lane)
{
    if (!lane->open)
        return STATUS_OK;
    lane->open = false;
    for (uint32_t i = 0; lane->tapping && i < lane->job->n_faults; i++)
        add_proof(lane, i);
    kv_release(lane->golden->params.ex->kv, lane->run.branch);
    return lane->tapping ? tap_finish(&lane->tap, lane->golden->params.ex) : STATUS_OK;
}
