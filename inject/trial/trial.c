/* SPDX-License-Identifier: MIT */
/* Runs one trial whole or forked, and makes its record. */
#include "inject/trial/trial.h"

#include <inttypes.h>

#include "base/hash.h"
#include "base/log.h"
#include "inject/trial/deviation.h"
#include "inject/trial/fork.h"
#include "inject/trial/outcome.h"

static struct fault_bounds bounds_of(const struct golden *golden)
{
    const struct executor *ex = golden->params.ex;
    return (struct fault_bounds){.model = ex->model,
                                 .act = ex->act,
                                 .kv = ex->kv_storage,
                                 .n_prompt = golden->params.n_ids,
                                 .positions = ex->positions};
}

static enum status trial_init(struct trial *trial, const struct golden *golden,
                              const struct fault *fault)
{
    struct fault_bounds bounds = bounds_of(golden);
    *trial = (struct trial){.golden = golden, .fault = fault};
    fault_tap(fault, &bounds, &trial->tapped);
    return tap_init(&trial->tap, &trial->tapped, 1, golden->params.ex);
}

/* Leaves the executor as it was: stored weights restored. */
static enum status trial_finish(struct trial *trial)
{
    return tap_finish(&trial->tap, trial->golden->params.ex);
}

static enum status run_naive(struct trial *trial, struct arena *arena)
{
    struct generate_params params = trial->golden->params;
    params.checkpoints = false;
    params.save_position = trial->fault->position;
    params.save_row = trial->golden->spare_row;
    params.tap = &trial->tap;
    params.progress = NULL;
    enum status st = generate(&trial->run, arena, &params);
    if (!st)
        kv_release(params.ex->kv, trial->run.branch);
    return st;
}

static bool same_bits(const struct generation *a, const struct generation *b)
{
    if (a->n_tokens != b->n_tokens)
        return false;
    for (uint32_t i = 0; i < a->n_tokens; i++) {
        if (a->step[i].hash != b->step[i].hash)
            return false;
    }
    return true;
}

static uint32_t first_difference(const struct generation *a, const struct generation *b)
{
    uint32_t n = a->n_tokens < b->n_tokens ? a->n_tokens : b->n_tokens;
    for (uint32_t i = 0; i < n; i++) {
        if (a->tokens[i] != b->tokens[i])
            return i;
    }
    return a->n_tokens == b->n_tokens ? EXECUTOR_NONE : n;
}

static bool has_nonfinite(const struct generation *run)
{
    for (uint32_t i = 0; i < run->n_tokens; i++) {
        if (!run->step[i].finite)
            return true;
    }
    return false;
}

static enum status make_record(struct record *out, const struct trial *trial)
{
    const struct generation *golden = &trial->golden->run;
    const struct tap_proof *proof = &trial->proof;
    const struct generation *run = &trial->run;
    struct fault_bounds bounds = bounds_of(trial->golden);
    struct fault_run ended = {.n_evaluated = trial->golden->params.n_ids + run->n_tokens - 1};
    uint64_t expected;
    fault_expected(&expected, trial->fault, &bounds, &ended);
    out->expected_activations = (uint32_t)expected;
    out->activations = (uint32_t)proof->count;
    out->before = proof->before;
    out->after = proof->after;
    out->tokens = run->tokens;
    out->n_tokens = run->n_tokens;
    out->hash = run->hash;
    out->first_diff = first_difference(run, golden);
    out->nan_logits = has_nonfinite(run) && !has_nonfinite(golden);
    struct outcome_facts facts = {.reached = true,
                                  .dry = trial->fault->kind == KIND_DRY,
                                  .bits_changed = out->before != out->after,
                                  .same_bits = same_bits(run, golden),
                                  .same_tokens = out->first_diff == EXECUTOR_NONE};
    out->outcome = outcome_of(&facts);
    char site[FAULT_SITE_TEXT];
    fault_site(trial->fault, site);
    if (out->activations != out->expected_activations) {
        log_error("fault at %s, position %u fired %u times, %u predicted", site,
                  trial->fault->position, out->activations, out->expected_activations);
        return STATUS_INTERNAL;
    }
    if (!facts.bits_changed && !(facts.same_bits && facts.same_tokens)) {
        log_error("fault at %s, position %u changed no bit, but the run differs from golden", site,
                  trial->fault->position);
        return STATUS_INTERNAL;
    }
    return STATUS_OK;
}

static enum status run_and_record(struct record *out, struct trial *trial, struct arena *arena,
                                  enum trial_path path)
{
    enum status st = trial_init(trial, trial->golden, trial->fault);
    if (!st)
        st = path == TRIAL_NAIVE ? run_naive(trial, arena) : fork_run(trial, arena);
    if (!st)
        st = deviation_read(&out->deviation, arena, trial,
                            path == TRIAL_NAIVE ? 0 : fork_first_layer(trial));
    if (!st)
        trial->proof = tap_proof(&trial->tap, 0);
    enum status finish = trial_finish(trial);
    st = st ? st : finish;
    return st ? st : make_record(out, trial);
}

enum status trial_run(struct record *out, struct arena *arena, const struct golden *golden,
                      const struct fault *fault, enum trial_path path)
{
    struct trial trial = {.golden = golden, .fault = fault};
    *out = (struct record){.fault = *fault, .first_diff = EXECUTOR_NONE};
    if (fault->position >= golden->n_evaluated) {
        struct outcome_facts facts = {.reached = false};
        out->outcome = outcome_of(&facts);
        out->tokens = golden->run.tokens;
        out->n_tokens = golden->run.n_tokens;
        out->hash = golden->run.hash;
        return STATUS_OK;
    }
    return run_and_record(out, &trial, arena, path);
}
