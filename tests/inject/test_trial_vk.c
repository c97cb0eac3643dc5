/* SPDX-License-Identifier: MIT */
/* Trials on a Vulkan device, proofs of tokens included, give the records of the CPU device. */
#include "trial_mix.h"

#define JOBS 24 /* CPU drivers are slow */

static void compare(struct gpu *gpu, const struct trial_bench_params *params)
{
    struct trial_bench cpu, vk;
    struct trial_work work = {0};
    trial_bench_open(&cpu, params);
    trial_mix_draw(&cpu, JOBS);
    trial_bench_open_on(&vk, params, gpu);
    trial_mix_draw(&vk, JOBS); /* tensors are those of its own model */
    assert_int_equal(vk.golden.run.hash, cpu.golden.run.hash);
    for (int level = 0; level < 3; level++) {
        const struct trial_settings settings = {.level = (enum record_level)level, .work = &work};
        const struct record *expected = trial_bench_run(&cpu, &settings, cpu.job, JOBS);
        const struct record *found = trial_bench_run(&vk, &settings, vk.job, JOBS);
        for (uint32_t i = 0; i < JOBS; i++)
            trial_bench_expect_equal(&expected[i], &found[i], "Vulkan against CPU");
    }
    assert_int_equal(work.certified > 0, params->rules.check == NULL);
    trial_bench_close(&vk);
    trial_bench_close(&cpu);
}

static void test_same_records(void **state)
{
    const struct decode_check check = {
        .look = trial_mix_stray, .state = sizeof(uint32_t), .most_back = 20};
    struct trial_bench_params params = {
        .file = "tiny-llama-q4_1.gguf", .n = 12, .level = RECORD_FULL};
    struct gpu *gpu = NULL;
    (void)state;
    trial_bench_gpu(&gpu);
    compare(gpu, &params);
    params.rules.check = &check; /* runs that go back */
    params.n = 8;
    compare(gpu, &params);
    gpu_close(&gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_records)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
