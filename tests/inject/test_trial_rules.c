/* SPDX-License-Identifier: MIT */
/* The rules of a run hold for its trials: forked lanes give the records of whole ones, and whole
 * ones are generate()'s inferences, whatever picks a token and ends a text. */
#include "trial_mix.h"

#define JOBS 60
#define VOCAB_WORDS 16u /* of the tiny models: 320 ids at most */

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = 24, .level = RECORD_FULL};

/* A naive trial is the inference that generate() runs. */
static void expect_generate(struct trial_bench *b, const struct record *naive)
{
    for (uint32_t i = 0; i < b->count; i++) {
        struct tap_fault tapped[TRIAL_MIX_FAULTS];
        struct generate_params params = b->golden.params;
        struct generation run;
        struct tap tap;
        uint64_t count = 0;
        for (uint32_t k = 0; k < b->job[i].n_faults; k++)
            fault_tap(&b->job[i].fault[k], &b->bounds, &tapped[k]);
        assert_int_equal(tap_init(&tap, tapped, b->job[i].n_faults, b->ex), STATUS_OK);
        params.checkpoints = false;
        params.tap = &tap;
        assert_int_equal(generate(&run, &b->arena, &params), STATUS_OK);
        for (uint32_t k = 0; k < b->job[i].n_faults; k++)
            count += tap_proof(&tap, k).count;
        kv_release(b->ex->kv, run.branch);
        assert_int_equal(tap_finish(&tap, b->ex), STATUS_OK);
        assert_int_equal(run.n_tokens, naive[i].faulty_len);
        assert_memory_equal(run.tokens, naive[i].tokens, run.n_tokens * sizeof(*run.tokens));
        assert_int_equal(count, naive[i].activations);
        if (naive[i].due_reason == DUE_NONE)
            assert_int_equal(run.hash, naive[i].hash);
    }
}

/* Results of a set of trials. */
struct seen {
    uint32_t lengths[64]; /* trials by number of tokens */
    uint32_t other;       /* tokens that are not golden's */
    uint64_t certified;
};

/* The same drawn trials forked and whole, at every level, and by generate(). */
static void run_rules(const struct trial_bench_params *params, struct seen *seen)
{
    struct trial_bench b;
    trial_bench_open(&b, params);
    trial_mix_draw(&b, JOBS);
    *seen = (struct seen){0};
    for (int level = 0; level < 3; level++) {
        struct trial_work work = {0};
        struct trial_settings settings = {.level = (enum record_level)level, .work = &work};
        const struct record *fast = trial_bench_run(&b, &settings, b.job, JOBS);
        seen->certified += work.certified;
        settings.path = TRIAL_NAIVE;
        const struct record *naive = trial_bench_run(&b, &settings, b.job, JOBS);
        for (uint32_t i = 0; i < JOBS; i++) {
            trial_bench_expect_equal(&naive[i], &fast[i], "forked against whole");
            seen->lengths[fast[i].faulty_len]++;
            seen->other += fast[i].first_diff != EXECUTOR_NONE;
        }
        if (level == RECORD_SUMMARY)
            expect_generate(&b, naive);
    }
    assert_true(seen->other > 20);
    trial_bench_close(&b);
}

static void test_plain(void **state)
{
    struct seen seen;
    (void)state;
    run_rules(&LLAMA, &seen);
    assert_true(seen.certified > 100);
}

/* Half of the ids: what is proven to be the first of all is picked only where it is allowed. */
static void test_mask(void **state)
{
    uint32_t allowed[VOCAB_WORDS];
    struct trial_bench_params params = LLAMA;
    struct seen seen;
    (void)state;
    memset(allowed, 0x5a, sizeof(allowed));
    params.rules.allowed = allowed;
    run_rules(&params, &seen);
    assert_true(seen.certified > 20);

    struct trial_bench b;
    trial_bench_open(&b, &params);
    trial_mix_draw(&b, JOBS);
    const struct record *record = trial_bench_run(&b, &(struct trial_settings){0}, b.job, JOBS);
    for (uint32_t i = 0; i < JOBS; i++) {
        for (uint32_t t = 0; t < record[i].faulty_len; t++) {
            /* the sampler's own integer may be struck after the pick */
            bool struck = false;
            for (uint32_t k = 0; k < b.job[i].n_faults; k++)
                struck = struck || (b.job[i].fault[k].place == PLACE_CONTROL &&
                                    b.job[i].fault[k].control == CONTROL_SAMPLER);
            assert_true(struck || sampler_allows(allowed, (uint32_t)record[i].tokens[t]));
        }
    }
    trial_bench_close(&b);
}

/* Every id of an even position is pushed down, then up. */
static void tilt(void *user, uint32_t position, float *logits, uint32_t n)
{
    (void)user;
    for (uint32_t i = 0; i < n; i++)
        logits[i] += (i + position) % 2 == 0 ? 0.5f : -0.5f;
}

static void test_filter_and_sampling(void **state)
{
    const struct decode_filter filter = {tilt, NULL};
    struct trial_bench_params params = LLAMA;
    struct seen seen;
    (void)state;
    params.rules.filter = &filter;
    run_rules(&params, &seen);
    assert_int_equal(seen.certified, 0);
    params.temperature = 1.2;
    params.seed = 5;
    run_rules(&params, &seen);
    assert_int_equal(seen.certified, 0);
}

/* Texts that end at different tokens, some at golden's, by end tokens and by stop strings. */
static void test_ends(void **state)
{
    struct trial_bench_params params = LLAMA;
    struct trial_bench b;
    struct text text = {0};
    struct seen seen;
    uint32_t different = 0;
    (void)state;
    trial_bench_open(&b, &params); /* golden's own bytes, so that it stops too */
    const uint32_t last = b.golden.run.n_tokens - 4;
    for (uint32_t i = last - 2; i <= last; i++)
        assert_int_equal(decode_spell(&text, &b.golden.decode, b.golden.run.tokens[i]), STATUS_OK);
    assert_true(text.size >= 2);
    const struct decode_stop stops[] = {{text.data, text.size}, {"\x80", 1}, {"e", 1}};
    trial_bench_close(&b);
    params.ends = true;
    params.rules.stops = stops;
    params.rules.n_stops = 3;
    run_rules(&params, &seen);
    for (uint32_t i = 0; i < 64; i++)
        different += seen.lengths[i] > 0;
    assert_true(different > 3);
    text_finish(&text);
}

static void test_going_back(void **state)
{
    const struct decode_check check = {
        .look = trial_mix_stray, .state = sizeof(uint32_t), .most_back = 60};
    struct trial_bench_params params = LLAMA;
    struct seen seen;
    (void)state;
    params.rules.check = &check;
    run_rules(&params, &seen);
    assert_int_equal(seen.certified, 0);
    params.file = "tiny-gemma3.gguf";
    params.act = params.kv = STORAGE_F16;
    params.ends = true;
    run_rules(&params, &seen);
}

/* Whatever ends a run, its pick has been made: a fault of the sampler's integer has fired. */
static void test_trap_and_sampler(void **state)
{
    struct trial_bench b;
    struct fault fault[2] = {
        {.point = HOOK_OUT, .kind = KIND_SET, .mask = UINT32_MAX, .value = 0x7f800000},
        {.kind = KIND_SET, .mask = UINT32_MAX, .value = 17}};
    const struct trial_job job = {.fault = fault, .n_faults = 2};
    (void)state;
    trial_bench_open(&b, &LLAMA);
    assert_true(fault_find(&fault[0], b.model, "output"));
    assert_true(fault_find(&fault[1], b.model, "control.sampler"));
    for (int duration = 0; duration < 2; duration++) {
        for (int i = 0; i < 2; i++) {
            fault[i].position = TRIAL_BENCH_PROMPT_COUNT + 2;
            fault[i].position_count = duration ? FAULT_FOREVER : 1;
            fault[i].duration = duration ? DURATION_PERMANENT : DURATION_TRANSIENT;
        }
        struct trial_settings settings = {.nan_trap = true};
        const struct record *fast = trial_bench_run(&b, &settings, &job, 1);
        assert_int_equal(fast->due_reason, DUE_NAN_TRAP);
        assert_int_equal(fast->activations, 2);
        settings.path = TRIAL_NAIVE;
        trial_bench_expect_equal(trial_bench_run(&b, &settings, &job, 1), fast, "trap");
    }
    trial_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_filter_and_sampling),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_going_back),
        cmocka_unit_test(test_trap_and_sampler),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
