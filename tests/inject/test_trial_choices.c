/* SPDX-License-Identifier: MIT */
/* Trials on an item of choices: whole runs of each choice and shared passes give the same records,
 * and the clean log-likelihoods are those of a plain run. */
#include <math.h>

#include "trial_mix.h"

#define LEVELS 3
#define FAULTS 150

static const int32_t FIRST[] = {65}, SECOND[] = {66, 20, 9, 101, 44}, THIRD[] = {66, 20, 8},
                     FOURTH[] = {12, 13, 14, 15, 16, 17, 18, 19, 2};
static const struct {
    const int32_t *ids;
    uint32_t n;
} TEXTS[] = {{FIRST, 1}, {SECOND, 5}, {THIRD, 3}, {FOURTH, 9}};
#define N_CHOICES 4u
#define CONTEXT TRIAL_BENCH_PROMPT_COUNT

static int32_t ids[2][N_CHOICES][CONTEXT + 16];
static struct golden_choice choices[2][N_CHOICES];

/* [0]: after one context. [1]: separate contexts, which differ from token 30 - choice on. */
static void make_choices(void)
{
    for (uint32_t own = 0; own < 2; own++) {
        for (uint32_t i = 0; i < N_CHOICES; i++) {
            const uint32_t n_context = own ? CONTEXT - i : CONTEXT;
            int32_t *at = ids[own][i];
            memcpy(at, TRIAL_BENCH_PROMPT, n_context * sizeof(*at));
            for (uint32_t k = 30; own && k < n_context; k++)
                at[k] = (int32_t)(7 * i + k);
            memcpy(at + n_context, TEXTS[i].ids, TEXTS[i].n * sizeof(*at));
            choices[own][i] =
                (struct golden_choice){at, n_context + TEXTS[i].n, n_context, TEXTS[i].n};
        }
    }
}

static struct trial_bench_params params_of(const char *file, enum storage type, uint32_t right,
                                           bool own)
{
    return (struct trial_bench_params){.file = file,
                                       .act = type,
                                       .kv = type,
                                       .n = 9,
                                       .level = RECORD_FULL,
                                       .choice = choices[own],
                                       .n_choices = N_CHOICES,
                                       .n_shared = own ? 30 : CONTEXT,
                                       .reference = right};
}

/* The same sum from a plain run with all but the last token in its prompt. */
static double plain_logp(struct trial_bench *b, const struct golden_choice *choice)
{
    struct generation run;
    double sum = 0;
    const struct generate_params params = {.ex = b->ex,
                                           .ids = choice->ids,
                                           .n_ids = choice->n_ids - 1,
                                           .rules = {.n = 1},
                                           .logsumexp = true,
                                           .prompt_logprobs = true,
                                           .save_position = EXECUTOR_NONE};
    assert_int_equal(generate(&run, &b->arena, &params), STATUS_OK);
    for (uint32_t i = choice->n_context; i + 1 < choice->n_ids; i++)
        sum += run.prompt_logprobs[i - 1];
    kv_release(b->ex->kv, run.branch);
    return sum;
}

static void test_golden(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct trial_bench b;
        const struct trial_bench_params params =
            params_of("tiny-llama-q4_1.gguf", STORAGE_F32, 0, own);
        trial_bench_open(&b, &params);
        for (uint32_t i = 0; i < N_CHOICES; i++) {
            const struct golden *run = &b.golden.choice[i];
            double but_last = 0;
            for (uint32_t k = 0; k + 1 < run->run.n_tokens; k++)
                but_last += (double)run->step[k].logits[TEXTS[i].ids[k]] - run->step[k].logsumexp;
            assert_true(but_last == plain_logp(&b, &choices[own][i]));
            assert_true(isfinite(run->logp) && run->logp < but_last);
        }
        trial_bench_close(&b);
    }
}

/* NaN is below all, the first of equals is chosen, lengths count. */
static void test_choose(void **state)
{
    static const struct golden_choice even[] = {{.length = 1}, {.length = 1}, {.length = 4}};
    const struct golden golden = {.choices = even, .n_choices = 3};
    (void)state;
    assert_int_equal(golden_choose(&golden, (double[]){-3, -2, -20}), 1);
    assert_int_equal(golden_choose(&golden, (double[]){-2, -2, -8}), 0);
    assert_int_equal(golden_choose(&golden, (double[]){-3, -2, -7}), 2);
    assert_int_equal(golden_choose(&golden, (double[]){NAN, -INFINITY, NAN}), 1);
    assert_int_equal(golden_choose(&golden, (double[]){NAN, NAN, NAN}), 0);
    assert_int_equal(golden_choose(&golden, (double[]){NAN, -5, -16}), 2);
}

struct seen {
    uint32_t outcome[OUTCOME_COUNT], due[DUE_REASON_COUNT];
};

static void look(const struct trial_bench *b, const struct trial_job *job,
                 const struct record *record, struct seen *seen)
{
    seen->outcome[record->outcome]++;
    seen->due[record->due_reason]++;
    assert_int_equal(record->n_choices, N_CHOICES);
    assert_int_equal(record->faulty_len, 0);
    for (uint32_t i = 0; i < N_CHOICES; i++) {
        const bool struck = job->choice == 0 || job->choice == i + 1;
        assert_true(struck || record->choice_logp[i] == b->golden.choice[i].logp);
    }
    if (record->due_reason == DUE_NONE)
        assert_int_equal(record->chosen, golden_choose(&b->golden, record->choice_logp));
}

static void run_model(const struct trial_bench_params *params, struct seen *seen)
{
    struct trial_bench b;
    trial_bench_open(&b, params);
    b.golden.n_evaluated =
        TRIAL_BENCH_PROMPT_COUNT + 8; /* of the longest: where faults are drawn */
    trial_mix_draw(&b, FAULTS);
    b.golden.n_evaluated = b.golden.choice[0].n_evaluated;
    for (uint32_t i = 0; i < FAULTS; i++)
        b.job[i].choice = i % 3 == 0 ? 1 + i % N_CHOICES : 0;
    for (int level = 0; level < LEVELS; level++) {
        struct trial_settings settings = {
            .level = (enum record_level)level, .nan_trap = level == 1, .path = TRIAL_NAIVE};
        const struct record *naive = trial_bench_run(&b, &settings, b.job, FAULTS);
        settings.path = TRIAL_FAST;
        const struct record *fast = trial_bench_run(&b, &settings, b.job, FAULTS);
        for (uint32_t i = 0; i < FAULTS; i++) {
            trial_bench_expect_equal(&naive[i], &fast[i], "fast against naive");
            look(&b, &b.job[i], &fast[i], seen);
        }
    }
    trial_bench_close(&b);
}

static void test_trials(void **state)
{
    struct trial_bench_params params[] = {
        params_of("tiny-llama-q4_1.gguf", STORAGE_F32, 0, false), /* golden is right */
        params_of("tiny-llama-q4_1.gguf", STORAGE_F32, 1, true),  /* and wrong */
        params_of("tiny-llama-q4_1.gguf", STORAGE_F32, EXECUTOR_NONE, true),
        params_of("tiny-gemma3.gguf", STORAGE_F16, 2, false),
        params_of("tiny-qwen2.gguf", STORAGE_BF16, 3, true)};
    params[2].checkpoint_bytes = 20000; /* few residuals are kept */
    struct seen seen = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++)
        run_model(&params[i], &seen);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        assert_true(seen.outcome[outcome] > 0);
    assert_true(seen.due[DUE_RANGE] > 0 && seen.due[DUE_NAN_TRAP] > 0);
}

/* What a fault does to the context is worked out once for all choices. */
static void test_work(void **state)
{
    struct trial_bench b;
    const struct trial_bench_params params =
        params_of("tiny-llama-q4_1.gguf", STORAGE_F32, 0, false);
    struct trial_work together = {0}, apart = {0};
    struct trial_job jobs[N_CHOICES];
    (void)state;
    trial_bench_open(&b, &params);
    const struct node *node = graph_find(&b.model->graph, "blk.0.attn_norm");
    const struct fault fault = {.place = PLACE_OP,
                                .site = node->site,
                                .node = (uint32_t)(node - b.model->graph.node),
                                .layer = 0,
                                .point = HOOK_OUT,
                                .position = 2,
                                .position_count = 1,
                                .kind = KIND_FLIP,
                                .mask = 1u << 24};
    for (uint32_t i = 0; i < N_CHOICES; i++)
        jobs[i] = (struct trial_job){.fault = &fault, .n_faults = 1, .choice = i + 1};
    struct trial_settings settings = {.level = RECORD_SUMMARY, .work = &apart};
    const struct record *own = trial_bench_run(&b, &settings, jobs, N_CHOICES);
    settings.work = &together;
    jobs[0].choice = 0;
    const struct record *all = trial_bench_run(&b, &settings, jobs, 1);
    for (uint32_t i = 0; i < N_CHOICES; i++)
        assert_true(all[0].choice_logp[i] == own[i].choice_logp[i]);
    assert_true(2 * together.verified < apart.verified);
    trial_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden), cmocka_unit_test(test_choose),
                                       cmocka_unit_test(test_trials), cmocka_unit_test(test_work)};
    fpenv_set();
    make_choices();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
