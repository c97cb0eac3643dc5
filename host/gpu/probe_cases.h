/* SPDX-License-Identifier: MIT */
/* The cases of the probe: operands, names, and what the CPU makes of them. */
#ifndef VKFI_GPU_PROBE_CASES_H
#define VKFI_GPU_PROBE_CASES_H

#include <stddef.h>
#include <stdint.h>

#include "gpu/probe.h"

/* As the shader reads it. */
struct probe_operands {
    uint32_t op; /* PROBE_OP_... */
    uint32_t a, b, c;
};

#define PROBE_RANDOM_SETS 1024
#define PROBE_OPERANDS_MAX (PROBE_CASES_MAX + 12 * PROBE_RANDOM_SETS)

/* Fills name, class and tried of every case, and the operand sets, case after case. Returns the
 * number of sets, at most PROBE_OPERANDS_MAX. */
size_t probe_cases_fill(struct probe_result *out, struct probe_operands *sets);

/* Bits of the result on this thread, in its floating-point mode; canonical NaN. */
uint32_t probe_cases_expect(const struct probe_operands *set);

#endif
