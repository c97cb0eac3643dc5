/* SPDX-License-Identifier: MIT */
/* The executor's buffers: registers, tables, results. */
#ifndef VKFI_VK_VK_MEMORY_H
#define VKFI_VK_VK_MEMORY_H

#include "vk/vk_state.h"

/* Registers for vk->max_columns columns (0: chosen here), all buffers. */
enum status vk_memory_init(struct vk *vk, const struct executor_params *params) STATUS_MUST_USE;
void vk_memory_finish(struct vk_memory *memory);

/* Records zeros to the counters of LINEAR's workgroups, which are zeros between dispatches unless a
 * submit failed. */
enum status vk_memory_clear_counters(const struct vk *vk) STATUS_MUST_USE;

/* Room for this many quads of verdicts, and for entries of each list (VK_LISTS). No work is in
 * flight. */
enum status vk_memory_verdicts(struct vk *vk, uint32_t quads) STATUS_MUST_USE;
enum status vk_memory_lists(struct vk *vk, const uint32_t *entries) STATUS_MUST_USE;

/* Buffers for features of the rows of a pass. */
enum status vk_memory_features(struct vk *vk) STATUS_MUST_USE;

/* Room for captured words after the hooks, or for rows of logits, of a pass. No work is in
 * flight. */
enum status vk_memory_hooks(struct vk *vk, uint32_t words) STATUS_MUST_USE;
enum status vk_memory_logits(struct vk *vk, uint32_t rows) STATUS_MUST_USE;

/* Room for quads of spans of K and V, and for their sums. */
enum status vk_memory_spans(struct vk *vk, uint32_t quads) STATUS_MUST_USE;

/* Edits one f32 word on the device: before and after as read from it. */
enum status vk_memory_edit(struct gpu_buffer *buffer, uint64_t word,
                           struct hook_data *data) STATUS_MUST_USE;

/* Bytes of all of them. */
uint64_t vk_memory_bytes(const struct vk_memory *memory);

#endif
