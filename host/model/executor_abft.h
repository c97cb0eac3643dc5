/* SPDX-License-Identifier: MIT */
/* The check sums of GUARD_ABFT as a device reads them: made from the file, read, written, and made
 * anew. */
#ifndef VKFI_MODEL_EXECUTOR_ABFT_H
#define VKFI_MODEL_EXECUTOR_ABFT_H

#include "model/executor.h"

/* Before the first pass with GUARD_ABFT at these nodes (n; those that guard_abft_checks refuses are
 * left out): their tables, unless they are there already. Stored weights may have any bits: the
 * sums are those of the file. */
enum status executor_abft_make(struct executor *ex, const uint32_t *nodes,
                               uint32_t n) STATUS_MUST_USE;

/* Words of a node's table, which has been made: (span->n). On a Vulkan device they are in its own
 * memory; the host's copy is not touched. */
enum status executor_abft_read(struct executor *ex, const struct abft_span *span,
                               uint32_t *out) STATUS_MUST_USE;
enum status executor_abft_write(struct executor *ex, const struct abft_span *span,
                                const uint32_t *words) STATUS_MUST_USE;

/* Makes the table of a node once more; where the device has other words, they are written anew. */
enum status executor_abft_restore(struct executor *ex, uint32_t node,
                                  bool *out_damaged) STATUS_MUST_USE;

#endif
