/* SPDX-License-Identifier: MIT */
/* The probe of NUMERICS.md 5: does this device compute the bits that `exact` needs. */
#ifndef VKFI_PROBE_PROBE_H
#define VKFI_PROBE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "gpu/device.h"

/* What a case is about, the plainest first: a device that fails one is refused for the first of
 * them, since the later ones need it. README.md says what each holds. */
enum probe_class {
    PROBE_INTEGER,     /* words: products, shifts, division, carries, comparison */
    PROBE_GROUP_WORK,  /* shared memory, barriers, atomics */
    PROBE_MOVE,        /* a float that is only moved keeps its bits */
    PROBE_ROUNDING,    /* of one operation, to nearest even */
    PROBE_SPECIAL,     /* NaN (any NaN equals any other) and Inf */
    PROBE_ZERO,        /* signs of zero; -0.0 as the identity of addition */
    PROBE_OPERAND,     /* denormal operands count as zero of their sign */
    PROBE_RESULT,      /* denormal results become zero of their sign */
    PROBE_CONTRACTION, /* x * y + z rounds twice */
    PROBE_ORDER,       /* sums keep their order, products are not factored out */
    PROBE_ABSENT,      /* what a select leaves out has no effect */
    PROBE_CONVERT,     /* integer to float */
    PROBE_STORAGE,     /* to and from f16 and bf16 */
    PROBE_FUNCTION,    /* reciprocal, rsqrt, exp, sigmoid, SiLU, GELU */
    PROBE_LITERAL,     /* literal -0.0 + denormal: no kernel needs it, may differ */
    PROBE_TININESS,    /* a product just below 2^-126 is flushed before or after rounding: may
                          differ */
    PROBE_CLASS_COUNT
};

#define PROBE_NAME_SIZE 72

struct probe_case {
    char name[PROBE_NAME_SIZE]; /* "operand: 007fffff + 00000001" */
    enum probe_class class;
    uint32_t expected;      /* bits of the CPU with FTZ and DAZ; a float's NaN is canonical */
    uint32_t device;        /* bits of the device, likewise */
    uint32_t tried, differ; /* words of this row (many for random rows); the bits above are those
                               of the first that differs */
    bool ok;
};

#define PROBE_CASES_MAX 224

struct probe_result {
    size_t count;
    struct probe_case cases[PROBE_CASES_MAX];
    uint32_t differ[PROBE_CLASS_COUNT]; /* cases not ok, per class */
};

/* Runs the cases on the device, operands read from a buffer, and on this thread, which must have
 * FTZ and DAZ set (fpenv_set). */
enum status probe_run(struct gpu *gpu, struct probe_result *out) STATUS_MUST_USE;

/* The same `rounds` times (at least 1), each with other drawn operands; the counts are of all. */
enum status probe_sweep(struct gpu *gpu, uint32_t rounds, struct probe_result *out) STATUS_MUST_USE;

/* True if the device may run `exact`. `reason`, of PROBE_REASON_SIZE: one line, why not, or what
 * differs though admitted, or "". Null: not wanted. */
#define PROBE_REASON_SIZE 512
bool probe_admits(const struct probe_result *result, char *reason);

/* "rounding", "contraction", ... */
const char *probe_class_name(enum probe_class class);

/* What a device does that fails the class: "it keeps denormal operands ...". */
const char *probe_class_trait(enum probe_class class);

/* Whether a device that differs in nothing else is admitted. */
bool probe_class_may_differ(enum probe_class class);

#endif
