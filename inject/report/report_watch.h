/* SPDX-License-Identifier: MIT */
/* Looks at a campaign that runs: when its plan allows one, and what it says. */
#ifndef VKFI_INJECT_REPORT_WATCH_H
#define VKFI_INJECT_REPORT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "inject/report/report_gate.h"

struct report_watch {
    const char *database;
    const struct plan *plan; /* one that stops itself */
    struct report_gate gate; /* what the last look said */
    uint32_t looks;          /* so far */
    bool decided;            /* by the last one: the campaign may end */
    bool off;                /* no look can be made: the database has suspect rows */
    uint64_t next_done;      /* time_uniform: not before so many trials are done ... */
    double next_time;        /* ... and not before this time */
};

void report_watch_init(struct report_watch *out, const char *database, const struct plan *plan);

/* How far the campaign is: all of it is in the database. */
struct report_watch_progress {
    uint64_t leading; /* ids 0 .. leading - 1 are there */
    uint64_t done;    /* trials that are there */
    uint64_t trials;  /* of the campaign */
};

/* True at the first call, at each look of a spending plan, and of a time-uniform plan whenever the
 * trials have grown by a twentieth and looks have taken at most a thirtieth of the time, and at its
 * end. */
bool report_watch_is_due(const struct report_watch *watch,
                         const struct report_watch_progress *progress);

/* Opens the database for reading, asks the plan's question, closes it. Where it has suspect rows
 * it says so once, and no look is due from then on. */
enum status report_watch_look(struct report_watch *watch,
                              const struct report_watch_progress *progress) STATUS_MUST_USE;

#endif
