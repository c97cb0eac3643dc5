/* SPDX-License-Identifier: MIT */
/* Faults over all sites and points: whole inferences and shared passes give the same records, at
 * each level, in any batch and order. */
#include "trial_bench.h"

#define LEVELS 3

/* The naive records, then the fast ones of one batch. */
static void run_level(struct trial_bench *b, enum record_level level)
{
    struct trial_settings settings = {.level = level, .path = TRIAL_NAIVE};
    const struct record *naive = trial_bench_run(b, &settings, b->job, b->count);
    settings.path = TRIAL_FAST;
    const struct record *fast = trial_bench_run(b, &settings, b->job, b->count);
    for (uint32_t i = 0; i < b->count; i++) {
        assert_int_equal(naive[i].activations, naive[i].expected_activations);
        if (b->fault[i].kind == KIND_DRY)
            assert_int_equal(naive[i].outcome, OUTCOME_MASKED_BITEXACT);
        trial_bench_expect_equal(b, &naive[i], &fast[i], "fast against naive");
    }
}

/* The clean run is still clean: nothing a trial struck was left behind. */
static void expect_clean(struct trial_bench *b)
{
    struct generation again;
    assert_int_equal(generate(&again, &b->arena, &b->golden.params), STATUS_OK);
    assert_int_equal(again.hash, b->golden.run.hash);
    kv_release(b->ex->kv, again.branch);
}

static void run_model(const struct trial_bench_params *params, uint32_t count)
{
    struct trial_bench b;
    trial_bench_open(&b, params);
    trial_bench_draw(&b, count);
    for (int level = 0; level < LEVELS; level++)
        run_level(&b, (enum record_level)level);
    expect_clean(&b);
    trial_bench_close(&b);
}

static void test_llama(void **state)
{
    (void)state;
    run_model(&(struct trial_bench_params){.file = "tiny-llama-q4_1.gguf",
                                           .n = 24,
                                           .level = RECORD_FULL},
              300);
}

static void test_gemma3_f16(void **state)
{
    (void)state;
    run_model(&(struct trial_bench_params){.file = "tiny-gemma3.gguf",
                                           .act = STORAGE_F16,
                                           .kv = STORAGE_F16,
                                           .n = 16,
                                           .level = RECORD_FULL},
              150);
}

static void test_qwen2_bf16(void **state)
{
    (void)state;
    run_model(&(struct trial_bench_params){.file = "tiny-qwen2.gguf",
                                           .act = STORAGE_BF16,
                                           .kv = STORAGE_BF16,
                                           .n = 16,
                                           .level = RECORD_FULL},
              150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llama),
        cmocka_unit_test(test_gemma3_f16),
        cmocka_unit_test(test_qwen2_bf16),
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
