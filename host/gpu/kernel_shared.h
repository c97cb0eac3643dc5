/* SPDX-License-Identifier: MIT */
/* How much workgroup memory a module takes. */
#ifndef VKFI_GPU_KERNEL_SHARED_H
#define VKFI_GPU_KERNEL_SHARED_H

#include "gpu/spirv.h"

/* Bytes of all variables of the workgroup in a module whose specialization constants are plain ones
 * (kernel_constants). Of a type that shaders here do not share: STATUS_INTERNAL, one line. */
enum status kernel_shared(const struct spirv *module, uint64_t *bytes) STATUS_MUST_USE;

#endif
