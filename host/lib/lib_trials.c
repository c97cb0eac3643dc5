/* SPDX-License-Identifier: MIT */
/* Runs golden and batches of trials. */
#include "lib/lib_trials.h"

#include "base/fpenv.h"

static enum status run_golden(struct lib_trials *t, struct arena *arena)
{
    const struct golden_params params = {
        .generate = t->params->generate, .shape = t->params->shape, .level = RECORD_FULL};
    struct executor_info info;
    fpenv_clear_underflow();
    enum status st = golden_run(&t->golden, arena, &params);
    t->ran = !st;
    executor_info(params.generate.ex, &info);
    t->underflow = info.underflow;
    t->golden.params.progress = NULL;
    if (!st)
        st = decode_answer(&t->golden_text, &t->golden.decode,
                           &(struct decode_tokens){t->golden.run.tokens, t->golden.run.n_tokens});
    t->context.golden = &t->golden;
    t->context.golden_text = t->golden_text.data;
    t->context.protection = t->params->protection;
    return st;
}

enum status lib_trials_open(struct lib_trials *out, struct arena *arena,
                            const struct lib_trials_params *params)
{
    const struct executor *ex = params->generate.ex;
    *out = (struct lib_trials){.params = params};
    out->context.bounds = (struct fault_bounds){.model = ex->model,
                                                .act = ex->act,
                                                .kv = ex->kv_storage,
                                                .n_prompt = params->generate.n_ids,
                                                .positions = ex->positions};
    const enum status st =
        fault_parse_trials(&out->faults, arena, params->doc, &out->context.bounds);
    return st ? st : run_golden(out, arena);
}

void lib_trials_finish(struct lib_trials *trials)
{
    if (trials->ran)
        golden_release(&trials->golden);
    text_finish(&trials->golden_text);
}

uint32_t lib_trials_next(const struct lib_trials *trials, uint32_t first)
{
    const uint32_t left = trials->faults.count - first;
    return left < LIB_TRIALS_BATCH ? left : LIB_TRIALS_BATCH;
}

enum status lib_trials_run(struct lib_trials *trials, struct arena *arena, uint32_t first,
                           struct record *out)
{
    const struct trial_settings settings = {
        .level = RECORD_FULL,
        .path = trials->params->naive ? TRIAL_NAIVE : TRIAL_FAST,
        .decode = trials->params->protection ? trials->params->guarded : NULL};
    const uint32_t n = lib_trials_next(trials, first);
    struct trial_job job[LIB_TRIALS_BATCH];
    for (uint32_t i = 0; i < n; i++)
        job[i] = (struct trial_job){.fault = trials->faults.trial[first + i].fault,
                                    .n_faults = trials->faults.trial[first + i].count};
    const enum status st =
        trial_batch(out, arena, &trials->golden, &settings, &(struct trial_jobs){job, n});
    for (uint32_t i = 0; i < n && !st; i++)
        trials->uncorrected += out[i].protection.damage == DECODE_UNCORRECTED;
    return st;
}

enum status lib_trials_put(struct lib_trials *trials, struct arena *arena, struct json_writer *w)
{
    struct record record[LIB_TRIALS_BATCH];
    enum status st = STATUS_OK;
    for (uint32_t first = 0, n; first < trials->faults.count && !st; first += n) {
        n = lib_trials_next(trials, first);
        st = lib_trials_run(trials, arena, first, record);
        for (uint32_t i = 0; i < n && !st; i++)
            lib_record_json(w, &trials->context, &record[i]);
    }
    return st;
}
