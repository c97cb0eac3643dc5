/* SPDX-License-Identifier: MIT */
/* What commands share: actions, databases, output, the progress line. */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/fpenv.h"
#include "base/log.h"
#include "base/text.h"
#include "inject/report/report_source.h"

/* --- actions --- */

/* "list, get or info": the actions of a mask. */
static const char *join_names(struct text *out, const struct cli_actions *a, uint32_t mask)
{
    for (size_t i = 0; i < a->count; i++) {
        const uint32_t later = mask & ~((2u << i) - 1);
        if (mask >> i & 1)
            text_addf(out, "%s%s", a->action[i].name,
                      later == 0                   ? ""
                      : (later & (later - 1)) == 0 ? " or "
                                                   : ", ");
    }
    return text_of(out);
}

static enum status refuse_action(const struct cli_actions *a, const char *word)
{
    const char *names[32];
    struct text all = {0};
    for (size_t i = 0; i < a->count; i++)
        names[i] = a->action[i].name;
    const char *nearest = word ? args_nearest(word, names, a->count) : NULL;
    join_names(&all, a, (1u << a->count) - 1);
    if (nearest)
        log_error("%s: found '%s', did you mean '%s'?", a->command, word, nearest);
    else if (word)
        log_error("%s: found '%s', expected %s", a->command, word, text_of(&all));
    else
        log_error("%s: found no action, expected %s", a->command, text_of(&all));
    text_finish(&all);
    return STATUS_USAGE;
}

/* Of the operands after the action's name. */
static enum status check_count(const char *command, const struct cli_action *action,
                               const struct args_list *operands)
{
    const char *what = action->operand ? action->operand : "";
    const char *wanted = action->most == 0              ? "nothing"
                         : action->most > action->least ? "at least one"
                         : action->most == 1            ? "one"
                                                        : "two";
    if (operands->count > action->most)
        log_error("%s %s: found '%s' after it, expected %s%s%s%s", command, action->name,
                  operands->item[action->most], wanted, *what ? " " : "", what,
                  action->most > 1 ? "s" : "");
    else if (operands->count < action->least && operands->count == 0)
        log_error("%s %s: found no %s after it, expected %s", command, action->name, what, wanted);
    else if (operands->count < action->least)
        log_error("%s %s: found %zu %s after it, expected %s", command, action->name,
                  operands->count, what, wanted);
    else
        return STATUS_OK;
    return STATUS_USAGE;
}

/* `given`: by index in the table. */
static enum status check_options(const struct cli_actions *a, size_t action, const bool *given)
{
    const struct cli_option *row = a->option;
    struct text takers = {0};
    while (row->option.name && (!given[row - a->option] || row->actions >> action & 1))
        row++;
    if (!row->option.name)
        return STATUS_OK;
    log_error("%s %s: found --%s, expected it with %s", a->command, a->action[action].name,
              row->option.name, join_names(&takers, a, row->actions));
    text_finish(&takers);
    return STATUS_USAGE;
}

enum status cli_actions_run(const struct cli_actions *actions, struct args_spec *spec,
                            const struct cli_env *env, int argc, char **argv)
{
    struct args_option options[ARGS_OPTIONS_MAX] = {0};
    struct args_list words = {0};
    bool given[ARGS_OPTIONS_MAX] = {false}, done = false;
    for (size_t i = 0; actions->option[i].option.name; i++)
        options[i] = actions->option[i].option;
    spec->options = options;
    spec->operands = &words;
    spec->given = given;
    enum status st = args_parse(spec, argc, argv, &done);
    if (st || done)
        return st;
    size_t at = 0;
    while (words.count > 0 && at < actions->count &&
           strcmp(words.item[0], actions->action[at].name) != 0)
        at++;
    if (words.count == 0 || at == actions->count)
        return refuse_action(actions, words.count > 0 ? words.item[0] : NULL);
    memmove(words.item, words.item + 1, --words.count * sizeof(*words.item));
    st = check_count(actions->command, &actions->action[at], &words);
    st = st ? st : check_options(actions, at, given);
    return st ? st : actions->action[at].run(env, actions->options, &words);
}

/* --- databases --- */

enum status cli_reading_check(const struct args_list *databases, size_t least, size_t most)
{
    if (databases->count >= least && databases->count <= most)
        return STATUS_OK;
    if (least == most)
        log_error("found %zu databases, expected %zu", databases->count, least);
    else
        log_error("found %zu databases, expected %zu or more", databases->count, least);
    return STATUS_USAGE;
}

enum status cli_reading_open(struct report_source *out, const char *path, bool allow_suspect)
{
    enum status st = report_source_open(out, path);
    st = st ? st : report_source_trust(out, allow_suspect);
    return st ? st : report_source_load(out, UINT64_MAX);
}

enum status cli_reading_arm(struct report_source *source, const char *arm)
{
    if (!arm)
        return STATUS_OK;
    enum status st = report_source_arm(source, arm);
    st = st ? st : report_source_load(source, UINT64_MAX);
    if (!st && source->data.armed_missing > 0)
        log_warn("%s: %" PRIu64 " trials have not yet run under arm '%s'", source->path,
                 source->data.armed_missing, arm);
    return st;
}

/* --- output --- */

enum status cli_output_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STATUS_OK;
    file_check_reader(stdout);
    log_error("standard output: cannot write: %s",
              errno ? strerror(errno) : "earlier write failed");
    return STATUS_IO;
}

void cli_output_quoted(const char *text)
{
    putchar('"');
    for (const char *c = text; *c; c++) {
        if (strncmp(c, TEXT_NUL, 2) == 0) {
            printf("\\x00");
            c++;
        } else if (*c == '\n' || *c == '\r' || *c == '\t') {
            printf("\\%c", *c == '\n' ? 'n' : *c == '\r' ? 'r' : 't');
        } else if (*c == '"' || *c == '\\') {
            printf("\\%c", *c);
        } else if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            printf("\\x%02x", (unsigned char)*c);
        } else {
            putchar(*c);
        }
    }
    putchar('"');
}

const char *cli_output_bytes(char out[32], double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 999.95 && unit + 1 < sizeof(units) / sizeof(*units)) {
        bytes /= 1000;
        unit++;
    }
    snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return out;
}

const char *cli_output_float(char out[32], float value)
{
    snprintf(out, 32, "%.9g", fpenv_widen(value));
    return out;
}

/* --- progress --- */

#define WIPE "\r\033[K" /* to the start of the line, which is erased */
#define INTERVAL 0.1    /* seconds */

void cli_progress_init(struct cli_progress *progress, uint32_t n_ids, uint32_t n)
{
    *progress = (struct cli_progress){.on = isatty(STDERR_FILENO) == 1, .n_ids = n_ids, .n = n};
}

void cli_progress_show(struct cli_progress *progress, const char *fmt, ...)
{
    va_list args;
    const double now = clock_seconds();
    if (!progress->on || (progress->shown && now - progress->last < INTERVAL))
        return;
    progress->last = now;
    progress->shown = true;
    fputs(WIPE, stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\r', stderr); /* an error line now replaces this one */
    fflush(stderr);
}

void cli_progress_stage(struct cli_progress *progress, const char *what)
{
    progress->shown = false;
    cli_progress_show(progress, "%s", what);
}

void cli_progress_clear(struct cli_progress *progress)
{
    if (progress->shown)
        fputs(WIPE, stderr);
    progress->shown = false;
}

void cli_progress_generate(void *user, int32_t token, uint32_t done)
{
    struct cli_progress *progress = user;
    if (token < 0)
        cli_progress_show(progress, "prompt %u/%u", done, progress->n_ids);
    else
        cli_progress_show(progress, "token %u/%u", done, progress->n);
}
