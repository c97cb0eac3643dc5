/* SPDX-License-Identifier: MIT */
/* Stored K and V from outside a run (model/executor_kv.h). No work is in flight. */
#ifndef VKFI_VK_VK_SPANS_H
#define VKFI_VK_VK_SPANS_H

#include "model/executor_kv.h"
#include "vk/vk_state.h"

/* The page of a position becomes the branch's own: one that is shared is copied. */
enum status vk_spans_own(struct vk *vk, const struct kv_span *span) STATUS_MUST_USE;

extern const struct executor_kv_ops vk_spans_ops;

#endif
