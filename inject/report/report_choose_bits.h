/* SPDX-License-Identifier: MIT */
/* How many top bits of K and V a profile says to keep, layer by layer. */
#ifndef VKFI_INJECT_REPORT_CHOOSE_BITS_H
#define VKFI_INJECT_REPORT_CHOOSE_BITS_H

#include "inject/report/report_data.h"
#include "inject/stats/stats_interval.h"

struct report_bits_params {
    uint32_t n_layers;
    uint32_t width;    /* bits of a stored element: 16 or 32 */
    double eps;        /* highest rate of events of flips of bits that are not kept, in (0, 1] */
    bool random;       /* the chosen numbers in an order by the seed instead */
    uint64_t seed;     /* of the order */
    double confidence; /* of upper ends and of the interval, as 0.95 */
};

struct report_bits {
    uint32_t *keep; /* (n_layers, 2) for K and V: 0 to width */
    uint32_t n_planes;
    uint32_t unsure; /* planes kept whole since too few of their flips were tried */
    double share;    /* of the bits of K and V that are kept */
    uint32_t events; /* in the profile, of flips in single entries of K and V */
    /* Share of the events that kept bits would have met, from numbers chosen by one half of the
     * items and events of the other, both ways, and of as many bits in all planes alike. NaN: no
     * events. */
    double expected, uniform;
    struct stats_interval interval; /* of expected: Wilson, n = events */
};

/* For K and V of each layer the smallest number of top bits such that flips below them have a rate
 * of events (critical SDC; SDC where items have no scores) of at most `eps` by the upper end of
 * Clopper and Pearson's interval, with Korn and Graubard's effective n under weights. A plane with
 * no flips below some bits is kept whole. Memory from `arena`. No flip of K or V: n_planes = 0. */
enum status report_choose_bits(struct report_bits *out, struct arena *arena,
                               const struct report_data *data,
                               const struct report_bits_params *params) STATUS_MUST_USE;

#endif
