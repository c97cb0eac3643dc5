/* SPDX-License-Identifier: MIT */
/* The most damaging strata: ranked by their estimates, and estimated anew on fresh trials. */
#ifndef VKFI_INJECT_REPORT_WORST_H
#define VKFI_INJECT_REPORT_WORST_H

#include "inject/report/report_figure.h"
#include "inject/report/report_source.h"

#define REPORT_WORST 10 /* of a list */

struct report_worst {
    uint32_t stratum;
    struct report_rate rate; /* of context->main among all faults: the list's rank */
};

/* Strata by falling estimate, equal ones in the order of the database; those without an event, and
 * all after the first `most`, are omitted. */
enum status report_worst_rank(struct report_worst **out, uint32_t *out_count,
                              struct report_context *context, uint32_t most) STATUS_MUST_USE;

/* STATUS_INPUT, logged, unless the campaign can have a list for fresh trials: it is finished,
 * whole, without suspect rows, no census, and does not itself confirm another. */
enum status report_worst_check_first(const struct report_source *source) STATUS_MUST_USE;

/* The same unless `anew` estimates strata of `source` anew: by its plan, with another seed, on the
 * same model. */
enum status report_worst_check_anew(const struct report_source *source,
                                    const struct report_source *anew) STATUS_MUST_USE;

/* The list: the worst ten of more than ten strata, or the strata of context->anew, if any, with
 * both estimates. No rows if there is no list. */
enum status report_worst_table(struct report_table *out, struct report_context *context);

/* "Over the list of 10 ... the mean went from 12 % to 9 %." Null: memory. */
const char *report_worst_sentence(struct report_table *table, struct report_context *context);

#endif
