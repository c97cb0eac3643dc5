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

/* Metric and rule of an item are those of its kind, and what a score needs is there: without that
 * it means nothing. Each line names the plan, the item and the field. */
static void test_words_of_items(void **state)
{
#define TWO "\"kind\":\"choices\",\"choices\":[[\"a\"],[\"b\"]]"
#define CODE "\"kind\":\"code\",\"test\":\"f()\""
    static const struct {
        const char *item, *field, *line;
    } rows[] = {
        {"\"metric\":\"acc\"", "/metric", "a metric of that kind"},
        {"\"metric\":\"acc_norm\"", "/metric", "a metric of that kind"},
        {"\"metric\":\"pass@1\"", "/metric", "a metric of that kind"},
        {CODE ",\"metric\":\"bleu\"", "/metric", "a metric of that kind"},
        {TWO ",\"metric\":\"chrf++\"", "/metric", "a metric of that kind"},
        {"\"rule\":\"code\"", "/rule", "a rule of that kind"},
        {CODE ",\"rule\":\"boxed\"", "/rule", "a rule of that kind"},
        {TWO ",\"rule\":\"boxed\"", "/rule", "a rule of that kind"},
        {"\"rule\":\"boxd\"", "/rule", "found extraction rule 'boxd', expected"},
        {"\"rule\":\"boxed:3\"", "/rule", "found extraction rule 'boxed:3', expected"},
        {"\"rule\":\"regex:((\"", "/rule", "missing closing parenthesis"},
        {"\"rule\":\"regex_last:[\"", "/rule", "missing terminating ]"},
        {"\"rule\":\"mgsm:xx\"", "/rule", "found language 'xx', expected bn"},
        {"\"rule\":\"integral\",\"integrand\":\"x\"", "", "'variable' is missing"},
        {"\"rule\":\"integral\",\"variable\":\"x\"", "", "'integrand' is missing"},
        {"\"rule\":\"integral\",\"variable\":\"x\",\"integrand\":\"x^^2\"", "/integrand",
         "found 'x^^2', expected"},
        {TWO ",\"gold\":2", "/gold", "found 2, expected one of 2 choices"},
        {"\"kind\":\"choices\"", "", "'choices' is missing"},
        {"\"choices\":[[\"a\"],[\"b\"]]", "/choices", "found choices with the kind generation"},
        {"\"kind\":\"choices\",\"choices\":[[\"a\"],[\"\"]]", "/choices/1/0",
         "a text of at least one byte"},
        {"\"kind\":\"code\"", "", "'test' is missing"},
        {"\"stop\":[\"a\",\"\"]", "/stop/1", "a text of at least one byte"},
        {"\"turns\":[[\"a\",\"b\"],[\"a\"]]", "/turns/1", "a user's message and its answer"},
        {"\"turns\":[[\"a\",1]]", "/turns/0/1", "found a number, expected a text"},
    };
#undef TWO
#undef CODE
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[400], where[64];
        snprintf(text, sizeof(text),
                 "{\"model\":\"m\",\"population\":\"ops\",\"items\":{\"list\":[{\"task\":\"t\","
                 "\"prompt\":\"p\"},{\"task\":\"t\",\"prompt\":\"p\",%s}]}}",
                 rows[i].item);
        snprintf(where, sizeof(where), "plan.json: /items/list/1%s (line 1): ", rows[i].field);
        expect_refusal(text, where, rows[i].line);
    }
}

/* Stands for a task whose definition or data are bad. */
static enum status open_none(const void *user, const struct plan_task_request *request,
                             struct task **task, struct task_items *items)
{
    (void)user;
    *task = NULL;
    *items = (struct task_items){0};
    if (strcmp(request->name, "good") != 0) {
        log_error("cannot open '%s'", request->name);
        return STATUS_INPUT;
    }
    log_error("no items");
    return STATUS_IO;
}

/* What is wrong in another file that a plan names is told with its place in the plan. */
static void test_places_of_files(void **state)
{
    static const struct plan_tasks tasks = {open_none, NULL};
    static const struct {
        const char *rest, *line;
        enum status st;
    } rows[] = {
        {"\"items\":{\"tasks\":\"bad\"}", "plan.json: /items/tasks (line 1): cannot open 'bad'",
         STATUS_INPUT},
        {"\"items\":{\"tasks\":[\"bad\"]}", "plan.json: /items/tasks/0 (line 1): cannot open 'bad'",
         STATUS_INPUT},
        {"\"items\":{\"tasks\":\"good\"}", "plan.json: /items/tasks (line 1): no items", STATUS_IO},
        {"\"items\":{\"tasks\":[\"bad\",\"good\",\"bad\"]}",
         "plan.json: /items/tasks/2 (line 1): found 'bad' again, expected each once", STATUS_INPUT},
        {"\"prompts\":{\"texts\":[\"a\"]},\"arms\":[{\"name\":\"a\",\"policy\":\"nan_trap\"},"
         "{\"name\":\"b\",\"policy\":\"./absent.json\"}]",
         "plan.json: /arms/1/policy (line 1): ./absent.json: cannot open", STATUS_IO},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct arena arena = {0};
        struct plan plan;
        char text[400];
        snprintf(text, sizeof(text),
                 "{\"model\":\"m\",\"population\":\"ops\",\"sampling\":{\"trials\":10},%s}",
                 rows[i].rest);
        const struct plan_source source = {text, strlen(text), "plan.json", "", &tasks};
        assert_int_equal(plan_read(&plan, &arena, &source), rows[i].st);
        if (strncmp(log_last_error(), rows[i].line, strlen(rows[i].line)) != 0)
            fail_msg("%s gave %s instead of %s", text, log_last_error(), rows[i].line);
        arena_finish(&arena);
        log_error("later"); /* the place is not that of what comes after */
        assert_string_equal(log_last_error(), "later");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dimensions_of_contrasts),
                                       cmocka_unit_test(test_words_of_items),
                                       cmocka_unit_test(test_places_of_files)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
