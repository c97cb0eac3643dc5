/* SPDX-License-Identifier: MIT */
/* Seeded faults over all sites and points: same record on every device, forked and whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "cpu/cpu.h"
#include "gpu/device.h"
#include "inject/space/draw.h"
#include "inject/trial/outcome.h"
#include "inject/trial/trial.h"
#include "vk/vk.h"

#define TOKENS 12
#define DEVICES_MAX 4
#define SEED 20261123
#define WHOLE_EVERY 8

/* A device with a golden run of the model under test on it. */
struct device {
    const char *name;
    bool slow; /* a driver on the processor: whole inferences of some faults only */
    struct executor *ex;
    struct golden golden;
};

struct bench {
    struct model *model;
    struct gpu *gpu; /* null: no Vulkan driver here */
    struct device device[DEVICES_MAX];
    uint32_t n_devices;
    struct arena arena;
    struct fault_bounds bounds;
    uint32_t op_points[OP_COUNT][HOOK_MEM + 1];
    uint32_t kinds[KIND_COUNT], places[3];
};

static const int32_t PROMPT[] = {72, 105, 33, 200, 7, 99, 12,  250, 44, 5,  61, 88,
                                 17, 31,  25, 90,  3, 8,  140, 2,   7,  19, 77, 6,
                                 9,  41,  52, 63,  1, 11, 21,  34,  45, 56, 67, 78};
#define PROMPT_COUNT ((uint32_t)(sizeof PROMPT / sizeof *PROMPT))

static bool add_device(struct bench *b, const char *name, struct executor *ex)
{
    struct device *d = &b->device[b->n_devices];
    struct generate_params params = {.ex = ex,
                                     .ids = PROMPT,
                                     .n_ids = PROMPT_COUNT,
                                     .n = TOKENS,
                                     .ignore_end = true,
                                     .save_position = EXECUTOR_NONE};
    *d = (struct device){.name = name, .ex = ex};
    b->n_devices++;
    return golden_run(&d->golden, &b->arena, &params) == STATUS_OK;
}

static void open_bench(struct bench *b, const char *file, enum storage act, enum storage kv)
{
    char path[1024];
    *b = (struct bench){0};
    snprintf(path, sizeof path, "%s/oracle/tiny/%s", VKFI_SHARED, file);
    assert_int_equal(model_open(&b->model, path), STATUS_OK);
    struct executor_params params = {.model = b->model, .act = act, .kv = kv};
    golden_needs(&params, PROMPT_COUNT, TOKENS);
    struct executor *ex;
    assert_int_equal(cpu_create(&ex, CPU_SCALAR, &params), STATUS_OK);
    assert_true(add_device(b, "cpu:scalar", ex));
    assert_int_equal(cpu_create(&ex, CPU_AUTO, &params), STATUS_OK);
    assert_true(add_device(b, "cpu", ex));
    if (gpu_open(&b->gpu, NULL) == STATUS_OK) {
        assert_int_equal(vk_create(&ex, b->gpu, &params), STATUS_OK);
        assert_true(add_device(b, gpu_get_info(b->gpu)->name, ex));
        b->device[b->n_devices - 1].slow = gpu_get_info(b->gpu)->kind == GPU_KIND_CPU;
    } else {
        print_message("no Vulkan device: CPU forms only\n");
    }
    b->bounds = (struct fault_bounds){.model = b->model,
                                      .act = act,
                                      .kv = kv,
                                      .n_prompt = PROMPT_COUNT,
                                      .positions = PROMPT_COUNT + TOKENS};
}

static void close_bench(struct bench *b)
{
    for (uint32_t i = 0; i < b->n_devices; i++)
        executor_destroy(&b->device[i].ex);
    gpu_close(&b->gpu);
    model_close(&b->model);
    arena_finish(&b->arena);
}

static void expect_equal(const struct bench *b, const struct record *expected,
                         const struct record *found, const char *device, uint64_t id)
{
    char why[256], site[FAULT_SITE_TEXT];
    if (record_equal(expected, found, b->model->hp.n_layers, why, sizeof why))
        return;
    fault_site(&found->fault, site);
    fail_msg("fault %llu (%s, %s, %s, position %u, row %u, k %u, key %u) on %s: %s",
             (unsigned long long)id, site, kinds_text(KINDS_POINT, found->fault.point),
             kinds_text(KINDS_KIND, found->fault.kind), found->fault.position, found->fault.row,
             found->fault.k, found->fault.key, device, why);
}

/* Runs fault `id` naive on the scalar golden executor, then both ways on all devices. */
static void run_fault(struct bench *b, uint64_t id)
{
    struct draw_params draw = {
        .bounds = &b->bounds, .first = 0, .count = b->device[0].golden.n_evaluated, .seed = SEED};
    struct fault fault;
    struct record reference, record;
    struct arena arena = {0};
    draw_fault(&fault, &draw, id);
    assert_int_equal(fault_check(&fault, &b->bounds, "drawn fault"), STATUS_OK);
    assert_int_equal(trial_run(&reference, &arena, &b->device[0].golden, &fault, TRIAL_NAIVE),
                     STATUS_OK);
    assert_int_equal(reference.activations, 1);
    if (fault.kind == KIND_DRY)
        assert_int_equal(reference.outcome, OUTCOME_MASKED_BITEXACT);
    for (uint32_t d = 0; d < b->n_devices; d++) {
        const struct golden *golden = &b->device[d].golden;
        if (d > 0 && (!b->device[d].slow || id % WHOLE_EVERY == 0)) {
            assert_int_equal(trial_run(&record, &arena, golden, &fault, TRIAL_NAIVE), STATUS_OK);
            expect_equal(b, &reference, &record, b->device[d].name, id);
        }
        assert_int_equal(trial_run(&record, &arena, golden, &fault, TRIAL_FAST), STATUS_OK);
        expect_equal(b, &reference, &record, b->device[d].name, id);
    }
    if (fault.place == PLACE_OP)
        b->op_points[b->model->graph.node[fault.node].op][fault.point]++;
    b->places[fault.place]++;
    b->kinds[fault.kind]++;
    arena_finish(&arena);
}

static void run_model(const char *file, enum storage act, enum storage kv, uint64_t count)
{
    struct bench b;
    open_bench(&b, file, act, kv);
    for (uint32_t d = 1; d < b.n_devices; d++)
        assert_int_equal(b.device[d].golden.run.hash, b.device[0].golden.run.hash);
    for (uint64_t id = 0; id < count; id++)
        run_fault(&b, id);
    /* the clean run is still clean: nothing a trial struck was left behind */
    struct generation again;
    for (uint32_t d = 0; d < b.n_devices; d++) {
        assert_int_equal(generate(&again, &b.arena, &b.device[d].golden.params), STATUS_OK);
        assert_int_equal(again.hash, b.device[d].golden.run.hash);
    }
    if (count >= 200) {
        for (int place = 0; place < 3; place++)
            assert_true(b.places[place] > 0);
        static const enum kind drawn[] = {KIND_FLIP, KIND_STUCK_AT_0, KIND_STUCK_AT_1, KIND_SET,
                                          KIND_ZERO, KIND_STALE,      KIND_DRY};
        for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++)
            assert_true(b.kinds[drawn[i]] > 0);
        for (uint32_t point = HOOK_OPERAND; point <= HOOK_MEM; point++) {
            assert_true(b.op_points[OP_LINEAR][point] > 0);
            assert_true(b.op_points[OP_NORM][point] > 0);
        }
    }
    close_bench(&b);
}

static void test_200_faults_llama(void **state)
{
    (void)state;
    run_model("tiny-llama-q4_1.gguf", STORAGE_F32, STORAGE_F32, 200);
}

static void test_faults_gemma3_f16(void **state)
{
    (void)state;
    run_model("tiny-gemma3.gguf", STORAGE_F16, STORAGE_F16, 40);
}

static void test_faults_qwen2_bf16(void **state)
{
    (void)state;
    run_model("tiny-qwen2.gguf", STORAGE_BF16, STORAGE_BF16, 40);
}

static void test_faults_rope_factors(void **state)
{
    (void)state;
    run_model("tiny-llama3-rope.gguf", STORAGE_F32, STORAGE_F16, 40);
}

static void test_faults_k_quants(void **state)
{
    (void)state;
    run_model("tiny-llama-q4_k.gguf", STORAGE_F32, STORAGE_F32, 20);
    run_model("tiny-llama-q6_k.gguf", STORAGE_F32, STORAGE_F32, 20);
    run_model("tiny-llama-q5_0.gguf", STORAGE_F32, STORAGE_F32, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_200_faults_llama),  cmocka_unit_test(test_faults_gemma3_f16),
        cmocka_unit_test(test_faults_qwen2_bf16), cmocka_unit_test(test_faults_rope_factors),
        cmocka_unit_test(test_faults_k_quants),
    };
    FILE *probe = fopen(VKFI_SHARED "/oracle/tiny/tiny-gemma3.gguf", "rb");
    fpenv_set();
    if (!probe) {
        printf("skipped: no reference models at %s\n", VKFI_SHARED);
        return 77;
    }
    fclose(probe);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
