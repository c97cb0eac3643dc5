/* SPDX-License-Identifier: MIT */
/* Weights in pages: members of struct executor_ops (model/executor_weights.h). No work is in
 * flight. */
#ifndef VKFI_VK_VK_PAGES_H
#define VKFI_VK_VK_PAGES_H

#include "vk/vk_state.h"

/* The table of regions: parts of matrices, in units of tiles, and vectors. */
enum status vk_pages_init(struct vk *vk) STATUS_MUST_USE;

enum status vk_pages_sum(struct executor *ex, uint32_t first, uint32_t n,
                         struct weight_sums *out) STATUS_MUST_USE;
enum status vk_pages_make(const struct executor *ex, const struct weight_region *region,
                          uint32_t unit, uint8_t *out) STATUS_MUST_USE;
enum status vk_pages_put(struct executor *ex, const struct weight_region *region, uint32_t unit,
                         const uint8_t *bytes) STATUS_MUST_USE;
bool vk_pages_box(const struct executor *ex, const struct weight_region *region, uint32_t unit,
                  uint32_t i, struct weight_box *out);

#endif
