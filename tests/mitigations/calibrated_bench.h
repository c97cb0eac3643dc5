/* SPDX-License-Identifier: MIT */
/* The calibration of a bench: its own prompt and others. */
#ifndef VKFI_TESTS_CALIBRATED_BENCH_H
#define VKFI_TESTS_CALIBRATED_BENCH_H

#include "base/rng.h"
#include "mitigations/calibrate.h"
#include "protect_bench.h"

/* `calibrate` outlives the calibration. */
static inline void calibrated_bench(struct protect_bench *b, struct calibrate **calibrate,
                                    struct calibration *out, uint32_t prompts)
{
    struct trial_bench *t = &b->trial;
    struct executor *ex = NULL, *noting;
    struct rng rng;
    const struct executor_params needs = {.model = t->model,
                                          .act = t->params.act,
                                          .kv = t->params.kv,
                                          .positions = TRIAL_BENCH_PROMPT_COUNT + t->params.n,
                                          .branches = 1};
    rng_init(&rng, 1, 0);
    assert_int_equal(cpu_create(&ex, CPU_AUTO, &needs), STATUS_OK);
    assert_int_equal(calibrate_open(calibrate, t->model), STATUS_OK);
    noting = calibrate_executor(*calibrate, ex, false);
    for (uint32_t i = 0; i < prompts; i++) {
        int32_t ids[TRIAL_BENCH_PROMPT_COUNT];
        struct generation run;
        for (uint32_t k = 0; k < TRIAL_BENCH_PROMPT_COUNT; k++)
            ids[k] = i == 0 ? TRIAL_BENCH_PROMPT[k] : (int32_t)rng_below(&rng, 256);
        const struct generate_params params = {.ex = noting,
                                               .ids = ids,
                                               .n_ids = TRIAL_BENCH_PROMPT_COUNT,
                                               .rules = {.n = t->params.n, .ignore_end = true},
                                               .save_position = EXECUTOR_NONE};
        assert_int_equal(generate(&run, &t->arena, &params), STATUS_OK);
        kv_release(ex->kv, run.branch);
    }
    assert_int_equal(calibrate_finish(out, &t->arena, *calibrate), STATUS_OK);
    executor_destroy(&ex);
}

#endif
