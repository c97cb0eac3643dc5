/* SPDX-License-Identifier: MIT */
/* A heat map of rates: cells with labels, few trials outlined. */
#ifndef VKFI_INJECT_REPORT_HEAT_H
#define VKFI_INJECT_REPORT_HEAT_H

#include "inject/report/report_figure.h"

struct report_heat_map {
    const char *const *row, *const *column; /* labels */
    uint32_t n_rows, n_columns;
    const char *const *panel; /* (n_rows): title above a panel's first row, else null; null: one
                                 untitled panel */
    const double *value;      /* (n_rows, n_columns): a share in [0, 1], NaN: none */
    const uint64_t *trials;   /* the same */
    const char *row_title, *column_title, *value_title;
    double most; /* the highest colour; 0: the highest value, rounded up */
    bool counts; /* labels are trials, not shares */
};

/* The whole script; rows run from top to bottom. */
void report_heat_write(struct report_figure *out, const struct report_heat_map *map);

/* Rates of `events` of groups row * n_columns + column: fills the figure's table (row, column, n,
 * rate, bounds) and a map of the rows and columns with trials. */
/* Omitted with a reason if all trials lie in one column or no cell has an event. */
struct report_heat_request {
    const char *const *row, *const *column;
    uint32_t n_rows, n_columns;
    const char *row_title, *column_title;
};
enum status report_heat_rates(struct report_heat_map *out, struct report_figure *figure,
                              struct report_context *context, const struct report_groups *groups,
                              const struct report_heat_request *request) STATUS_MUST_USE;

#endif
