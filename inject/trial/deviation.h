/* SPDX-License-Identifier: MIT */
/* Distance of faulty residuals from golden's at each layer boundary. */
#ifndef VKFI_INJECT_DEVIATION_H
#define VKFI_INJECT_DEVIATION_H

#include "base/status.h"
#include "inject/trial/trial.h"

/* A faulted column's residuals in the checkpoint store. */
struct deviation_row {
    uint32_t position;
    uint32_t row;       /* of the column */
    uint32_t first;     /* boundaries below were not evaluated: golden's */
    const float *clean; /* golden's residuals (n_layers + 1, n_embd); null: its row is kept */
};

/* out (n_layers + 1): golden's residuals against the column's, in double, index order; entries
 * below row->first are not written. */
enum status deviation_read(struct trial_deviation *out, const struct golden *golden,
                           const struct deviation_row *row) STATUS_MUST_USE;

/* True in `out` if the column has golden's bits (canonical NaN) at every boundary, by their hash.
 */
enum status deviation_none(bool *out, const struct golden *golden,
                           const struct deviation_row *row) STATUS_MUST_USE;

#endif
