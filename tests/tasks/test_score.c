/* SPDX-License-Identifier: MIT */
/* Scores of one item, and lines of results as they are read. */
#include "tasks_bench.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "tasks/result.h"

static struct score_columns columns_of(const struct task *task, uint32_t samples)
{
    struct score_columns columns;
    score_columns(&columns, task, samples);
    return columns;
}

static void test_columns(void **state)
{
    static const char *const rules[] = {"gsm8k_strict", "gsm8k_flexible"};
    struct task task = {.extract = rules, .n_extracts = 2, .metric = {TASK_EXACT_MATCH}};
    (void)state;
    task.n_metrics = 1;
    struct score_columns c = columns_of(&task, 1);
    assert_int_equal(c.n, 2);
    assert_string_equal(c.column[0].name, "exact_match");
    assert_string_equal(c.column[1].name, "exact_match,gsm8k_flexible");
    task.metric[0] = TASK_PASS;
    static const struct {
        uint32_t samples, n;
        const char *last;
    } passes[] = {{1, 1, "pass@1"},   {7, 2, "pass@7"},     {10, 2, "pass@10"},
                  {20, 3, "pass@20"}, {100, 3, "pass@100"}, {200, 4, "pass@200"}};
    for (size_t i = 0; i < sizeof(passes) / sizeof(*passes); i++) {
        c = columns_of(&task, passes[i].samples);
        assert_int_equal(c.n, passes[i].n);
        assert_string_equal(c.column[c.n - 1].name, passes[i].last);
    }
    task.metric[0] = TASK_BLEU;
    task.metric[1] = TASK_CHRF;
    task.n_metrics = 2;
    c = columns_of(&task, 1);
    assert_true(c.n == 2 && c.column[0].corpus && c.column[1].corpus);
    assert_string_equal(c.column[1].name, "chrf++");
}

/* Three choices, the second of them right. */
static const struct {
    const char *text[3];
    double loglik[3];
    uint32_t choice;
    double acc, norm;
} CHOICES[] = {
    {{" a", " b", " c"}, {-3, -1, -2}, 1, 1, 1},
    {{" a", " b", " c"}, {-1, -1, -1}, 0, 0, 0},    /* the first of equals */
    {{" a", " b", " c"}, {NAN, -5, NAN}, 1, 1, 1},  /* NaN is less than any number */
    {{" a", " b", " c"}, {NAN, NAN, NAN}, 0, 0, 0}, /* none is known */
    {{" a", " b", " c"}, {-INFINITY, -1e300, -INFINITY}, 1, 1, 1},
    {{" abcdefghij", " ab", " abc"}, {-5, -3, -4}, 1, 1, 0}, /* -0.5, -1.5, -1.33 a character */
    {{" ab", " abcdefghij", " abc"}, {-3, -5, -4}, 0, 0, 1}, /* characters, without the blank */
    {{"aa", " \xE6\x98\xAF\xE7\x9A\x84", "aa"}, {-2, -1.9, -2}, 1, 1, 1}, /* not bytes: -1, -.95 */
    {{" aaaaaa", " \xE6\x98\xAF\xE7\x9A\x84", "a"}, {-5, -1.8, -9}, 1, 1, 0},
    {{"", " ", "aa"}, {-1, -0.4, -1}, 1, 1, 1}, /* no characters count as one */
};

static void test_choices(void **state)
{
    const struct task task = {.metric = {TASK_ACC, TASK_ACC_NORM}, .n_metrics = 2};
    const struct score_columns columns = columns_of(&task, 1);
    (void)state;
    for (size_t i = 0; i < sizeof(CHOICES) / sizeof(*CHOICES); i++) {
        struct task_choice choice[3];
        struct arena arena = {0};
        struct score score;
        for (uint32_t c = 0; c < 3; c++)
            choice[c] = (struct task_choice){NULL, CHOICES[i].text[c]};
        const struct task_item item = {.choice = choice, .n_choices = 3, .gold = 1};
        const struct score_answer answer = {.loglik = CHOICES[i].loglik};
        assert_int_equal(score_item(&score, &arena, &columns, &item, &answer), STATUS_OK);
        if (score.choice != CHOICES[i].choice || score.value[0] != CHOICES[i].acc ||
            score.value[1] != CHOICES[i].norm)
            fail_msg("row %zu: found choice %u, acc %g, acc_norm %g", i, score.choice,
                     score.value[0], score.value[1]);
        arena_finish(&arena);
    }
}

/* What answers are compared as, by each rule. */
static const struct {
    const char *rule, *target, *response;
    double value;
    const char *filtered;
} MATCHES[] = {
    {"gsm8k_strict", "1000", "so\n#### 1,000.00", 1, "1000"},
    {"gsm8k_strict", "1000", "it is 1000", 0, NULL},
    {"gsm8k_flexible", "18", "She has $18 left.", 1, "18"},
    {"gsm8k_flexible", "18", "She has 18 of 20", 0, "20"},
    {"mgsm", "1234", "es sind 1.234 Euro", 1, "1234"},
    {"boxed", "\\frac{1}{2}", "so $\\boxed{0.5}$", 1, "0.5"},
    {"boxed", "\\frac{1}{2}", "so $\\boxed{2}$", 0, "2"},
    {"first_line", "Das Haus", "\n Das Haus \nund mehr", 1, "Das Haus"},
    {"first_line", "Das Haus", "Das Haus.", 0, "Das Haus."},
    {"regex:answer is (\\w+)", "B", "the answer is B", 1, "B"},
    {"regex:answer is (\\w+)", "B", "it is B", 0, NULL},
    {"", "Das Haus", " Das Haus\n", 1, " Das Haus\n"}, /* all of it */
    {"", "Das Haus", "Das Haus.", 0, "Das Haus."},
    {"integral", "x", "= x", 1, "x"}, /* an integrand that is not known: as texts */
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(MATCHES) / sizeof(*MATCHES); i++) {
        const struct task task = {.extract = &MATCHES[i].rule,
                                  .n_extracts = 1,
                                  .metric = {TASK_EXACT_MATCH},
                                  .n_metrics = 1};
        const struct score_columns columns = columns_of(&task, 2);
        const struct task_item item = {.target = MATCHES[i].target};
        const char *const response[] = {MATCHES[i].response, ""};
        const struct score_answer answer = {.response = response, .n_responses = 2};
        struct arena arena = {0};
        struct score score;
        assert_int_equal(score_item(&score, &arena, &columns, &item, &answer), STATUS_OK);
        if (score.value[0] != MATCHES[i].value / 2) /* the empty one is wrong */
            fail_msg("%s of '%s': found %g", MATCHES[i].rule, MATCHES[i].response, score.value[0]);
        if (MATCHES[i].filtered)
            assert_string_equal(score.filtered[0], MATCHES[i].filtered);
        else
            assert_null(score.filtered[0]);
        arena_finish(&arena);
    }
}

static void test_lines(void **state)
{
    static const char *const bad[] = {"",
                                      "1",
                                      "[]",
                                      "{}",
                                      "{\"doc_id\":-1}",
                                      "{\"doc_id\":1.5}",
                                      "{\"doc_id\":[]}",
                                      "{\"doc_id\":1,\"responses\":{}}",
                                      "{\"doc_id\":1,\"responses\":[]}",
                                      "{\"doc_id\":1,\"responses\":[null]}",
                                      "{\"doc_id\":1,\"logprobs\":[\"x\"]}",
                                      "{\"doc_id\":1,\"logprobs\":[]}",
                                      "{\"doc_id\":1,\"metrics\":[1]}",
                                      "{\"doc_id\":1,\"metrics\":{\"acc\":true}}",
                                      "{\"doc_id\":1,\"group\":2}",
                                      "{\"doc_id\":1",
                                      "{\"doc_id\":1}{",
                                      "{\"doc_id\":1,\"responses\":[\"\\u0000\"]}"};
    struct arena arena = {0};
    struct result_read read;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(result_parse(&read, &arena, bad[i], strlen(bad[i]), "f line 3"),
                         STATUS_INPUT);
        assert_memory_equal(log_last_error(), "f line 3", 8);
    }
    const char good[] =
        "{\"doc_id\":7,\"pair\":\"a-b\",\"logprobs\":[-1,\"-Infinity\",\"NaN\",null],"
        "\"responses\":[\"x\",\"\"],\"metrics\":{\"acc\":1},\"more\":[{}]}";
    assert_int_equal(result_parse(&read, &arena, good, strlen(good), "f line 3"), STATUS_OK);
    assert_string_equal(read.doc_id, "7");
    assert_string_equal(read.group, "a-b");
    assert_true(read.n_logliks == 4 && read.loglik[1] == -INFINITY && isnan(read.loglik[2]) &&
                isnan(read.loglik[3]));
    assert_true(read.n_responses == 2 && read.n_metrics == 1 && read.metric[0].value == 1);
    arena_finish(&arena);
}

static void test_items(void **state)
{
    struct task_item item[] = {{.index = 5, .doc_id = "a-b/0", .group = "a-b"},
                               {.index = 6, .doc_id = "a-b/1", .group = "a-b"},
                               {.index = 7, .doc_id = "c-d/0", .group = "c-d"},
                               {.index = 8, .doc_id = "5", .group = "c-d"}};
    const struct task_items items = {.item = item, .count = 4};
    static const struct {
        const char *doc_id, *group;
        uint32_t place;
    } rows[] = {{"a-b/1", NULL, 1},
                {"1", "a-b", 1},
                {"0", "c-d", 2},
                {"5", NULL, 3},
                {"6", NULL, 1},
                {"6", "a-b", UINT32_MAX},
                {"9", NULL, UINT32_MAX},
                {"a-b/1", "c-d", UINT32_MAX},
                {"a-b/", NULL, UINT32_MAX}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct result_read read = {.doc_id = rows[i].doc_id, .group = rows[i].group};
        for (uint32_t from = 0; from < 9; from++)
            assert_int_equal(result_item(&read, &items, from), rows[i].place);
    }
}

/* Scoring costs at most 1 % of the time that a text takes: at 500 tokens a second, faster than any
 * model here (204 on two cores), 512 tokens of reasoning take 1 s. Time of the processor, as other
 * work may share it. */
static void test_cost(void **state)
{
    static const char step[] = "First, 3 + 4 = 7, so $\\frac{7}{2}$ of 1,250 apples are left. ";
    static const struct {
        const char *rule, *target, *end;
    } rows[] = {{"gsm8k_strict", "18", "\n#### 18"},
                {"gsm8k_flexible", "18", "She has 18."},
                {"mgsm", "18", "Es sind 18."},
                {"boxed", "\\frac{1}{2}x^{2}+3", "so $\\boxed{\\frac{x^2}{2}+3}$."},
                {"integral", "x^3/3", "so the answer is $\\frac{x^3}{3} + C$."},
                {"first_line", "x", "x"},
                {"regex_last:is (\\w+)", "B", "the answer is B"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct text response = {0};
        for (int k = 0; k < 32; k++) /* 512 tokens of four characters */
            text_put(&response, step);
        text_put(&response, rows[i].end);
        const struct task task = {.extract = &rows[i].rule,
                                  .n_extracts = 1,
                                  .metric = {TASK_EXACT_MATCH},
                                  .n_metrics = 1};
        const struct score_columns columns = columns_of(&task, 1);
        const struct task_item item = {
            .target = rows[i].target, .integrand = "x^2", .variable = "x"};
        const char *const text = text_of(&response);
        const struct score_answer answer = {.response = &text, .n_responses = 1};
        const clock_t start = clock();
        for (int k = 0; k < 20; k++) {
            struct arena arena = {0};
            struct score score;
            assert_int_equal(score_item(&score, &arena, &columns, &item, &answer), STATUS_OK);
            arena_finish(&arena);
        }
        const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC / 20;
        print_message("%s: %.3f ms a text\n", rows[i].rule, 1000 * seconds);
        if (seconds > 0.01)
            fail_msg("%s: found %.4f s a text, expected at most 0.01", rows[i].rule, seconds);
        text_finish(&response);
    }
}

/* The same of translations: 60 of 40 words, of 64 tokens each. */
static void test_cost_of_corpora(void **state)
{
    static const char words[] =
        "the river rises over old bridges and people sell red apples there ";
    const char *hyp[60], *ref[60];
    struct arena arena = {0};
    struct score_corpus corpus;
    (void)state;
    for (int i = 0; i < 60; i++) {
        ref[i] = arena_printf(&arena, "%s%s%s%d.", words, words, words, i);
        hyp[i] = arena_printf(&arena, "%s%d %s%s.", words, i, words, words + i % 30);
    }
    const struct score_sentences sentences = {hyp, ref, 60, "deu_Latn"};
    const clock_t start = clock();
    assert_int_equal(score_corpus(&corpus, &arena, TASK_BLEU, &sentences), STATUS_OK);
    assert_int_equal(score_corpus(&corpus, &arena, TASK_CHRF, &sentences), STATUS_OK);
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("60 sentences: %.1f ms, with 2,000 draws\n", 1000 * seconds);
    assert_true(seconds < 0.01 * 60 * 64 / 500);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),         cmocka_unit_test(test_choices),
        cmocka_unit_test(test_matches),         cmocka_unit_test(test_lines),
        cmocka_unit_test(test_items),           cmocka_unit_test(test_cost),
        cmocka_unit_test(test_cost_of_corpora),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
