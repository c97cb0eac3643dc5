/* SPDX-License-Identifier: MIT */
/* The tables of the fault vocabulary: kinds, points, outcomes. C, JSON and messages come from them.
 */
#ifndef VKFI_INJECT_KINDS_H
#define VKFI_INJECT_KINDS_H

#include "shared/hook.h"

/* name, text, how bits change (m: mask, v: value) */
#define KINDS(X)                                                                                   \
    X(FLIP, "flip", "bits ^ m")                                                                    \
    X(STUCK_AT_0, "stuck_at_0", "bits & ~m")                                                       \
    X(STUCK_AT_1, "stuck_at_1", "bits | m")                                                        \
    X(SET, "set", "v")                                                                             \
    X(ZERO, "zero", "0")                                                                           \
    X(STALE, "stale", "the bits one position earlier, 0 where there are none")                     \
    X(DRY, "dry", "bits (the control: everything runs, nothing changes)")

enum kind {
#define KINDS_ENUM(name, text, how) KIND_##name,
    KINDS(KINDS_ENUM)
#undef KINDS_ENUM
        KIND_COUNT
};

/* name, text, HOOK_* value */
#define POINTS(X)                                                                                  \
    X(OPERAND, "operand", HOOK_OPERAND)                                                            \
    X(WEIGHT, "weight", HOOK_WEIGHT)                                                               \
    X(PARTIAL, "partial", HOOK_PARTIAL)                                                            \
    X(OUT, "out", HOOK_OUT)                                                                        \
    X(MEM, "mem", HOOK_MEM)

/* In order: the first that matches is the outcome (method 3). */
#define OUTCOMES(X)                                                                                \
    X(NOT_REACHED, "not_reached")         /* coordinates beyond the golden run's work */           \
    X(INERT, "inert")                     /* the bits did not change */                            \
    X(DUE, "due")                         /* detected: the run ended abnormally */                 \
    X(MASKED_BITEXACT, "masked_bitexact") /* every logit of every step has the same bits */        \
    X(MASKED_TOKENS, "masked_tokens")     /* same tokens */                                        \
    X(SDC_UNSCORED, "sdc_unscored")       /* another text, and no scorer */                        \
    X(SDC_IMPROVED, "sdc_improved")       /* score rose by more than eps */                        \
    X(SDC_BENIGN, "sdc_benign")           /* |score change| <= eps */                              \
    X(SDC_CRITICAL, "sdc_critical")       /* score fell by more than eps */

enum outcome {
#define KINDS_ENUM(name, text) OUTCOME_##name,
    OUTCOMES(KINDS_ENUM)
#undef KINDS_ENUM
        OUTCOME_COUNT
};

#endif
