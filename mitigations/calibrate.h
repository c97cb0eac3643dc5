/* SPDX-License-Identifier: MIT */
/* Makes a calibration: an executor that notes what passes through another one. */
#ifndef VKFI_MITIGATIONS_CALIBRATE_H
#define VKFI_MITIGATIONS_CALIBRATE_H

#include "mitigations/calibration.h"
#include "model/executor.h"

struct calibrate;

enum status calibrate_open(struct calibrate **out, const struct model *model) STATUS_MUST_USE;
void calibrate_close(struct calibrate **calibrate);

/* An executor that gives passes to `ex`, with the same results, and notes the outputs of all their
 * columns, and features of those that give logits. `fed`: texts continue with given tokens, so that
 * a branch may start after its first token. For passes alone; it lives until the next call. */
struct executor *calibrate_executor(struct calibrate *calibrate, struct executor *ex, bool fed);

/* What was noted: model, bounds, features, tau, counts; all else is left alone. Memory from
 * `arena`. STATUS_INPUT (logged): an output of the model was Inf or NaN, or there was no token. */
enum status calibrate_finish(struct calibration *out, struct arena *arena,
                             struct calibrate *calibrate) STATUS_MUST_USE;

#endif
