/* SPDX-License-Identifier: MIT */
/* Whatever is called with whatever: a status, one message, and objects that go on. */
#include "lib_bench.h"

#include "base/log.h"

static vkfi_model *model;
static vkfi_device *device;

static int open_all(void **state)
{
    char path[512];
    (void)state;
    return vkfi_model_open(&model, lib_bench_path(path, "tiny-qwen2.gguf")) != VKFI_OK ||
           vkfi_device_open(
               &device, model,
               "{\"threads\": 1, \"positions\": 64, \"sessions\": 2, \"records\": true}", NULL,
               NULL) != VKFI_OK;
}

static int close_all(void **state)
{
    (void)state;
    vkfi_device_close(device);
    vkfi_model_close(model);
    return 0;
}

/* Refused with this status and a message of one line that has `part`. */
#define REFUSED(call, expected, part)                                                              \
    do {                                                                                           \
        assert_int_equal((call), (expected));                                                      \
        if (!strstr(vkfi_message(), (part)))                                                       \
            fail_msg("found message '%s', expected '%s' in it", vkfi_message(), (part));           \
        assert_null(strchr(vkfi_message(), '\n'));                                                 \
    } while (0)

static void nulls(void **state)
{
    vkfi_session *session = (vkfi_session *)1;
    const char *out;
    size_t n;
    (void)state;
    REFUSED(vkfi_model_open(NULL, "x"), VKFI_USAGE, "null");
    REFUSED(vkfi_model_open(&model, NULL), VKFI_USAGE, "null");
    REFUSED(vkfi_device_open(NULL, model, NULL, NULL, NULL), VKFI_USAGE, "null");
    REFUSED(vkfi_device_open(&device, NULL, NULL, NULL, NULL), VKFI_USAGE, "null");
    REFUSED(vkfi_session_open(NULL, device, NULL), VKFI_USAGE, "null");
    REFUSED(vkfi_session_open(&session, NULL, NULL), VKFI_USAGE, "null");
    REFUSED(vkfi_session_step(NULL, NULL), VKFI_USAGE, "no session");
    REFUSED(vkfi_session_run(NULL, NULL, NULL), VKFI_USAGE, "no session");
    REFUSED(vkfi_session_text(NULL, &out, &n), VKFI_USAGE, "no session");
    REFUSED(vkfi_session_fault(NULL, "{}"), VKFI_USAGE, "no session");
    REFUSED(vkfi_model_tokenize(NULL, "x", 1, VKFI_PARSE_PLAIN, NULL), VKFI_USAGE, "null");
    REFUSED(vkfi_model_spell(model, 1, NULL, 4, &n), VKFI_USAGE, "null");
    assert_int_equal(vkfi_model_vocabulary(NULL), 0);
    assert_string_equal(vkfi_device_name(NULL), "");
    assert_string_equal(vkfi_session_end(NULL), "open");
    vkfi_session_cancel(NULL);
    vkfi_session_close(NULL);
    vkfi_device_close(NULL);
    vkfi_model_close(NULL);
    assert_string_equal(vkfi_status_name((vkfi_status)1234), "unknown");
    assert_string_equal(vkfi_status_name((vkfi_status)-1), "unknown");
    assert_string_equal(vkfi_status_name(VKFI_BUSY), "busy");
}

static void bad_options(void **state)
{
    static const struct {
        const char *options, *part;
    } devices[] = {{"", "options"},
                   {"[]", "expected options of a device"},
                   {"{\"devise\": \"cpu\"}", "did you mean"},
                   {"{\"device\": \"cqu\"}", "no Vulkan"},
                   {"{\"device\": \"\"}", "empty device"},
                   {"{\"device\": \"cpu:scalr\"}", "did you mean 'cpu:scalar'"},
                   {"{\"act\": \"f64\"}", "f64"},
                   {"{\"positions\": 0}", "positions"},
                   {"{\"positions\": 1e9}", "positions"},
                   {"{\"sessions\": -1}", "sessions"},
                   {"{\"records\": 1}", "records"},
                   {"{\"records\": true, \"positions\": 1}", "expected at least 2"}},
      sessions[] = {{"{\"tokens\": 0}", "tokens"},
                    {"{\"tokens\": 65}", "tokens"},
                    {"{\"temperature\": -1}", "temperature"},
                    {"{\"temperature\": \"NaN\"}", "temperature"},
                    {"{\"stop\": \"x\"}", "list of texts"},
                    {"{\"stop\": [\"\"]}", "empty text"},
                    {"{\"stop\": [3]}", "stop"},
                    {"{\"seed\": \"0xg\"}", "seed"},
                    {"{\"top\": 100000000}", "top"},
                    {"{\"tokens\": 1, \"tokens\": 2}", "tokens"},
                    {"{", "options"}};
    (void)state;
    for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
        vkfi_device *none = (vkfi_device *)1;
        const vkfi_status status = vkfi_device_open(&none, model, devices[i].options, NULL, NULL);
        assert_true(status == VKFI_INPUT || status == VKFI_USAGE || status == VKFI_DEVICE);
        assert_null(none);
        assert_true(vkfi_message()[0] != '\0');
        if (strcmp(devices[i].part, "no Vulkan") != 0) /* depends on the machine's drivers */
            assert_non_null(strstr(vkfi_message(), devices[i].part));
    }
    for (size_t i = 0; i < sizeof(sessions) / sizeof(*sessions); i++) {
        vkfi_session *none = (vkfi_session *)1;
        REFUSED(vkfi_session_open(&none, device, sessions[i].options), VKFI_INPUT,
                sessions[i].part);
        assert_null(none);
    }
    vkfi_model *none = (vkfi_model *)1;
    REFUSED(vkfi_model_open(&none, "/nonexistent/x.gguf"), VKFI_IO, "/nonexistent/x.gguf");
    assert_null(none);
    REFUSED(vkfi_model_open(&none, VKFI_SOURCE "/README.md"), VKFI_INPUT, "README.md");
}

static vkfi_session *session_of(const char *options)
{
    vkfi_session *session;
    LIB_BENCH_OK(vkfi_session_open(&session, device, options));
    return session;
}

static void bad_feeds(void **state)
{
    vkfi_session *s = session_of("{\"tokens\": 8}");
    int32_t ids[70] = {0};
    const int32_t wrong[] = {1, -1}, beyond[] = {INT32_MAX};
    vkfi_token token;
    const char *out;
    (void)state;
    REFUSED(vkfi_session_step(s, &token), VKFI_USAGE, "empty prompt");
    REFUSED(vkfi_session_fault(s, "{\"site\": \"output\"}"), VKFI_USAGE, "prompt first");
    REFUSED(vkfi_session_feed_ids(s, NULL, 1), VKFI_USAGE, "null");
    REFUSED(vkfi_session_feed_ids(s, wrong, 2), VKFI_INPUT, "token id -1 at place 2");
    REFUSED(vkfi_session_feed_ids(s, beyond, 1), VKFI_INPUT, "place 1");
    REFUSED(vkfi_session_feed_ids(s, ids, 65), VKFI_INPUT, "64 positions");
    REFUSED(vkfi_session_feed_ids(s, ids, SIZE_MAX), VKFI_INPUT, "64 positions");
    REFUSED(vkfi_session_feed_text(s, "a\xff", 2, VKFI_PARSE_PLAIN), VKFI_INPUT, "UTF-8");
    REFUSED(vkfi_session_feed_text(s, "a\0b", 3, VKFI_PARSE_PLAIN), VKFI_INPUT, "text");
    REFUSED(vkfi_session_feed_text(s, "a", 1, (vkfi_parse)7), VKFI_USAGE, "parse");
    REFUSED(vkfi_session_feed_chat(s, "a", "chatmll"), VKFI_INPUT, "chatml");
    LIB_BENCH_OK(vkfi_session_feed_ids(s, ids, 60));
    REFUSED(vkfi_session_step(s, &token), VKFI_INPUT, "60 tokens and 8 to generate");
    REFUSED(vkfi_session_protect(s, "/etc/passwd"), VKFI_INPUT, "robust");
    REFUSED(vkfi_session_protect(s, "{\"protect\": [{\"kind\": \"nan_trp\"}]}"), VKFI_INPUT,
            "nan_trap");
    REFUSED(vkfi_session_fault(s, "{\"site\": \"blk.0.attn_qq\"}"), VKFI_INPUT, "attn_q");
    REFUSED(vkfi_session_fault(
                s, "[{\"site\": \"output\", \"bit\": 1}, {\"site\": \"output\", \"bit\": 2}]"),
            VKFI_INPUT, "found 2 trials");
    REFUSED(vkfi_session_fault(s, "nonsense"), VKFI_INPUT, "faults");
    REFUSED(vkfi_session_report(s, &out), VKFI_USAGE, "not ended");
    REFUSED(vkfi_session_records(s, NULL, &out), VKFI_USAGE, "null");
    vkfi_session_close(s);
}

/* A run that failed or was refused begins anew; a full device says so. */
static void goes_on(void **state)
{
    const int32_t ids[] = {5, 6, 7};
    struct lib_bench_run first = {0}, again = {0};
    vkfi_session *s = session_of("{\"tokens\": 8}"), *t = session_of(NULL), *u = session_of(NULL);
    vkfi_token token;
    (void)state;
    LIB_BENCH_OK(vkfi_session_feed_ids(s, ids, 3));
    LIB_BENCH_OK(vkfi_session_feed_ids(t, ids, 3));
    LIB_BENCH_OK(vkfi_session_feed_ids(u, ids, 3));
    lib_bench_steps(&first, s);
    assert_int_equal(vkfi_session_step(s, &token), VKFI_END);
    assert_int_equal(token.text_size, 0);
    LIB_BENCH_OK(vkfi_session_step(t, &token));
    REFUSED(vkfi_session_step(u, &token), VKFI_BUSY, "sessions");
    vkfi_session_close(t);
    LIB_BENCH_OK(vkfi_session_step(u, &token));
    LIB_BENCH_OK(vkfi_session_fault(s, NULL));
    lib_bench_steps(&again, s);
    lib_bench_equal(&first, &again);
    vkfi_session_close(s);
    vkfi_session_close(u);
}

static int stop_at_third(void *user, const vkfi_token *token)
{
    (void)user;
    return token->index == 2;
}

static int count_tokens(void *user, const vkfi_token *token)
{
    *(uint32_t *)user += token->id >= 0;
    return 0;
}

static void cancelled(void **state)
{
    const int32_t ids[] = {9, 8, 7};
    vkfi_session *s = session_of("{\"tokens\": 8, \"ignore_end\": true}");
    vkfi_token token;
    uint32_t n = 0;
    (void)state;
    LIB_BENCH_OK(vkfi_session_feed_ids(s, ids, 3));
    vkfi_session_cancel(s);
    REFUSED(vkfi_session_step(s, &token), VKFI_CANCELLED, "cancelled");
    REFUSED(vkfi_session_run(s, stop_at_third, NULL), VKFI_CANCELLED, "cancelled");
    LIB_BENCH_OK(vkfi_session_step(s, &token));
    assert_int_equal(token.index, 3);
    vkfi_session_cancel(s);
    REFUSED(vkfi_session_run(s, count_tokens, &n), VKFI_CANCELLED, "cancelled");
    LIB_BENCH_OK(vkfi_session_run(s, count_tokens, &n));
    assert_int_equal(n, 4);
    vkfi_session_close(s);
}

/* Records are those of trials, and leave the run as it was. */
static void records(void **state)
{
    const int32_t ids[] = {5, 6, 7, 8};
    struct lib_bench_run whole = {0}, parted = {0};
    vkfi_session *s = session_of("{\"tokens\": 8}");
    vkfi_token token;
    const char *out;
    (void)state;
    LIB_BENCH_OK(vkfi_session_feed_ids(s, ids, 4));
    lib_bench_steps(&whole, s);
    LIB_BENCH_OK(vkfi_session_fault(s, NULL));
    LIB_BENCH_OK(vkfi_session_step(s, &token));
    parted.id[0] = token.id;
    parted.hash[0] = token.hash;
    parted.logprob[0] = token.logprob;
    parted.text_size = token.text_size;
    memcpy(parted.text, token.text, token.text_size);
    LIB_BENCH_OK(vkfi_session_records(
        s,
        "[{\"site\": \"output\", \"bit\": 30, \"row\": 3, \"step\": 1}, {\"site\": "
        "\"blk.0.attn_q\", \"kind\": \"dry\", \"step\": 0}]",
        &out));
    assert_non_null(strstr(out, "\"masked_bitexact\""));
    assert_non_null(strstr(out, "\"activations\""));
    lib_bench_steps(&parted, s);
    assert_int_equal(parted.n, whole.n);
    assert_memory_equal(parted.id, whole.id, whole.n * sizeof(*whole.id));
    assert_memory_equal(parted.hash, whole.hash, whole.n * sizeof(*whole.hash));
    assert_memory_equal(parted.text, whole.text, whole.text_size);
    vkfi_session_close(s);
}

/* cpu:scalar has the model to itself. */
static void scalar_is_alone(void **state)
{
    vkfi_device *other = NULL, *second = NULL;
    vkfi_model *own;
    char path[512];
    (void)state;
    REFUSED(vkfi_device_open(&other, model, "{\"device\": \"cpu:scalar\"}", NULL, NULL), VKFI_BUSY,
            "opened for it alone");
    LIB_BENCH_OK(vkfi_model_open(&own, lib_bench_path(path, "tiny-qwen2.gguf")));
    LIB_BENCH_OK(vkfi_device_open(&other, own, "{\"device\": \"cpu:scalar\"}", NULL, NULL));
    REFUSED(vkfi_device_open(&second, own, NULL, NULL, NULL), VKFI_BUSY, "another device");
    vkfi_device_close(other);
    LIB_BENCH_OK(vkfi_device_open(&second, own, NULL, NULL, NULL));
    vkfi_model_close(own);
    vkfi_device_close(second);
}

static void texts(void **state)
{
    int32_t ids[8];
    char bytes[16];
    size_t size;
    vkfi_ids found = {0};
    (void)state;
    LIB_BENCH_OK(vkfi_model_tokenize(model, "hello", 5, VKFI_PARSE_PLAIN, &found));
    assert_true(found.count > 0 && found.count <= 8);
    found = (vkfi_ids){.id = ids, .room = 8};
    LIB_BENCH_OK(vkfi_model_tokenize(model, "hello", 5, VKFI_PARSE_PLAIN, &found));
    char text[32] = "";
    for (size_t i = 0; i < found.count; i++) {
        LIB_BENCH_OK(vkfi_model_spell(model, ids[i], bytes, sizeof(bytes), &size));
        strncat(text, bytes, size);
    }
    assert_string_equal(text, "hello");
    REFUSED(vkfi_model_spell(model, INT32_MAX, bytes, 16, &size), VKFI_INPUT, "token id");
}

/* --- random calls --- */

/* A text that may be right, may be cut or changed in a byte. */
static const char *any_text(struct rng *rng, char out[256])
{
    static const char *const texts[] = {
        "{\"site\": \"output\", \"bit\": 3, \"row\": 1}",
        "[[{\"site\": \"blk.0.kv_k\", \"k\": 1, \"key\": 0, \"position\": 4}]]",
        "{\"site\": \"blk.0.ffn_up.weight\", \"bits\": [1], \"position\": 0}",
        "{\"protect\": [{\"kind\": \"nan_trap\"}]}",
        "robust",
        "{\"site\": \"control.sampler\", \"bit\": 30, \"step\": 0}",
        "hello world"};
    snprintf(out, 256, "%s", texts[rng_below(rng, sizeof(texts) / sizeof(*texts))]);
    if (rng_below(rng, 4) == 0)
        out[rng_below(rng, strlen(out))] = (char)rng_below(rng, 128);
    return out;
}

static vkfi_status any_call(struct rng *rng, vkfi_session **all, size_t n)
{
    vkfi_session **slot = &all[rng_below(rng, n)], **other = &all[rng_below(rng, n)];
    const char *out;
    size_t size;
    char text[256];
    vkfi_token token;
    int32_t ids[3] = {(int32_t)rng_below(rng, 300) - 5, 1, 2};
    if (!*slot)
        return vkfi_session_open(slot, device, rng_below(rng, 2) ? NULL : "{\"tokens\": 5}");
    switch (rng_below(rng, 12)) {
    case 0:
        vkfi_session_close(*slot);
        *slot = NULL;
        return VKFI_OK;
    case 1:
        return *other ? VKFI_OK : vkfi_session_fork(other, *slot);
    case 2:
        return vkfi_session_feed_ids(*slot, ids, rng_below(rng, 4));
    case 3:
        return vkfi_session_feed_text(*slot, any_text(rng, text), strlen(text),
                                      (vkfi_parse)rng_below(rng, 2));
    case 4:
        return vkfi_session_feed_chat(*slot, any_text(rng, text), NULL);
    case 5:
        return vkfi_session_protect(*slot, rng_below(rng, 3) ? any_text(rng, text) : NULL);
    case 6:
        return vkfi_session_fault(*slot, rng_below(rng, 3) ? any_text(rng, text) : NULL);
    case 7:
        return vkfi_session_run(*slot, stop_at_third, NULL);
    case 8:
        return vkfi_session_text(*slot, &out, &size);
    case 9:
        return vkfi_session_report(*slot, &out);
    case 10:
        return vkfi_session_records(*slot, any_text(rng, text), &out);
    default:
        return vkfi_session_step(*slot, &token);
    }
}

/* After any calls a fresh session gives the bits that it gave before. */
static void random_calls(void **state)
{
    const char *rounds = getenv("VKFI_LIB_CALLS");
    const int32_t ids[] = {5, 6, 7};
    struct lib_bench_run before = {0}, after = {0};
    vkfi_session *all[4] = {NULL}, *s = session_of("{\"tokens\": 8}");
    struct rng rng;
    (void)state;
    LIB_BENCH_OK(vkfi_session_feed_ids(s, ids, 3));
    lib_bench_steps(&before, s);
    vkfi_session_close(s);
    rng_init(&rng, 20261130, 0);
    for (long i = rounds ? atol(rounds) : 600; i > 0; i--) {
        const vkfi_status status = any_call(&rng, all, 4);
        assert_true(status != VKFI_INTERNAL && status != VKFI_MEMORY);
        assert_true(status == VKFI_OK || status == VKFI_END || vkfi_message()[0] != '\0');
    }
    for (size_t i = 0; i < 4; i++)
        vkfi_session_close(all[i]);
    s = session_of("{\"tokens\": 8}");
    LIB_BENCH_OK(vkfi_session_feed_ids(s, ids, 3));
    lib_bench_steps(&after, s);
    lib_bench_equal(&before, &after);
    vkfi_session_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nulls),        cmocka_unit_test(bad_options),
        cmocka_unit_test(bad_feeds),    cmocka_unit_test(goes_on),
        cmocka_unit_test(cancelled),    cmocka_unit_test(records),
        cmocka_unit_test(texts),        cmocka_unit_test(scalar_is_alone),
        cmocka_unit_test(random_calls),
    };
    log_set_level(LOG_NONE);
    return cmocka_run_group_tests(tests, open_all, close_all);
}
