/* SPDX-License-Identifier: MIT */
/* What a sweep found: rates by op, point and bit field, and the hooks that fired. */
#ifndef VKFI_CLI_SWEEP_H
#define VKFI_CLI_SWEEP_H

#include "inject/campaign/campaign_coverage.h"
#include "inject/report/report_rate.h"
#include "inject/report/report_source.h"

struct cli_sweep_cell {
    uint32_t op, field; /* names of the data */
    uint8_t point;
    struct report_rate sdc;
};

struct cli_sweep_result {
    const char *database; /* that is kept; null: none */
    const struct model *model;
    const struct report_data *data;
    struct cli_sweep_cell *cell; /* (n_cells) in the order of ops, points, fields */
    uint32_t n_cells;
    struct campaign_coverage coverage;
};

/* `source` is loaded and lives as long as the result; its strata get equal weights. */
enum status cli_sweep_read(struct cli_sweep_result *out, struct arena *arena,
                           struct report_source *source, const struct model *model) STATUS_MUST_USE;

enum status cli_sweep_print(const struct cli_sweep_result *result) STATUS_MUST_USE;
enum status cli_sweep_json(const struct cli_sweep_result *result) STATUS_MUST_USE;

#endif
