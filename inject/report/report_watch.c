/* SPDX-License-Identifier: MIT */
/* Which commits get a look, and the look itself. */
#include "inject/report/report_watch.h"

#include "base/clock.h"
#include "base/log.h"

#define WATCH_GROWTH 20  /* trials grow by 1 / WATCH_GROWTH between two looks */
#define WATCH_SHARE 30.0 /* looks may cost 1 / WATCH_SHARE of the time */

void report_watch_init(struct report_watch *out, const char *database, const struct plan *plan)
{
    *out = (struct report_watch){.database = database, .plan = plan};
}

bool report_watch_is_due(const struct report_watch *watch,
                         const struct report_watch_progress *progress)
{
    const struct plan *plan = watch->plan;
    const uint32_t look = watch->gate.look; /* the next one, counted from 0 */
    if (watch->off || watch->decided)
        return false;
    if (watch->looks == 0)
        return true;
    if (plan->stop == PLAN_STOP_SPENDING)
        return look < plan->n_looks &&
               progress->leading >= plan_look_end(plan, look, progress->trials);
    return progress->done >= progress->trials ||
           (progress->done >= watch->next_done && clock_seconds() >= watch->next_time);
}

static enum status look(struct report_watch *watch)
{
    struct report_source source = {0};
    struct report_gate_request request = report_gate_question(&watch->plan->gate);
    request.looked = watch->gate.look;
    enum status st = report_source_open(&source, watch->database);
    if (!st)
        st = report_source_load(&source, UINT64_MAX);
    watch->off = !st && source.data.suspect > 0;
    if (watch->off)
        log_warn("%s: found suspect rows before a control that failed: no gate is made of them, "
                 "and the campaign goes on to its end",
                 watch->database);
    else if (!st)
        st = report_gate_decide(&watch->gate, &source, &request);
    report_source_finish(&source);
    return st;
}

enum status report_watch_look(struct report_watch *watch,
                              const struct report_watch_progress *progress)
{
    const double start = clock_seconds();
    const enum status st = look(watch);
    const double now = clock_seconds();
    watch->looks++;
    watch->decided = !st && !watch->off && watch->gate.result.verdict != STATS_GATE_UNDECIDED;
    watch->next_done = progress->done + progress->done / WATCH_GROWTH + 1;
    watch->next_time = now + WATCH_SHARE * (now - start);
    return st;
}
