/* SPDX-License-Identifier: MIT */
/* One bit of the protections' own memory: whatever area of whatever protection, no run is refused
 * or harmed; trials are the same on the CPU and on Vulkan, alone and in a row, and leave nothing.
 */
#include "inject/trial/strike.h"

#include "tests/mitigations/calibrated_bench.h"

enum { TOKENS = 6, PROMPTS = 12 };

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = TOKENS, .level = RECORD_SUMMARY};

/* Every kind; range_guard cuts, sets to 0, or runs again. */
#define ALL(guard)                                                                                 \
    "{'protect': [{'kind': 'nan_trap'}, {'kind': 'range_guard', 'policy': '" guard                 \
    "'}, {'kind': 'redundancy', 'sites': ['output'], 'stage': 'decode'}, {'kind': 'abft'}, "       \
    "{'kind': 'kv_checkpoint', 'every': 1}, {'kind': 'token_filter', 'quantile': '0'}, "           \
    "{'kind': 'adaptive', 'budget': 0.5}, {'kind': 'weight_audit', 'pages': 1}]}"

struct bench {
    struct protect_bench protect;
    struct calibrate *calibrate;
    struct calibration calibration;
    struct gpu *gpu;
};

static void open_bench(struct bench *b, const struct trial_bench_params *params, const char *policy,
                       bool vulkan)
{
    *b = (struct bench){0};
    if (vulkan)
        trial_bench_gpu(&b->gpu);
    trial_bench_open_on(&b->protect.trial, params, b->gpu);
    calibrated_bench(&b->protect, &b->calibrate, &b->calibration, PROMPTS);
    protect_bench_protect(&b->protect, policy, &b->calibration);
}

static void close_bench(struct bench *b)
{
    calibrate_close(&b->calibrate);
    protect_bench_close(&b->protect);
    gpu_close(&b->gpu);
}

static struct strike *open_strike(const struct bench *b, uint64_t seed)
{
    struct strike *strike;
    const struct strike_params params = {.ex = b->protect.trial.ex,
                                         .protector = b->protect.protector,
                                         .ids = TRIAL_BENCH_PROMPT,
                                         .n_ids = TRIAL_BENCH_PROMPT_COUNT,
                                         .n = TOKENS,
                                         .seed = seed};
    assert_int_equal(strike_open(&strike, &params), STATUS_OK);
    return strike;
}

static const struct strike_area *find(const struct strike *strike, const char *protection,
                                      const char *name)
{
    uint32_t n;
    const struct strike_area *area = strike_areas(strike, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(area[i].protection, protection) == 0 && strcmp(area[i].name, name) == 0)
            return &area[i];
    }
    fail_msg("found no %s of %s", name, protection);
    return NULL;
}

static void expect_harmless(const struct strike *strike, uint64_t each)
{
    uint32_t n, alarms = 0;
    const struct strike_area *area = strike_areas(strike, &n);
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t *count = area[i].count;
        printf("%s.%s: %u bits, %u of %u with an alarm\n", area[i].protection, area[i].name,
               (unsigned)area[i].bits, (unsigned)count[STRIKE_FALSE_ALARM],
               (unsigned)strike_trials(&area[i]));
        assert_int_equal(strike_trials(&area[i]), each);
        if (count[STRIKE_REFUSED] > 0 || count[STRIKE_HARMED] > 0)
            fail_msg("%s.%s: %u runs refused, %u harmed", area[i].protection, area[i].name,
                     (unsigned)count[STRIKE_REFUSED], (unsigned)count[STRIKE_HARMED]);
        alarms += count[STRIKE_FALSE_ALARM] > 0;
    }
    assert_true(alarms > 4); /* areas whose damage shows */
}

static void run(struct strike *strike, uint64_t first, uint64_t n, struct strike_trial *out)
{
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal(strike_run(strike, first + i, &out[i]), STATUS_OK);
}

/* Every area of every kind of protection. */
static void test_harmless(void **state)
{
    static const char *const policies[] = {ALL("clip"), ALL("zero"), ALL("rerun")};
    static const char *const files[] = {"tiny-llama-q4_1.gguf", "tiny-qwen2.gguf",
                                        "tiny-gemma3.gguf"};
    enum { EACH = 24 };
    static struct strike_trial trial[EACH * STRIKE_AREAS_MOST];
    uint64_t bounds = 0, sums = 0;
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct trial_bench_params params = LLAMA;
        struct bench b;
        uint32_t n;
        params.file = files[i];
        params.act = params.kv = (enum storage)i;
        open_bench(&b, &params, policies[i], false);
        struct strike *strike = open_strike(&b, i);
        strike_areas(strike, &n);
        run(strike, 0, (uint64_t)EACH * n, trial);
        expect_harmless(strike, EACH);
        bounds += find(strike, "range_guard", "bounds")->count[STRIKE_FALSE_ALARM];
        sums += find(strike, "abft", "sums")->count[STRIKE_FALSE_ALARM];
        strike_close(&strike);
        protect_bench_expect_clean(&b.protect, "after the trials"); /* nothing is left */
        close_bench(&b);
    }
    assert_true(bounds > 0 && sums > 0);
}

/* The same trials on a Vulkan device: of areas with as many bits the same bits, columns, effects.
 */
static void test_devices(void **state)
{
    enum { EACH = 8 };
    static struct strike_trial trial[2][EACH * STRIKE_AREAS_MOST];
    struct strike *strike[2];
    struct bench b[2];
    uint32_t n[2], same = 0;
    (void)state;
    for (int vulkan = 0; vulkan < 2; vulkan++) {
        open_bench(&b[vulkan], &LLAMA, ALL("clip"), vulkan);
        strike[vulkan] = open_strike(&b[vulkan], 7);
        strike_areas(strike[vulkan], &n[vulkan]);
        run(strike[vulkan], 0, (uint64_t)EACH * n[vulkan], trial[vulkan]);
        expect_harmless(strike[vulkan], EACH);
    }
    assert_int_equal(n[0], n[1]);
    for (uint32_t i = 0; i < EACH * n[0]; i++) {
        const struct strike_trial *a = &trial[0][i], *v = &trial[1][i];
        assert_string_equal(a->area->name, v->area->name);
        assert_int_equal(a->position, v->position);
        if (strcmp(a->area->protection, "weight_audit") == 0)
            continue; /* as large as the device's own layout of weights has pages */
        assert_int_equal(a->area->bits, v->area->bits);
        if (a->bit != v->bit || a->effect != v->effect)
            fail_msg("trial %u, %s.%s: found %s by bit %u, expected %s by bit %u", i,
                     a->area->protection, a->area->name, strike_effect_name(v->effect),
                     (unsigned)v->bit, strike_effect_name(a->effect), (unsigned)a->bit);
        same++;
    }
    assert_int_equal(same, EACH * (n[0] - 2));
    for (int vulkan = 0; vulkan < 2; vulkan++) {
        strike_close(&strike[vulkan]);
        close_bench(&b[vulkan]);
    }
}

static void test_alone(void **state)
{
    enum { N = 40 };
    struct strike_trial row[N], alone;
    struct bench b;
    uint32_t n, positions = 0;
    (void)state;
    open_bench(&b, &LLAMA, ALL("rerun"), false);
    struct strike *strike = open_strike(&b, 3);
    run(strike, 0, N, row);
    strike_areas(strike, &n);
    for (uint32_t i = N; i-- > 0;) {
        struct strike *once = open_strike(&b, 3);
        run(once, i, 1, &alone);
        assert_string_equal(alone.area->name, row[i].area->name);
        assert_true(alone.bit == row[i].bit && alone.position == row[i].position);
        assert_int_equal(alone.effect, row[i].effect);
        positions += i >= n && row[i].position != row[i - n].position;
        /* the output is evaluated from the last prompt token on */
        if (strcmp(alone.area->protection, "redundancy") == 0)
            assert_true(alone.position + 1 >= TRIAL_BENCH_PROMPT_COUNT);
        strike_close(&once);
    }
    assert_true(positions > 0);
    strike_close(&strike);
    close_bench(&b);
}

/* Two entries of one kind have areas and events of their own. */
static void test_entries(void **state)
{
    struct protect_bench b = {0};
    struct protector *protector;
    struct policy both;
    uint32_t n, entries = 0;
    (void)state;
    trial_bench_open(&b.trial, &LLAMA);
    protect_bench_protect(&b, "{'protect': [{'kind': 'abft', 'sites': ['blk.*']}]}", NULL);
    both = b.policy;
    protector_close(&b.protector);
    protect_bench_protect(&b, "{'protect': [{'kind': 'abft', 'sites': ['blk.0.*']}]}", NULL);
    both.entry[both.n++] = b.policy.entry[0];
    assert_int_equal(
        protector_open(&protector, &both, &(struct protection_setup){.ex = b.trial.ex}), STATUS_OK);
    const struct bench bench = {.protect = {.trial = b.trial, .protector = protector}};
    struct strike *strike = open_strike(&bench, 1);
    const struct strike_area *area = strike_areas(strike, &n);
    assert_int_equal(n, 4);
    for (uint32_t i = 0; i < n; i++)
        entries |= 1u << (2 * area[i].entry + (strcmp(area[i].name, "sums") == 0));
    assert_int_equal(entries, 15);
    strike_close(&strike);

    /* one fault that both see */
    struct decode decode;
    struct decode_rules rules = b.trial.golden.decode.rules;
    const struct fault fault =
        trial_bench_fault(&b.trial, "blk.0.ffn_down", TRIAL_BENCH_PROMPT_COUNT + 1, 1u << 30);
    rules.check = protector_check(protector);
    assert_int_equal(decode_open(&decode, &b.trial.arena, &rules, b.trial.ex), STATUS_OK);
    const struct trial_settings settings = {.level = RECORD_SUMMARY, .decode = &decode};
    const struct trial_job job = {.fault = &fault, .n_faults = 1};
    const struct record *record = trial_bench_run(&b.trial, &settings, &job, 1);
    uint32_t events, dropped;
    const struct protector_event *event =
        protector_events(protector, record->check_state, &events, &dropped);
    assert_int_equal(events, 2);
    assert_int_equal(event[0].entry, 0);
    assert_int_equal(event[1].entry, 1);
    protector_close(&protector);
    protect_bench_close(&b);
}

/* A total weighs areas by their bits; with one area, or equal rates and shares, it is theirs. */
static void test_total(void **state)
{
    struct strike_area area[2] = {{.bits = 300, .count = {5, 5}}, {.bits = 100, .count = {20, 0}}};
    (void)state;
    struct strike_share all = strike_total(area, 2, STRIKE_FALSE_ALARM, 0.95);
    assert_float_equal(all.rate, 0.75 * 0.5, 1e-12);
    assert_true(all.bounds.low < all.rate && all.rate < all.bounds.high);
    const struct strike_share one = strike_share_of(&area[0], STRIKE_FALSE_ALARM, 0.95);
    const struct strike_share same = strike_total(area, 1, STRIKE_FALSE_ALARM, 0.95);
    assert_float_equal(same.bounds.low, one.bounds.low, 1e-12);
    assert_float_equal(same.bounds.high, one.bounds.high, 1e-12);
    area[1] = (struct strike_area){.bits = 300, .count = {5, 5}};
    all = strike_total(area, 2, STRIKE_FALSE_ALARM, 0.95);
    const struct strike_area pooled = {.bits = 600, .count = {10, 10}};
    const struct strike_share both = strike_share_of(&pooled, STRIKE_FALSE_ALARM, 0.95);
    assert_float_equal(all.bounds.low, both.bounds.low, 1e-12);
    assert_float_equal(all.bounds.high, both.bounds.high, 1e-12);
    all = strike_total(area, 2, STRIKE_HARMED, 0.95);
    assert_true(all.rate == 0 && all.bounds.low == 0 && all.bounds.high < 0.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_harmless), cmocka_unit_test(test_devices),
        cmocka_unit_test(test_alone), cmocka_unit_test(test_entries), cmocka_unit_test(test_total)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
