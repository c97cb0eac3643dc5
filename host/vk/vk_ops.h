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

enum status vk_choose(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_route(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_experts(const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_mix(const struct vk_rec *rec) STATUS_MUST_USE;

/* What LINEAR and EXPERTS share. Bindings: the register that is read, from its first row on, and
 * those before or after it, where rows go from `slot` on. Its rows are read alone, and written rows
 * lie elsewhere: drivers may move and keep loads, which they may not of Aliased bindings (twice the
 * registers on gfx10.3). */
struct vk_part_of vk_linear_inside(const struct vk_rec *rec);
struct vk_part_of vk_linear_outside(const struct vk_rec *rec, const struct vk_reg *dst,
                                    uint32_t slot);
/* The form for the remaining `slots` columns: the widest that they fill, or one that takes all if
 * they fill most of it. */
uint32_t vk_linear_form(const struct vk_shape *shape, uint32_t slots);

/* Digests of `rec->slots` rows of L into the results from row `row0` on; two dispatches with a
 * barrier between. `features`: of these rows too, beside them. */
enum status vk_logits(const struct vk_rec *rec, uint32_t row0, bool features) STATUS_MUST_USE;

/* Features of the same rows, of their blocks or then (`rows`) of the whole rows; src2: residuals
 * that enter the output norm. */
enum status vk_features(const struct vk_rec *rec, uint32_t row0, bool rows) STATUS_MUST_USE;

#endif
