/* SPDX-License-Identifier: MIT */
/* Feeds tokens that are given, many columns a pass. */
#include "inject/trial/golden_given.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

#define COLUMNS 64u /* most of a pass */

/* The column of a position with a given token. */
static struct column given_column(const struct golden *golden, const struct golden_choice *own,
                                  uint32_t position)
{
    const bool gives = position + 1 >= own->n_context;
    return (struct column){.branch = golden->run.branch,
                           .position = position,
                           .token = own->ids[position],
                           .checkpoint = EXECUTOR_NONE,
                           .end_layer = golden->params.ex->model->hp.n_layers,
                           .save = golden_row(golden, position),
                           .outputs = gives ? decode_outputs(&golden->decode) : 0};
}

/* The step of the column that gives ids[at]. A generation picks its own token, and ends by its own
 * rules: *out_same turns false if that is not the given one. */
static enum status take_given(struct golden *golden, const struct golden_choice *own, uint32_t at,
                              const struct column_result *result, bool *out_same)
{
    struct generation *run = &golden->run;
    struct decode_picked pick = {
        .position = at - 1,
        .token = (uint32_t)own->ids[at],
        .step = {.hash = result->hash, .finite = result->finite, .logsumexp = NAN},
        .result = result};
    uint32_t back; /* no check, no way back */
    if (golden_is_choice(golden)) {
        decode_feed(run, &pick);
        return STATUS_OK;
    }
    *out_same = *out_same && run->end == DECODE_OPEN &&
                decode_pick(&golden->decode, at - 1, result) == pick.token;
    return *out_same ? decode_take(&golden->decode, run, NULL, &pick, &back) : STATUS_OK;
}

enum status golden_given_feed(struct golden *golden, const struct golden_choice *own,
                              uint32_t position, uint32_t end, bool *out_same)
{
    struct column column[COLUMNS];
    struct column_result result[COLUMNS];
    const uint32_t most = golden->columns < COLUMNS ? golden->columns : COLUMNS;
    enum status st = STATUS_OK;
    for (uint32_t n; position < end && !st; position += n) {
        const uint32_t left = end - position;
        const struct pass pass = {.columns = column, .n_columns = left < most ? left : most};
        n = pass.n_columns;
        for (uint32_t i = 0; i < n; i++)
            column[i] = given_column(golden, own, position + i);
        st = executor_pass(golden->params.ex, &pass, result);
        for (uint32_t i = 0; i < n && !st; i++) {
            if (column[i].outputs != 0)
                st = take_given(golden, own, position + i + 1, &result[i], out_same);
        }
    }
    return st;
}

/* Prompt and known tokens in a row, as a choice after its context. */
static enum status join_known(struct golden_choice *out, struct arena *arena,
                              const struct golden_params *params)
{
    const struct generate_params *p = &params->generate;
    int32_t *ids = arena_array(arena, (size_t)p->n_ids + params->n_known, sizeof(*ids));
    if (!ids)
        return STATUS_MEMORY;
    memcpy(ids, p->ids, p->n_ids * sizeof(*ids));
    memcpy(ids + p->n_ids, params->known, params->n_known * sizeof(*ids));
    *out = (struct golden_choice){ids, p->n_ids + params->n_known, p->n_ids, 1};
    return STATUS_OK;
}

/* The last column alone: as long as decoding takes for each token. */
static enum status feed_timed(struct golden *golden, const struct golden_choice *own,
                              bool *out_same)
{
    struct generation *run = &golden->run;
    const uint32_t last = golden->n_evaluated - 1;
    const double start = clock_seconds();
    enum status st = golden_given_feed(golden, own, 0, last, out_same);
    const double middle = clock_seconds();
    if (!st && *out_same)
        st = golden_given_feed(golden, own, last, last + 1, out_same);
    run->prompt_seconds = middle - start;
    run->decode_seconds = (clock_seconds() - middle) * run->n_tokens;
    return st;
}

enum status golden_given_run(struct golden *golden, struct arena *arena,
                             const struct golden_params *params, bool *out_same)
{
    struct kv *kv = golden->params.ex->kv;
    struct golden_choice own;
    enum status st = join_known(&own, arena, params);
    if (!st)
        st = decode_begin(&golden->run, arena, &golden->decode,
                          &(struct decode_size){own.n_context, params->n_known});
    if (!st)
        st = kv_branch(kv, &golden->run.branch);
    if (st)
        return st;
    golden->n_evaluated = own.n_ids - 1;
    st = feed_timed(golden, &own, out_same);
    *out_same = *out_same && golden->run.end != DECODE_OPEN;
    golden->run.hash = decode_hash(golden->run.step, golden->run.n_tokens);
    if (st || !*out_same)
        kv_release(kv, golden->run.branch);
    return st;
}
