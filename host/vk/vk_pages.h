/* SPDX-License-Identifier: MIT */
/* Weights in pages (model/executor_weights.h). No work is in flight. */
#ifndef VKFI_VK_VK_PAGES_H
#define VKFI_VK_VK_PAGES_H

#include "vk/vk_state.h"

/* The table of regions: parts of matrices, in units of tiles, and vectors. */
enum status vk_pages_init(struct vk *vk) STATUS_MUST_USE;

extern const struct executor_weight_ops vk_pages_ops;

#endif
