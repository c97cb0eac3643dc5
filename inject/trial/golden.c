/* SPDX-License-Identifier: MIT */
/* The clean run and what it must leave behind for trials to fork from. */
#include "inject/trial/trial.h"

#define GOLDEN_BRANCHES 3 /* golden, trial, helper columns of stale faults */

void golden_needs(struct executor_params *params, uint32_t n_ids, uint32_t n)
{
    uint32_t positions = n_ids + n;
    uint32_t blocks = (positions + KV_PAGE_POSITIONS - 1) / KV_PAGE_POSITIONS;
    params->positions = positions;
    params->branches = GOLDEN_BRANCHES;
    params->pages = GOLDEN_BRANCHES * blocks;
    params->checkpoints = positions + 1;
}

enum status golden_run(struct golden *out, struct arena *arena,
                       const struct generate_params *params)
{
    *out = (struct golden){.params = *params};
    out->params.checkpoints = true;
    out->params.tap = NULL;
    out->params.watch = NULL;
    enum status st = generate(&out->run, arena, &out->params);
    if (st)
        return st;
    out->n_evaluated = params->n_ids + out->run.n_tokens - 1;
    out->spare_row = out->n_evaluated;
    return STATUS_OK;
}
