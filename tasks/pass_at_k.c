/* SPDX-License-Identifier: MIT */
/* The estimator as a sum of logarithms: factorials overflow, and a product near 1 cancels. */
#include "tasks/pass_at_k.h"

#include <assert.h>
#include <math.h>

double pass_at_k(uint32_t n, uint32_t right, uint32_t k)
{
    assert(right <= n && k >= 1 && k <= n);
    if (n - right < k)
        return 1;
    if (right == 0)
        return 0; /* the formula's zero is negative, and printed as "-0.0" */
    double log_none = 0;
    for (uint32_t i = n - right + 1; i <= n; i++)
        log_none += log1p(-(double)k / i);
    return -expm1(log_none);
}
