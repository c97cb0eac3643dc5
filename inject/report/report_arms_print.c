/* SPDX-License-Identifier: MIT */
/* Arms as tables, JSON and lines. */
#include <inttypes.h>
#include <math.h>

#include "inject/report/report_arms.h"

#define BASIS                                                                                      \
    "Recovery: the share of what faults cost that the arm wins back, over trials weighed by "      \
    "strata and draw, with a bootstrap-t interval by item. "

static const char *const TARGETS[REPORT_TARGETS] = {"computation", "weights", "KV cache", "control",
                                                    "rope table"};

static const struct report_column ARM_COLUMNS[] = {
    {"arm", "arm", REPORT_TEXT, REPORT_ALONE},
    {"runs", "n", REPORT_COUNT, REPORT_ALONE},
    {"lossy", "that lose", REPORT_COUNT, REPORT_ALONE},
    REPORT_ARM_COLUMNS("recovery", "recovery, %"),
    REPORT_ARM_COLUMNS("text", "of texts, %"),
    {"lost", "lost a trial, points", REPORT_PERCENT, REPORT_ALONE},
    {"lost_with", "with it", REPORT_PERCENT, REPORT_ALONE},
    REPORT_ARM_COLUMNS("net", "net, points"),
    {"wrong", "right to wrong, %", REPORT_PERCENT, REPORT_ALONE},
    {"wrong_with", "with it", REPORT_PERCENT, REPORT_ALONE},
    {"corrected", "corrected", REPORT_COUNT, REPORT_ALONE},
    {"detected", "detected", REPORT_COUNT, REPORT_ALONE},
    {"uncorrected", "uncorrected", REPORT_COUNT, REPORT_ALONE},
    {"false_alarm", "false alarm", REPORT_COUNT, REPORT_ALONE},
    {"none", "no alarm", REPORT_COUNT, REPORT_ALONE},
    {"missing", "not yet run", REPORT_COUNT, REPORT_ALONE},
};

static const struct report_column COVER_COLUMNS[] = {
    {"arm", "arm", REPORT_TEXT, REPORT_ALONE},
    {"target", "what is struck", REPORT_TEXT, REPORT_ALONE},
    {"duration", "duration", REPORT_TEXT, REPORT_ALONE},
    {"runs", "n", REPORT_COUNT, REPORT_ALONE},
    {"lossy", "that lose", REPORT_COUNT, REPORT_ALONE},
    {"found", "with an alarm", REPORT_COUNT, REPORT_ALONE},
    REPORT_ARM_COLUMNS("recovery", "recovery, %"),
    REPORT_ARM_COLUMNS("text", "of texts, %"),
};

static const struct report_column ALARM_COLUMNS[] = {
    {"arm", "arm", REPORT_TEXT, REPORT_ALONE},
    {"clean", "clean runs", REPORT_COUNT, REPORT_ALONE},
    {"tokens", "tokens", REPORT_COUNT, REPORT_ALONE},
    {"alarms", "false alarms", REPORT_COUNT, REPORT_ALONE},
    REPORT_ARM_COLUMNS("by_check", "a check, %"),
    REPORT_ARM_COLUMNS("by_token", "a token, %"),
    REPORT_ARM_COLUMNS("by_request", "a request, %"),
    {"other_bits", "other bits", REPORT_COUNT, REPORT_ALONE},
    {"other_text", "other text", REPORT_COUNT, REPORT_ALONE},
    REPORT_ARM_COLUMNS("harm", "harm, %"),
    {"harm_n", "masked n", REPORT_COUNT, REPORT_ALONE},
    {"redone_clean", "redone, %", REPORT_PERCENT, REPORT_ALONE},
    {"redone", "under faults, %", REPORT_PERCENT, REPORT_ALONE},
    {"delays", "alarms", REPORT_COUNT, REPORT_ALONE},
    {"delay_median", "delay, tokens", REPORT_NUMBER, REPORT_ALONE},
    {"delay_p90", "p90", REPORT_NUMBER, REPORT_ALONE},
    {"delay_most", "most", REPORT_NUMBER, REPORT_ALONE},
};

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof(*(array))))

void report_arms_bounds(struct report_table *table, uint32_t row, const char *name, double value,
                        struct stats_interval bounds)
{
    const bool known = !isnan(value) && !isinf(bounds.low);
    report_figure_mean(table, row, name, value, known ? bounds : (struct stats_interval){NAN, NAN});
}

static void put_recovery(struct report_table *table, uint32_t row, const char *name,
                         const struct stats_recovery *recovery)
{
    report_arms_bounds(table, row, name, recovery->recovery, recovery->bounds);
}

void report_arms_seen(struct report_table *table, uint32_t row, const char *name,
                      const struct report_seen *seen)
{
    const double rate = seen->n > 0 ? (double)seen->events / (double)seen->n : NAN;
    report_arms_bounds(table, row, name, rate, seen->interval);
}

enum status report_arms_table(struct report_table *out, struct report_context *context)
{
    const struct report_arms *arms = context->arms;
    out->id = "arms";
    out->caption = arms->scored ? BASIS "Of scores: golden's minus the run's; of texts: another "
                                        "one loses 1. Net: won back a trial."
                                : BASIS "Another text loses 1.";
    const enum status st =
        report_table_init(out, context->arena, arms->count, ARM_COLUMNS, COUNT(ARM_COLUMNS));
    for (uint32_t r = 0; !st && r < arms->count; r++) {
        const struct report_arm *arm = &arms->arm[r];
        report_table_text(out, r, "arm", arm->name);
        report_table_set(out, r, "runs", (double)arm->runs);
        report_table_set(out, r, "lossy", (double)arm->all.lossy);
        put_recovery(out, r, "recovery", &arm->all.recovery);
        if (arms->scored)
            put_recovery(out, r, "text", &arm->all.text);
        report_table_set(out, r, "lost", arm->lost);
        report_table_set(out, r, "lost_with", arm->lost_with);
        report_arms_bounds(out, r, "net", arm->all.recovery.net, arm->all.recovery.net_bounds);
        report_table_set(out, r, "wrong", arm->wrong);
        report_table_set(out, r, "wrong_with", arm->wrong_with);
        for (uint32_t k = 0; k < PROTECTED_COUNT; k++)
            report_table_set(out, r, kinds_text(KINDS_PROTECTED, k), (double)arm->count[k]);
        if (arm->missing > 0)
            report_table_set(out, r, "missing", (double)arm->missing);
        out->faint[r] = arm->runs < REPORT_FEW;
    }
    return st;
}

static void put_cover(struct report_table *table, uint32_t row, const struct report_cover *cover,
                      bool scored)
{
    report_table_set(table, row, "runs", (double)cover->runs);
    report_table_set(table, row, "lossy", (double)cover->lossy);
    report_table_set(table, row, "found", (double)cover->found);
    put_recovery(table, row, "recovery", &cover->recovery);
    if (scored)
        put_recovery(table, row, "text", &cover->text);
    table->faint[row] = cover->lossy < REPORT_FEW;
}

static const char *duration_name(uint32_t duration)
{
    return duration == REPORT_STUCK ? "stuck" : kinds_text(KINDS_DURATION, duration);
}

/* Cells with a run. */
static uint32_t count_cells(const struct report_arm *arm)
{
    uint32_t n = 0;
    for (int target = 0; target < REPORT_TARGETS; target++) {
        for (int duration = 0; duration < (int)REPORT_DURATIONS; duration++)
            n += arm->cover[target][duration].runs > 0;
    }
    return n;
}

enum status report_arms_coverage(struct report_table *out, struct report_context *context)
{
    const struct report_arms *arms = context->arms;
    uint32_t rows = 0, r = 0;
    out->id = "coverage";
    out->caption = BASIS "By what is struck and for how long; weights are struck as stored "
                         "(persistent, stuck) or as read.";
    for (uint32_t i = 0; i < arms->count; i++)
        rows += count_cells(&arms->arm[i]);
    const enum status st =
        report_table_init(out, context->arena, rows, COVER_COLUMNS, COUNT(COVER_COLUMNS));
    for (uint32_t i = 0; !st && i < arms->count; i++) {
        for (int target = 0; target < REPORT_TARGETS; target++) {
            for (uint32_t duration = 0; duration < REPORT_DURATIONS; duration++) {
                const struct report_cover *cover = &arms->arm[i].cover[target][duration];
                if (cover->runs == 0)
                    continue;
                report_table_text(out, r, "arm", arms->arm[i].name);
                report_table_text(out, r, "target", TARGETS[target]);
                report_table_text(out, r, "duration", duration_name(duration));
                put_cover(out, r++, cover, arms->scored);
            }
        }
    }
    return st;
}

enum status report_arms_alarms(struct report_table *out, struct report_context *context)
{
    const struct report_arms *arms = context->arms;
    out->id = "alarms";
    out->caption =
        "False alarms: of runs without a fault, a column evaluated (check), a token and a run "
        "(request), with exact intervals (none seen: one-sided, about 3 / n). Harm: masked trials "
        "that lose with the arm. Redone: columns computed again over all. Delay: tokens given "
        "between fault and alarm.";
    const enum status st =
        report_table_init(out, context->arena, arms->count, ALARM_COLUMNS, COUNT(ALARM_COLUMNS));
    for (uint32_t r = 0; !st && r < arms->count; r++) {
        const struct report_arm *arm = &arms->arm[r];
        report_table_text(out, r, "arm", arm->name);
        report_table_set(out, r, "clean", (double)arm->clean);
        report_table_set(out, r, "tokens", (double)arm->tokens);
        report_table_set(out, r, "alarms", (double)arm->by_check.events);
        report_arms_seen(out, r, "by_check", &arm->by_check);
        report_arms_seen(out, r, "by_token", &arm->by_token);
        report_arms_seen(out, r, "by_request", &arm->by_request);
        report_table_set(out, r, "other_bits", (double)arm->other_bits);
        report_table_set(out, r, "other_text", (double)arm->other_text);
        report_arms_seen(out, r, "harm", &arm->harm);
        report_table_set(out, r, "harm_n", (double)arm->harm.n);
        report_table_set(out, r, "redone_clean", arm->redone_clean);
        report_table_set(out, r, "redone", arm->redone);
        report_table_set(out, r, "delays", (double)arm->delays);
        report_table_set(out, r, "delay_median", arm->delay[0]);
        report_table_set(out, r, "delay_p90", arm->delay[1]);
        report_table_set(out, r, "delay_most", arm->delay[2]);
    }
    return st;
}

/* --- JSON --- */

static void put_json_recovery(struct json_writer *w, const char *key,
                              const struct stats_recovery *r)
{
    json_member_object(w, key);
    json_member_number(w, "value", r->recovery);
    json_member_number(w, "low", isinf(r->bounds.low) ? NAN : r->bounds.low);
    json_member_number(w, "high", isinf(r->bounds.low) ? NAN : r->bounds.high);
    json_member_number(w, "items", r->items);
    json_object_close(w);
}

static void put_json_net(struct json_writer *w, const struct stats_recovery *r)
{
    json_member_object(w, "net");
    json_member_number(w, "value", r->net);
    json_member_number(w, "low", isinf(r->net_bounds.low) ? NAN : r->net_bounds.low);
    json_member_number(w, "high", isinf(r->net_bounds.low) ? NAN : r->net_bounds.high);
    json_object_close(w);
}

static void put_json_seen(struct json_writer *w, const char *key, const struct report_seen *seen)
{
    json_member_object(w, key);
    json_member_int(w, "events", (int64_t)seen->events);
    json_member_int(w, "n", (int64_t)seen->n);
    json_member_number(w, "low", seen->interval.low);
    json_member_number(w, "high", seen->interval.high);
    json_object_close(w);
}

static void put_json_cover(struct json_writer *w, const struct report_arm *arm)
{
    json_member_array(w, "coverage");
    for (int target = 0; target < REPORT_TARGETS; target++) {
        for (uint32_t duration = 0; duration < REPORT_DURATIONS; duration++) {
            const struct report_cover *cover = &arm->cover[target][duration];
            if (cover->runs == 0)
                continue;
            json_object_open(w);
            json_member_text(w, "target", TARGETS[target]);
            json_member_text(w, "duration", duration_name(duration));
            json_member_int(w, "runs", (int64_t)cover->runs);
            json_member_int(w, "lossy", (int64_t)cover->lossy);
            json_member_int(w, "found", (int64_t)cover->found);
            put_json_recovery(w, "recovery", &cover->recovery);
            put_json_recovery(w, "recovery_of_texts", &cover->text);
            json_object_close(w);
        }
    }
    json_array_close(w);
}

static void put_json_arm(struct json_writer *w, const struct report_arm *arm)
{
    json_object_open(w);
    json_member_text(w, "arm", arm->name);
    json_member_int(w, "runs", (int64_t)arm->runs);
    json_member_int(w, "masked_runs", (int64_t)arm->masked);
    json_member_int(w, "missing", (int64_t)arm->missing);
    json_member_int(w, "lossy", (int64_t)arm->all.lossy);
    for (uint32_t k = 0; k < PROTECTED_COUNT; k++)
        json_member_int(w, kinds_text(KINDS_PROTECTED, k), (int64_t)arm->count[k]);
    put_json_recovery(w, "recovery", &arm->all.recovery);
    put_json_recovery(w, "recovery_of_texts", &arm->all.text);
    put_json_recovery(w, "found", &arm->all.alarm);
    put_json_net(w, &arm->all.recovery);
    json_member_number(w, "work", arm->work);
    json_member_number(w, "lost", arm->lost);
    json_member_number(w, "lost_with", arm->lost_with);
    json_member_number(w, "right_to_wrong", arm->wrong);
    json_member_number(w, "right_to_wrong_with", arm->wrong_with);
    put_json_seen(w, "harm", &arm->harm);
    json_member_int(w, "clean_runs", (int64_t)arm->clean);
    put_json_seen(w, "false_alarms_by_check", &arm->by_check);
    put_json_seen(w, "false_alarms_by_token", &arm->by_token);
    put_json_seen(w, "false_alarms_by_request", &arm->by_request);
    json_member_int(w, "clean_other_bits", (int64_t)arm->other_bits);
    json_member_int(w, "clean_other_text", (int64_t)arm->other_text);
    json_member_number(w, "redone_clean", arm->redone_clean);
    json_member_number(w, "redone", arm->redone);
    json_member_number(w, "delay_median", arm->delay[0]);
    json_member_number(w, "delay_p90", arm->delay[1]);
    json_member_number(w, "delay_most", arm->delay[2]);
    put_json_cover(w, arm);
    json_object_close(w);
}

void report_arms_members(struct json_writer *w, const struct report_arms *arms)
{
    if (arms->count == 0)
        return;
    json_member_array(w, "arms");
    for (uint32_t i = 0; i < arms->count; i++)
        put_json_arm(w, &arms->arm[i]);
    json_array_close(w);
}

/* --- lines --- */

/* "recovery 84.2 % [76.1, 91.0]" */
static void put_share(struct text *out, const struct stats_recovery *r)
{
    if (isnan(r->recovery))
        text_put(out, "recovery not known");
    else if (isinf(r->bounds.low))
        text_addf(out, "recovery %.1f %%", 100 * r->recovery);
    else
        text_addf(out, "recovery %.1f %% [%.1f, %.1f]", 100 * r->recovery, 100 * r->bounds.low,
                  100 * r->bounds.high);
}

void report_arms_lines(struct text *out, const struct report_arms *arms, double confidence)
{
    for (uint32_t i = 0; i < arms->count; i++) {
        const struct report_arm *arm = &arms->arm[i];
        text_addf(out, "arm %s: %" PRIu64 " runs, %" PRIu64 " lose without it; ", arm->name,
                  arm->runs, arm->all.lossy);
        put_share(out, &arm->all.recovery);
        text_addf(out,
                  " (%g %%: bootstrap-t by item); %" PRIu64 " corrected, %" PRIu64
                  " detected, %" PRIu64 " uncorrected; harm %" PRIu64 " of %" PRIu64 "; %" PRIu64
                  " false alarms in %" PRIu64 " clean tokens\n",
                  100 * confidence, arm->count[PROTECTED_CORRECTED], arm->count[PROTECTED_DETECTED],
                  arm->count[PROTECTED_UNCORRECTED], arm->harm.events, arm->harm.n,
                  arm->by_token.events, arm->tokens);
    }
}
