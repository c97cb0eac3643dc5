/* SPDX-License-Identifier: MIT */
/* A queue of programs for a few sandboxes. */
#include "tasks/judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tasks/extract.h"

void judge_open(struct judge *out, const struct sandbox_host *host, uint32_t most)
{
    *out =
        (struct judge){.host = host, .most = most < CODE_RUN_WAIT_MAX ? most : CODE_RUN_WAIT_MAX};
}

void judge_case_destroy(struct judge_case **item)
{
    if (*item) {
        arena_finish(&(*item)->arena);
        free(*item);
        *item = NULL;
    }
}

void judge_close(struct judge *judge)
{
    for (uint32_t i = 0; i < judge->most; i++)
        code_run_destroy(&judge->run[i]);
    while (judge->first) {
        struct judge_case *one = judge->first;
        judge->first = one->next;
        judge_case_destroy(&one);
    }
}

enum status judge_put(struct judge *judge, const struct task_item *item,
                      const char *const *response, uint32_t n)
{
    struct judge_case *one = calloc(1, sizeof(*one));
    if (!one) {
        log_error("out of host memory for a program to be judged");
        return STATUS_MEMORY;
    }
    one->item = item;
    one->n = one->left = n;
    one->response = arena_array(&one->arena, n, sizeof(*one->response));
    one->passed = arena_array(&one->arena, n, sizeof(*one->passed));
    bool ok = one->response && one->passed;
    for (uint32_t i = 0; i < n && ok; i++) {
        one->response[i] = arena_text(&one->arena, response[i], strlen(response[i]));
        ok = one->response[i] != NULL;
    }
    if (!ok) {
        judge_case_destroy(&one);
        return STATUS_MEMORY;
    }
    if (judge->last && judge->first)
        judge->last->next = one;
    else
        judge->first = one;
    judge->last = one;
    return STATUS_OK;
}

/* The next response without a run. */
static struct judge_case *waiting(const struct judge *judge)
{
    struct judge_case *one = judge->first;
    while (one && one->begun == one->n)
        one = one->next;
    return one;
}

static enum status start(struct judge *judge, uint32_t at, struct judge_case *one)
{
    const struct task_item *item = one->item;
    const char *answer;
    struct arena arena = {0};
    judge->of[at] = one;
    judge->response[at] = one->begun++;
    enum status st = extract_answer(&answer, &arena, "code", one->response[judge->response[at]]);
    if (!st) {
        const struct code_source source = {
            .program = code_program(&arena, item->prefix, item->entry_point, answer ? answer : ""),
            .context = item->prefix,
            .test = item->test,
            .entry_point = item->entry_point};
        st = source.program ? code_run_start(&judge->run[at], judge->host, &source) : STATUS_MEMORY;
    }
    arena_finish(&arena);
    return st;
}

static enum status poll(struct judge *judge, uint32_t at)
{
    const struct code_result *result;
    struct judge_case *one = judge->of[at];
    const enum status st = code_run_poll(&result, judge->run[at]);
    if (st) {
        log_error("item %s: its program could not be judged", one->item->doc_id);
        return st;
    }
    if (result) {
        one->passed[judge->response[at]] = result->verdict == CODE_PASSED;
        log_debug("item %s: %s: %s", one->item->doc_id, code_verdict_name(result->verdict),
                  result->why);
        one->left--;
        code_run_destroy(&judge->run[at]);
    }
    return STATUS_OK;
}

enum status judge_go(struct judge *judge, double seconds)
{
    enum status st = STATUS_OK;
    code_run_wait(judge->run, judge->most, seconds);
    for (uint32_t i = 0; i < judge->most && !st; i++) {
        if (judge->run[i])
            st = poll(judge, i);
        struct judge_case *one = judge->run[i] ? NULL : waiting(judge);
        if (!st && one)
            st = start(judge, i, one);
    }
    return st;
}

struct judge_case *judge_take(struct judge *judge)
{
    struct judge_case *one = judge->first;
    if (!one || one->left > 0)
        return NULL;
    judge->first = one->next;
    return one;
}
