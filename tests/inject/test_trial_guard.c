/* SPDX-License-Identifier: MIT */
/* Checks that ask for guards and look at every column: prompts, decoding and choices go back to
 * where the damage is, wherever it strikes and however passes are split; and the end of a run has
 * its own look. */
#include "trial_bench.h"

#define CONTEXT TRIAL_BENCH_PROMPT_COUNT

/* Counts values that are no numbers after one node; goes back one column as long as there are
 * some. */
struct sentry {
    uint32_t node;
    uint32_t at_end; /* columns that the end of a run goes back, once */
};

struct seen {
    uint32_t alarms, first, last, ended;
};

static uint32_t ask(void *user, void *state, uint32_t position, uint32_t prompt, struct guard *out)
{
    const struct sentry *sentry = user;
    (void)state;
    assert_int_equal(prompt, CONTEXT);
    if (position % 7 == 3) /* not every column has one */
        return 0;
    *out = (struct guard){.node = sentry->node, .kind = GUARD_NONFINITE, .tag = position};
    return 1;
}

static enum status look(void *user, void *state, const struct decode_view *view,
                        struct decode_verdict *out)
{
    struct seen *seen = state;
    (void)user;
    assert_int_equal(view->n_guards, view->position % 7 == 3 ? 0 : 1);
    assert_int_equal(view->token == DECODE_NO_TOKEN, view->position + 1 < view->prompt);
    if (view->n_guards == 0)
        return STATUS_OK;
    assert_int_equal(view->guard->tag, view->position);
    if (view->guard->verdict[0] == 0)
        return STATUS_OK;
    if (seen->alarms++ == 0)
        seen->first = view->position;
    out->back = 1;
    return STATUS_OK;
}

static enum status end(void *user, void *state, const struct decode_view *view,
                       struct decode_verdict *out)
{
    const struct sentry *sentry = user;
    struct seen *seen = state;
    seen->last = view->position;
    out->back = seen->ended++ == 0 ? sentry->at_end : 0;
    return STATUS_OK;
}

static void summary(void *user, const void *state, struct decode_summary *out)
{
    const struct seen *seen = state;
    (void)user;
    *out = (struct decode_summary){.damage = seen->alarms ? DECODE_CORRECTED : DECODE_CLEAN,
                                   .alarms = seen->alarms,
                                   .first = seen->alarms ? seen->first : DECODE_NO_TOKEN,
                                   .word = seen->last};
}

/* A fault that makes NaN in a result, once. */
static struct fault poison(const struct trial_bench *b, uint32_t position)
{
    struct fault fault = {.kind = KIND_SET,
                          .row_count = 1,
                          .row_step = 1,
                          .row = 3,
                          .mask = UINT32_MAX,
                          .value = 0x7fc00000,
                          .position = position,
                          .position_count = 1};
    assert_true(fault_find(&fault, b->model, "blk.0.ffn_down"));
    fault.point = HOOK_OUT;
    assert_int_equal(fault_check(&fault, &b->bounds, "poison"), STATUS_OK);
    return fault;
}

/* A protected trial, alone and as a whole: equal records. */
static const struct record *run(struct trial_bench *b, const struct decode *decode,
                                const struct fault *fault)
{
    struct trial_settings settings = {.level = b->params.level, .decode = decode};
    const struct trial_job job = {.fault = fault, .n_faults = 1};
    const struct record *fast = trial_bench_run(b, &settings, &job, 1);
    settings.path = TRIAL_NAIVE;
    trial_bench_expect_equal(trial_bench_run(b, &settings, &job, 1), fast, "guarded");
    return fast;
}

static void run_positions(struct trial_bench *b, uint32_t at_end)
{
    struct fault fault = poison(b, 5);
    struct sentry sentry = {fault.node, at_end};
    const struct decode_check check = {.ask = ask,
                                       .look = look,
                                       .end = end,
                                       .summary = summary,
                                       .user = &sentry,
                                       .state = sizeof(struct seen),
                                       .most_guards = 1,
                                       .most_back = 200};
    struct decode_rules rules = b->golden.decode.rules;
    struct decode decode;
    rules.check = &check;
    assert_int_equal(decode_open(&decode, &b->arena, &rules, b->ex), STATUS_OK);
    const uint32_t runs = golden_is_choice(&b->golden) ? b->golden.n_choices : 1;
    for (uint32_t position = 0; position < b->golden.n_evaluated; position += 1 + position / 8) {
        fault = poison(b, position);
        const bool guarded = position % 7 != 3;
        const struct record *record = run(b, &decode, &fault);
        assert_int_equal(record->protection.alarms > 0, guarded);
        if (guarded)
            assert_int_equal(record->protection.first, position);
        assert_true(record->redone >= (uint32_t)guarded + (at_end > 0));
        if (guarded)
            assert_int_equal(record->outcome, OUTCOME_MASKED_BITEXACT);
        if (guarded && runs == 1)
            assert_int_equal(record->redone, 1 + at_end);
        for (uint32_t i = 0; guarded && i < record->n_choices; i++)
            assert_true(record->choice_logp[i] == b->golden.choice[i].logp);
        /* what was lost without a guard is found at the end if all comes again */
        if (!guarded && at_end > b->golden.n_evaluated)
            assert_int_equal(record->outcome, OUTCOME_MASKED_BITEXACT);
    }
}

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = 10, .level = RECORD_SUMMARY};

static void test_generation(void **state)
{
    (void)state;
    for (uint32_t at_end = 0; at_end < 200; at_end = at_end ? 4 * at_end : 3) {
        struct trial_bench b;
        trial_bench_open(&b, &LLAMA);
        run_positions(&b, at_end < CONTEXT + 9 ? at_end : CONTEXT + 9);
        trial_bench_close(&b);
    }
}

static void test_choices(void **state)
{
    static const uint32_t lengths[] = {1, 5, 3};
    static int32_t ids[3][CONTEXT + 5];
    struct golden_choice choice[3];
    struct trial_bench_params params = LLAMA;
    struct trial_bench b;
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        memcpy(ids[i], TRIAL_BENCH_PROMPT, CONTEXT * sizeof(**ids));
        for (uint32_t k = 0; k < lengths[i]; k++)
            ids[i][CONTEXT + k] = (int32_t)(40 * i + 3 * k + 2);
        choice[i] = (struct golden_choice){ids[i], CONTEXT + lengths[i], CONTEXT, lengths[i]};
    }
    params.choice = choice;
    params.n_choices = 3;
    params.n_shared = CONTEXT;
    params.n = 5;
    for (uint32_t at_end = 0; at_end < 8; at_end += 4) {
        trial_bench_open(&b, &params);
        run_positions(&b, at_end);
        trial_bench_close(&b);
    }
}

static void test_vulkan(void **state)
{
    struct trial_bench b;
    struct gpu *gpu = NULL;
    (void)state;
    trial_bench_gpu(&gpu);
    trial_bench_open_on(&b, &LLAMA, gpu);
    run_positions(&b, 5);
    trial_bench_close(&b);
    gpu_close(&gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_generation),
                                       cmocka_unit_test(test_choices),
                                       cmocka_unit_test(test_vulkan)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
