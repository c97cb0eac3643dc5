/* SPDX-License-Identifier: MIT */
/* From a finished lane to its record. */
#ifndef VKFI_INJECT_RECORD_H
#define VKFI_INJECT_RECORD_H

#include "inject/trial/lane.h"

/* `run`: the faulty run. `fed`: golden's tokens under the fault; the same lane if the tokens never
 * differed, null below summary or where the run ended abnormally. Both closed. */
struct record_lanes {
    const struct lane *run, *fed;
};
enum status record_make(struct record *out, const struct record_lanes *lanes) STATUS_MUST_USE;

/* An item of choices, all runs of the job ended. */
struct record_choices {
    const struct golden *golden;
    const struct trial_settings *settings;
    const struct trial_job *job;
    struct lane *const *ended; /* (n_choices) closed lanes; null if nothing is struck: golden's */
};
enum status record_choices_make(struct record *out, struct arena *arena,
                                const struct record_choices *choices) STATUS_MUST_USE;

/* clear: what is known of a job before its run. check: activations are as many as predicted and
 * nothing changed by itself; else STATUS_INTERNAL, logged. */
void record_clear(struct record *out, const struct trial_job *job);
struct outcome_facts;
enum status record_check(const struct record *out,
                         const struct outcome_facts *facts) STATUS_MUST_USE;

/* The lane's deviation, if its level has one. */
void record_take_deviation(struct record *out, const struct lane *lane);

/* For a generation's job whose coordinates are beyond the golden run's work. */
void record_not_reached(struct record *out, const struct golden *golden,
                        const struct trial_settings *settings, const struct trial_job *job);

/* True if the run's Inf or NaN should be traced to its origin (record.nan_site). */
bool record_wants_origin(const struct record *record, const struct lane *run);

#endif
