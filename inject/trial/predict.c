/* SPDX-License-Identifier: MIT */
/* Runs a dry fault on golden's columns. */
#include "inject/trial/lane.h"

#include "model/op.h"

/* Nodes after the layers run only for columns with outputs; else golden's tokens are known. */
static uint32_t outputs_of(const struct lane *lane)
{
    const struct fault *fault = &lane->job->fault[0];
    const struct graph *graph = &lane->golden->params.ex->model->graph;
    const bool late = fault->place == PLACE_OP && op_is_output(&graph->node[fault->node]);
    return late ? COLUMN_ARGMAX : 0;
}

/* One column per pass, up to the struck position. */
static enum status run_to(struct lane *lane, struct tap_pass *pass, uint32_t position)
{
    struct column column;
    struct column_result result;
    struct lane_columns columns = {.column = &column, .most = 1};
    enum status st = STATUS_OK;
    while (!st && !lane->done && lane->next <= position) {
        st = lane_fill(lane, &columns);
        if (st || columns.n == 0)
            return st;
        column.outputs = position == column.position ? outputs_of(lane) : 0;
        tap_begin(pass);
        st = tap_add(pass, &lane->tap, &column, 1, &result);
        if (!st)
            st = tap_go(pass, NULL, NULL);
        lane->next = column.position + 1;
    }
    return st;
}

/* False if chains or accumulators of one evaluation are struck repeatedly: later conditions see
 * earlier changes. */
bool predict_can(const struct lane *run)
{
    const struct fault *fault = &run->job->fault[0];
    const bool single = fault->k_count <= 1 && fault->key_count <= 1;
    return run->job->n_faults == 1 && run->next > run->first &&
           (!HOOK_IS_SUM(fault->point) || single);
}

enum status predict_first(uint64_t *out, const struct lane *run)
{
    const struct trial_settings settings = {.level = RECORD_OUTCOME};
    struct fault dry = fault_dry(&run->job->fault[0]);
    const struct trial_job job = {.fault = &dry, .n_faults = 1};
    const struct lane_params params = {.golden = run->golden,
                                       .settings = &settings,
                                       .job = &job,
                                       .feed = run->golden->run.tokens,
                                       .n_feed = run->golden->run.n_tokens,
                                       .measures = true};
    struct tap_pass *pass = NULL;
    struct lane lane;
    dry.position_count = 1;
    enum status st = lane_open(&lane, run->arena, &params);
    if (!st)
        st = tap_open(&pass, run->golden->params.ex);
    if (!st)
        st = run_to(&lane, pass, dry.position);
    if (!st && dry.place == PLACE_CONTROL && dry.control == CONTROL_SAMPLER) {
        uint32_t token =
            (uint32_t)run->golden->run.tokens[dry.position + 1 - run->golden->params.n_ids];
        st = tap_pick(&lane.tap, dry.position, &token);
    }
    tap_close(&pass);
    const enum status closed = lane_close(&lane);
    *out = lane.proof.count_first;
    return st ? st : closed;
}
