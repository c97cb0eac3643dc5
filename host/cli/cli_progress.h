/* SPDX-License-Identifier: MIT */
/* One line on a terminal's standard error that says how far the work is; elsewhere nothing. */
#ifndef VKFI_CLI_PROGRESS_H
#define VKFI_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct cli_progress {
    bool on;
    bool shown;     /* a line stands there and must be wiped */
    double last;    /* time of the last update */
    uint32_t n_ids; /* prompt tokens */
    uint32_t n;     /* most tokens generated */
};

/* Off when standard error is no terminal. */
void cli_progress_init(struct cli_progress *progress, uint32_t n_ids, uint32_t n);

/* Replaces the line; at most ten times a second. */
__attribute__((format(printf, 2, 3))) void cli_progress_show(struct cli_progress *progress,
                                                             const char *fmt, ...);

/* The same at once, whatever stood there: what takes long now. */
void cli_progress_stage(struct cli_progress *progress, const char *what);

/* Wipes the line, before anything else is printed. */
void cli_progress_clear(struct cli_progress *progress);

/* generate_params.progress, with a struct cli_progress as user. */
void cli_progress_generate(void *user, int32_t token, uint32_t done);

#endif
