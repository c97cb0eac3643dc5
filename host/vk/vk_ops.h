/* SPDX-License-Identifier: MIT */
/* One record function per kind of op: the op over columns, or a hook's patch on one of them. */
#ifndef VKFI_VK_VK_OPS_H
#define VKFI_VK_VK_OPS_H

#include "vk/vk_state.h"

enum status vk_embed(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_norm(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_linear(const struct vk_rec *given) STATUS_MUST_USE;
enum status vk_rope(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_store(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_scores(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_softmax(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_heads(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_gate(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_add(const struct vk_rec *rec) STATUS_MUST_USE;

/* Digests of `rec->slots` rows of L into the results from row `row0` on; two dispatches with a
 * barrier between. `features`: of these rows too, beside them. */
enum status vk_logits(const struct vk_rec *rec, uint32_t row0, bool features) STATUS_MUST_USE;

/* Features of the same rows, of their blocks or then (`rows`) of the whole rows; src2: residuals
 * that enter the output norm. */
enum status vk_features(const struct vk_rec *rec, uint32_t row0, bool rows) STATUS_MUST_USE;

#endif
