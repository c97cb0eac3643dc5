/* SPDX-License-Identifier: MIT */
/* Several faults of one trial in stored bits, in the same ones too, in any order and for any time:
 * as many strikes in memory as hooks would show, and what is stored is whole again afterwards. */
#include "trial_mix.h"

#include "fault_text.h"

#define FLIP(site, field, mask, when)                                                              \
    "{\"site\":\"" site "\",\"field\":\"" field "\",\"kind\":\"flip\",\"mask\":\"" mask            \
    "\",\"row\":3,\"k\":7," when "}"

/* Later faults come first; one is scrubbed before the other, and after it. */
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
#define SHARED_COUNT (sizeof(SHARED) / sizeof(*SHARED))

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = 24, .level = RECORD_FULL};

/* The fast way gives the record of a whole inference. */
static void expect_whole(struct trial_bench *b, const struct trial_job *job,
                         enum record_level level, const char *what)
{
    const struct record *fast =
        trial_bench_run(b, &(struct trial_settings){.level = level}, job, 1);
    const struct record *naive =
        trial_bench_run(b, &(struct trial_settings){.level = level, .path = TRIAL_NAIVE}, job, 1);
    trial_bench_expect_equal(naive, fast, what);
}

/* The stored bits are the model's again: whole inferences give golden's bits. */
static void expect_clean(struct trial_bench *b, const char *what)
{
    struct fault dry = {.kind = KIND_DRY};
    const struct trial_job job = {.fault = &dry, .n_faults = 1};
    assert_true(fault_find(&dry, b->model, "blk.0.attn_norm"));
    dry.point = HOOK_OUT;
    const struct record *naive = trial_bench_run(
        b, &(struct trial_settings){.level = RECORD_OUTCOME, .path = TRIAL_NAIVE}, &job, 1);
    if (naive->outcome != OUTCOME_MASKED_BITEXACT)
        fail_msg("%s: what is stored is not what it was", what);
}

static struct trial_job parse(struct trial_bench *b, const char *text)
{
    struct trial_job job = {0};
    job.fault = fault_text(&job.n_faults, &b->arena, &b->bounds, text);
    return job;
}

static void test_shared_elements(void **state)
{
    struct trial_bench b;
    (void)state;
    trial_bench_open(&b, &LLAMA);
    for (size_t i = 0; i < SHARED_COUNT; i++) {
        const struct trial_job job = parse(&b, SHARED[i]);
        assert_int_equal(job.n_faults, 2);
        expect_whole(&b, &job, RECORD_FULL, SHARED[i]);
        expect_clean(&b, SHARED[i]);
    }
    trial_bench_close(&b);
}

/* Several faults in one stored word, in every order of strikes and scrubs: what they leave is the
 * model as it was, and a whole inference says the same of them. */
static void test_faults_of_one_word(void **state)
{
    static const struct {
        uint32_t position, count;
    } when[][3] = {{{9, FAULT_FOREVER}, {4, FAULT_FOREVER}, {7, FAULT_FOREVER}},
                   {{4, 6}, {7, FAULT_FOREVER}, {9, 20}},
                   {{9, 4}, {4, 30}, {7, FAULT_FOREVER}},
                   {{4, 3}, {4, 8}, {5, 2}}};
    static const char *const sites[] = {"blk.0.attn_norm.weight", "blk.0.ffn_down.weight", "rope"};
    struct trial_bench b;
    struct fault fault[3];
    struct trial_job job = {.fault = fault, .n_faults = 3};
    (void)state;
    trial_bench_open(&b, &LLAMA);
    for (uint32_t s = 0; s < 3 * sizeof(when) / sizeof(*when); s++) {
        for (uint32_t k = 0; k < 3; k++) {
            fault[k] =
                (struct fault){.kind = k == 1 ? KIND_STUCK_AT_1 : KIND_FLIP, .mask = 3u << k};
            assert_true(fault_find(&fault[k], b.model, sites[s % 3]));
            fault[k].point = HOOK_MEM;
            fault[k].duration = DURATION_PERSISTENT;
            fault[k].position = when[s / 3][k].position;
            fault[k].position_count = when[s / 3][k].count;
            fault[k].row = s % 3 == 2 ? 3 : 0;
            assert_int_equal(fault_check(&fault[k], &b.bounds, "fault"), STATUS_OK);
        }
        expect_whole(&b, &job, RECORD_FULL, "several in one word");
        expect_clean(&b, "several in one word");
    }
    trial_bench_close(&b);
}

/* Several faults in stored bits at once, of norms, matrices, embeddings and tables. */
static void test_several_in_memory(void **state)
{
    static const char *const sites[] = {"output_norm.weight",    "blk.0.attn_norm.weight",
                                        "blk.0.ffn_norm.weight", "blk.0.attn_v.weight",
                                        "token_embd.weight",     "rope"};
    struct trial_bench b;
    struct rng rng;
    (void)state;
    trial_bench_open(&b, &LLAMA);
    rng_init(&rng, TRIAL_BENCH_SEED, 7);
    for (uint32_t t = 0; t < 200; t++) {
        struct fault fault[3];
        struct trial_job job = {.fault = fault, .n_faults = 3};
        for (uint32_t k = 0; k < 3; k++) {
            fault[k] = (struct fault){.kind = KIND_FLIP, .mask = 1u << trial_mix_below(&rng, 4)};
            assert_true(fault_find(&fault[k], b.model, sites[trial_mix_below(&rng, 6)]));
            fault[k].point = HOOK_MEM;
            fault[k].duration = DURATION_PERSISTENT;
            fault[k].position = trial_mix_below(&rng, b.golden.n_evaluated);
            fault[k].position_count = trial_mix_below(&rng, 2) ? FAULT_FOREVER : 5;
            if (fault[k].place == PLACE_TABLE || fault[k].tensor->n_dims > 1)
                fault[k].row = trial_mix_below(&rng, 50);
            fault[k].k = trial_mix_below(&rng, 16);
            if (fault[k].place == PLACE_WEIGHT && fault[k].tensor->type == QUANT_F32)
                fault[k].mask = 1u << (trial_mix_below(&rng, 12) + 20);
            assert_int_equal(fault_check(&fault[k], &b.bounds, "fault"), STATUS_OK);
        }
        expect_whole(&b, &job, t % 2 ? RECORD_FULL : RECORD_OUTCOME, "several in memory");
    }
    expect_clean(&b, "several in memory");
    trial_bench_close(&b);
}

/* More than one pass has hooks for, one element and bit each. */
static void test_more_faults_than_hooks(void **state)
{
    enum { N = 1500 };
    struct trial_bench b;
    (void)state;
    trial_bench_open(&b, &LLAMA);
    const struct trial_job first =
        parse(&b, FLIP("blk.0.ffn_up.weight", "code", "0x1", "\"position\":0"));
    struct fault *fault = arena_array(&b.arena, N, sizeof(*fault));
    assert_non_null(fault);
    for (uint32_t i = 0; i < N; i++) {
        fault[i] = *first.fault;
        fault[i].row = i / 50;
        fault[i].k = i % 50;
        fault[i].position = (N - i) % 40;
    }
    const struct trial_job job = {.fault = fault, .n_faults = N};
    expect_whole(&b, &job, RECORD_FULL, "1500 faults");
    assert_int_equal(trial_bench_run(&b, &(struct trial_settings){0}, &job, 1)->activations, N);
    trial_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_elements),
        cmocka_unit_test(test_faults_of_one_word),
        cmocka_unit_test(test_several_in_memory),
        cmocka_unit_test(test_more_faults_than_hooks),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
