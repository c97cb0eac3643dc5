/* SPDX-License-Identifier: MIT */
/* Hypotheses of a plan: contrasts between strata or a trend over them, as text and as structure. */
#ifndef VKFI_INJECT_PLAN_CONTRAST_H
#define VKFI_INJECT_PLAN_CONTRAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "inject/plan/plan.h"

/* contrast := side relation side | "trend" dimension ("rises" | "falls" | "changes")
 * side     := condition ("&" condition)*            the right side may leave out "dimension:"
 * condition:= dimension ":" value ("," value)*
 * value    := text | integer | integer "-" integer     a text may be a pattern with * and ?
 * relation := ">" | "<" | "!=" | "~"
 * "layer: 0-9 > 20-29", "bit_field: exponent & stage: prefill > mantissa & stage: prefill",
 * "trend layer rises". "~": equal within `margin`. */
enum plan_relation {
    PLAN_GREATER,
    PLAN_LESS,
    PLAN_DIFFERENT,
    PLAN_EQUIVALENT,
    PLAN_RISES,
    PLAN_FALLS,
    PLAN_CHANGES
};

struct plan_value {
    const char *text; /* null: the range */
    uint32_t first, last;
};

struct plan_condition {
    enum plan_dimension dimension;
    const struct plan_value *value; /* (n_values): any of them */
    uint32_t n_values;
};

#define PLAN_CONTRAST_CONDITIONS 8 /* of a side, at most */

struct plan_side {
    const struct plan_condition *condition; /* (n_conditions): all of them */
    uint32_t n_conditions;
};

struct plan_hypothesis {
    const char *name;     /* unique in the plan */
    const char *contrast; /* as given */
    enum plan_relation relation;
    struct plan_side left, right;  /* of a relation between sides */
    enum plan_dimension dimension; /* of a trend */
    enum plan_measure of;
    double alpha, margin; /* margin: of "~", else 0 */
};

/* Parses `text`; null and *out, or a text of what was expected and where (from `arena`; also when
 * memory is out). Dimensions must be among plan->strata. Values are not checked: plan_words.c and
 * sample_contrast.c do. */
const char *plan_contrast_parse(struct plan_hypothesis *out, struct arena *arena, const char *text,
                                const struct plan *plan);

/* One side alone: "site_group: mlp & layer: 0-9", or as in labels, "site_group=mlp layer=0-9".
 * Null, or a problem as above. */
const char *plan_contrast_side(struct plan_side *out, struct arena *arena, const char *text,
                               const struct plan *plan);

/* Whether a stratum with these values (null where the plan does not stratify) is on the side. */
bool plan_contrast_has(const struct plan_side *side, const char *const *value);

/* 1 left, -1 right, 0 neither (a stratum on both sides counts as neither); of a trend: 1 where the
 * dimension's value is a number. */
int plan_contrast_sign(const struct plan_hypothesis *hypothesis, const char *const *value);

#endif
