/* SPDX-License-Identifier: MIT */
/* Verdicts on generated programs. The tests run in one sandbox and the program in another; only
 * data crosses (code_wire.py), so that a program passes by what its functions return and by nothing
 * else: it sees neither tests nor verdict, and cannot end, patch or impersonate what judges it. */
#ifndef VKFI_TASKS_CODE_RUN_H
#define VKFI_TASKS_CODE_RUN_H

#include "tasks/sandbox.h"

/* Time that a program may take before it has timed out: of the processor, since a verdict must not
 * depend on what else runs; and a bound for those that sleep. */
#define CODE_CPU_SECONDS 3
#define CODE_WALL_SECONDS 60.0

/* Python, UTF-8. */
struct code_source {
    const char *program;     /* whole (code_program) */
    const char *context;     /* the task's code that its tests may use too; null: none */
    const char *test;        /* statements; with an entry point they define check(candidate) */
    const char *entry_point; /* what check is called with; null: the tests name it themselves */
    uint32_t cpu_seconds;    /* 0: CODE_CPU_SECONDS */
    double wall_seconds;     /* 0: CODE_WALL_SECONDS */
};

/* The program of an answer (extract_code): one that defines the entry point follows the context
 * and replaces what is there, another goes on where the context ends. Null when memory is out. */
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

/* STATUS_INPUT where this machine has no Python to run programs with; asked once. */
enum status code_check_python(const struct sandbox_host *host) STATUS_MUST_USE;

/* As sandbox_start; copies `source`. */
enum status code_run_start(struct code_run **out, const struct sandbox_host *host,
                           const struct code_source *source) STATUS_MUST_USE;

/* Without waiting: *out is null while the run goes on, then its result, which the handle owns.
 * STATUS_INPUT, logged, if the task's own code is at fault, STATUS_IO if the sandbox is. */
enum status code_run_poll(const struct code_result **out, struct code_run *run) STATUS_MUST_USE;

/* Waits until code_run_poll may have news of one of n runs, for at most `seconds`; null ones are
 * passed over. */
#define CODE_RUN_WAIT_MAX (SANDBOX_WAIT_MAX / 2)
void code_run_wait(struct code_run *const *run, size_t n, double seconds);

void code_run_destroy(struct code_run **run);

#endif
