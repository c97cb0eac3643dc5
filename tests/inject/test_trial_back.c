/* SPDX-License-Identifier: MIT */
/* Runs that go back: the bits of golden runs do not change on any device, at any step; and faults
 * in trials behave as defined. */
#include "trial_bench.h"

#define TOKENS 24u

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = TOKENS, .level = RECORD_FULL};

/* Goes back by `back` columns at one position, as often as asked. */
struct plan {
    uint32_t position, back, times;
};

static enum status look(void *user, void *state, const struct decode_view *view,
                        struct decode_verdict *out)
{
    const struct plan *plan = user;
    uint32_t *times = state;
    assert_true(view->token == DECODE_NO_TOKEN || view->result->hidden);
    out->word = view->position;
    if (view->position == plan->position && *times < plan->times) {
        ++*times;
        out->back = plan->back;
    }
    return STATUS_OK;
}

static struct decode_check check_of(struct plan *plan)
{
    return (struct decode_check){.look = look,
                                 .user = plan,
                                 .state = sizeof(uint32_t),
                                 .outputs = COLUMN_HIDDEN,
                                 .most_back = 1000};
}

/* Golden's run once more under a check; tokens, logits and residuals of all positions are its own.
 */
static void expect_same(struct trial_bench *b, struct plan plan, const char *device)
{
    const struct decode_check check = check_of(&plan);
    const struct golden before = b->golden;
    const uint32_t all = before.n_evaluated * (b->model->hp.n_layers + 1);
    b->params.rules.check = &check;
    trial_bench_run_golden(b, b->ex);
    const uint32_t back = plan.back < plan.position + 1 ? plan.back : plan.position + 1;
    if (b->golden.run.redone != plan.times * back || b->golden.run.hash != before.run.hash ||
        b->golden.run.n_tokens != before.run.n_tokens)
        fail_msg("%s: %u columns back at position %u, %u times: another run", device, plan.back,
                 plan.position, plan.times);
    assert_memory_equal(b->golden.run.tokens, before.run.tokens, before.run.n_tokens * 4);
    assert_memory_equal(b->golden.residual_hash, before.residual_hash, all * sizeof(uint64_t));
    for (uint32_t i = 0; i < before.run.n_tokens; i++)
        assert_int_equal(b->golden.run.step[i].verdict, TRIAL_BENCH_PROMPT_COUNT - 1 + i);
    golden_release(&b->golden);
    b->golden = before;
    b->params.rules.check = NULL;
}

static void expect_golden(struct trial_bench *b, const char *device, uint32_t stride)
{
    static const uint32_t backs[] = {1, 2, 3, 8, 30, 100};
    for (uint32_t step = 0; step < b->golden.run.n_tokens; step += stride) {
        for (size_t i = 0; i<sizeof(backs) / sizeof(*backs); i += stride> 2 ? 2 : 1) {
            const uint32_t position = TRIAL_BENCH_PROMPT_COUNT - 1 + step;
            expect_same(b, (struct plan){position, backs[i], 1 + step % 2}, device);
        }
    }
}

static void test_golden(void **state)
{
    struct trial_bench_params params = LLAMA;
    struct trial_bench b;
    (void)state;
    for (int form = 0; form < 2; form++) {
        params.form = form ? CPU_SCALAR : CPU_AUTO;
        for (int pages = 0; pages < 2; pages++) { /* across a page, and not */
            params.n = pages ? 40 : 12;
            trial_bench_open(&b, &params);
            expect_golden(&b, form ? "cpu:scalar" : "cpu", pages ? 3 : 1);
            trial_bench_close(&b);
        }
    }
    params.file = "tiny-gemma3.gguf"; /* sliding windows */
    params.act = STORAGE_F16;
    params.kv = STORAGE_F16;
    trial_bench_open(&b, &params);
    expect_golden(&b, "gemma3", 4);
    trial_bench_close(&b);
}

static void test_golden_vulkan(void **state)
{
    struct trial_bench b;
    struct gpu *gpu = NULL;
    (void)state;
    trial_bench_gpu(&gpu);
    trial_bench_open_on(&b, &LLAMA, gpu);
    expect_golden(&b, "Vulkan", 8);
    trial_bench_close(&b);
    gpu_close(&gpu);
}

/* A check without end stops when its columns are spent. */
static void test_budget(void **state)
{
    struct trial_bench b;
    (void)state;
    trial_bench_open(&b, &LLAMA);
    const uint64_t hash = b.golden.run.hash;
    struct plan plan = {TRIAL_BENCH_PROMPT_COUNT + 4, 3, UINT32_MAX};
    struct decode_check check = check_of(&plan);
    check.most_back = 10;
    golden_release(&b.golden);
    b.params.rules.check = &check;
    trial_bench_run_golden(&b, b.ex);
    assert_int_equal(b.golden.run.redone, 9);
    assert_int_equal(b.golden.run.hash, hash);
    trial_bench_close(&b);
}

/* A fault over eight elements, large enough to be seen in the logits. */
static struct fault fault_at(const struct trial_bench *b, const char *site, uint32_t position)
{
    const bool stored = strstr(site, ".weight") != NULL;
    return trial_bench_fault(b, site, position, stored ? 8 : 0x40000000);
}

/* One or two faults at a position and `earlier` before it, and how far the run goes back two steps
 * after it. */
struct repair {
    const char *site, *other;
    uint32_t count; /* positions: FAULT_FOREVER is to the end; 0: as fault_at */
    uint32_t back;
    bool corrected;
    enum kind kind; /* of the first */
};

/* What a trial's record says. */
struct ending {
    bool golden; /* it has golden's bits */
    uint64_t hash, activations;
};

static struct ending run_repair(const struct repair *repair, bool checked)
{
    const uint32_t position = TRIAL_BENCH_PROMPT_COUNT + 3;
    struct plan plan = {position + 2, repair->back, 1};
    const struct decode_check check = check_of(&plan);
    struct trial_bench_params params = LLAMA;
    struct trial_settings settings = {.level = RECORD_SUMMARY};
    struct trial_bench b;
    struct fault fault[2];
    const struct trial_job job = {.fault = fault, .n_faults = repair->other ? 2 : 1};
    params.rules.check = checked ? &check : NULL;
    trial_bench_open(&b, &params);
    fault[0] = fault_at(&b, repair->site, position);
    fault[0].kind = repair->kind;
    if (repair->kind == KIND_STUCK_AT_0)
        fault[0].mask = 0x3f800000;
    if (repair->count > 0) {
        fault[0].position_count = repair->count;
        if (fault[0].place == PLACE_OP)
            fault[0].duration = DURATION_PERMANENT;
    }
    if (repair->other)
        fault[1] = fault_at(&b, repair->other, position - 1);
    const struct record *fast = trial_bench_run(&b, &settings, &job, 1);
    settings.path = TRIAL_NAIVE;
    trial_bench_expect_equal(trial_bench_run(&b, &settings, &job, 1), fast, repair->site);
    assert_true(fast->activations > 0);
    const struct ending end = {fast->hash == b.golden.run.hash, fast->hash, fast->activations};
    assert_int_equal(end.golden, fast->outcome == OUTCOME_MASKED_BITEXACT);
    trial_bench_close(&b);
    return end;
}

static void test_faults(void **state)
{
    static const struct repair repairs[] = {
        {.site = "blk.0.ffn_down",
         .back = 3,
         .corrected = true},                   /* the struck column comes again */
        {.site = "blk.0.ffn_down", .back = 2}, /* its entries of KV stay */
        {.site = "blk.0.ffn_down", .count = FAULT_FOREVER, .back = 3}, /* strikes again */
        {.site = "blk.0.kv_v", .back = 4, .corrected = true}, /* the entry is written again */
        {.site = "blk.0.kv_v", .back = 3},                    /* it stays */
        {.site = "blk.0.kv_v",
         .count = 5,
         .back = 4,
         .corrected = true}, /* the later scrub finds it clean */
        {.site = "blk.0.kv_v",
         .other = "blk.0.attn_v",
         .count = 5,
         .back = 4,
         .corrected = true},                         /* and brings nothing back from before */
        {.site = "blk.0.ffn_up.weight", .back = 30}, /* stays */
        {.site = "blk.0.kv_v", .kind = KIND_STUCK_AT_1, .back = 4}};
    (void)state;
    for (size_t i = 0; i < sizeof(repairs) / sizeof(*repairs); i++) {
        if (run_repair(&repairs[i], false).golden)
            fail_msg("%s: nothing to correct", repairs[i].site);
        if (run_repair(&repairs[i], true).golden != repairs[i].corrected)
            fail_msg("%s, %u columns back: expected %s", repairs[i].site, repairs[i].back,
                     repairs[i].corrected ? "golden's run" : "another run");
    }
}

/* Stuck bits of an entry strike what is written there anew, before the next column: however far the
 * run goes back, it ends as it would have without. A flip beside them is gone. */
static void test_stuck(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        const struct repair repair = {.site = i % 2 ? "blk.0.kv_v" : "blk.0.kv_k",
                                      .kind = i / 2 % 2 ? KIND_STUCK_AT_1 : KIND_STUCK_AT_0,
                                      .count = i / 4 % 2 ? FAULT_FOREVER : 3 + i % 3,
                                      .back = 1 + i / 8};
        const struct ending alone = run_repair(&repair, false), back = run_repair(&repair, true);
        if (back.hash != alone.hash || back.activations != alone.activations || alone.golden)
            fail_msg("%s, %s, %u positions, %u columns back: another run", repair.site,
                     kinds_text(KINDS_KIND, repair.kind), repair.count, repair.back);
    }
    const struct repair stuck = {.site = "blk.0.kv_v", .kind = KIND_STUCK_AT_1, .back = 6};
    struct repair both = stuck;
    both.other = "blk.0.kv_v";
    assert_true(run_repair(&both, false).hash != run_repair(&stuck, false).hash);
    assert_int_equal(run_repair(&both, true).hash, run_repair(&stuck, false).hash);
}

static enum status doubt_nonfinite(void *user, void *state, const struct decode_view *view,
                                   struct decode_verdict *out)
{
    (void)user;
    (void)state;
    out->back = view->token == DECODE_NO_TOKEN || view->result->finite ? 0 : 1;
    return STATUS_OK;
}

/* A check comes before the trap: a step that it sends back leaves no trace. */
static void test_trap(void **state)
{
    const struct decode_check check = {.look = doubt_nonfinite, .most_back = 1};
    struct trial_bench_params params = LLAMA;
    (void)state;
    for (int checked = 0; checked < 2; checked++) {
        struct trial_bench b;
        params.rules.check = checked ? &check : NULL;
        trial_bench_open(&b, &params);
        struct fault fault = fault_at(&b, "output", TRIAL_BENCH_PROMPT_COUNT + 3);
        fault.kind = KIND_SET;
        fault.mask = UINT32_MAX;
        fault.value = 0x7f800000;
        for (int path = 0; path < 2; path++) {
            const struct trial_settings settings = {.nan_trap = true,
                                                    .path = (enum trial_path)path};
            const struct record *record = trial_bench_run(
                &b, &settings, &(struct trial_job){.fault = &fault, .n_faults = 1}, 1);
            assert_int_equal(record->due_reason, checked ? DUE_NONE : DUE_NAN_TRAP);
            assert_int_equal(record->outcome, checked ? OUTCOME_MASKED_BITEXACT : OUTCOME_DUE);
            assert_int_equal(record->flags, checked ? 0 : 1u << FLAG_NAN_LOGITS);
            assert_int_equal(record->activations, 8);
        }
        trial_bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_golden_vulkan),
        cmocka_unit_test(test_budget), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_stuck),  cmocka_unit_test(test_trap),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
