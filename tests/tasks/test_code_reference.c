/* SPDX-License-Identifier: MIT */
/* The reference solutions of HumanEval and MBPP pass, as completions and whole functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "tasks/code_run.h"

#define AT_ONCE 2
#define LINE_MAX_SIZE (1 << 17)

static struct sandbox_host host;

/* A file in $VKFI_DATA, plain or compressed; null if not there. */
static gzFile open_data(const char *name)
{
    char path[4096];
    const char *folder = getenv("VKFI_DATA");
    if (!folder)
        return NULL;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return gzopen(path, "rb");
}

struct queue {
    struct code_run *run[AT_ONCE];
    char name[AT_ONCE][64];
    int passed, ended;
};

static void poll_slot(struct queue *queue, int i)
{
    const struct code_result *result;
    if (!queue->run[i])
        return;
    if (code_run_poll(&result, queue->run[i]) != STATUS_OK)
        fail_msg("%s: %s", queue->name[i], log_last_error());
    if (!result)
        return;
    queue->ended++;
    queue->passed += result->verdict == CODE_PASSED;
    if (result->verdict != CODE_PASSED)
        print_error("%s: %s: %s\n", queue->name[i], code_verdict_name(result->verdict),
                    result->why);
    code_run_destroy(&queue->run[i]);
}

static void drain(struct queue *queue)
{
    for (int left = 1; left > 0;) {
        code_run_wait(queue->run, AT_ONCE, 1);
        left = 0;
        for (int i = 0; i < AT_ONCE; i++) {
            poll_slot(queue, i);
            left += queue->run[i] != NULL;
        }
    }
}

static void push(struct queue *queue, const char *name, const struct code_source *source)
{
    for (;;) {
        for (int i = 0; i < AT_ONCE; i++) {
            poll_slot(queue, i);
            if (queue->run[i])
                continue;
            snprintf(queue->name[i], sizeof(queue->name[i]), "%s", name);
            assert_int_equal(code_run_start(&queue->run[i], &host, source), STATUS_OK);
            return;
        }
        code_run_wait(queue->run, AT_ONCE, 1);
    }
}

static void push_humaneval(struct queue *queue, const struct json *record)
{
    struct arena arena = {0};
    const char *context = json_text(json_get(record, "prompt"));
    const char *entry = json_text(json_get(record, "entry_point"));
    const char *solution = json_text(json_get(record, "canonical_solution"));
    const char *whole = arena_printf(&arena, "%s%s", context, solution);
    const char *const answer[] = {solution, whole};
    for (int i = 0; i < 2; i++) {
        const struct code_source source = {.program =
                                               code_program(&arena, context, entry, answer[i]),
                                           .context = context,
                                           .test = json_text(json_get(record, "test")),
                                           .entry_point = entry};
        push(queue, json_text(json_get(record, "task_id")), &source);
    }
    arena_finish(&arena);
}

static void push_mbpp(struct queue *queue, const struct json *record)
{
    struct arena arena = {0};
    const struct json *tests = json_get(record, "test_list");
    const char *test = json_text(json_get(record, "test_setup_code"));
    char name[64];
    for (size_t i = 0; i < json_count(tests); i++)
        test = arena_printf(&arena, "%s\n%s", test, json_text(json_at(tests, i)));
    snprintf(name, sizeof(name), "MBPP/%g", json_number(json_get(record, "task_id")));
    const struct code_source source = {
        .program = code_program(&arena, NULL, NULL, json_text(json_get(record, "code"))),
        .test = test};
    push(queue, name, &source);
    arena_finish(&arena);
}

static int run_all(const char *path, void (*push_record)(struct queue *, const struct json *))
{
    gzFile file = open_data(path);
    struct queue queue = {0};
    if (!file)
        skip();
    char *line = malloc(LINE_MAX_SIZE);
    assert_non_null(line);
    while (gzgets(file, line, LINE_MAX_SIZE)) {
        struct json_doc *doc;
        assert_int_equal(json_parse(&doc, line, strlen(line), path), STATUS_OK);
        push_record(&queue, json_root(doc));
        json_destroy(&doc);
    }
    drain(&queue);
    gzclose(file);
    free(line);
    assert_int_equal(queue.passed, queue.ended);
    return queue.passed;
}

static void humaneval(void **state)
{
    (void)state;
    assert_int_equal(run_all("humaneval/HumanEval.jsonl.gz", push_humaneval), 2 * 164);
}

static void mbpp(void **state)
{
    (void)state;
    assert_int_equal(run_all("mbpp/mbpp_test.jsonl", push_mbpp), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(humaneval), cmocka_unit_test(mbpp)};
    gzFile file = open_data("humaneval/HumanEval.jsonl.gz");
    if (!file || sandbox_host_init(&host) != STATUS_OK) {
        fprintf(
            stderr,
            "skipped: VKFI_DATA has no humaneval/HumanEval.jsonl.gz, or no sandbox runs here\n");
        return 77;
    }
    gzclose(file);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
