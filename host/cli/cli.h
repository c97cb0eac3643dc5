/* SPDX-License-Identifier: MIT */
/* The commands, and their common parts: the environment, actions and their options, operands that
 * name databases, output, the progress line. */
#ifndef VKFI_CLI_CLI_H
#define VKFI_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/args.h"
#include "base/json.h"
#include "base/status.h"

/* The process environment, read once in main. */
struct cli_env {
    bool validate;            /* VKFI_VALIDATE=1: Khronos validation layer on */
    const char *data;         /* folder of files read at run time: models.json, plans/ ... */
    const char *task_data;    /* VKFI_DATA; null: not set */
    const char *manifest;     /* VKFI_MANIFEST; null: models.json of `data` */
    const char *cache_home;   /* XDG_CACHE_HOME, null or empty: not set */
    const char *kernels;      /* folder of compiled kernels; null: they are not kept */
    const char *home;         /* HOME, else that of the user's passwd entry; null: neither is set */
    uint64_t threads;         /* VKFI_THREADS: default of --threads; 0: not set */
    const char *driver_files; /* VK_DRIVER_FILES or VK_ICD_FILENAMES, for messages; null: not set */
};

/* --- commands: each reads argv[1..] and prints only its result on standard output --- */

typedef enum status cli_command(const struct cli_env *env, int argc, char **argv);

enum status cli_run(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_tokenize(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_detokenize(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_devices(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_sites(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_model(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_bench(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_export(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_merge(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_protect(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_plan(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_sweep(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_campaign(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_replay(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_selfcheck(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_selftest(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_report(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_gate(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_compare(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_serve(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_task(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_artifact(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;

/* --- actions: `vkfi plan check`, `vkfi model get` --- */

#define CLI_ACTION_ANY SIZE_MAX

struct cli_action {
    const char *name;
    const char *operand; /* kind of an operand: "plan"; null if it takes none */
    size_t least, most;  /* operands; most CLI_ACTION_ANY: no limit */
    /* `options` is that of struct cli_actions; `operands` are those after the action's name. */
    enum status (*run)(const struct cli_env *env, const void *options,
                       const struct args_list *operands);
};

/* A row of a command's option table, with the actions that take it. */
struct cli_option {
    uint32_t actions; /* bit i: action i of the command takes it */
    struct args_option option;
};

struct cli_actions {
    const char *command; /* "plan" */
    const struct cli_action *action;
    size_t count;
    const struct cli_option *option; /* the last one has no name */
    const void *options;             /* holds the targets of the rows */
};

/* Reads the command line (`spec` lacks options and operands), finds the action, checks its options
 * and operands, and runs it. STATUS_USAGE names the nearest action, or the actions of an option. */
enum status cli_actions_run(const struct cli_actions *actions, struct args_spec *spec,
                            const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;

/* --- databases as operands --- */

struct report_source;

/* Between `least` and `most` operands; STATUS_USAGE, logged, otherwise. */
enum status cli_reading_check(const struct args_list *databases, size_t least,
                              size_t most) STATUS_MUST_USE;

/* The option for suspect rows, of all commands that read databases; `flag`: bool. */
#define CLI_READING_SUSPECT(flag)                                                                  \
    {                                                                                              \
        0, "allow-suspect", ARGS_FLAG, flag, NULL,                                                 \
            "Goes on with a database that has suspect rows (a control failed after them): rates "  \
            "leave them out, copies keep their mark. Without it such a database is refused.",      \
            0, 0                                                                                   \
    }

/* Opens a database and loads all of it; suspect rows are refused unless allowed. */
enum status cli_reading_open(struct report_source *out, const char *path,
                             bool allow_suspect) STATUS_MUST_USE;

/* Loads the runs of an arm instead of the trials; null: leaves these. Warns of runs that are
 * missing. */
enum status cli_reading_arm(struct report_source *source, const char *arm) STATUS_MUST_USE;

/* --- output --- */

/* Flushes standard output; STATUS_IO, logged, if not all of it arrived. */
enum status cli_output_flush(void) STATUS_MUST_USE;

/* In double quotes on one line, control characters escaped. */
void cli_output_quoted(const char *text);

/* "98.4 MB", decimal units; returns `out`. */
const char *cli_output_bytes(char out[32], double bytes);

/* Nine digits, also for denormals, which are zero to arithmetic here; returns `out`. */
const char *cli_output_float(char out[32], float value);

/* --- progress: one line on a terminal's standard error --- */

struct cli_progress {
    bool on;        /* standard error is a terminal */
    bool shown;     /* a line is shown and must be wiped */
    double last;    /* time of the last update */
    uint32_t n_ids; /* prompt tokens */
    uint32_t n;     /* most tokens generated */
};

void cli_progress_init(struct cli_progress *progress, uint32_t n_ids, uint32_t n);

/* Replaces the line; at most ten times a second. */
__attribute__((format(printf, 2, 3))) void cli_progress_show(struct cli_progress *progress,
                                                             const char *fmt, ...);

/* The same at once: the current long task. */
void cli_progress_stage(struct cli_progress *progress, const char *what);

/* Wipes the line, before anything else is printed. */
void cli_progress_clear(struct cli_progress *progress);

/* generate_params.progress, with a struct cli_progress as user. */
void cli_progress_generate(void *user, int32_t token, uint32_t done);

#endif
