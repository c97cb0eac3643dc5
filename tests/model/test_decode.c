/* SPDX-License-Identifier: MIT */
/* The decoder step without a device: picks by the rules, end rules, stop strings against a search
 * in the whole text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "model/decode.h"
#include "tokenizer_fixture.h"

#define MOST 200u

struct bench {
    struct fixture f;
    struct model model;
    struct executor ex;
    struct arena arena;
    int32_t end; /* an end token */
    int32_t byte[256];
};

static int32_t id_of(const struct fixture *f, const char *spelled)
{
    const int32_t id = fixture_find(f, spelled);
    assert_true(id >= 0);
    return id;
}

/* The tokens that spell one byte each. */
static void find_bytes(struct bench *b)
{
    const struct decode decode = {.model = &b->model};
    for (int32_t id = 0; id < 256; id++) {
        struct text text = {0};
        assert_int_equal(decode_spell(&text, &decode, id), STATUS_OK);
        assert_int_equal(text.size, 1);
        b->byte[(uint8_t)text.data[0]] = id;
        text_finish(&text);
    }
}

static void open_bench(struct bench *b)
{
    *b = (struct bench){0};
    fixture_bpe(&b->f, "default");
    b->end = (int32_t)b->f.end;
    assert_int_equal(fixture_open(&b->f), STATUS_OK);
    b->model.tokenizer = b->f.tk;
    b->model.hp.n_vocab = b->f.n_tokens;
    b->ex.model = &b->model;
    find_bytes(b);
}

static void close_bench(struct bench *b)
{
    arena_finish(&b->arena);
    fixture_close(&b->f);
}

static struct decode opened(struct bench *b, const struct decode_rules *rules)
{
    struct decode decode;
    assert_int_equal(decode_open(&decode, &b->arena, rules, &b->ex), STATUS_OK);
    return decode;
}

static enum decode_end end_of(const struct decode *decode, const int32_t *ids, uint32_t n)
{
    enum decode_end end;
    assert_int_equal(decode_end_of(&end, decode, &(struct decode_tokens){ids, n}), STATUS_OK);
    return end;
}

static void negate(void *user, uint32_t position, float *logits, uint32_t n)
{
    *(uint32_t *)user += position;
    for (uint32_t i = 0; i < n; i++)
        logits[i] = -logits[i];
}

/* Greedy is what the device found, masked greedy the first of those allowed, a filter sees a copy;
 * and which of them may be proven. */
static void test_picks(void **state)
{
    static struct bench b;
    static float logits[FIXTURE_TOKENS], kept[FIXTURE_TOKENS];
    uint32_t allowed[(FIXTURE_TOKENS + 31) / 32] = {0}, seen = 0;
    (void)state;
    open_bench(&b);
    const uint32_t n = b.f.n_tokens;
    for (uint32_t i = 0; i < n; i++)
        kept[i] = logits[i] = (float)(i * 37 % n);
    struct sampler_top top[4];
    sampler_top(logits, n, top, 4);
    const struct column_result result = {.token = top[0].id, .logits = logits};

    struct decode_rules rules = {.n = 8};
    struct decode decode = opened(&b, &rules);
    assert_true(decode_provable(&decode) && decode_proves(&decode, 5));
    assert_int_equal(decode_outputs(&decode), COLUMN_ARGMAX | COLUMN_HASH);
    assert_int_equal(decode_pick(&decode, 3, &(struct column_result){.token = 5}), 5);

    allowed[top[2].id / 32] |= 1u << top[2].id % 32;
    allowed[top[3].id / 32] |= 1u << top[3].id % 32;
    rules.allowed = allowed;
    decode = opened(&b, &rules);
    assert_true(decode_provable(&decode) && decode_proves(&decode, top[2].id));
    assert_false(decode_proves(&decode, top[0].id));
    assert_true(decode_outputs(&decode) & COLUMN_LOGITS);
    assert_int_equal(decode_pick(&decode, 3, &result), top[2].id);

    const struct decode_filter filter = {negate, &seen};
    rules.filter = &filter;
    decode = opened(&b, &rules);
    assert_false(decode_provable(&decode) || decode_proves(&decode, top[2].id));
    assert_int_equal(decode_pick(&decode, 3, &result), top[3].id);
    assert_int_equal(seen, 3);
    assert_memory_equal(logits, kept, sizeof(logits));

    rules = (struct decode_rules){.n = 8, .sampler = {.temperature = 1}};
    decode = opened(&b, &rules);
    assert_false(decode_provable(&decode));
    assert_true(decode_outputs(&decode) & COLUMN_LOGITS);
    close_bench(&b);
}

static void test_rules_that_are_none(void **state)
{
    static struct bench b;
    struct decode decode;
    const uint32_t none[(FIXTURE_TOKENS + 31) / 32] = {0};
    const struct decode_stop stops[] = {{"ab", 2}, {"", 0}};
    const struct decode_rules rules[] = {
        {.n = 0}, {.n = 1, .allowed = none}, {.n = 1, .stops = stops, .n_stops = 2}};
    (void)state;
    open_bench(&b);
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        assert_int_equal(decode_open(&decode, &b.arena, &rules[i], &b.ex), STATUS_USAGE);
    close_bench(&b);
}

static void test_end_rules(void **state)
{
    static struct bench b;
    const struct decode_stop stop = {"b", 1};
    (void)state;
    open_bench(&b);
    const int32_t a = id_of(&b.f, "a"), ids[] = {a, b.end, id_of(&b.f, "ab"), a};
    struct decode_rules rules = {.n = 4};
    struct decode decode = opened(&b, &rules);
    assert_int_equal(end_of(&decode, ids, 0), DECODE_OPEN);
    assert_int_equal(end_of(&decode, ids, 1), DECODE_OPEN);
    assert_int_equal(end_of(&decode, ids, 2), DECODE_END);
    assert_int_equal(end_of(&decode, ids, 3), DECODE_OPEN);
    assert_int_equal(end_of(&decode, ids, 4), DECODE_LENGTH);
    rules.stops = &stop;
    rules.n_stops = 1;
    rules.ignore_end = true;
    decode = opened(&b, &rules);
    assert_int_equal(end_of(&decode, ids, 2), DECODE_OPEN);
    assert_int_equal(end_of(&decode, ids, 3), DECODE_STOP);
    /* at the last token that is allowed, what the text says comes first */
    rules.n = 3;
    decode = opened(&b, &rules);
    assert_int_equal(end_of(&decode, ids, 3), DECODE_STOP);
    close_bench(&b);
}

/* The first of the stop strings in a text, by hand. */
static size_t first_stop(const struct decode_rules *rules, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        for (uint32_t i = 0; i < rules->n_stops; i++) {
            const struct decode_stop *stop = &rules->stops[i];
            if (stop->size <= size - at && memcmp(bytes + at, stop->bytes, stop->size) == 0)
                return at;
        }
    }
    return size;
}

/* Tokens one at a time until a stop string is whole: the run ends there and not before, what counts
 * is what stands before it, and what was let go earlier was not part of it. */
static uint32_t decode_until_stop(struct bench *b, const struct decode *decode, struct rng *rng)
{
    int32_t ids[MOST];
    struct text whole = {0}, counted = {0};
    size_t settled = 0;
    uint32_t n = 0;
    bool found = false;
    while (n < MOST && !found) {
        /* few letters, so that stop strings come about; special tokens between */
        const uint64_t what = rng_below(rng, 8);
        ids[n++] = what == 0   ? b->end
                   : what < 4  ? b->byte[(uint8_t) "ab\xC3\xA9"[rng_below(rng, 4)]]
                   : what == 4 ? b->byte[(uint8_t) "\xC3\xA9\xF0\x9F"[rng_below(rng, 4)]]
                               : (int32_t)(256 + rng_below(rng, 15)); /* longer pieces */
        assert_int_equal(decode_spell(&whole, decode, ids[n - 1]), STATUS_OK);
        const size_t end = first_stop(&decode->rules, whole.data, whole.size);
        found = end < whole.size;
        assert_int_equal(decode_text_end(decode, whole.data, whole.size), end);
        assert_int_equal(end_of(decode, ids, n), found ? DECODE_STOP : DECODE_OPEN);
        assert_true(settled <= end);
        if (!found)
            settled = whole.size - decode_text_held(decode, whole.data, whole.size);
        counted.size = 0;
        assert_int_equal(decode_text(&counted, decode, &(struct decode_tokens){ids, n}), STATUS_OK);
        assert_int_equal(counted.size, end);
        assert_true(end == 0 || memcmp(counted.data, whole.data, end) == 0);
    }
    text_finish(&whole);
    text_finish(&counted);
    return found;
}

static void test_stop_strings(void **state)
{
    static struct bench b;
    static const struct decode_stop stops[] = {{"abab", 4},
                                               {"\xC3\xA9", 2},
                                               {"\xA9"
                                                "a",
                                                2},
                                               {"aaaaaaa", 7},
                                               {"b\xC3", 2},
                                               {"hello", 5},
                                               {"bca\xF0\x9F", 5},
                                               {" ", 1}};
    struct rng rng;
    uint32_t found = 0;
    (void)state;
    open_bench(&b);
    rng_init(&rng, 8, 0);
    for (uint32_t i = 0; i < 400; i++) {
        const uint32_t first = (uint32_t)rng_below(&rng, 8);
        const struct decode_rules rules = {.n = MOST + 1,
                                           .ignore_end = true,
                                           .stops = stops + first,
                                           .n_stops = 1 + (uint32_t)rng_below(&rng, 8 - first)};
        const struct decode decode = opened(&b, &rules);
        found += decode_until_stop(&b, &decode, &rng);
    }
    assert_true(found > 300);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picks),
        cmocka_unit_test(test_rules_that_are_none),
        cmocka_unit_test(test_end_rules),
        cmocka_unit_test(test_stop_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
