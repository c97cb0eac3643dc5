/* SPDX-License-Identifier: MIT */
/* Looks fixed in a plan: alpha spent over them, and the level of each look's test. */
#ifndef VKFI_INJECT_STATS_SPENDING_H
#define VKFI_INJECT_STATS_SPENDING_H

#include <stdint.h>

#define STATS_SPENDING_LOOKS 64

enum stats_spending_kind {
    STATS_SPENDING_OBRIEN_FLEMING, /* 2 - 2 Phi(z_(alpha/2) / sqrt(t)): late */
    STATS_SPENDING_POCOCK,         /* alpha ln(1 + (e - 1) t): even          */
};

/* Alpha spent up to the information share t in [0, 1] (Lan and DeMets 1983). One-sided. */
double stats_spending_spent(enum stats_spending_kind kind, double alpha, double t);

struct stats_spending_looks {
    enum stats_spending_kind kind;
    double alpha;    /* of all looks, one-sided                        */
    const double *t; /* shares of the planned trials: rising, in (0, 1] */
    uint32_t count;  /* 1 to STATS_SPENDING_LOOKS                      */
};

/* boundary[k]: the look rejects at z_k >= boundary[k]; level[k] = 1 - Phi(boundary[k]) is the tail
 * to use for its one-sided bound. Recursive integration over the paths that went on (Armitage,
 * McPherson, Rowe 1969; Jennison and Turnbull 2000, 19). NaN in both if the looks are not as
 * above. */
void stats_spending_boundaries(double *boundary, double *level,
                               const struct stats_spending_looks *looks);

#endif
