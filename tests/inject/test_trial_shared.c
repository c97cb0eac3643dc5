/* SPDX-License-Identifier: MIT */
/* Faults of one trial that strike the same stored element, in any order and for any time: as many
 * strikes in memory as hooks would show, and what is stored is whole again afterwards. */
#include "trial_bench.h"

#define FLIP(site, field, mask, when)                                                              \
    "{\"site\":\"" site "\",\"field\":\"" field "\",\"kind\":\"flip\",\"mask\":\"" mask            \
    "\",\"row\":3,\"k\":7," when "}"

/* Later ones first; scrubbed before, and behind, the other. */
#define CASES(site, field, one, two)                                                               \
    "[" FLIP(site, field, one, "\"position\":20") "," FLIP(site, field, two,                       \
                                                           "\"position\":5") "]",                  \
        "[" FLIP(site, field, one, "\"position\":5,\"positions\":9") "," FLIP(                     \
            site, field, two, "\"position\":8") "]",                                               \
        "[" FLIP(site, field, one, "\"position\":5,\"positions\":9") "," FLIP(                     \
            site, field, two, "\"position\":8,\"positions\":20") "]",                              \
        "[" FLIP(site, field, one, "\"position\":9,\"positions\":4") "," FLIP(                     \
            site, field, two, "\"position\":5,\"positions\":30") "]"

static const char *const SHARED[] = {
    CASES("blk.0.attn_q.weight", "code", "0x8", "0x4"),
    CASES("blk.0.ffn_down.weight", "scale", "0x4000", "0x2000"),
    CASES("token_embd.weight", "scale", "0x4000", "0x2000"),
};
#define SHARED_COUNT (sizeof SHARED / sizeof *SHARED)

static struct trial_job parse(struct trial_bench *b, const char *text)
{
    struct json_doc *doc = NULL;
    struct fault *fault = NULL;
    uint32_t count = 0;
    assert_int_equal(json_parse(&doc, text, strlen(text), "shared"), STATUS_OK);
    if (fault_parse(&fault, &count, &b->arena, doc, &b->bounds))
        fail_msg("%s: %s", text, log_last_error());
    json_destroy(&doc);
    return (struct trial_job){fault, count};
}

static void test_shared_elements(void **state)
{
    static const struct trial_bench_params params = {
        .file = "tiny-llama-q4_1.gguf", .n = 12, .level = RECORD_FULL};
    const struct trial_settings fast = {.level = RECORD_FULL},
                                naive = {.level = RECORD_FULL, .path = TRIAL_NAIVE};
    struct trial_bench b;
    (void)state;
    trial_bench_open(&b, &params);
    const struct trial_job other = parse(
        &b, "{\"site\":\"blk.0.attn_norm\",\"kind\":\"flip\",\"bit\":30,\"row\":1,\"position\":2}");
    const struct record *whole = trial_bench_run(&b, &naive, &other, 1);
    for (size_t i = 0; i < SHARED_COUNT; i++) {
        const struct trial_job job = parse(&b, SHARED[i]);
        assert_int_equal(job.n_faults, 2);
        const struct record *expected = trial_bench_run(&b, &naive, &job, 1);
        trial_bench_expect_equal(&b, expected, trial_bench_run(&b, &fast, &job, 1), SHARED[i]);
        trial_bench_expect_equal(&b, whole, trial_bench_run(&b, &naive, &other, 1), SHARED[i]);
    }
    trial_bench_close(&b);
}

/* More than one pass has hooks for, one element and bit each. */
static void test_more_faults_than_hooks(void **state)
{
    enum { N = 1500 };
    static const struct trial_bench_params params = {
        .file = "tiny-llama-q4_1.gguf", .n = 6, .level = RECORD_FULL};
    struct trial_bench b;
    (void)state;
    trial_bench_open(&b, &params);
    const struct trial_job first =
        parse(&b, FLIP("blk.0.ffn_up.weight", "code", "0x1", "\"position\":0"));
    struct fault *fault = arena_array(&b.arena, N, sizeof *fault);
    assert_non_null(fault);
    for (uint32_t i = 0; i < N; i++) {
        fault[i] = *first.fault;
        fault[i].row = i / 50;
        fault[i].k = i % 50;
        fault[i].position = (N - i) % 40;
    }
    const struct trial_job job = {fault, N};
    const struct record *fast =
        trial_bench_run(&b, &(struct trial_settings){.level = RECORD_FULL}, &job, 1);
    const struct record *naive = trial_bench_run(
        &b, &(struct trial_settings){.level = RECORD_FULL, .path = TRIAL_NAIVE}, &job, 1);
    trial_bench_expect_equal(&b, naive, fast, "1500 faults");
    assert_int_equal(fast->activations, N);
    trial_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_elements),
        cmocka_unit_test(test_more_faults_than_hooks),
    };
    fpenv_set();
    return tiny_model_is_missing() ? TINY_SKIP : cmocka_run_group_tests(tests, NULL, NULL);
}
