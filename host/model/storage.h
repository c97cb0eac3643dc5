/* SPDX-License-Identifier: MIT */
/* Storage types of activations and of the KV cache (NUMERICS.md 4), and their choice. */
#ifndef VKFI_MODEL_STORAGE_H
#define VKFI_MODEL_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Values are NM_F32, NM_F16, NM_BF16 of shared/numerics.h. */
enum storage { STORAGE_F32, STORAGE_F16, STORAGE_BF16, STORAGE_COUNT };

static inline const char *storage_name(enum storage storage)
{
    return storage == STORAGE_F16 ? "f16" : storage == STORAGE_BF16 ? "bf16" : "f32";
}

static inline uint32_t storage_bits(enum storage storage)
{
    return storage == STORAGE_F32 ? 32 : 16;
}

#endif
