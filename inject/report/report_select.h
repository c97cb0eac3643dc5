/* SPDX-License-Identifier: MIT */
/* The strata of a question: one by its label, or all of a contrast's side. */
#ifndef VKFI_INJECT_REPORT_SELECT_H
#define VKFI_INJECT_REPORT_SELECT_H

#include "inject/plan/plan_contrast.h"
#include "inject/report/report_data.h"

/* A stratum's values by dimension, from its label; null where the plan does not stratify. */
#define REPORT_SELECT_VALUE 96
struct report_values {
    char text[PLAN_DIMENSION_COUNT][REPORT_SELECT_VALUE];
    const char *value[PLAN_DIMENSION_COUNT];
};
void report_select_values(struct report_values *out, const char *label);

struct report_selection {
    uint8_t *has; /* (n_strata) */
    uint32_t count;
    double weight; /* sum of their W_h; NaN with population equal */
};

/* `text`: null, all strata; a label; a side of a contrast, "site_group: mlp & layer: 0-9", or the
 * same as in labels, "site_group=mlp layer=0-9". STATUS_INPUT, logged, if it names none. */
enum status report_select(struct report_selection *out, struct arena *arena,
                          const struct report_data *data, const char *text) STATUS_MUST_USE;

#endif
