/* SPDX-License-Identifier: MIT */
/* Seeded faults: trial `id` of `seed`, drawn alone, in any order, on any machine. */
#ifndef VKFI_INJECT_DRAW_H
#define VKFI_INJECT_DRAW_H

#include "base/status.h"
#include "inject/space/fault.h"

/* A fault uniform over places, sites, points, kinds and coordinates in positions
 * [first, first + count): every site, point and kind has non-zero probability. */
struct draw_params {
    const struct fault_bounds *bounds;
    uint32_t first, count;
    uint64_t seed;
};

void draw_fault(struct fault *out, const struct draw_params *params, uint64_t id);

#endif
