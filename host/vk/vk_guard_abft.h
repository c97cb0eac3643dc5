/* SPDX-License-Identifier: MIT */
/* GUARD_ABFT on the device: tables of check sums, a dispatch for each node, verdicts of parts. */
#ifndef VKFI_VK_VK_GUARD_ABFT_H
#define VKFI_VK_VK_GUARD_ABFT_H

#include "vk/vk_run.h"

/* Before the pass: tables that are new, entries and clear verdicts of its guards. */
enum status vk_guard_abft_prepare(struct vk_run *run) STATUS_MUST_USE;

/* The guards of this kind at the record's node. */
enum status vk_guard_abft(struct vk_run *run, const struct vk_rec *rec,
                          const struct schedule_guards *kind) STATUS_MUST_USE;

/* After the pass: the verdict of the guard at `index` of the schedule. */
void vk_guard_abft_read(const struct vk_run *run, uint32_t index);

extern const struct executor_abft_ops vk_guard_abft_ops;

void vk_guard_abft_finish(struct vk_abft *abft);
uint64_t vk_guard_abft_bytes(const struct vk_abft *abft);

#endif
