/* SPDX-License-Identifier: MIT */
/* Words of contrasts and of items that do not belong there; the nearest is suggested. */
#include "plan_fixture.h"

#define PLAN_LEAST                                                                                 \
    "\"model\":\"m\",\"prompts\":{\"texts\":[\"a\"]},\"population\":\"ops\","                      \
    "\"sampling\":{\"trials\":10}"

/* The plan is refused by a line with both texts. */
static void expect_refusal(const char *text, const char *where, const char *what)
{
    struct arena arena = {0};
    struct plan plan;
    const struct plan_source source = {text, strlen(text), "plan.json", "", NULL};
    assert_int_equal(plan_read(&plan, &arena, &source), STATUS_INPUT);
    if (!strstr(log_last_error(), where) || !strstr(log_last_error(), what))
        fail_msg("%s gave %s instead of %s %s", text, log_last_error(), where, what);
    arena_finish(&arena);
}

/* A mistyped dimension of a contrast, wherever it stands; the words around it. */
static void test_dimensions_of_contrasts(void **state)
{
    static const char *const forms[] = {"%s: none > none", "%s : none > none", "%s: none, 1 ~ 2"};
    (void)state;
    for (uint32_t d = 0; d < PLAN_DIMENSION_COUNT; d++) {
        const char *name = kinds_text(KINDS_DIMENSION, d);
        char strata[256], contrast[128], wrong[64], near[96], text[1024];
        snprintf(strata, sizeof(strata), ",%s\"strata\":[\"%s\"]",
                 d == PLAN_BY_SITE_GROUP ? "\"groups\":{\"a\":[\"blk.*\"]}," : "", name);
        snprintf(wrong, sizeof(wrong), "%sx", name);
        snprintf(near, sizeof(near), "did you mean '%s'?", name);
        for (size_t f = 0; f < 2 * sizeof(forms) / sizeof(*forms); f++) {
            char side[96];
            snprintf(side, sizeof(side), forms[f / 2], wrong);
            snprintf(contrast, sizeof(contrast), f % 2 ? "%s: none & %s" : "%.0s%s", name, side);
            snprintf(text, sizeof(text),
                     "{" PLAN_LEAST "%s,\"hypotheses\":[{\"name\":\"a\",\"contrast\":\"%s\"}]}",
                     strata, contrast);
            expect_refusal(text, "/hypotheses/0/contrast", near);
        }
        snprintf(text, sizeof(text),
                 "{" PLAN_LEAST "%s,\"hypotheses\":[{\"name\":\"a\",\"contrast\":"
                 "\"%s: none > %s: 1\"}]}",
                 strata, name, wrong);
        expect_refusal(text, "/hypotheses/0/contrast", near);
        snprintf(text, sizeof(text),
                 "{" PLAN_LEAST "%s,\"hypotheses\":[{\"name\":\"a\",\"contrast\":"
                 "\"trend %s rises\"}]}",
                 strata, wrong);
        expect_refusal(text, "/hypotheses/0/contrast", near);
    }
#define LAYERS(contrast)                                                                           \
    "{" PLAN_LEAST                                                                                 \
    ",\"strata\":[\"layer\"],\"hypotheses\":[{\"name\":\"a\",\"contrast\":\"" contrast "\"}]}"
    expect_refusal(LAYERS("trend layer rise"), "/hypotheses/0/contrast", "did you mean 'rises'?");
    expect_refusal(LAYERS("trnd layer rises"), "/hypotheses/0/contrast", "did you mean 'trend'?");
    expect_refusal(LAYERS("layer: 1 > non"), "/hypotheses/0/contrast", "did you mean 'none'?");
    expect_refusal(LAYERS("phase: 1 > 2"), "/hypotheses/0/contrast",
                   "expected a dimension of the plan's strata (layer), then ':'");
    assert_null(strstr(log_last_error(), "did you mean"));
#undef LAYERS
}

/* Metric and rule of an item are those of its kind: with others a score means nothing. */
static void test_words_of_items(void **state)
{
    static const struct {
        const char *item, *line;
    } rows[] = {
        {"\"metric\":\"acc\"", "a metric of that kind"},
        {"\"metric\":\"acc_norm\"", "a metric of that kind"},
        {"\"metric\":\"pass@1\"", "a metric of that kind"},
        {"\"kind\":\"code\",\"metric\":\"bleu\"", "a metric of that kind"},
        {"\"kind\":\"choices\",\"choices\":[[\"a\"],[\"b\"]],\"metric\":\"chrf++\"",
         "a metric of that kind"},
        {"\"rule\":\"code\"", "a rule of that kind"},
        {"\"kind\":\"code\",\"rule\":\"boxed\"", "a rule of that kind"},
        {"\"kind\":\"choices\",\"choices\":[[\"a\"],[\"b\"]],\"rule\":\"boxed\"",
         "a rule of that kind"},
        {"\"rule\":\"boxd\"", "found extraction rule 'boxd', expected"},
        {"\"rule\":\"regex:((\"", "missing closing parenthesis"},
        {"\"rule\":\"integral\",\"integrand\":\"x\"", "'integrand' and 'variable'"},
        {"\"rule\":\"integral\",\"variable\":\"x\"", "'integrand' and 'variable'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[400];
        snprintf(text, sizeof(text),
                 "{\"model\":\"m\",\"population\":\"ops\",\"items\":{\"list\":[{\"task\":\"t\","
                 "\"prompt\":\"p\",%s}]}}",
                 rows[i].item);
        expect_refusal(text, strstr(text, "((") ? "rule regex" : "/items/list/0", rows[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dimensions_of_contrasts),
                                       cmocka_unit_test(test_words_of_items)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
