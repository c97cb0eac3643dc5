/* SPDX-License-Identifier: MIT */
/* Intervals for one proportion from a rate and a number of trials, which may be an effective one.
 */
#ifndef VKFI_INJECT_STATS_INTERVAL_H
#define VKFI_INJECT_STATS_INTERVAL_H

enum stats_interval_side {
    STATS_INTERVAL_BOTH,  /* half of 1 - confidence lies outside on each side */
    STATS_INTERVAL_UPPER, /* [0, high] */
    STATS_INTERVAL_LOWER, /* [low, 1] */
};

struct stats_interval_level {
    double confidence; /* in (0, 1), as 0.95 */
    enum stats_interval_side side;
};

/* Within [0, 1]; [0, 1] if nothing is known (n is not above 0, or a NaN). */
struct stats_interval {
    double low, high;
};

/* The error of sums of shares in double: an end nearer than this to 0, 1 or -1 becomes that number,
 * in all intervals of stats. */
#define STATS_INTERVAL_LEAST 0x1p-50
double stats_interval_end(double end);

/* The probability left outside on one side: (1 - confidence) / 2, or 1 - confidence. */
double stats_interval_tail(struct stats_interval_level level);

/* Score interval (Wilson 1927; Brown, Cai, DasGupta 2001, formula 4). n is real. */
struct stats_interval stats_interval_wilson(double rate, double n,
                                            struct stats_interval_level level);

/* Exact interval (Clopper and Pearson 1934) by quantiles of the beta distribution, which take real
 * events and n (Korn and Graubard 1998). */
struct stats_interval stats_interval_clopper_pearson(double events, double n,
                                                     struct stats_interval_level level);

/* No event in n trials: [0, 1 - tail^(1/n)], near -ln(tail) / n (Hanley and Lippman-Hand 1983). */
struct stats_interval stats_interval_zero(double n, struct stats_interval_level level);

/* Two rates and their two-sided intervals. */
struct stats_interval_pair {
    double first, second;
    struct stats_interval of_first, of_second;
    double correlation; /* of the two estimates; 0 for independent arms */
};

/* first - second from the two intervals (Newcombe 1998, method 10, when they are Wilson's; with
 * correlation: Zou and Donner 2008). Within [-1, 1]; [-1, 1] if an argument is NaN. */
struct stats_interval stats_interval_difference(const struct stats_interval_pair *pair);

#endif
