/* SPDX-License-Identifier: MIT */
/* Looks at a running campaign: when its plan allows one, and the result. */
#ifndef VKFI_INJECT_REPORT_WATCH_H
#define VKFI_INJECT_REPORT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "inject/report/report_gate.h"

struct report_watch {
    const char *database;
    const struct plan *plan; /* one that stops itself */
    struct report_gate gate; /* result of the last look */
    uint32_t looks;          /* so far */
    bool decided;            /* by the last one: the campaign may end */
    bool off;                /* no look can be made: the database has suspect rows */
    uint64_t next_done;      /* time_uniform: not before so many trials are done ... */
    double next_time;        /* ... and not before this time */
};

void report_watch_init(struct report_watch *out, const char *database, const struct plan *plan);

/* The campaign's progress, all of it in the database. */
struct report_watch_progress {
    uint64_t leading; /* ids 0 .. leading - 1 are done */
    uint64_t done;    /* trials done */
    uint64_t trials;  /* of the campaign */
};

/* True at the first call, at each look of a spending plan, and of a time-uniform plan whenever the
 * trials have grown by a twentieth and looks have taken at most a thirtieth of the time, and at its
 * end. */
bool report_watch_is_due(const struct report_watch *watch,
                         const struct report_watch_progress *progress);

/* Opens the database for reading, asks the plan's question, closes it. If it has suspect rows this
 * is logged once, and no look is due from then on. */
enum status report_watch_look(struct report_watch *watch,
                              const struct report_watch_progress *progress) STATUS_MUST_USE;

#endif
