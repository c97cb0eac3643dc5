/* SPDX-License-Identifier: MIT */
/* Processor features that not every compiler can test for. */
#ifndef VKFI_BASE_CPU_FLAGS_H
#define VKFI_BASE_CPU_FLAGS_H

#include <stdbool.h>

/* Conversions between f16 and f32 (F16C). The operating system supports it if it supports AVX.
 * Clang's __builtin_cpu_supports lacks the name. */
bool cpu_flags_f16c(void);

#endif
