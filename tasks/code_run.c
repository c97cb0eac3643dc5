/* SPDX-License-Identifier: MIT */
/* Both sandboxes of a run, and the verdict from their results. */
#include "tasks/code_run.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#define PYTHON "/usr/bin/python3"
#define GRACE_SECONDS 2.0

extern const char code_wire_py[], code_program_py[], code_tests_py[];

struct code_run {
    struct sandbox *tests, *program;
    struct arena arena;
    double stop; /* when to stop the program's side after the tests lost it; 0: not yet */
    bool ended;
    enum status st; /* of the end */
    struct code_result result;
};

static const struct sandbox_limits LIMITS = {
    .memory = 1 << 30, .file_bytes = 16 << 20, .output_bytes = 1 << 14, .tasks = 8, .files = 64};

const char *code_verdict_name(enum code_verdict verdict)
{
    static const char *const name[] = {
        [CODE_PASSED] = "passed", [CODE_FAILED] = "failed", [CODE_TIMED_OUT] = "timed out"};
    return name[verdict];
}

/* Whether a line of the code is "def NAME(" without indentation. */
static bool defines(const char *code, const char *name)
{
    const size_t n = strlen(name);
    for (const char *line = code; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *word = line;
        word += strncmp(word, "async ", 6) == 0 ? 6 : 0;
        if (strncmp(word, "def ", 4) != 0)
            continue;
        word += 4 + strspn(word + 4, " ");
        if (strncmp(word, name, n) == 0 && word[n + strspn(word + n, " ")] == '(')
            return true;
    }
    return false;
}

const char *code_program(struct arena *arena, const char *context, const char *entry_point,
                         const char *answer)
{
    const size_t n = context ? strlen(context) : 0;
    if (n == 0)
        return arena_printf(arena, "%s\n", answer);
    const bool whole = entry_point && defines(answer, entry_point);
    return arena_printf(arena, "%s%s%s\n", context, whole || context[n - 1] != '\n' ? "\n" : "",
                        answer);
}

static enum status make_job(const char **out, struct arena *arena, const struct code_source *source)
{
    struct json_memory m;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    json_member_text(&m.w, "program", source->program);
    json_member_text(&m.w, "test", source->test);
    if (source->context)
        json_member_text(&m.w, "context", source->context);
    if (source->entry_point)
        json_member_text(&m.w, "entry_point", source->entry_point);
    json_object_close(&m.w);
    return json_end_line(out, &m, arena);
}

static enum status start_side(struct sandbox **out, const struct sandbox_host *host,
                              struct sandbox_params params, const char *side)
{
    struct arena arena = {0};
    char *script = arena_printf(&arena, "%s\n%s", code_wire_py, side);
    /* -S: only the standard library, which is the same on every machine. */
    params.argv = (const char *const[]){PYTHON, "-s", "-S", "-B", "-c", script, NULL};
    params.input_size = strlen(params.input);
    const enum status st = script ? sandbox_start(out, host, &params) : STATUS_MEMORY;
    arena_finish(&arena);
    return st;
}

enum status code_run_start(struct code_run **out, const struct sandbox_host *host,
                           const struct code_source *source)
{
    struct code_run *run = calloc(1, sizeof(*run));
    const char *job;
    int ends[2];
    *out = NULL;
    if (!run) {
        log_error("found no memory for a run of a program");
        return STATUS_MEMORY;
    }
    enum status st = make_job(&job, &run->arena, source);
    if (!st && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        log_error("a run of a program: socketpair: %s", strerror(errno));
        st = STATUS_IO;
    }
    if (!st) {
        struct sandbox_params params = {.input = "", .channel = ends[0], .limits = LIMITS};
        params.limits.cpu_seconds = source->cpu_seconds ? source->cpu_seconds : CODE_CPU_SECONDS;
        params.limits.wall_seconds =
            source->wall_seconds > 0 ? source->wall_seconds : CODE_WALL_SECONDS;
        st = start_side(&run->program, host, params, code_program_py);
        params.input = job;
        params.channel = ends[1];
        if (!st)
            st = start_side(&run->tests, host, params, code_tests_py);
        /* Each side must see the end of the other. */
        close(ends[0]);
        close(ends[1]);
    }
    if (st)
        code_run_destroy(&run);
    *out = run;
    return st;
}

static bool was_stopped(const struct sandbox_result *result)
{
    return result->end == SANDBOX_WALL ||
           (result->end == SANDBOX_SIGNAL && result->code == SIGXCPU) ||
           (result->end == SANDBOX_SIGNAL && result->code == SIGKILL);
}

static void fail(struct code_run *run, const struct sandbox_result *program, const char *why)
{
    const bool late = was_stopped(program) || was_stopped(sandbox_poll(run->tests));
    run->result.verdict = late ? CODE_TIMED_OUT : CODE_FAILED;
    run->result.why = late ? "it takes too long" : arena_text(&run->arena, why, strlen(why));
    run->st = run->result.why ? STATUS_OK : STATUS_MEMORY;
}

/* If the sandbox reports something, it is at fault, else the task. */
static void say_broken(struct code_run *run, const struct sandbox_result *side, const char *why)
{
    const bool has_errors = side->errors_size > 0;
    log_error("a run of a program: %s%s%.*s", why, has_errors ? ": " : "",
              (int)strcspn(side->errors, "\n"), side->errors);
    run->st = has_errors ? STATUS_IO : STATUS_INPUT;
}

static bool has_verdict(const struct sandbox_result *tests, const char *verdict)
{
    const size_t n = strlen(verdict);
    return tests->output_size >= n && strncmp(tests->output, verdict, n) == 0;
}

/* Both sides have ended. */
static void conclude(struct code_run *run, const struct sandbox_result *tests,
                     const struct sandbox_result *program)
{
    const char *why = strchr(tests->output, ' ');
    why = why ? why + 1 : "";
    if (has_verdict(tests, "passed"))
        run->result = (struct code_result){CODE_PASSED, ""};
    else if (has_verdict(tests, "failed") || has_verdict(tests, "lost"))
        fail(run, program, why);
    else if (has_verdict(tests, "broken"))
        say_broken(run, program, why);
    else if (tests->end == SANDBOX_EXITED)
        say_broken(run, tests, "the tests cannot run");
    else
        fail(run, program, "the tests ended without a verdict");
}

enum status code_run_poll(const struct code_result **out, struct code_run *run)
{
    *out = NULL;
    if (!run->ended) {
        const struct sandbox_result *program = sandbox_poll(run->program);
        const struct sandbox_result *tests = sandbox_poll(run->tests);
        if (!tests)
            return STATUS_OK;
        /* The reason for a program's end is known shortly after the tests see its end. */
        if (!program && has_verdict(tests, "lost")) {
            run->stop = run->stop > 0 ? run->stop : clock_seconds() + GRACE_SECONDS;
            if (clock_seconds() < run->stop)
                return STATUS_OK;
        }
        conclude(run, tests, program ? program : sandbox_stop(run->program));
        run->ended = true;
    }
    *out = run->st ? NULL : &run->result;
    return run->st;
}

void code_run_wait(struct code_run *const *run, size_t n, double seconds)
{
    struct sandbox *box[SANDBOX_WAIT_MAX];
    size_t count = 0;
    assert(n <= CODE_RUN_WAIT_MAX);
    for (size_t i = 0; i < n; i++) {
        if (!run[i] || run[i]->ended)
            continue;
        box[count++] = run[i]->tests;
        box[count++] = run[i]->program;
    }
    sandbox_wait(box, count, seconds < GRACE_SECONDS ? seconds : GRACE_SECONDS);
}

void code_run_destroy(struct code_run **run)
{
    struct code_run *old = *run;
    *run = NULL;
    if (!old)
        return;
    sandbox_destroy(&old->tests);
    sandbox_destroy(&old->program);
    arena_finish(&old->arena);
    free(old);
}

enum status code_check_python(const struct sandbox_host *host)
{
    const struct code_source source = {.program = "def one():\n    return 1\n",
                                       .test = "assert one() == 1\n"};
    struct code_run *run;
    const struct code_result *result = NULL;
    enum status st = code_run_start(&run, host, &source);
    while (!st && !(st = code_run_poll(&result, run)) && !result)
        code_run_wait(&run, 1, 1);
    if (!st && result->verdict != CODE_PASSED) {
        log_error("found " PYTHON " that cannot run a program of one line (%s), expected Python "
                  "3.10 or later",
                  result->why);
        st = STATUS_INPUT;
    }
    code_run_destroy(&run);
    return st;
}
