/* SPDX-License-Identifier: MIT */
/* Which sites a profile says to protect: most harm prevented for a budget of work. */
#ifndef VKFI_INJECT_REPORT_CHOOSE_H
#define VKFI_INJECT_REPORT_CHOOSE_H

#include "inject/report/report_data.h"
#include "inject/space/site.h"
#include "inject/stats/stats_interval.h"

struct report_choose_params {
    const struct site *site; /* (n_sites) of the model */
    uint32_t n_sites;
    double budget; /* share of the work of a request that may be done twice, in (0, 1] */
    bool random;   /* sites by the seed instead, for as much work as the best ones take */
    uint64_t seed;
    double confidence; /* of the interval, as 0.95 */
};

/* Items by their number: one half chooses, the other says what the choice is worth. */
enum report_half { REPORT_EVEN, REPORT_ODD, REPORT_BOTH };
bool report_choose_in_half(const struct report_trial *trial, enum report_half half);

/* (n_strata) weight of a trial of each stratum; null if host memory is out (logged). */
double *report_choose_weights(const struct report_data *data, struct arena *arena);

/* Columns whose work is bought apart: those of the prompt, and those that give tokens. */
enum report_phase { REPORT_PROMPT, REPORT_TOKENS, REPORT_PHASES };

/* A chosen site in a phase, in the order of choice. */
struct report_choice {
    uint32_t site;
    enum report_phase phase;
    double work; /* so far: share of a request's, of the mean item */
    double
        harm; /* so far: share of the harm that the estimates put on these sites, biased upwards */
};

struct report_chosen {
    struct report_choice *choice; /* (n) */
    uint32_t n;
    double work;
    const char *event;        /* "critical SDC", "SDC" */
    uint32_t events, outside; /* in the profile: of ops, and of what ops computed twice do not show
                                 (stored bits, control, faults of several sites) */
    /* Share of the events of ops that would be met, from sites chosen by one half of the items and
     * events of the other, both ways: not biased by the choice. NaN: no events. */
    double expected;
    struct stats_interval interval; /* Wilson, n = events */
};

/* Sites of a phase are ranked by estimated harm over work. Their rate is drawn towards that of
 * their kind in all layers by as much as REPORT_CHOOSE_PRIOR trials of the kind weigh. Memory from
 * `arena`. No event of an op: nothing is chosen, n = events = 0. */
#define REPORT_CHOOSE_PRIOR 10.0
enum status report_choose(struct report_chosen *out, struct arena *arena,
                          const struct report_data *data,
                          const struct report_choose_params *params) STATUS_MUST_USE;

#endif
