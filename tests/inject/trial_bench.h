/* SPDX-License-Identifier: MIT */
/* A small model on one device with its golden run and drawn faults, for tests of trials. */
#ifndef VKFI_TESTS_TRIAL_BENCH_H
#define VKFI_TESTS_TRIAL_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "cpu/cpu.h"
#include "gpu/device.h"
#include "inject/space/draw.h"
#include "inject/trial/trial.h"
#include "tiny_model.h"
#include "vk/vk.h"

#define TRIAL_BENCH_SEED 20261123

static const int32_t TRIAL_BENCH_PROMPT[] = {72, 105, 33, 200, 7, 99, 12,  250, 44, 5,  61, 88,
                                             17, 31,  25, 90,  3, 8,  140, 2,   7,  19, 77, 6,
                                             9,  41,  52, 63,  1, 11, 21,  34,  45, 56, 67, 78};
#define TRIAL_BENCH_PROMPT_COUNT                                                                   \
    ((uint32_t)(sizeof(TRIAL_BENCH_PROMPT) / sizeof(*TRIAL_BENCH_PROMPT)))

struct trial_bench_params {
    const char *file; /* a tiny model */
    enum storage act, kv;
    enum cpu_form form;
    uint32_t n; /* tokens to generate */
    enum record_level level;
    uint64_t checkpoint_bytes; /* 0: all */
    uint32_t lanes;            /* 0: the default */
    double temperature;        /* 0: greedy */
    uint64_t seed;
    bool ends;                          /* whether end tokens end the run */
    struct decode_rules rules;          /* the mask, stop strings, filter and check of these */
    const struct golden_choice *choice; /* (n_choices), n: as many tokens as the longest scores */
    uint32_t n_choices, n_shared, reference;
};

struct trial_bench {
    struct trial_bench_params params;
    struct model *model;
    struct executor *ex;
    struct certify *certify;
    struct golden golden;
    struct golden_shape shape;
    struct fault_bounds bounds;
    struct arena arena;
    struct fault *fault; /* (count) */
    struct trial_job *job;
    uint32_t count;
};

static inline void trial_bench_run_golden(struct trial_bench *b, struct executor *ex)
{
    struct decode_rules rules = b->params.rules;
    rules.n = b->params.n;
    rules.ignore_end = !b->params.ends;
    rules.sampler = (struct sampler){.temperature = b->params.temperature, .seed = b->params.seed};
    const struct golden_params golden = {.generate = {.ex = ex,
                                                      .ids = TRIAL_BENCH_PROMPT,
                                                      .n_ids = TRIAL_BENCH_PROMPT_COUNT,
                                                      .rules = rules,
                                                      .save_position = EXECUTOR_NONE},
                                         .choice = b->params.choice,
                                         .n_choices = b->params.n_choices,
                                         .n_shared = b->params.n_shared,
                                         .reference = b->params.reference,
                                         .shape = b->shape,
                                         .level = b->params.level,
                                         .certify = b->certify};
    b->ex = ex;
    assert_int_equal(golden_run(&b->golden, &b->arena, &golden), STATUS_OK);
}

/* Choices of the item; 0: a generation. */
static inline uint32_t trial_bench_rows(const struct trial_bench_params *params)
{
    uint32_t rows = params->n_shared;
    for (uint32_t i = 0; i < params->n_choices; i++)
        rows += params->choice[i].n_ids - 1 - params->n_shared;
    return rows;
}

/* What an executor for the bench must hold; opens the model. */
static inline struct executor_params trial_bench_model(struct trial_bench *b,
                                                       const struct trial_bench_params *params)
{
    char path[1024];
    *b = (struct trial_bench){.params = *params};
    snprintf(path, sizeof(path), "%s/%s", VKFI_TINY, params->file);
    assert_int_equal(model_open(&b->model, path), STATUS_OK);
    assert_int_equal(certify_create(&b->certify, b->model), STATUS_OK);
    struct executor_params needs = {
        .model = b->model, .act = params->act, .kv = params->kv, .threads = 1};
    b->shape = (struct golden_shape){.n_ids = TRIAL_BENCH_PROMPT_COUNT,
                                     .n = params->n,
                                     .n_choices = params->n_choices,
                                     .rows = trial_bench_rows(params),
                                     .lanes = params->lanes,
                                     .checkpoint_bytes = params->checkpoint_bytes};
    golden_needs(&needs, &b->shape);
    b->bounds = (struct fault_bounds){.model = b->model,
                                      .act = params->act,
                                      .kv = params->kv,
                                      .n_prompt = TRIAL_BENCH_PROMPT_COUNT,
                                      .positions = TRIAL_BENCH_PROMPT_COUNT + params->n};
    return needs;
}

/* On a Vulkan device, or where `gpu` is null on the CPU form of `params`. */
static inline void trial_bench_open_on(struct trial_bench *b,
                                       const struct trial_bench_params *params, struct gpu *gpu)
{
    struct executor *ex;
    const struct executor_params needs = trial_bench_model(b, params);
    assert_int_equal(gpu ? vk_create(&ex, gpu, &needs) : cpu_create(&ex, params->form, &needs),
                     STATUS_OK);
    trial_bench_run_golden(b, ex);
}

static inline void trial_bench_open(struct trial_bench *b, const struct trial_bench_params *params)
{
    trial_bench_open_on(b, params, NULL);
}

/* Opens the Vulkan device, or skips the test. */
static inline void trial_bench_gpu(struct gpu **out)
{
    if (gpu_open(out, NULL) != STATUS_OK) {
        print_message("no Vulkan device\n");
        skip();
    }
}

/* Faults 0 to count - 1 of the seed, over all places, points, kinds and positions. */
static inline void trial_bench_draw(struct trial_bench *b, uint32_t count)
{
    const struct draw_params draw = {
        .bounds = &b->bounds, .first = 0, .count = b->golden.n_evaluated, .seed = TRIAL_BENCH_SEED};
    b->count = count;
    b->fault = arena_array(&b->arena, count, sizeof(*b->fault));
    b->job = arena_array(&b->arena, count, sizeof(*b->job));
    assert_non_null(b->fault);
    assert_non_null(b->job);
    for (uint32_t i = 0; i < count; i++) {
        draw_fault(&b->fault[i], &draw, i);
        assert_int_equal(fault_check(&b->fault[i], &b->bounds, "drawn fault"), STATUS_OK);
        b->job[i] = (struct trial_job){.fault = &b->fault[i], .n_faults = 1};
    }
}

/* A fault that flips `mask` of the first eight elements of a site's result, or of a stored tensor's
 * or KV entry's codes, at a position. */
static inline struct fault trial_bench_fault(const struct trial_bench *b, const char *site,
                                             uint32_t position, uint32_t mask)
{
    struct fault fault = {.kind = KIND_FLIP, .row_count = 8, .row_step = 1, .mask = mask};
    assert_true(fault_find(&fault, b->model, site));
    fault.point = fault.place == PLACE_OP ? HOOK_OUT : HOOK_MEM;
    fault.duration = fault.place == PLACE_OP ? DURATION_TRANSIENT : DURATION_PERSISTENT;
    fault.position = position;
    fault.position_count = fault.place == PLACE_OP ? 1 : FAULT_FOREVER;
    if (fault.place == PLACE_KV) {
        fault.row_count = 0;
        fault.k_count = 8;
        fault.k_step = 1;
        fault.key = position - 1;
    }
    assert_int_equal(fault_check(&fault, &b->bounds, site), STATUS_OK);
    return fault;
}

static inline struct record *trial_bench_run(struct trial_bench *b,
                                             const struct trial_settings *settings,
                                             const struct trial_job *jobs, uint32_t n)
{
    struct record *out = arena_array(&b->arena, n, sizeof(*out));
    assert_non_null(out);
    assert_int_equal(
        trial_batch(out, &b->arena, &b->golden, settings, &(struct trial_jobs){jobs, n}),
        STATUS_OK);
    return out;
}

static inline void trial_bench_close(struct trial_bench *b)
{
    executor_destroy(&b->ex);
    certify_destroy(&b->certify);
    model_close(&b->model);
    arena_finish(&b->arena);
}

static inline void trial_bench_expect_equal(const struct record *a, const struct record *found,
                                            const char *what)
{
    char why[FIELD_DIFFERENCE_TEXT], site[FAULT_SITE_TEXT];
    if (record_equal(a, found, why))
        return;
    fault_site(&found->fault, site);
    fail_msg("%s: fault at %s, %s, %s, position %u, row %u, k %u, key %u: %s", what, site,
             kinds_text(KINDS_POINT, found->fault.point), kinds_text(KINDS_KIND, found->fault.kind),
             found->fault.position, found->fault.row, found->fault.k, found->fault.key, why);
}

#endif
