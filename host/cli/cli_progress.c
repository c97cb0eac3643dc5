/* SPDX-License-Identifier: MIT */
/* The progress line. */
#include "cli/cli_progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define WIPE "\r\033[K" /* to the line's begin, erase it */
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
    fputc('\r', stderr); /* an error line that comes now stands in place of this one */
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
