/* SPDX-License-Identifier: MIT */
/* Elements that an evaluation does not have (shared/hook.h): what stale, mix and wrong addresses
 * read there, the same on every device and in every split. */
#include "space_bench.h"

static struct space_bench llama, gemma;
static bool has_llama, has_gemma;

static const struct space_bench *bench(struct space_bench *b, bool *open, const char *file)
{
    if (!*open)
        space_open(b, file, STORAGE_F32, STORAGE_F32);
    *open = true;
    return b;
}

/* Keys that a column has and the previous one lacks. */
static void test_keys_of_one_position_earlier(void **state)
{
    static const char *const places[] = {
        "\"site\":\"blk.0.attn_scores\",\"point\":\"partial\",\"row\":1,\"k\":5",
        "\"site\":\"blk.0.attn_scores\",\"point\":\"out\",\"row\":1",
        "\"site\":\"blk.0.attn_probs\",\"point\":\"operand\",\"row\":1",
        "\"site\":\"blk.0.attn_probs\",\"point\":\"partial\",\"row\":1",
        "\"site\":\"blk.0.attn_probs\",\"point\":\"out\",\"row\":1",
        "\"site\":\"blk.0.attn_probs\",\"point\":\"mem\",\"row\":1",
        "\"site\":\"blk.0.attn_heads\",\"point\":\"operand\",\"row\":64",
        "\"site\":\"blk.0.attn_heads\",\"point\":\"partial\",\"row\":64",
    };
    const struct space_bench *b = bench(&llama, &has_llama, "tiny-llama-q4_1");
    static struct space_run run;
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        for (uint32_t position = 11; position < 15; position++) {
            snprintf(text, sizeof(text), "{%s,\"kind\":\"stale\",\"position\":%u,\"key\":%u}",
                     places[i], position, position);
            space_everywhere(b, text, &run);
            assert_int_equal(run.proof[0].count, 1);
            assert_int_equal(run.proof[0].after, 0);
        }
        snprintf(text, sizeof(text),
                 "[{%s,\"kind\":\"mix\",\"mask\":\"0x7f800000\",\"position\":13,\"key\":10,"
                 "\"keys\":4},{%s,\"kind\":\"stale\",\"position\":11,\"keys\":\"all\","
                 "\"duration\":\"permanent\"}]",
                 places[i], places[i]);
        space_everywhere(b, text, NULL);
    }
}

/* The same over whole rows of keys, and for results that go astray. */
static void test_rows_of_keys(void **state)
{
    static const char *const texts[] = {
        "{\"site\":\"blk.0.attn_probs\",\"kind\":\"stale\",\"position\":12,"
        "\"granularity\":\"vector\"}",
        "{\"site\":\"blk.0.attn_probs\",\"kind\":\"stale\",\"position\":11,"
        "\"granularity\":\"lane\",\"lanes\":3}",
        "{\"site\":\"blk.0.attn_heads\",\"point\":\"partial\",\"kind\":\"stale\",\"position\":14,"
        "\"granularity\":\"lane\"}",
        "{\"site\":\"blk.0.attn_probs\",\"kind\":\"wrong_write\",\"from\":2,\"row\":1,"
        "\"position\":13,\"key\":13}",
        "{\"site\":\"blk.0.attn_scores\",\"kind\":\"wrong_write\",\"from\":0,\"row\":3,"
        "\"position\":13,\"keys\":\"all\",\"positions\":3}",
    };
    const struct space_bench *b = bench(&llama, &has_llama, "tiny-llama-q4_1");
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        space_everywhere(b, texts[i], NULL);
}

/* A wrong address that the window has passed: `first` is what it read before that, `later` what it
 * reads then. */
static void expect_reads(const struct space_bench *b, const char *place, uint32_t first,
                         uint32_t later)
{
    static struct space_run wrong, set;
    char text[512];
    snprintf(text, sizeof(text),
             "{%s,\"kind\":\"wrong_read\",\"from\":2,\"position\":9,\"key\":8,\"positions\":3}",
             place);
    space_everywhere(b, text, &wrong);
    assert_int_equal(wrong.proof[0].after, first);
    snprintf(text, sizeof(text),
             "[{%s,\"kind\":\"set\",\"value\":\"0x%x\",\"position\":9,\"key\":8},"
             "{%s,\"kind\":\"set\",\"value\":\"0x%x\",\"position\":10,\"key\":8,\"positions\":2}]",
             place, first, place, later);
    space_run(b, text, (struct space_how){.columns = 40}, &set);
    if (set.hash != wrong.hash)
        fail_msg("%s: what is read outside the window is not 0x%x", place, later);
}

/* Position 9 sees key 2 through a window of 8, positions 10 and 11 do not. */
static void test_address_outside_the_window(void **state)
{
    static const struct {
        const char *place, *stored;
    } cases[] = {
        {"\"site\":\"blk.0.attn_scores\",\"row\":1", NULL},
        {"\"site\":\"blk.0.attn_probs\",\"point\":\"operand\",\"row\":1", NULL},
        {"\"site\":\"blk.0.attn_probs\",\"row\":1", NULL},
        {"\"site\":\"blk.0.attn_heads\",\"point\":\"operand\",\"row\":32", NULL},
        {"\"site\":\"blk.0.attn_scores\",\"point\":\"weight\",\"row\":1,\"k\":4",
         "{\"site\":\"blk.0.kv_k\",\"kind\":\"dry\",\"k\":4,\"key\":2,\"position\":9}"},
        {"\"site\":\"blk.0.attn_heads\",\"point\":\"weight\",\"row\":37",
         "{\"site\":\"blk.0.kv_v\",\"kind\":\"dry\",\"k\":5,\"key\":2,\"position\":9}"},
    };
    const struct space_bench *b = bench(&gemma, &has_gemma, "tiny-gemma3");
    static struct space_run run;
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(text, sizeof(text),
                 "{%s,\"kind\":\"wrong_read\",\"from\":2,\"position\":9,\"key\":8}",
                 cases[i].place);
        space_everywhere(b, text, &run);
        const uint32_t seen = run.proof[0].after;
        if (cases[i].stored)
            space_everywhere(b, cases[i].stored, &run);
        if (cases[i].stored)
            assert_int_equal(run.proof[0].before, seen);
        expect_reads(b, cases[i].place, seen, cases[i].stored ? seen : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_one_position_earlier),
        cmocka_unit_test(test_rows_of_keys),
        cmocka_unit_test(test_address_outside_the_window),
    };
    const int failed = space_main(tests, sizeof(tests) / sizeof(*tests));
    if (has_llama)
        space_close(&llama);
    if (has_gemma)
        space_close(&gemma);
    return failed;
}
