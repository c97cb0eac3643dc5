/* SPDX-License-Identifier: MIT */
/* Sessions that share passes have the bits they have alone: random mixes of prompts, sampling,
 * log-probabilities, policies and faults, in any order, begun and ended at any time. */
#include "lib_bench.h"

#define MOST 16u /* sessions */
#define MIXES 14u
#define REQUESTS 8u

/* What a session runs; by kind: greedy, sampled, scored, under a policy, with faults. */
struct request {
    int32_t ids[96];
    uint32_t n_ids;
    char options[256];
    const char *policy, *fault;
};

static const char *const faults[] = {
    "{\"site\": \"blk.0.ffn_down\", \"kind\": \"flip\", \"bit\": 30, \"row\": 7, \"step\": 2}",
    "{\"site\": \"blk.0.attn_q\", \"kind\": \"stale\", \"position\": 3, \"granularity\": "
    "\"vector\"}",
    "{\"site\": \"blk.0.kv_k\", \"kind\": \"stuck_at_1\", \"mask\": \"0x7f000000\", \"k\": 3, "
    "\"key\": 1, \"position\": 4}",
    "{\"site\": \"blk.0.attn_v.weight\", \"bits\": [3], \"row\": 5, \"k\": 16, \"position\": 2}",
};

static void draw(struct request *out, struct rng *rng, uint32_t kind)
{
    const uint32_t tokens = 2 + (uint32_t)rng_below(rng, LIB_BENCH_TOKENS - 2);
    const char *more = kind == 1   ? ", \"temperature\": 1.2, \"top_p\": 0.9"
                       : kind == 2 ? ", \"prompt_logprobs\": true, \"prompt_top\": 2"
                                   : "";
    *out = (struct request){.n_ids = 6 + (uint32_t)rng_below(rng, kind == 2 ? 70 : 40)};
    lib_bench_prompt(out->ids, out->n_ids, rng_below(rng, 1000));
    snprintf(out->options, sizeof(out->options),
             "{\"tokens\": %u, \"logprobs\": true, \"top\": 3, \"ignore_end\": true, \"seed\": "
             "%u%s}",
             tokens, (unsigned)rng_below(rng, 100), more);
    out->policy = kind == 3 ? "robust" : kind == 4 ? "nan_trap" : NULL;
    out->fault = kind >= 5 ? faults[rng_below(rng, 4)] : NULL;
    if (kind == 7)
        out->policy = "robust";
}

static vkfi_session *open_session(vkfi_device *device, const struct request *request)
{
    vkfi_session *session = NULL;
    LIB_BENCH_OK(vkfi_session_open(&session, device, request->options));
    LIB_BENCH_OK(vkfi_session_feed_ids(session, request->ids, request->n_ids));
    if (request->policy)
        LIB_BENCH_OK(vkfi_session_protect(session, request->policy));
    if (request->fault)
        LIB_BENCH_OK(vkfi_session_fault(session, request->fault));
    return session;
}

/* The run's object without what may differ: seconds, and whether something was flushed. */
static void take_report(char **out, vkfi_session *session)
{
    const char *report = NULL;
    LIB_BENCH_OK(vkfi_session_report(session, &report));
    *out = strdup(report);
    char *underflow = strstr(*out, "\"underflow\"");
    assert_non_null(underflow);
    char *after = strchr(underflow, ',');
    memset(underflow, '-', (size_t)(after - underflow));
    *strstr(*out, "\"seconds\"") = '\0';
}

static void alone(char **out, vkfi_device *device, const struct request *request)
{
    struct lib_bench_run run = {0};
    vkfi_session *session = open_session(device, request);
    lib_bench_steps(&run, session);
    take_report(out, session);
    vkfi_session_close(session);
}

/* Sessions of a mix that are at work: each is opened at a random round. */
struct mix {
    vkfi_device *device;
    const struct request *request; /* (n) */
    uint32_t n, done;
    vkfi_session *session[MOST]; /* null: not yet, or no more */
    bool ended[MOST];
    char *report[MOST];
};

static void take(struct mix *mix, uint32_t i, const vkfi_turn *turn)
{
    if (turn->status == VKFI_OK || turn->status == VKFI_PENDING || turn->status == VKFI_BUSY)
        return;
    if (turn->status != VKFI_END && turn->status != VKFI_UNCORRECTED)
        print_error("%s: %s\n", vkfi_status_name(turn->status), turn->message);
    assert_true(turn->status == VKFI_END || turn->status == VKFI_UNCORRECTED);
    take_report(&mix->report[i], mix->session[i]);
    vkfi_session_close(mix->session[i]);
    mix->session[i] = NULL;
    mix->ended[i] = true;
    mix->done++;
}

static void step(struct mix *mix, struct rng *rng)
{
    vkfi_turn turns[MOST];
    uint32_t of[MOST], n = 0;
    const uint32_t start = (uint32_t)rng_below(rng, mix->n);
    for (uint32_t k = 0; k < mix->n; k++) {
        const uint32_t i = (start + k) % mix->n;
        if (!mix->session[i] && !mix->ended[i] && rng_below(rng, 3) == 0)
            mix->session[i] = open_session(mix->device, &mix->request[i]);
        if (!mix->session[i] || rng_below(rng, 8) == 0)
            continue; /* it waits for this round */
        of[n] = i;
        turns[n++] = (vkfi_turn){.session = mix->session[i]};
    }
    LIB_BENCH_OK(vkfi_session_step_all(turns, n));
    for (uint32_t k = 0; k < n; k++)
        take(mix, of[k], &turns[k]);
}

static void mixes(const char *device_options, const char *file, uint32_t count)
{
    char path[512];
    vkfi_model *model = NULL;
    vkfi_device *device = NULL;
    struct rng rng;
    rng_init(&rng, 11, 3);
    LIB_BENCH_OK(vkfi_model_open(&model, lib_bench_path(path, file)));
    LIB_BENCH_OK(vkfi_device_open(&device, model, device_options, NULL, NULL));
    for (uint32_t m = 0; m < count; m++) {
        struct request request[MOST];
        struct mix mix = {.device = device,
                          .request = request,
                          .n = m % 3 == 0 ? MOST : 1 + (uint32_t)rng_below(&rng, MOST)};
        char *expected[MOST];
        for (uint32_t i = 0; i < mix.n; i++) {
            draw(&request[i], &rng, (uint32_t)rng_below(&rng, REQUESTS));
            alone(&expected[i], device, &request[i]);
        }
        while (mix.done < mix.n)
            step(&mix, &rng);
        for (uint32_t i = 0; i < mix.n; i++) {
            assert_string_equal(mix.report[i], expected[i]);
            free(mix.report[i]);
            free(expected[i]);
        }
    }
    vkfi_device_close(device);
    vkfi_model_close(model);
}

#define SIZES "\"positions\": 128, \"sessions\": 16, \"threads\": 1"

static void test_cpu(void **state)
{
    (void)state;
    mixes("{" SIZES "}", "tiny-llama-q8_0.gguf", MIXES);
    mixes("{" SIZES ", \"columns\": 5}", "tiny-gemma3.gguf", MIXES / 2);
}

static void test_vulkan(void **state)
{
    (void)state;
    mixes("{\"device\": \"vk\", " SIZES "}", "tiny-llama-q4_1.gguf", 3);
}

/* Calls that are wrong in themselves. */
static void test_wrong_calls(void **state)
{
    char path[512];
    vkfi_model *model = NULL;
    vkfi_device *device[2] = {NULL, NULL};
    struct request request;
    struct rng rng;
    (void)state;
    rng_init(&rng, 4, 4);
    draw(&request, &rng, 0);
    LIB_BENCH_OK(vkfi_model_open(&model, lib_bench_path(path, "tiny-llama-q8_0.gguf")));
    vkfi_turn turns[4] = {{0}};
    for (int i = 0; i < 2; i++) {
        LIB_BENCH_OK(vkfi_device_open(&device[i], model, "{" SIZES "}", NULL, NULL));
        turns[i].session = open_session(device[i], &request);
    }
    turns[2].session = turns[0].session; /* twice */
    assert_int_equal(vkfi_session_step_all(NULL, 2), VKFI_USAGE);
    LIB_BENCH_OK(vkfi_session_step_all(NULL, 0));
    LIB_BENCH_OK(vkfi_session_step_all(turns, 4));
    assert_true(turns[0].status == VKFI_OK || turns[0].status == VKFI_PENDING);
    assert_int_equal(turns[1].status, VKFI_USAGE);
    assert_non_null(strstr(turns[1].message, "two devices"));
    assert_int_equal(turns[2].status, VKFI_BUSY);
    assert_int_equal(turns[3].status, VKFI_USAGE);
    vkfi_session_cancel(turns[0].session);
    LIB_BENCH_OK(vkfi_session_step_all(turns, 1));
    assert_int_equal(turns[0].status, VKFI_CANCELLED);
    for (int i = 0; i < 2; i++) {
        vkfi_session_close(turns[i].session);
        vkfi_device_close(device[i]);
    }
    vkfi_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_vulkan),
        cmocka_unit_test(test_wrong_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
