/* SPDX-License-Identifier: MIT */
/* The probe of NUMERICS.md 5: does this device compute the bits that `exact` needs. */
#ifndef VKFI_GPU_PROBE_H
#define VKFI_GPU_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "gpu/device.h"

/* What a case is about; PROBE_DENORMAL and PROBE_TININESS may differ on an admitted device. */
enum probe_class {
    PROBE_ROUNDING,
    PROBE_CONTRACTION, /* x * y + z rounds twice, sums keep their order */
    PROBE_SPECIAL,     /* NaN (any NaN equals any other) and Inf */
    PROBE_ZERO,        /* signs of zero; -0.0 as the identity of addition */
    PROBE_CONVERT,     /* integer to float */
    PROBE_DENORMAL,    /* flushed as operand and as result */
    PROBE_TININESS,    /* a product just below 2^-126: flushed before or after rounding */
    PROBE_CLASS_COUNT
};

#define PROBE_NAME_SIZE 64

struct probe_case {
    char name[PROBE_NAME_SIZE]; /* "denormal operand: 007fffff + 00000001" */
    enum probe_class class;
    uint32_t expected;      /* bits of the CPU with FTZ and DAZ; canonical NaN */
    uint32_t device;        /* bits of the device; canonical NaN */
    uint32_t tried, differ; /* operand sets of this row (many for random rows); the bits above are
                               those of the first that differs */
    bool ok;
};

#define PROBE_CASES_MAX 96

struct probe_result {
    size_t count;
    struct probe_case cases[PROBE_CASES_MAX];
    uint32_t differ[PROBE_CLASS_COUNT]; /* cases not ok, per class */
};

/* Runs the cases on the device, operands read from a buffer, and on this thread, which must have
 * FTZ and DAZ set (fpenv_set). */
enum status probe_run(struct gpu *gpu, struct probe_result *out) STATUS_MUST_USE;

/* True if the device may run `exact`. `reason`: why not, or what differs though admitted, or "". */
bool probe_admits(const struct probe_result *result, char *reason, size_t reason_size);

/* "rounding", "contraction", ... */
const char *probe_class_name(enum probe_class class);

#endif
