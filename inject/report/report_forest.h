/* SPDX-License-Identifier: MIT */
/* A forest of strata: one row each, with two rates and their intervals. */
#ifndef VKFI_INJECT_REPORT_FOREST_H
#define VKFI_INJECT_REPORT_FOREST_H

#include "inject/report/report_figure.h"

/* One rate of each row: columns <prefix>, <prefix>_low, <prefix>_high of the figure's table. */
struct report_forest_series {
    const char *prefix, *trials; /* trials: column of its n; no point if that is 0 */
    const char *label;
    uint32_t point; /* of gnuplot */
    double size, line;
    const char *colour;
};

struct report_forest {
    const uint32_t *row; /* (count) of the table, from the top; its column "stratum" has their
                            names */
    uint32_t count;
    struct report_forest_series series[2];
    const char *n;     /* column shown at the right edge */
    const char *title; /* of the axis, without unit */
    bool always;       /* the second series is of other trials even if these are as many */
};

/* The whole script. Faint rows are grey; the second series is omitted if it has the same trials. */
void report_forest_write(struct report_figure *out, const struct report_forest *forest);

#endif
