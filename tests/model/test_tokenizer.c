/* SPDX-License-Identifier: MIT */
/* Text to ids: the references of three real models, plain searches on small ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/rng.h"
#include "base/text.h"
#include "model/pretokenizer.h"
#include "model_files.h"
#include "tokenizer_fixture.h"

#define LONG_TEXT ((size_t)1 << 20)

static void check_ids(const struct tokenizer *tk, const struct json *test, bool special)
{
    const char *text = json_text(json_get(test, "text"));
    const struct json *expected = json_get(test, special ? "ids_special" : "ids");
    struct arena arena = {0};
    int32_t *ids;
    size_t count;

    assert_int_equal(tokenizer_encode(tk, &arena,
                                      &(struct tokenizer_text){text, strlen(text), special}, &ids,
                                      &count),
                     STATUS_OK);
    if (count != json_count(expected))
        fail_msg("'%s': found %zu ids, expected %zu", text, count, json_count(expected));
    for (size_t i = 0; i < count; i++) {
        if (ids[i] != (int32_t)json_number(json_at(expected, i)))
            fail_msg("'%s': found id %d at %zu, expected %g", text, ids[i], i,
                     json_number(json_at(expected, i)));
    }
    arena_finish(&arena);
}

static void check_model(const char *name)
{
    char file[64];
    struct gguf *gguf;
    struct tokenizer *tk;
    struct json_doc *doc;

    snprintf(file, sizeof(file), "tokenizer_%s.json", name);
    const char *model = model_files_path(name), *reference = model_files_reference(file);
    if (!model) {
        print_message("%s: the model is missing\n", name);
        skip();
    }
    assert_int_equal(gguf_open(&gguf, model), STATUS_OK);
    assert_int_equal(tokenizer_create(&tk, gguf), STATUS_OK);
    assert_int_equal(json_load(&doc, reference), STATUS_OK);
    const struct json *cases = json_get(json_root(doc), "cases");
    assert_true(json_count(cases) >= 60);
    for (size_t i = 0; i < json_count(cases); i++) {
        check_ids(tk, json_at(cases, i), false);
        check_ids(tk, json_at(cases, i), true);
    }
    json_destroy(&doc);
    tokenizer_destroy(&tk);
    gguf_close(&gguf);
}

static void test_smollm2(void **state)
{
    (void)state;
    check_model("smollm2-135m");
}

static void test_gemma3(void **state)
{
    (void)state;
    check_model("gemma3-270m");
}

static void test_qwen2(void **state)
{
    (void)state;
    check_model("qwen2.5-coder-0.5b");
}

static void test_tiny_is_bytes(void **state)
{
    static const char text[] = "az \xC3\xA9\n";
    static const int32_t expected[] = {0x61, 0x7A, 0x20, 0xC3, 0xA9, 0x0A};
    struct arena arena = {0};
    struct gguf *gguf;
    struct tokenizer *tk;
    int32_t *ids;
    size_t count;

    (void)state;
    assert_int_equal(gguf_open(&gguf, VKFI_TINY "/tiny-qwen2.gguf"), STATUS_OK);
    assert_int_equal(tokenizer_create(&tk, gguf), STATUS_OK);
    assert_int_equal(
        tokenizer_encode(tk, &arena, &(struct tokenizer_text){text, 6, false}, &ids, &count),
        STATUS_OK);
    assert_int_equal(count, 6);
    assert_memory_equal(ids, expected, sizeof(expected));
    arena_finish(&arena);
    tokenizer_destroy(&tk);
    gguf_close(&gguf);
}

/* Pieces joined by '|'. */
static enum status add_piece(void *context, const char *piece, size_t len)
{
    struct text *out = context;
    const enum status st = out->size > 0 ? text_add(out, "|", 1) : STATUS_OK;

    return st ? st : text_add(out, piece, len);
}

static void test_pretokenizers(void **state)
{
    static const char *const tests[][3] = {
        {"smollm", "It's 12,  ok\n\n x", "It|'s| |1|2|,| | ok|\n\n| x"},
        {"qwen2", "It'S 12,  ok\n\n x!?\r\n", "It|'S| |1|2|,| | ok|\n\n| x|!?\r\n"},
        {"llama-bpe", "a 12345(b\n  \n  c", "a| |123|45|(b|\n  \n| | c"},
        {"default", "Hello, 12345 w=1", "Hello|,| |123|45| w|=|1"},
        {"falcon", "Hello, 12345 `w", "Hello|,| |123|45| |`|w"},
        {"qwen2", "\xE1\xA0\x8E\xC2\xA0x", "\xE1\xA0\x8E|\xC2\xA0x"},
        {"qwen2", "ab\xFF\xC3(", "ab|\xFF|\xC3|("},
        {"smollm", "  \xE2\x82 a", "  |\xE2|\x82| a"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        struct text out = {0};
        struct pretokenizer *pt;
        assert_int_equal(pretokenizer_create(&pt, tests[i][0], "test"), STATUS_OK);
        assert_int_equal(pretokenizer_split(pt, tests[i][1], strlen(tests[i][1]), add_piece, &out),
                         STATUS_OK);
        assert_string_equal(out.data, tests[i][2]);
        text_finish(&out);
        pretokenizer_destroy(&pt);
    }
}

/* Every name of a pattern splits, begins and joins as the first one does; parts of names are none.
 */
static void test_pretokenizer_names(void **state)
{
    static const char *const names[][9] = {
        {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
        {"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan"},
        {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"},
        {"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"},
        {"gpt-2", "phi-2", "mpt", "olmo", "jais", "exaone4", "mellum", "gigachat"},
    };
    static const char *const none[] = {
        "", " ", "llama", "llama-", "qwen", "smollm starcoder", " llama3", "llama3 ", "gpt", "2"};
    static const char text[] = "It'S 12345,  a_b!?\r\n\n  x \xC3\xA9\xC3\xA8 99";
    char split[5][256];

    (void)state;
    for (size_t p = 0; p < sizeof(names) / sizeof(names[0]); p++) {
        bool begins = false, whole = false;
        for (size_t i = 0; i < 9 && names[p][i]; i++) {
            struct text out = {0};
            struct pretokenizer *pt;
            assert_int_equal(pretokenizer_create(&pt, names[p][i], "test"), STATUS_OK);
            assert_int_equal(pretokenizer_split(pt, text, strlen(text), add_piece, &out),
                             STATUS_OK);
            if (i == 0) {
                snprintf(split[p], sizeof(split[p]), "%s", out.data);
                begins = pretokenizer_begins(pt);
                whole = pretokenizer_whole_pieces(pt);
            }
            assert_string_equal(out.data, split[p]);
            assert_true(pretokenizer_begins(pt) == begins);
            assert_true(pretokenizer_whole_pieces(pt) == whole);
            text_finish(&out);
            pretokenizer_destroy(&pt);
        }
        assert_true(begins == (p == 2) && whole == (p == 2));
        for (size_t q = 0; q < p; q++)
            assert_true((strcmp(split[p], split[q]) == 0) == (p == 3 && q == 2));
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct pretokenizer *pt;
        assert_int_equal(pretokenizer_create(&pt, none[i], "test"), STATUS_INPUT);
    }
}

/* One symbol of the plain search: any text, joined by looking at all neighbours again and again. */
struct plain {
    char text[64];
    size_t len;
};

static void plain_add(struct plain *to, const char *text, size_t len)
{
    assert_true(to->len + len < sizeof(to->text));
    memcpy(to->text + to->len, text, len);
    to->len += len;
    to->text[to->len] = '\0';
}

/* How good joining two texts is, lower is better; a large number: not at all. */
static double plain_rank(const struct fixture *f, const struct plain *a, const struct plain *b)
{
    const bool spm = strcmp(f->model, "llama") == 0;
    struct plain joined = *a;

    if (!spm)
        plain_add(&joined, " ", 1);
    plain_add(&joined, b->text, b->len);
    if (spm) {
        const int32_t id = fixture_find(f, joined.text);
        return id < 0 || f->token[id].type != TOKENIZER_VOCAB_NORMAL ? 1e9 : -f->token[id].score;
    }
    for (uint32_t i = 0; i < f->n_merges; i++) {
        if (strcmp(f->merge[i], joined.text) == 0)
            return i;
    }
    return 1e9;
}

static size_t plain_join(const struct fixture *f, struct plain *symbols, size_t n)
{
    for (;;) {
        size_t best = 0;
        double rank = 1e9;
        for (size_t i = 0; i + 1 < n; i++) {
            const double r = plain_rank(f, &symbols[i], &symbols[i + 1]);
            best = r < rank ? i : best;
            rank = r < rank ? r : rank;
        }
        if (rank >= 1e9)
            return n;
        plain_add(&symbols[best], symbols[best + 1].text, symbols[best + 1].len);
        memmove(&symbols[best + 1], &symbols[best + 2], (n - best - 2) * sizeof(*symbols));
        n--;
    }
}

/* The queue gives what the plain search gives. */
static void check_plain(struct fixture *f, const char *const *letters, size_t n_letters)
{
    struct rng rng;

    rng_init(&rng, 20261123, 1);
    assert_int_equal(fixture_open(f), STATUS_OK);
    for (int run = 0; run < 2000; run++) {
        struct plain symbols[32] = {0};
        struct arena arena = {0};
        char text[256] = "";
        int32_t *ids;
        size_t count, n = 1 + (size_t)rng_below(&rng, 14);
        for (size_t i = 0; i < n; i++) {
            const char *letter = letters[rng_below(&rng, n_letters)];
            plain_add(&symbols[i], letter, strlen(letter));
            strcat(text, strcmp(letter, "\xE2\x96\x81") == 0 ? " " : letter);
        }
        n = plain_join(f, symbols, n);
        assert_int_equal(tokenizer_encode(f->tk, &arena,
                                          &(struct tokenizer_text){text, strlen(text), false}, &ids,
                                          &count),
                         STATUS_OK);
        assert_int_equal(count, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(ids[i], fixture_find(f, symbols[i].text));
        arena_finish(&arena);
    }
    fixture_close(f);
}

static void test_joins_as_plain_search(void **state)
{
    static const char *const bpe[] = {"a", "b", "c"};
    static const char *const spm[] = {"a", "b", "c", "\xE2\x96\x81", "he", "l", "o", "\xC3\xA9"};
    static struct fixture f;

    (void)state;
    fixture_bpe(&f, "smollm");
    check_plain(&f, bpe, 3);
    fixture_bpe(&f, "llama-bpe");
    f.add_begin = 0;
    check_plain(&f, bpe, 3);
    fixture_spm(&f);
    f.add_begin = f.space_prefix = 0;
    check_plain(&f, spm, 4);
}

static void check_encoding(const struct fixture *f, const char *text, bool special,
                           const char *const *expected)
{
    struct arena arena = {0};
    int32_t *ids;
    size_t count, n = 0;

    assert_int_equal(tokenizer_encode(f->tk, &arena,
                                      &(struct tokenizer_text){text, strlen(text), special}, &ids,
                                      &count),
                     STATUS_OK);
    for (; expected[n]; n++) {
        assert_true(n < count);
        assert_int_equal(ids[n], fixture_find(f, expected[n]));
    }
    assert_int_equal(count, n);
    arena_finish(&arena);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_special(void **state)
{
    static struct fixture f;

    (void)state;
    fixture_bpe(&f, "qwen2");
    assert_int_equal(fixture_open(&f), STATUS_OK);
    check_encoding(&f, "a<|im_end|>b", true, LIST("a", "<|im_end|>", "b"));
    check_encoding(&f, "<|im_en", true, LIST("<|im", "_", "e", "n"));
    check_encoding(&f, "<|i", true, LIST("<", "|", "i"));
    check_encoding(&f, "<|im", false, LIST("<", "|", "i", "m"));
    check_encoding(&f, "a<tool>a", false, LIST("a", "<tool>", "a"));
    check_encoding(&f, "", true, (const char *const[]){NULL});
    assert_int_equal(tokenizer_begin(f.tk), -1);
    fixture_close(&f);
}

static void test_spm_rules(void **state)
{
    static struct fixture f;

    (void)state;
    fixture_spm(&f);
    f.add_end = 1; /* and no end token: the text is a prompt that goes on */
    f.token[fixture_find(&f, "\xE2\x96\x81he")].score = -100;
    assert_int_equal(fixture_open(&f), STATUS_OK);
    /* A begin token and a space prefix unless the file says otherwise; "<s" and ">" do not join to
     * "<s>". */
    check_encoding(&f, "hello", false, LIST("<s>", "\xE2\x96\x81hello"));
    check_encoding(&f, "", false, LIST("<s>"));
    check_encoding(&f, "<s>", false, LIST("<s>", "\xE2\x96\x81", "<s", ">"));
    check_encoding(&f, "<s>hello\nhe", true,
                   LIST("<s>", "<s>", "\xE2\x96\x81hello", "\n", "\xE2\x96\x81he"));
    /* Longest user-defined token first; bytes where nothing fits. */
    check_encoding(&f, "\n\n\n", false, LIST("<s>", "\n\n", "\n"));
    check_encoding(&f, "\n\xC3\xA8\xFF", false,
                   LIST("<s>", "\n", "\xE2\x96\x81", "<0xC3>", "<0xA8>", "<0xFF>"));
    fixture_close(&f);
    fixture_spm(&f);
    f.add_begin = f.space_prefix = 0;
    f.token[fixture_find(&f, "<0xC3>")].type = TOKENIZER_VOCAB_UNUSED;
    assert_int_equal(fixture_open(&f), STATUS_OK);
    check_encoding(&f, "h\xC3\xA8h", false, LIST("h", "<unk>", "h"));
    fixture_close(&f);
}

/* A byte that the vocabulary lacks is left out, and parts the text for joins. */
static void test_missing_byte(void **state)
{
    static struct fixture f;

    (void)state;
    fixture_bpe(&f, "smollm");
    f.token[fixture_find(&f, "x")].type = TOKENIZER_VOCAB_CONTROL;
    assert_int_equal(fixture_open(&f), STATUS_OK);
    check_encoding(&f, "axb", false, LIST("a", "b"));
    fixture_close(&f);
}

/* A merge whose result is no token cannot apply. */
static void test_dummy_merge(void **state)
{
    static struct fixture f;

    (void)state;
    fixture_bpe(&f, "qwen2");
    strcpy(f.merge[0], "q r");
    assert_int_equal(fixture_open(&f), STATUS_OK);
    check_encoding(&f, "qr", false, LIST("q", "r"));
    fixture_close(&f);
}

/* The queue and the patterns at a size where anything quadratic would not come back. */
static void test_long_texts(void **state)
{
    static const char *const pres[] = {"smollm", "qwen2", "llama-bpe", "default", "falcon", NULL};
    static const char letters[] = "a \n1!\xFF\xE2x'";
    static struct fixture f;
    char *text = malloc(LONG_TEXT);

    (void)state;
    assert_non_null(text);
    for (size_t p = 0; p < sizeof(pres) / sizeof(pres[0]); p++) {
        if (pres[p])
            fixture_bpe(&f, pres[p]);
        else
            fixture_spm(&f);
        assert_int_equal(fixture_open(&f), STATUS_OK);
        for (size_t i = 0; i + 1 < sizeof(letters); i++) {
            struct arena arena = {0};
            int32_t *ids;
            size_t count;
            memset(text, letters[i], LONG_TEXT);
            assert_int_equal(tokenizer_encode(f.tk, &arena,
                                              &(struct tokenizer_text){text, LONG_TEXT, true}, &ids,
                                              &count),
                             STATUS_OK);
            assert_true(count >= LONG_TEXT / 8);
            arena_finish(&arena);
        }
        fixture_close(&f);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smollm2),
        cmocka_unit_test(test_gemma3),
        cmocka_unit_test(test_qwen2),
        cmocka_unit_test(test_tiny_is_bytes),
        cmocka_unit_test(test_pretokenizers),
        cmocka_unit_test(test_pretokenizer_names),
        cmocka_unit_test(test_joins_as_plain_search),
        cmocka_unit_test(test_special),
        cmocka_unit_test(test_spm_rules),
        cmocka_unit_test(test_missing_byte),
        cmocka_unit_test(test_dummy_merge),
        cmocka_unit_test(test_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
