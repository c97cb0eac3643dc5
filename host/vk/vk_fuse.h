/* SPDX-License-Identifier: MIT */
/* Which neighbouring nodes one dispatch does. */
#ifndef VKFI_VK_VK_FUSE_H
#define VKFI_VK_VK_FUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/op.h"

struct vk_rec;
struct vk_run;

/* Forms of dispatches that do several nodes: bits of vk.fusions. Results and roundings are those of
 * the nodes one by one. */
#define VK_FUSE_ADD 1u       /* LINEAR, ADD: the sums with the residual */
#define VK_FUSE_ROPE 2u      /* ROPE of q, ROPE of k */
#define VK_FUSE_STORE 4u     /* the same and STORE */
#define VK_FUSE_ATTENTION 8u /* SCORES, SOFTMAX, HEADS, of as many keys as fit a workgroup */
#define VK_FUSE_NORM 16u     /* LINEAR, perhaps ADD, NORM */
#define VK_FUSE_GATE 32u     /* LINEAR of gate and up, GATE */
#define VK_FUSE_ALL 63u

/* Those that pay on a GPU, or on a CPU driver that reads through texel buffers or not. */
uint32_t vk_fuse_default(bool processor, bool texel);

/* Sets `fusion` and `nodes` of a record whose `node`, `index` and `last_position` are set. A node
 * is alone if it or one beside it has a hook, a second evaluation, a guard that edits before the
 * end or looks at rows that would be nowhere, or a watcher. */
void vk_fuse(const struct vk_run *run, struct vk_rec *rec);

/* What the dispatch reads and writes in all. */
struct op_access vk_fuse_access(const struct vk_rec *rec);

#endif
