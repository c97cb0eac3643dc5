/* SPDX-License-Identifier: MIT */
/* Verdicts on generated programs. The tests run in one sandbox and the program in another; only
 * data crosses (code_wire.py), so a program passes only by what its functions return: it sees
 * neither tests nor verdict, and cannot end, patch or impersonate its judge. */
#ifndef VKFI_TASKS_CODE_RUN_H
#define VKFI_TASKS_CODE_RUN_H

#include "tasks/sandbox.h"

/* Time after which a program has timed out: processor time, since a verdict must not depend on
 * other processes, and wall time for programs that sleep. */
#define CODE_CPU_SECONDS 3
#define CODE_WALL_SECONDS 60.0

/* Python, UTF-8. */
struct code_source {
    const char *program;     /* whole (code_program) */
    const char *context;     /* the task's code, which its tests may use too; null: none */
    const char *test;        /* statements; with an entry point they define check(candidate) */
    const char *entry_point; /* argument of check; null: the tests name it themselves */
    uint32_t cpu_seconds;    /* 0: CODE_CPU_SECONDS */
    double wall_seconds;     /* 0: CODE_WALL_SECONDS */
};

/* The program of an answer (extract_code): one that defines the entry point follows the context and
 * replaces its definition, another continues the context. Null if out of memory. */
const char *code_program(struct arena *arena, const char *context, const char *entry_point,
                         const char *answer);

enum code_verdict { CODE_PASSED, CODE_FAILED, CODE_TIMED_OUT };

/* "passed", "failed", "timed out". */
const char *code_verdict_name(enum code_verdict verdict);

struct code_result {
    enum code_verdict verdict;
    const char *why; /* one line; "" when passed */
};

struct code_run;

/* STATUS_INPUT if this machine has no Python for the programs; checked once. */
enum status code_check_python(const struct sandbox_host *host) STATUS_MUST_USE;

/* Like sandbox_start; copies `source`. */
enum status code_run_start(struct code_run **out, const struct sandbox_host *host,
                           const struct code_source *source) STATUS_MUST_USE;

/* Does not wait: *out is null during the run, then its result, owned by the handle. STATUS_INPUT,
 * logged, if the task's own code is at fault, STATUS_IO if the sandbox is. */
enum status code_run_poll(const struct code_result **out, struct code_run *run) STATUS_MUST_USE;

/* Waits until code_run_poll may have news of one of n runs, at most `seconds`; null ones are
 * skipped. */
#define CODE_RUN_WAIT_MAX (SANDBOX_WAIT_MAX / 2)
void code_run_wait(struct code_run *const *run, size_t n, double seconds);

void code_run_destroy(struct code_run **run);

#endif
