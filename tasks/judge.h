/* SPDX-License-Identifier: MIT */
/* Verdicts on many responses to coding tasks, a few at a time, in the background. */
#ifndef VKFI_TASKS_JUDGE_H
#define VKFI_TASKS_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "tasks/code_run.h"
#include "tasks/task.h"

/* Verdicts on the responses to one item. */
struct judge_case {
    struct judge_case *next;
    const struct task_item *item; /* the caller's, until the case is destroyed */
    const char **response;        /* (n) own copies */
    bool *passed;                 /* (n), once `left` is 0 */
    uint32_t n, begun, left;
    struct arena arena;
};

struct judge {
    const struct sandbox_host *host;
    struct judge_case *first, *last; /* in the order of judge_put */
    struct code_run *run[CODE_RUN_WAIT_MAX];
    struct judge_case *of[CODE_RUN_WAIT_MAX];
    uint32_t response[CODE_RUN_WAIT_MAX];
    uint32_t most; /* runs at a time */
};

/* `most`: runs at a time, at least 1; each is two processes. */
void judge_open(struct judge *out, const struct sandbox_host *host, uint32_t most);
void judge_close(struct judge *judge); /* kills current runs */

/* Copies the responses. */
enum status judge_put(struct judge *judge, const struct task_item *item,
                      const char *const *response, uint32_t n) STATUS_MUST_USE;

/* Continues current runs and starts more, after waiting at most `seconds` for news. */
enum status judge_go(struct judge *judge, double seconds) STATUS_MUST_USE;

/* The earliest case, if its verdicts are known, then owned by the caller. Null: not yet, or no case
 * (judge->first is null). */
struct judge_case *judge_take(struct judge *judge);
void judge_case_destroy(struct judge_case **item);

#endif
