/* SPDX-License-Identifier: MIT */
/* Ids to text: whole characters only, what special tokens and leading spaces become. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/rng.h"
#include "base/text.h"
#include "model/detokenizer.h"
#include "model_files.h"
#include "tokenizer_fixture.h"

/* Id of the token that is one byte. */
static int32_t byte_id(const struct fixture *f, uint8_t byte)
{
    struct arena arena = {0};
    const char text = (char)byte;
    int32_t *ids;
    size_t count;

    assert_int_equal(
        tokenizer_encode(f->tk, &arena, &(struct tokenizer_text){&text, 1, false}, &ids, &count),
        STATUS_OK);
    assert_int_equal(count, 1);
    const int32_t id = ids[0];
    arena_finish(&arena);
    return id;
}

/* Feeds the bytes one token each; `expected` has the text after each one, then after the end. */
static void check_bytes(const struct fixture *f, const char *bytes, const char *const *expected)
{
    struct text out = {0};
    struct detokenizer dt;
    size_t i;

    detokenizer_init(&dt, f->tk, false);
    assert_int_equal(text_add(&out, "", 0), STATUS_OK);
    for (i = 0; bytes[i]; i++) {
        assert_int_equal(detokenizer_put(&dt, byte_id(f, (uint8_t)bytes[i]), &out), STATUS_OK);
        assert_string_equal(out.data, expected[i]);
    }
    assert_int_equal(detokenizer_flush(&dt, &out), STATUS_OK);
    assert_string_equal(out.data, expected[i]);
    assert_int_equal(detokenizer_flush(&dt, &out), STATUS_OK);
    assert_string_equal(out.data, expected[i]);
    text_finish(&out);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__})
#define BAD "\xEF\xBF\xBD"

static void test_whole_characters(void **state)
{
    static struct fixture f;

    (void)state;
    for (int model = 0; model < 2; model++) {
        if (model == 0)
            fixture_bpe(&f, "qwen2");
        else
            fixture_spm(&f);
        f.add_begin = f.space_prefix = 0;
        assert_int_equal(fixture_open(&f), STATUS_OK);
        check_bytes(&f, "\xF0\x9F\x98\x80",
                    TEXTS("", "", "", "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"));
        check_bytes(&f, "a\xC3\xA8", TEXTS("a", "a", "a\xC3\xA8", "a\xC3\xA8"));
        /* An end inside a character. */
        check_bytes(&f, "a\xE2\x82", TEXTS("a", "a", "a", "a" BAD));
        /* Bytes that are none: one U+FFFD each maximal part (Unicode 3.9, table 3-8). */
        check_bytes(&f, "\xE2\x82h", TEXTS("", "", BAD "h", BAD "h"));
        check_bytes(&f, "\xFF\xC0\x80", TEXTS(BAD, BAD BAD, BAD BAD BAD, BAD BAD BAD));
        check_bytes(&f, "\xED\xA0\x80", TEXTS("", BAD BAD, BAD BAD BAD, BAD BAD BAD));
        check_bytes(&f, "\xF4\x90", TEXTS("", BAD BAD, BAD BAD));
        check_bytes(&f, "\xF1\x80\xC3\xA8", TEXTS("", "", BAD, BAD "\xC3\xA8", BAD "\xC3\xA8"));
        fixture_close(&f);
    }
}

/* Puts the tokens with these texts; null ends. */
static void check_tokens(const struct fixture *f, bool special, const char *const *tokens,
                         const char *expected)
{
    struct text out = {0};
    struct detokenizer dt;

    detokenizer_init(&dt, f->tk, special);
    assert_int_equal(text_add(&out, "", 0), STATUS_OK);
    for (size_t i = 0; tokens[i]; i++)
        assert_int_equal(detokenizer_put(&dt, fixture_find(f, tokens[i]), &out), STATUS_OK);
    assert_int_equal(detokenizer_flush(&dt, &out), STATUS_OK);
    assert_string_equal(out.data, expected);
    text_finish(&out);
}

#define SPACE "\xE2\x96\x81"

static void test_spm_spaces(void **state)
{
    static struct fixture f;

    (void)state;
    for (int prefix = FIXTURE_ABSENT; prefix <= 1; prefix++) {
        const bool drop = prefix != 0;
        fixture_spm(&f);
        f.space_prefix = prefix;
        assert_int_equal(fixture_open(&f), STATUS_OK);
        check_tokens(&f, false, TEXTS("<s>", SPACE "hello", SPACE "he", NULL),
                     drop ? "hello he" : " hello he");
        check_tokens(&f, true, TEXTS("<s>", SPACE "hello", NULL), drop ? "<s>hello" : "<s> hello");
        check_tokens(&f, false, TEXTS(SPACE SPACE, "b" SPACE "a", NULL), drop ? " b a" : "  b a");
        check_tokens(&f, false, TEXTS("hello", SPACE "he", NULL), "hello he");
        check_tokens(&f, false, TEXTS("<0x20>", "<0x20>", NULL), drop ? " " : "  ");
        check_tokens(&f, false, TEXTS("\n", "<unk>", SPACE, "</s>", NULL), "\n ");
        fixture_close(&f);
    }
}

static void test_special(void **state)
{
    static struct fixture f;
    struct text out = {0};
    struct detokenizer dt;

    (void)state;
    fixture_bpe(&f, "qwen2");
    assert_int_equal(fixture_open(&f), STATUS_OK);
    check_tokens(&f, false, TEXTS("<|im_start|>", "hello", "[PAD0]", "<tool>", "<|im_end|>", NULL),
                 "hello<tool>");
    check_tokens(&f, true, TEXTS("<|im_start|>", "hello", "[PAD0]", "<tool>", "<|im_end|>", NULL),
                 "<|im_start|>hello[PAD0]<tool><|im_end|>");
    check_tokens(&f, false,
                 TEXTS("\xC4\xA0"
                       "a",
                       "ab", NULL),
                 " aab");
    /* A hidden token between the bytes of a character does not part them. */
    detokenizer_init(&dt, f.tk, false);
    assert_int_equal(detokenizer_put(&dt, byte_id(&f, 0xC3), &out), STATUS_OK);
    assert_int_equal(detokenizer_put(&dt, fixture_find(&f, "<|im_end|>"), &out), STATUS_OK);
    assert_int_equal(detokenizer_put(&dt, byte_id(&f, 0xA8), &out), STATUS_OK);
    assert_string_equal(out.data, "\xC3\xA8");
    text_finish(&out);
    fixture_close(&f);
}

/* The text of the ids of a JSON list, all but the first `skipped`. */
static void add_ids(struct text *out, const struct tokenizer *tk, const struct json *ids,
                    size_t skipped)
{
    struct detokenizer dt;

    detokenizer_init(&dt, tk, true);
    assert_int_equal(text_add(out, "", 0), STATUS_OK);
    for (size_t i = skipped; i < json_count(ids); i++)
        assert_int_equal(detokenizer_put(&dt, (int32_t)json_number(json_at(ids, i)), out),
                         STATUS_OK);
    assert_int_equal(detokenizer_flush(&dt, out), STATUS_OK);
}

static void check_cases(const struct tokenizer *tk, const char *file, const char *ids,
                        const char *text)
{
    const size_t skipped = tokenizer_begin(tk) >= 0 && strcmp(ids, "greedy") != 0;
    struct json_doc *doc;

    assert_int_equal(json_load(&doc, file), STATUS_OK);
    const struct json *cases = json_get(json_root(doc), "cases");
    assert_true(json_count(cases) > 0);
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *test = json_at(cases, i);
        struct text out = {0};
        if (json_type(json_get(test, text)) == JSON_TEXT) {
            add_ids(&out, tk, json_get(test, ids), skipped);
            assert_string_equal(out.data, json_text(json_get(test, text)));
        }
        text_finish(&out);
    }
    json_destroy(&doc);
}

static void test_references(void **state)
{
    static const char *const names[] = {"smollm2-135m", "gemma3-270m", "qwen2.5-coder-0.5b"};
    int checked = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char file[64];
        struct gguf *gguf;
        struct tokenizer *tk;
        const char *model = model_files_path(names[i]);
        snprintf(file, sizeof(file), "tokenizer_%s.json", names[i]);
        if (!model) {
            print_message("%s: the model is missing\n", names[i]);
            continue;
        }
        assert_int_equal(gguf_open(&gguf, model), STATUS_OK);
        assert_int_equal(tokenizer_create(&tk, gguf), STATUS_OK);
        check_cases(tk, model_files_reference(file), "ids", "text");
        check_cases(tk, model_files_reference(file), "ids_special", "text");
        snprintf(file, sizeof(file), "%s.json", names[i]);
        check_cases(tk, model_files_reference(file), "greedy", "greedy_text");
        tokenizer_destroy(&tk);
        gguf_close(&gguf);
        checked++;
    }
    if (checked == 0)
        skip();
}

/* An answer taken whole is what its tokens give one at a time, whatever bytes they are. */
static void test_answers(void **state)
{
    static struct fixture f;
    (void)state;
    for (int spm = 0; spm < 2; spm++) {
        struct rng rng;
        rng_init(&rng, 4, (uint64_t)spm);
        if (spm)
            fixture_spm(&f);
        else
            fixture_bpe(&f, "default");
        assert_int_equal(fixture_open(&f), STATUS_OK);
        for (int i = 0; i < 2000; i++) {
            struct detokenizer dt;
            struct text each = {0}, marked = {0}, whole = {0};
            int32_t ids[12];
            detokenizer_init(&dt, f.tk, false);
            dt.started = true;
            assert_int_equal(text_add(&each, "", 0), STATUS_OK);
            for (int k = 0; k < 12; k++) {
                /* bytes above 127 make characters, whole and broken */
                ids[k] = (int32_t)rng_below(&rng, k % 3 == 0 ? f.n_tokens : 256);
                assert_int_equal(detokenizer_put(&dt, ids[k], &each), STATUS_OK);
            }
            assert_int_equal(detokenizer_flush(&dt, &each), STATUS_OK);
            assert_int_equal(text_add_marked(&marked, each.data, each.size), STATUS_OK);
            assert_int_equal(detokenizer_answer(&whole, f.tk, ids, 12), STATUS_OK);
            assert_int_equal(whole.size, marked.size);
            assert_memory_equal(whole.data, marked.data, whole.size);
            text_finish(&each);
            text_finish(&marked);
            text_finish(&whole);
        }
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),    cmocka_unit_test(test_whole_characters),
        cmocka_unit_test(test_spm_spaces), cmocka_unit_test(test_special),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
