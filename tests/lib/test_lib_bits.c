/* SPDX-License-Identifier: MIT */
/* Sessions give the bits of whole runs: on all tiny models, forked, fed on, under faults and
 * policies, whatever the storage, the form and the number of tokens. */
#include "lib_bench.h"

#include "inject/space/fault.h"
#include "mitigations/protector.h"

static const char *const files[] = {
    "tiny-llama-q4_1.gguf",   "tiny-llama-q4_0.gguf",   "tiny-llama-q4_k.gguf",
    "tiny-llama-q5_0.gguf",   "tiny-llama-q5_1.gguf",   "tiny-llama-q5_k.gguf",
    "tiny-llama-q6_k.gguf",   "tiny-llama-q2_k.gguf",   "tiny-llama-q3_k.gguf",
    "tiny-llama-iq4_nl.gguf", "tiny-llama-iq4_xs.gguf", "tiny-llama-mxfp4.gguf",
    "tiny-llama-q8_0.gguf",   "tiny-llama-f16.gguf",    "tiny-llama-bf16.gguf",
    "tiny-llama3-rope.gguf",  "tiny-rope-scaled.gguf",  "tiny-gemma3.gguf",
    "tiny-qwen2.gguf"};
#define FILES (sizeof(files) / sizeof(*files))

#define OPTIONS "{\"tokens\": 24, \"ignore_end\": true, \"logprobs\": true}"
#define SAMPLED                                                                                    \
    "{\"tokens\": 24, \"ignore_end\": true, \"logprobs\": true, \"temperature\": 1.5, \"seed\": "  \
    "\"0xfedcba9876543210\", \"top_k\": 40}"

/* What a case of a whole run adds. */
struct whole {
    const char *faults, *policy;
    bool sampled;
};

static void strike(struct tap *tap, struct arena *arena, const char *faults,
                   const struct generate_params *params)
{
    const struct fault_bounds bounds = {
        .model = params->ex->model, .n_prompt = params->n_ids, .positions = 100};
    struct json_doc *doc = NULL;
    struct fault_trials trials;
    assert_int_equal(json_parse(&doc, faults, strlen(faults), "faults"), STATUS_OK);
    assert_int_equal(fault_parse_trials(&trials, arena, doc, &bounds), STATUS_OK);
    json_destroy(&doc);
    struct tap_fault *taps = arena_array(arena, trials.trial->count, sizeof(*taps));
    for (uint32_t i = 0; i < trials.trial->count; i++)
        fault_tap(&trials.trial->fault[i], &bounds, &taps[i]);
    assert_int_equal(tap_init(tap, taps, trials.trial->count, params->ex), STATUS_OK);
}

/* The same run by generate(), on an executor of its own. */
static void whole_run(struct lib_bench_run *out, const char *file, const int32_t *ids, uint32_t n,
                      const struct whole *how)
{
    char path[512];
    struct model *model = NULL;
    struct executor *ex = NULL;
    struct arena arena = {0};
    struct generation g;
    struct policy policy;
    struct protector *protector = NULL;
    struct tap tap;
    assert_int_equal(model_open(&model, lib_bench_path(path, file)), STATUS_OK);
    const struct executor_params needs = {
        .model = model, .positions = 100, .branches = 2, .threads = 1};
    assert_int_equal(cpu_create(&ex, CPU_AUTO, &needs), STATUS_OK);
    struct generate_params params = {.ex = ex,
                                     .ids = ids,
                                     .n_ids = n,
                                     .rules = {.n = LIB_BENCH_TOKENS, .ignore_end = true},
                                     .logsumexp = true,
                                     .save_position = EXECUTOR_NONE};
    if (how->sampled)
        params.rules.sampler =
            (struct sampler){.temperature = 1.5, .top_k = 40, .seed = 0xfedcba9876543210};
    if (how->policy) {
        assert_int_equal(policy_load(&policy, &arena, how->policy), STATUS_OK);
        assert_int_equal(protector_open(&protector, &policy, &(struct protection_setup){.ex = ex}),
                         STATUS_OK);
        params.rules.check = protector_check(protector);
    }
    if (how->faults) {
        strike(&tap, &arena, how->faults, &params);
        params.tap = &tap;
    }
    assert_int_equal(generate(&g, &arena, &params), STATUS_OK);
    if (how->faults)
        assert_int_equal(tap_finish(&tap, ex), STATUS_OK);
    *out = (struct lib_bench_run){.n = g.n_tokens};
    for (uint32_t i = 0; i < g.n_tokens; i++) {
        out->id[i] = g.tokens[i];
        out->hash[i] = g.step[i].hash;
        out->logprob[i] = (double)g.step[i].logit - g.step[i].logsumexp;
    }
    if (how->policy) {
        struct decode_summary sum;
        params.rules.check->summary(params.rules.check->user, g.state, &sum);
        out->uncorrected = sum.damage == DECODE_UNCORRECTED;
    }
    protector_close(&protector);
    executor_destroy(&ex);
    model_close(&model);
    arena_finish(&arena);
}

static void expect_whole(const struct lib_bench_run *run, const struct lib_bench_run *whole)
{
    assert_int_equal(run->n, whole->n);
    assert_true(run->uncorrected == whole->uncorrected);
    assert_memory_equal(run->id, whole->id, run->n * sizeof(*run->id));
    assert_memory_equal(run->hash, whole->hash, run->n * sizeof(*run->hash));
    assert_memory_equal(run->logprob, whole->logprob, run->n * sizeof(*run->logprob));
}

/* An open model and device. */
struct bench_place {
    vkfi_model *model;
    vkfi_device *device;
};

static struct bench_place open_place(const char *file, const char *options)
{
    struct bench_place p = {0};
    char path[512];
    LIB_BENCH_OK(vkfi_model_open(&p.model, lib_bench_path(path, file)));
    LIB_BENCH_OK(vkfi_device_open(&p.device, p.model, options, NULL, NULL));
    return p;
}

/* The device first, or the model: both orders are right. */
static void close_place(struct bench_place *p)
{
    vkfi_model_close(p->model);
    vkfi_device_close(p->device);
}

static void equals_whole_runs(void **state)
{
    int32_t ids[LIB_BENCH_PROMPT];
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        const bool sampled = i % 2 == 1;
        struct bench_place p = open_place(files[i], "{\"threads\": 1, \"positions\": 100}");
        struct lib_bench_run whole, run = {0};
        vkfi_session *session;
        lib_bench_prompt(ids, LIB_BENCH_PROMPT, i);
        whole_run(&whole, files[i], ids, LIB_BENCH_PROMPT, &(struct whole){.sampled = sampled});
        LIB_BENCH_OK(vkfi_session_open(&session, p.device, sampled ? SAMPLED : OPTIONS));
        LIB_BENCH_OK(vkfi_session_feed_ids(session, ids, LIB_BENCH_PROMPT));
        lib_bench_steps(&run, session);
        expect_whole(&run, &whole);
        assert_string_equal(run.end, "length");
        lib_bench_text(session, &run);
        vkfi_session_close(session);
        close_place(&p);
    }
}

/* A fork at each step, and one of it; the first session goes on untouched. */
static void forks_go_on(void **state)
{
    int32_t ids[LIB_BENCH_PROMPT];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const char *file = files[(5 * i + 12) % FILES], *options = i % 2 ? SAMPLED : OPTIONS;
        struct bench_place p =
            open_place(file, "{\"threads\": 1, \"positions\": 100, \"sessions\": 3}");
        struct lib_bench_run fresh = {0}, own = {0};
        vkfi_session *first, *session;
        vkfi_token token;
        lib_bench_prompt(ids, LIB_BENCH_PROMPT, i);
        LIB_BENCH_OK(vkfi_session_open(&first, p.device, options));
        LIB_BENCH_OK(vkfi_session_feed_ids(first, ids, LIB_BENCH_PROMPT));
        lib_bench_steps(&fresh, first);
        vkfi_session_close(first);
        LIB_BENCH_OK(vkfi_session_open(&session, p.device, options));
        LIB_BENCH_OK(vkfi_session_feed_ids(session, ids, LIB_BENCH_PROMPT));
        for (uint32_t at = 0; at <= LIB_BENCH_TOKENS; at++) {
            vkfi_session *fork, *second;
            struct lib_bench_run forked = own, again = own;
            LIB_BENCH_OK(vkfi_session_fork(&fork, session));
            LIB_BENCH_OK(vkfi_session_fork(&second, fork));
            lib_bench_steps(&forked, fork);
            lib_bench_steps(&again, second);
            lib_bench_equal(&forked, &fresh);
            lib_bench_equal(&again, &fresh);
            lib_bench_text(fork, &fresh);
            vkfi_session_close(fork);
            vkfi_session_close(second);
            if (at == LIB_BENCH_TOKENS)
                break;
            LIB_BENCH_OK(vkfi_session_step(session, &token));
            own.n = at + 1;
            own.id[at] = token.id;
            own.hash[at] = token.hash;
            own.logprob[at] = token.logprob;
            memcpy(own.text + own.text_size, token.text, token.text_size);
            own.text_size += token.text_size;
        }
        vkfi_session_close(session);
        close_place(&p);
    }
}

/* Fed after any number of tokens, also twice, a session is one of the whole prompt. */
static void feeds_go_on(void **state)
{
    int32_t all[100], more[9];
    (void)state;
    for (uint32_t at = 0; at <= LIB_BENCH_TOKENS; at += 3) {
        const char *file = files[at % FILES];
        struct bench_place p = open_place(file, "{\"threads\": 1, \"positions\": 100}");
        struct lib_bench_run fresh, run = {0};
        vkfi_session *session;
        vkfi_token token;
        uint32_t n = 20;
        lib_bench_prompt(all, n, at);
        lib_bench_prompt(more, 9, at + 100);
        LIB_BENCH_OK(vkfi_session_open(&session, p.device, OPTIONS));
        LIB_BENCH_OK(vkfi_session_feed_ids(session, all, n));
        for (uint32_t i = 0; i < at; i++) {
            LIB_BENCH_OK(vkfi_session_step(session, &token));
            all[n++] = token.id;
        }
        LIB_BENCH_OK(vkfi_session_feed_ids(session, more, 4));
        LIB_BENCH_OK(vkfi_session_feed_ids(session, more + 4, 5));
        memcpy(all + n, more, sizeof(more));
        whole_run(&fresh, file, all, n + 9, &(struct whole){0});
        lib_bench_steps(&run, session);
        expect_whole(&run, &fresh);
        vkfi_session_close(session);
        close_place(&p);
    }
}

static const char *const fault_cases[] = {
    "{\"site\": \"blk.0.ffn_down\", \"bit\": 30, \"row\": 3, \"step\": 4}",
    "[[{\"site\": \"blk.0.attn_q\", \"point\": \"partial\", \"kind\": \"scale\", \"value\": 9, "
    "\"k\": 5, \"position\": 11}, {\"site\": \"blk.0.kv_k\", \"kind\": \"stuck_at_1\", \"mask\": "
    "\"0x7f800000\", \"k\": 3, \"key\": 1, \"position\": 20}]]",
    "{\"site\": \"blk.0.attn_q.weight\", \"bits\": [2, 3], \"row\": 5, \"k\": 9, \"position\": 0}",
    "{\"site\": \"control.token\", \"bit\": 3, \"step\": 2}",
    "{\"site\": \"control.sampler\", \"bit\": 2, \"step\": 3}"};
#define FAULT_CASES (sizeof(fault_cases) / sizeof(*fault_cases))

/* Faulty sessions, with and without a policy, forked midway; afterwards the device is clean. */
static void faults_and_policies(void **state)
{
    int32_t ids[LIB_BENCH_PROMPT];
    struct lib_bench_run clean, run = {0};
    const char *file = "tiny-llama-q8_0.gguf";
    struct bench_place p =
        open_place(file, "{\"threads\": 1, \"positions\": 100, \"sessions\": 2}");
    (void)state;
    lib_bench_prompt(ids, LIB_BENCH_PROMPT, 5);
    whole_run(&clean, file, ids, LIB_BENCH_PROMPT, &(struct whole){0});
    for (size_t i = 0; i < 2 * FAULT_CASES; i++) {
        const char *policy = i % 2 ? "robust" : NULL, *faults = fault_cases[i / 2];
        struct lib_bench_run whole, forked = {0}, faulty = {0};
        vkfi_session *session, *fork = NULL;
        vkfi_token token;
        const char *report;
        whole_run(&whole, file, ids, LIB_BENCH_PROMPT,
                  &(struct whole){.faults = faults, .policy = policy});
        LIB_BENCH_OK(vkfi_session_open(&session, p.device, OPTIONS));
        LIB_BENCH_OK(vkfi_session_feed_ids(session, ids, LIB_BENCH_PROMPT));
        LIB_BENCH_OK(vkfi_session_protect(session, policy));
        LIB_BENCH_OK(vkfi_session_fault(session, faults));
        const bool alone = strstr(faults, ".weight") != NULL;
        for (uint32_t k = 0; k < 6; k++) {
            LIB_BENCH_OK(vkfi_session_step(session, &token));
            faulty.id[token.index] = forked.id[token.index] = token.id;
            faulty.hash[token.index] = forked.hash[token.index] = token.hash;
            faulty.logprob[token.index] = forked.logprob[token.index] = token.logprob;
        }
        assert_int_equal(vkfi_session_fork(&fork, session), alone ? VKFI_BUSY : VKFI_OK);
        lib_bench_steps(&faulty, session);
        expect_whole(&faulty, &whole);
        LIB_BENCH_OK(vkfi_session_report(session, &report));
        assert_non_null(strstr(report, "\"struck\""));
        assert_true((strstr(report, "\"protect\"") != NULL) == (policy != NULL));
        if (!alone) {
            lib_bench_steps(&forked, fork);
            expect_whole(&forked, &whole);
        }
        vkfi_session_close(fork);
        vkfi_session_close(session);
    }
    vkfi_session *session;
    LIB_BENCH_OK(vkfi_session_open(&session, p.device, OPTIONS));
    LIB_BENCH_OK(vkfi_session_feed_ids(session, ids, LIB_BENCH_PROMPT));
    lib_bench_steps(&run, session);
    expect_whole(&run, &clean);
    vkfi_session_close(session);
    close_place(&p);
}

/* While a stored weight is struck, others wait; then they go on with clean bits. */
static void weights_are_held(void **state)
{
    int32_t ids[LIB_BENCH_PROMPT];
    struct lib_bench_run whole, run = {0}, faulty = {0};
    const char *file = "tiny-llama-q4_1.gguf";
    struct bench_place p =
        open_place(file, "{\"threads\": 1, \"positions\": 100, \"sessions\": 2}");
    vkfi_session *clean, *struck;
    vkfi_token token;
    (void)state;
    lib_bench_prompt(ids, LIB_BENCH_PROMPT, 6);
    whole_run(&whole, file, ids, LIB_BENCH_PROMPT, &(struct whole){0});
    LIB_BENCH_OK(vkfi_session_open(&clean, p.device, OPTIONS));
    LIB_BENCH_OK(vkfi_session_open(&struck, p.device, OPTIONS));
    LIB_BENCH_OK(vkfi_session_feed_ids(clean, ids, LIB_BENCH_PROMPT));
    LIB_BENCH_OK(vkfi_session_feed_ids(struck, ids, LIB_BENCH_PROMPT));
    LIB_BENCH_OK(vkfi_session_fault(struck, fault_cases[2]));
    for (uint32_t k = 0; k < 3; k++) {
        LIB_BENCH_OK(vkfi_session_step(clean, &token));
        run.id[k] = token.id;
        run.hash[k] = token.hash;
        run.logprob[k] = token.logprob;
    }
    LIB_BENCH_OK(vkfi_session_step(struck, &token));
    assert_int_equal(vkfi_session_step(clean, &token), VKFI_BUSY);
    assert_non_null(strstr(vkfi_message(), "held by a session"));
    lib_bench_steps(&faulty, struck);
    lib_bench_steps(&run, clean);
    expect_whole(&run, &whole);
    assert_memory_not_equal(faulty.hash + 1, whole.hash + 1, 8);
    /* Closed in the middle of its run, it leaves clean weights too. */
    LIB_BENCH_OK(vkfi_session_fault(struck, fault_cases[2]));
    LIB_BENCH_OK(vkfi_session_step(struck, &token));
    vkfi_session_close(struck);
    LIB_BENCH_OK(vkfi_session_fault(clean, NULL));
    memset(&run, 0, sizeof(run));
    lib_bench_steps(&run, clean);
    expect_whole(&run, &whole);
    vkfi_session_close(clean);
    close_place(&p);
}

/* A plan's trial, alone or in the list that the program prints, is its faults. */
static void drawn_trials(void **state)
{
    static const char *const forms[] = {"%s", "{\"trial\": 3, \"faults\": [%s]}",
                                        "[{\"trial\": 3, \"faults\": [%s]}]"};
    int32_t ids[LIB_BENCH_PROMPT];
    struct lib_bench_run whole;
    const char *file = "tiny-llama-q8_0.gguf";
    struct bench_place p = open_place(file, "{\"threads\": 1, \"positions\": 100}");
    (void)state;
    lib_bench_prompt(ids, LIB_BENCH_PROMPT, 8);
    whole_run(&whole, file, ids, LIB_BENCH_PROMPT, &(struct whole){.faults = fault_cases[0]});
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        struct lib_bench_run run = {0};
        vkfi_session *session;
        char text[512];
        snprintf(text, sizeof(text), forms[i], fault_cases[0]);
        LIB_BENCH_OK(vkfi_session_open(&session, p.device, OPTIONS));
        LIB_BENCH_OK(vkfi_session_feed_ids(session, ids, LIB_BENCH_PROMPT));
        LIB_BENCH_OK(vkfi_session_fault(session, text));
        lib_bench_steps(&run, session);
        expect_whole(&run, &whole);
        vkfi_session_close(session);
    }
    close_place(&p);
}

/* The same bits on a Vulkan device, clean, forked and struck; without a driver nothing is said. */
static void vulkan_device(void **state)
{
    int32_t ids[LIB_BENCH_PROMPT];
    const char *file = "tiny-llama-q8_0.gguf";
    struct bench_place p = {0};
    struct lib_bench_run whole, struck, run = {0}, faulty = {0};
    vkfi_session *session, *fork;
    char path[512];
    (void)state;
    LIB_BENCH_OK(vkfi_model_open(&p.model, lib_bench_path(path, file)));
    const vkfi_status status =
        vkfi_device_open(&p.device, p.model,
                         "{\"device\": \"vk\", \"positions\": 100, \"sessions\": 2}", NULL, NULL);
    if (status == VKFI_DEVICE) {
        print_message("no Vulkan device: %s\n", vkfi_message());
        vkfi_model_close(p.model);
        skip();
    }
    LIB_BENCH_OK(status);
    lib_bench_prompt(ids, LIB_BENCH_PROMPT, 9);
    whole_run(&whole, file, ids, LIB_BENCH_PROMPT, &(struct whole){0});
    whole_run(&struck, file, ids, LIB_BENCH_PROMPT, &(struct whole){.faults = fault_cases[2]});
    LIB_BENCH_OK(vkfi_session_open(&session, p.device, OPTIONS));
    LIB_BENCH_OK(vkfi_session_feed_ids(session, ids, LIB_BENCH_PROMPT));
    LIB_BENCH_OK(vkfi_session_fork(&fork, session));
    lib_bench_steps(&run, session);
    expect_whole(&run, &whole);
    LIB_BENCH_OK(vkfi_session_fault(fork, fault_cases[2]));
    lib_bench_steps(&faulty, fork);
    expect_whole(&faulty, &struck);
    vkfi_session_close(fork);
    vkfi_session_close(session);
    close_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_whole_runs), cmocka_unit_test(forks_go_on),
        cmocka_unit_test(feeds_go_on),       cmocka_unit_test(faults_and_policies),
        cmocka_unit_test(weights_are_held),  cmocka_unit_test(drawn_trials),
        cmocka_unit_test(vulkan_device),
    };
    fpenv_set(); /* for generate(); the library's devices have threads of their own */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
