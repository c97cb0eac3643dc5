/* SPDX-License-Identifier: MIT */
/* The weights as a device reads them: sums of their pages, and pages made anew from the file. */
#ifndef VKFI_MODEL_EXECUTOR_WEIGHTS_H
#define VKFI_MODEL_EXECUTOR_WEIGHTS_H

#include "model/executor.h"

/* Number of pages (model/weight_pages.h). */
uint32_t executor_weights_pages(const struct executor *ex);

/* Of pages first .. first + n - 1, computed by the device from its memory: out (n). */
enum status executor_weights_sums(struct executor *ex, uint32_t first, uint32_t n,
                                  struct weight_sums *out) STATUS_MUST_USE;

/* The same of what the file gives, made on the host: out (n). */
enum status executor_weights_expected(struct executor *ex, uint32_t first, uint32_t n,
                                      struct weight_sums *out) STATUS_MUST_USE;

/* Writes the units that the page touches as the file gives them, and tells the listeners. Edits of
 * the mapping do not matter. */
enum status executor_weights_restore(struct executor *ex, uint32_t page) STATUS_MUST_USE;

/* Restores the pages of a tensor whose sums are not those of the file. `out_count`: those that are
 * then as the file gives them; others are stuck. */
enum status executor_weights_repair(struct executor *ex, const struct tensor *tensor,
                                    uint32_t *out_count) STATUS_MUST_USE;

/* Sets `out` of the tensors, by their index, that have elements in a unit that the page touches. */
void executor_weights_tensors(const struct executor *ex, uint32_t page, bool *out);

#endif
