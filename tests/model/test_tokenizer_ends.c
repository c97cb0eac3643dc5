/* SPDX-License-Identifier: MIT */
/* Which tokens end an answer, whatever type a converter gave them, and what stands before a prompt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "tokenizer_fixture.h"

static const char *const ENDS[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|calls|>",
    "<|flush|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<turn|>",
    "<|fim_pad|>",
    "<|end_of_text|>",
    "<eos>",
    "<|tool_response>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<fim-repo>",
    "<REPO>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<reponame>",
    "<end_of_utterance>",
};

#define N_ENDS (sizeof(ENDS) / sizeof(ENDS[0]))

/* A vocabulary without an end token, by id or by text. */
static void begin_without_ends(struct fixture *f)
{
    fixture_bpe(f, "llama-bpe");
    f->end = FIXTURE_ABSENT;
    for (uint32_t i = 0; i < f->n_tokens; i++) {
        if (strncmp(f->token[i].text, "<|im_end|>", f->token[i].len) == 0 ||
            strncmp(f->token[i].text, "<|endoftext|>", f->token[i].len) == 0)
            f->token[i].text[2] = 'X';
    }
}

static uint32_t count_ends(const struct fixture *f)
{
    uint32_t count;
    const int32_t *ids = tokenizer_end_ids(f->tk, &count);

    for (uint32_t i = 0; i < count; i++) {
        assert_true(tokenizer_is_end(f->tk, ids[i]));
        assert_true(i == 0 || ids[i] > ids[i - 1]);
    }
    return count;
}

/* Ids of a text, with special tokens or without. */
static size_t encode(const struct fixture *f, const char *text, enum tokenizer_parse parse,
                     int32_t out[64])
{
    struct arena arena = {0};
    int32_t *ids;
    size_t count;

    assert_int_equal(tokenizer_encode(f->tk, &arena,
                                      &(struct tokenizer_text){text, strlen(text), parse}, &ids,
                                      &count),
                     STATUS_OK);
    assert_true(count <= 64);
    memcpy(out, ids, count * sizeof(*ids));
    arena_finish(&arena);
    return count;
}

/* Each text of the list, with each type: it ends answers, templates find it, plain text does not.
 */
static void test_every_text_and_type(void **state)
{
    static struct fixture f;
    int32_t ids[64];

    (void)state;
    for (size_t e = 0; e < N_ENDS; e++) {
        for (int32_t type = TOKENIZER_VOCAB_UNDEFINED; type < TOKENIZER_VOCAB_BYTE; type++) {
            begin_without_ends(&f);
            f.add_begin = 0;
            const int32_t id = fixture_token(&f, ENDS[e], type, 0);
            assert_int_equal(fixture_open(&f), STATUS_OK);
            assert_int_equal(count_ends(&f), 1);
            assert_true(tokenizer_is_end(f.tk, id));
            assert_int_equal(encode(&f, ENDS[e], TOKENIZER_SPECIAL, ids), 1);
            assert_int_equal(ids[0], id);
            const size_t n = encode(&f, ENDS[e], TOKENIZER_PLAIN, ids);
            for (size_t i = 0; i < n; i++)
                assert_true(ids[i] != id);
            fixture_close(&f);
        }
    }
}

static void test_no_ends(void **state)
{
    static const char *const others[] = {"<|im_start|>", "<s>", "<|end",    "|end|>",
                                         "<EOT",         "END", "<|start|>"};
    static struct fixture f;

    (void)state;
    begin_without_ends(&f);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        fixture_token(&f, others[i], TOKENIZER_VOCAB_CONTROL, 0);
    assert_int_equal(fixture_open(&f), STATUS_OK);
    assert_int_equal(count_ends(&f), 0);
    assert_false(tokenizer_is_end(f.tk, -1));
    fixture_close(&f);
}

/* Ids of the file count whatever the token's text; its type stays. */
static void test_ids_of_the_file(void **state)
{
    static struct fixture f;
    int32_t ids[64];

    (void)state;
    begin_without_ends(&f);
    f.end = fixture_find(&f, "b");
    f.turn_end = 7;
    assert_int_equal(fixture_open(&f), STATUS_OK);
    assert_int_equal(count_ends(&f), 2);
    assert_true(tokenizer_is_end(f.tk, 7) && tokenizer_is_end(f.tk, (int32_t)f.end));
    assert_int_equal(encode(&f, "b", TOKENIZER_PLAIN, ids), 2);
    assert_int_equal(ids[1], f.end);
    assert_int_equal(tokenizer_begin(f.tk), f.begin);
    fixture_close(&f);
}

/* Texts, and the one of them that does not end answers beside the others; null: all do. */
static void test_exceptions(void **state)
{
    static const struct {
        const char *texts[4], *no_end;
        int32_t type;
    } cases[] = {
        {{"<|return|>", "<|call|>", "<|end|>"}, "<|end|>", TOKENIZER_VOCAB_CONTROL},
        {{"<|calls|>", "<|flush|>", "<|end|>"}, "<|end|>", TOKENIZER_VOCAB_CONTROL},
        {{"<|return|>", "<|end|>"}, NULL, TOKENIZER_VOCAB_CONTROL},
        {{"<|call|>", "<|end|>"}, NULL, TOKENIZER_VOCAB_CONTROL},
        {{"<|tool_response>", "</s>"}, "</s>", TOKENIZER_VOCAB_CONTROL},
        {{"<end_of_turn>", "</s>"}, NULL, TOKENIZER_VOCAB_CONTROL},
        {{"<end_of_turn>", "</s>"}, "</s>", TOKENIZER_VOCAB_USER},
        {{"<|im_end|>", "</s>"}, "</s>", TOKENIZER_VOCAB_NORMAL},
        {{"</s>"}, NULL, TOKENIZER_VOCAB_NORMAL},
    };
    static struct fixture f;
    int32_t ids[64];

    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        uint32_t n = 0;
        begin_without_ends(&f);
        f.add_begin = 0;
        for (; n < 4 && cases[c].texts[n]; n++)
            fixture_token(&f, cases[c].texts[n], cases[c].type, 0);
        assert_int_equal(fixture_open(&f), STATUS_OK);
        assert_int_equal(count_ends(&f), n - (cases[c].no_end != NULL));
        if (cases[c].no_end) {
            assert_false(tokenizer_is_end(f.tk, fixture_find(&f, cases[c].no_end)));
            /* A user-defined token is found in plain text still: its type is as it was. */
            const size_t found = encode(&f, cases[c].no_end, TOKENIZER_PLAIN, ids);
            assert_true(cases[c].type != TOKENIZER_VOCAB_USER || found == 1);
        }
        fixture_close(&f);
    }
}

/* There is one begin token, where the file asks for it and where a template writes it. */
static void test_begin_once(void **state)
{
    static struct fixture f;
    int32_t ids[64];

    (void)state;
    for (int add = 0; add < 2; add++) {
        fixture_spm(&f);
        f.add_begin = add;
        f.add_end = 1;
        f.space_prefix = 0;
        assert_int_equal(fixture_open(&f), STATUS_OK);
        assert_int_equal(encode(&f, "<s>hello", TOKENIZER_CHAT, ids), 2);
        assert_true(ids[0] == f.begin && ids[1] == fixture_find(&f, "hello"));
        assert_int_equal(encode(&f, "hello", TOKENIZER_CHAT, ids), 1 + add);
        assert_int_equal(encode(&f, "<s>hello", TOKENIZER_SPECIAL, ids), 2 + add);
        assert_int_equal(encode(&f, "", TOKENIZER_CHAT, ids), add);
        /* What a template repeats itself stays. */
        assert_int_equal(encode(&f, "<s><s>hello", TOKENIZER_CHAT, ids), 3);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_text_and_type, mute_setup, mute_teardown),
        cmocka_unit_test(test_no_ends),
        cmocka_unit_test(test_ids_of_the_file),
        cmocka_unit_test_setup_teardown(test_exceptions, mute_setup, mute_teardown),
        cmocka_unit_test(test_begin_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
