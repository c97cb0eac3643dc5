/* SPDX-License-Identifier: MIT */
/* What the arms of a campaign win back of what faults cost, and what they cost (METHOD.md 5). */
#ifndef VKFI_INJECT_REPORT_ARMS_H
#define VKFI_INJECT_REPORT_ARMS_H

#include "inject/report/report_figure.h"
#include "inject/stats/stats_recovery.h"

/* What a fault strikes, as rows of the coverage table. */
enum report_target {
    REPORT_COMPUTATION, /* ops, but for weights as read */
    REPORT_WEIGHTS,     /* stored, or as read */
    REPORT_KV,
    REPORT_CONTROL,
    REPORT_ROPE, /* tables */
    REPORT_TARGETS
};

/* How long it lasts: an enum duration, or stored bits that are stuck, which no repair puts right.
 */
#define REPORT_STUCK DURATION_COUNT
#define REPORT_DURATIONS (DURATION_COUNT + 1)

/* Trials of one kind in an arm. */
struct report_cover {
    uint64_t runs, lossy; /* that ran in the arm; of them, those that lose without it */
    uint64_t found;       /* of these, those with an alarm */
    struct stats_recovery recovery;
    struct stats_recovery text;  /* another text loses 1, also where there are scores */
    struct stats_recovery alarm; /* the share of texts lost without it that raise an alarm */
};

/* Events among n, taken as independent. */
struct report_seen {
    uint64_t events, n;
    struct stats_interval interval; /* exact; none seen: one-sided, about 3 / n */
};

/* What an arm is among the others, for marks of pictures. */
enum report_arm_role {
    REPORT_ARM_ALONE,   /* one protection */
    REPORT_ARM_CONTROL, /* nan_trap alone */
    REPORT_ARM_SOME,    /* several */
    REPORT_ARM_ALL,     /* no other arm has more kinds */
    REPORT_ARM_BUT_ONE, /* the kinds of REPORT_ARM_ALL without one */
    REPORT_ARM_ROLES
};

/* An arm. A run loses golden's score minus its own, or without scores 1 if its text is another. A
 * DUE without protection loses nothing; one with it, of a trial that was none, loses all. Weights:
 * the strata's, times the trials for which a run stands. */
struct report_arm {
    const char *name;
    uint64_t runs, masked, missing;  /* trials that ran; of them masked ones; wanted, not yet run */
    uint64_t count[PROTECTED_COUNT]; /* of runs by what alarms were worth */
    struct report_cover all;         /* its net is won back a trial */
    struct report_cover cover[REPORT_TARGETS][REPORT_DURATIONS];
    double
        work; /* multiply-adds that checks add to a decoding column, over its own; NaN: no model */
    double lost, lost_with;   /* mean loss a trial without and with it; NaN: no total */
    double wrong, wrong_with; /* share of golden-right trials whose answer becomes wrong; NaN */
    struct report_seen harm;  /* masked trials that lose with it */

    uint64_t clean;                                    /* runs without a fault */
    uint64_t checks, tokens;                           /* columns and tokens of these */
    struct report_seen by_check, by_token, by_request; /* alarms; of requests, runs with any */
    uint64_t other_bits, other_text;                   /* clean runs that are not golden's */
    double redone_clean, redone; /* columns computed again over all: clean runs; under a fault */
    uint64_t delays;             /* runs with an alarm since the fault */
    double delay[3];             /* of these: tokens given before it, median, p90, most */
    enum report_arm_role role;
    uint32_t kinds; /* its protections, bits in the order of protections() */
};

struct report_arms {
    struct report_arm *arm; /* (count) in the plan's order */
    uint32_t count;
    bool scored;   /* losses are of scores */
    uint64_t last; /* the largest id of a counted trial */
};

/* Of all counted trials; without arms: count 0. Memory from the context's arena. */
enum status report_arms_make(struct report_arms *out, struct report_context *context);

/* Three tables of context->arms: what is won back; by what is struck and for how long; alarms. */
enum status report_arms_table(struct report_table *out, struct report_context *context);
enum status report_arms_coverage(struct report_table *out, struct report_context *context);
enum status report_arms_alarms(struct report_table *out, struct report_context *context);

/* Columns of a value with its bounds, in per cent, and what fills them: unknown bounds stay empty.
 */
#define REPORT_ARM_COLUMNS(name, label)                                                            \
    {name, label, REPORT_PERCENT, REPORT_BOUNDS},                                                  \
        {name "_low", NULL, REPORT_PERCENT, REPORT_ALONE},                                         \
    {                                                                                              \
        name "_high", NULL, REPORT_PERCENT, REPORT_ALONE                                           \
    }
void report_arms_bounds(struct report_table *table, uint32_t row, const char *name, double value,
                        struct stats_interval bounds);
void report_arms_seen(struct report_table *table, uint32_t row, const char *name,
                      const struct report_seen *seen);

/* Member "arms" of an open object, if there are any; lines for a terminal. */
void report_arms_members(struct json_writer *w, const struct report_arms *arms);
void report_arms_lines(struct text *out, const struct report_arms *arms, double confidence);

#endif
