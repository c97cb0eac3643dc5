/* SPDX-License-Identifier: MIT */
/* How much work goes into one submit: as much as takes a tenth or two of a second on this device,
 * whose speed is measured as it works. Watchdogs end longer ones on some systems. */
#ifndef VKFI_VK_VK_PACE_H
#define VKFI_VK_VK_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct vk_rec;

#define VK_PACE_SECONDS 0.15 /* aimed at on a GPU */

/* Work is counted in multiply-adds of a matrix with many columns, other work by what it takes
 * beside them. */
struct vk_pace {
    uint64_t budget; /* of a submit */
    double seconds;  /* aimed at */
};

/* `processor`: a driver that nothing watches, on cores that others may keep busy. */
void vk_pace_begin(struct vk_pace *out, bool processor);

/* Of one dispatch: an op, a patch of it or its second evaluation. */
uint64_t vk_pace_cost(const struct vk_rec *rec);

/* Of a dispatch whose workgroups look at `groups` entries of guards. */
uint64_t vk_pace_looks(uint32_t groups);

/* Columns of a LINEAR that fit a submit together; at least one group of columns. */
uint32_t vk_pace_columns(const struct vk_pace *pace, const struct vk_rec *rec);

/* A submit of so much work took so long, waiting included. */
void vk_pace_learn(struct vk_pace *pace, uint64_t units, double seconds);

#endif
