/* SPDX-License-Identifier: MIT */
/* pass@k of samples of one item. */
#ifndef VKFI_TASKS_PASS_AT_K_H
#define VKFI_TASKS_PASS_AT_K_H

#include <stdint.h>

/* Probability that k of n samples drawn without replacement hold one of the `right` ones: 1 - C(n -
 * right, k) / C(n, k), unbiased for k samples of the model (Chen et al. 2021, arXiv:2107.03374).
 * right <= n, 1 <= k <= n; to a few units of the last place, also near 0. */
double pass_at_k(uint32_t n, uint32_t right, uint32_t k);

#endif
