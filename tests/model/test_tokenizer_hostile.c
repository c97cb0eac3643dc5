/* SPDX-License-Identifier: MIT */
/* Vocabularies that are wrong, each refused with one line; seeded texts and changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fuzz/fuzz_tokenizer.c"
#include "base/rng.h"

#define FUZZ_RUNS 20000

static void refuse(struct fixture *f, const char *message)
{
    assert_int_equal(fixture_open(f), STATUS_INPUT);
    assert_null(f->tk);
    if (!strstr(log_last_error(), message))
        fail_msg("found '%s', expected '%s'", log_last_error(), message);
    fixture_close(f);
}

static void test_bad_lists(void **state)
{
    static struct fixture f;

    (void)state;
    fixture_bpe(&f, "qwen2");
    f.n_types--;
    refuse(&f, "fixture: key 'tokenizer.ggml.token_type': found 277 elements, expected 278 as in "
               "tokenizer.ggml.tokens");
    fixture_bpe(&f, "qwen2");
    f.types = false;
    refuse(&f, "'tokenizer.ggml.token_type'");
    fixture_bpe(&f, "qwen2");
    f.token[9].type = 7;
    refuse(&f, "'tokenizer.ggml.token_type': found 7 at index 9, expected 0 to 6");
    fixture_bpe(&f, "qwen2");
    f.merges = false;
    refuse(&f, "'tokenizer.ggml.merges'");
    fixture_spm(&f);
    f.scores = false;
    refuse(&f, "'tokenizer.ggml.scores'");
    fixture_spm(&f);
    f.n_scores = 3;
    refuse(&f, "'tokenizer.ggml.scores': found 3 elements, expected 290 as in");
    fixture_spm(&f);
    f.token[4].score = NAN;
    refuse(&f, "'tokenizer.ggml.scores': found nan at index 4");
    fixture_spm(&f);
    f.token[5].text[5] = 'x';
    refuse(&f, "'tokenizer.ggml.tokens': found '<0x02x' at index 5, a byte token, expected <0x00>");
    fixture_bpe(&f, "qwen2");
    f.n_tokens = f.n_types = 0;
    refuse(&f, "'tokenizer.ggml.tokens': found 0 elements");
}

static void test_bad_merges(void **state)
{
    static const char *const bad[] = {"ab", " ab", "ab ", "a b c", "", "a  b", " "};
    static struct fixture f;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char message[128];
        fixture_bpe(&f, "qwen2");
        strcpy(f.merge[2], bad[i]);
        snprintf(message, sizeof(message),
                 "'tokenizer.ggml.merges': found '%s' at index 2, expected two tokens", bad[i]);
        refuse(&f, message);
    }
    fixture_bpe(&f, "qwen2");
    strcpy(f.merge[0], "a nope");
    refuse(&f, "found 'a nope' at index 0, expected its second part in tokenizer.ggml.tokens");
    fixture_bpe(&f, "qwen2");
    strcpy(f.merge[0], "nope a");
    refuse(&f, "expected its first part in");
}

static void test_bad_rules(void **state)
{
    static struct fixture f;

    (void)state;
    fixture_bpe(&f, "gpt-9");
    refuse(&f, "'tokenizer.ggml.pre': found 'gpt-9', expected smollm, qwen2");
    fixture_bpe(&f, "qwen2");
    f.model = "bert";
    refuse(&f, "'tokenizer.ggml.model': found 'bert', expected gpt2 or llama");
    fixture_bpe(&f, "qwen2");
    f.model = NULL;
    refuse(&f, "'tokenizer.ggml.model'");
    fixture_bpe(&f, "qwen2");
    f.end = f.n_tokens;
    refuse(&f, "'tokenizer.ggml.eos_token_id': found 278, expected 0 to 277");
    fixture_bpe(&f, "qwen2");
    f.add_begin = 1;
    f.begin = FIXTURE_ABSENT;
    refuse(&f, "'tokenizer.ggml.bos_token_id': found nothing, expected the token that "
               "tokenizer.ggml.add_bos_token puts in");
    fixture_spm(&f);
    f.unknown = 100000;
    refuse(&f, "'tokenizer.ggml.unknown_token_id'");
}

/* Texts of what matters to a tokenizer, and changes to vocabularies. */
static void test_seeded(void **state)
{
    static const char *const parts[] = {
        "hello",      " ",    "  ",      "\n", "ab",     "abab", "\xE2\x96\x81",
        "<|im_end|>", "<|im", "<s>",     "'s", "<tool>", "123",  "\xF0\x9F\x98\x80",
        "\xE2\x82",   "\xFF", "\xC2\xA0"};
    struct rng rng;

    (void)state;
    rng_init(&rng, 20261122, 4);
    for (int run = 0; run < FUZZ_RUNS; run++) {
        uint8_t data[256];
        size_t size = 2;
        data[0] = (uint8_t)rng_u32(&rng);
        data[1] = (uint8_t)rng_u32(&rng);
        const size_t end = 2 + (size_t)rng_below(&rng, 200);
        while (size < end) {
            const char *part = parts[rng_below(&rng, sizeof(parts) / sizeof(parts[0]))];
            if (data[0] % 8 == FUZZ_TOKENIZERS || rng_below(&rng, 3) == 0) {
                data[size++] = (uint8_t)rng_u32(&rng);
            } else {
                memcpy(data + size, part, strlen(part));
                size += strlen(part);
            }
        }
        LLVMFuzzerTestOneInput(data, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_bad_merges),
        cmocka_unit_test(test_bad_rules),
        cmocka_unit_test_setup_teardown(test_seeded, mute_setup, mute_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
