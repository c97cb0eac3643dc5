/* SPDX-License-Identifier: MIT */
/* The cases of the probe: operands, names, what the CPU makes of them, and the comparison. */
#ifndef VKFI_PROBE_PROBE_WORK_H
#define VKFI_PROBE_PROBE_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "probe/probe.h"
#include "shared/probe_ops.h"

/* As the shader reads it. */
struct probe_operands {
    uint32_t op; /* PROBE_OP_... */
    uint32_t a, b, c;
};

/* A case with operands that are written down, of `count` at *out. */
struct probe_fixed {
    enum probe_class class;
    const char *what;
    struct probe_operands set;
};
size_t probe_fixed_cases(const struct probe_fixed **out);

/* "tie to even: 3f800000 + 33800000" */
void probe_fixed_name(char out[PROBE_NAME_SIZE], const struct probe_fixed *fixed);

/* All operand sets, and all words that the shader writes for them. */
struct probe_work {
    struct probe_operands *sets; /* (count); owned */
    size_t count;
    uint32_t *expected; /* (words) the CPU's; owned */
    uint32_t *device;   /* (words) the device's; owned. As the shader must find them at first. */
    size_t words;       /* count, then one a workgroup, then PROBE_TOTALS */
};

/* Fills `out` but for what the comparison finds. Each `round` draws other operands; the probe at
 * device open is round 0. `work` is destroyed with probe_work_finish, also after a failure. */
enum status probe_work_init(struct probe_work *work, struct probe_result *out,
                            uint32_t round) STATUS_MUST_USE;
void probe_work_finish(struct probe_work *work);

/* The words on this thread, in its floating-point mode. */
void probe_work_expect(uint32_t *out, const struct probe_work *work);

/* Compares work->device with work->expected. */
void probe_work_compare(const struct probe_work *work, struct probe_result *out);

/* The word of one set on this thread, in its floating-point mode; a float's NaN is canonical. */
uint32_t probe_expect(const struct probe_operands *set);

/* Whether the word is a float, of which a NaN equals any other. */
static inline bool probe_expect_is_float(uint32_t op)
{
    return op < PROBE_OP_MIX;
}

#endif
