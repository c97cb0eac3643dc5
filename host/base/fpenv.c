/* SPDX-License-Identifier: MIT */
/* The floating-point mode by x86 MXCSR; elsewhere fpenv_is_set stays false, so `exact` is refused.
 */
#include "base/fpenv.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <xmmintrin.h>

enum {
    MXCSR_DENORMAL = 1 << 1,
    MXCSR_UNDERFLOW = 1 << 4,
    MXCSR_DAZ = 1 << 6,
    MXCSR_ROUNDING = 3 << 13,
    MXCSR_FTZ = 1 << 15,
};

void fpenv_set(void)
{
    _mm_setcsr((_mm_getcsr() & ~(unsigned)MXCSR_ROUNDING) | MXCSR_DAZ | MXCSR_FTZ);
}

bool fpenv_is_set(void)
{
    const unsigned mask = MXCSR_DAZ | MXCSR_FTZ | MXCSR_ROUNDING;
    return (_mm_getcsr() & mask) == (MXCSR_DAZ | MXCSR_FTZ);
}

void fpenv_clear_underflow(void)
{
    _mm_setcsr(_mm_getcsr() & ~(unsigned)(MXCSR_UNDERFLOW | MXCSR_DENORMAL));
}

bool fpenv_underflow(void)
{
    return (_mm_getcsr() & (MXCSR_UNDERFLOW | MXCSR_DENORMAL)) != 0;
}

#else

void fpenv_set(void)
{
}

bool fpenv_is_set(void)
{
    return false;
}

void fpenv_clear_underflow(void)
{
}

bool fpenv_underflow(void)
{
    return false;
}

#endif

float fpenv_narrow(double value)
{
    const double size = fabs(value);
    if (!(size > 0 && size < FLT_MIN)) /* NaN too */
        return (float)value;
    const uint32_t bits = (uint32_t)(size * 0x1p149) | (value < 0 ? 0x80000000u : 0);
    float out;
    memcpy(&out, &bits, sizeof(out));
    return out;
}

double fpenv_widen(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    if ((bits & 0x7f800000u) == 0 && (bits & 0x7fffffu) != 0)
        return (bits >> 31 ? -0x1p-149 : 0x1p-149) * (double)(bits & 0x7fffffu);
    return value;
}
