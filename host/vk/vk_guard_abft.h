/* SPDX-License-Identifier: MIT */
/* GUARD_ABFT on the device: tables of check sums, and what a workgroup reads of them. */
#ifndef VKFI_VK_VK_GUARD_ABFT_H
#define VKFI_VK_VK_GUARD_ABFT_H

#include "shared/guards.h"
#include "vk/vk_run.h"

/* Uploads tables that are new. */
enum status vk_guard_abft_tables(struct vk *vk) STATUS_MUST_USE;

/* A part of the rows of the record's node, for the column at a slot. */
struct vk_guard_place {
    uint32_t slot, part, verdict;
    uint32_t factor; /* bits */
};
struct guards_part vk_guard_abft_part(const struct vk_run *run, const struct vk_rec *rec,
                                      const struct vk_guard_place *place);

extern const struct executor_abft_ops vk_guard_abft_ops;

void vk_guard_abft_finish(struct vk_abft *abft);
uint64_t vk_guard_abft_bytes(const struct vk_abft *abft);

#endif
