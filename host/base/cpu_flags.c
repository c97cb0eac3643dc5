/* SPDX-License-Identifier: MIT */
/* Processor flags by CPUID. */
#include "base/cpu_flags.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

bool cpu_flags_f16c(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C) != 0;
}
#else
bool cpu_flags_f16c(void)
{
    return false;
}
#endif
