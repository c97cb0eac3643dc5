/* SPDX-License-Identifier: MIT */
/* Stored K and V from outside a run: members of struct executor_ops (model/executor_kv.h). No work
 * is in flight. */
#ifndef VKFI_VK_VK_SPANS_H
#define VKFI_VK_VK_SPANS_H

#include "model/executor_kv.h"
#include "vk/vk_state.h"

/* The page of a position becomes the branch's own: one that is shared is copied. */
enum status vk_spans_own(struct vk *vk, const struct kv_span *span) STATUS_MUST_USE;

enum status vk_spans_read(struct executor *ex, const struct kv_span *spans, uint32_t n,
                          uint8_t *out) STATUS_MUST_USE;
enum status vk_spans_write(struct executor *ex, const struct kv_span *span,
                           const uint8_t *rows) STATUS_MUST_USE;
enum status vk_spans_sum(struct executor *ex, const struct kv_check *checks, uint32_t n,
                         struct kv_sums *out) STATUS_MUST_USE;

#endif
