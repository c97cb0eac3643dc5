/* SPDX-License-Identifier: MIT */
/* What a module never runs, because of its constants, taken out before a driver sees it. */
#ifndef VKFI_GPU_KERNEL_BRANCHES_H
#define VKFI_GPU_KERNEL_BRANCHES_H

#include "gpu/spirv.h"

/* Makes branches on constant conditions plain ones and removes the blocks that nothing reaches any
 * more, with their decorations. `words` (count) holds a valid module without specialization
 * constants and is changed in place; it never grows. A module with a loop that never goes on is
 * left as it is: its continue target has to stay, and may read what was removed. */
enum status kernel_branches(uint32_t *words, size_t *count, const char *name) STATUS_MUST_USE;

#endif
