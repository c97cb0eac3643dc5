/* SPDX-License-Identifier: MIT */
/* The Vulkan executor: the graph as compute shaders, in exact arithmetic. */
#ifndef VKFI_VK_VK_H
#define VKFI_VK_VK_H

#include "base/status.h"
#include "gpu/device.h"
#include "model/executor.h"

/* `gpu` is open, was admitted by the probe, and outlives the executor. Weights are packed and
 * uploaded, kernels compiled. params->threads is not used.
 *
 * STATUS_DEVICE_MEMORY when the device's memory or limits do not suffice, STATUS_INPUT as
 * vk_check_model. */
enum status vk_create(struct executor **out, struct gpu *gpu,
                      const struct executor_params *params) STATUS_MUST_USE;

/* STATUS_INPUT (logged) for shapes that the kernels lack: they read and write quads, and rotate
 * eight features at a time. head_dim and rope_dim are multiples of 8, other widths of 4. */
enum status vk_check_model(const struct model *model) STATUS_MUST_USE;

#endif
