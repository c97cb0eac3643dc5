/* SPDX-License-Identifier: MIT */
/* Float execution modes put into SPIR-V, as far as a device reports them (NUMERICS.md 5). */
#ifndef VKFI_GPU_KERNEL_PATCH_H
#define VKFI_GPU_KERNEL_PATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "gpu/device.h"
#include "gpu/spirv.h"

/* A copy of the module with DenormFlushToZero 32, RoundingModeRTE 32 and SignedZeroInfNanPreserve
 * 32 for its entry point `entry_point`, each where `controls` has it. The caller frees it. */
enum status kernel_patch(uint32_t **out_words, size_t *out_count, const struct spirv *module,
                         uint32_t entry_point,
                         const struct gpu_float_controls *controls) STATUS_MUST_USE;

#endif
