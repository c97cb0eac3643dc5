/* SPDX-License-Identifier: MIT */
/* What the processor has beyond what every compiler can ask for. */
#ifndef VKFI_BASE_CPU_FLAGS_H
#define VKFI_BASE_CPU_FLAGS_H

#include <stdbool.h>

/* Conversions between f16 and f32 (F16C). The operating system's part is that of AVX. Clang's
 * __builtin_cpu_supports does not know the word. */
bool cpu_flags_f16c(void);

#endif
