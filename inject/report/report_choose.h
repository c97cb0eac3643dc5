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
    double budget; /* share of the work of a token that may be done twice, in (0, 1] */
    bool random;   /* sites by the seed instead, for as much work as the best ones take */
    uint64_t seed;
    double confidence; /* of the interval, as 0.95 */
};

/* A chosen site, in the order of choice. */
struct report_choice {
    uint32_t site;
    double work; /* so far: share of a token's */
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

/* Sites are ranked by estimated harm over work. The rate of a site is drawn towards that of its
 * kind in all layers by as much as REPORT_CHOOSE_PRIOR trials of the kind weigh. Memory from
 * `arena`. STATUS_INPUT (logged): no trial of an op, or no event. */
#define REPORT_CHOOSE_PRIOR 10.0
enum status report_choose(struct report_chosen *out, struct arena *arena,
                          const struct report_data *data,
                          const struct report_choose_params *params) STATUS_MUST_USE;

#endif
