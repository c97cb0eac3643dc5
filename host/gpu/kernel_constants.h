/* SPDX-License-Identifier: MIT */
/* Specialization constants of a module made plain ones, for drivers that do not fold them. */
#ifndef VKFI_GPU_KERNEL_CONSTANTS_H
#define VKFI_GPU_KERNEL_CONSTANTS_H

#include "gpu/kernel.h"
#include "gpu/spirv.h"

/* Gives the module's specialization constants the values of `constants` (n), or their defaults, and
 * computes what depends on them (SPIR-V specification, 2.9). `words` (count) holds the module, as
 * checked by spirv_init, and is changed in place; it never grows. */
enum status kernel_constants(uint32_t *words, size_t *count, const char *name,
                             const struct kernel_constant *constants, uint32_t n) STATUS_MUST_USE;

#endif
