/* SPDX-License-Identifier: MIT */
/* The floating-point mode of NUMERICS.md 2 and 5: denormals flushed in and out, set before any
 * thread. */
#ifndef VKFI_BASE_FPENV_H
#define VKFI_BASE_FPENV_H

#include <stdbool.h>

/* Sets FTZ and DAZ (x86 MXCSR) for this thread and those it will create. First call of main. */
void fpenv_set(void);

/* True if FTZ, DAZ and round-to-nearest are on in this thread. */
bool fpenv_is_set(void);

/* The MXCSR underflow and denormal flags since the last clear: some value was flushed. */
void fpenv_clear_underflow(void);
bool fpenv_underflow(void);

/* The same number as a double, also while denormal operands are flushed. */
double fpenv_widen(float value);

/* The inverse: the float equal to a double, denormals included. Other doubles are rounded, or cut
 * below the least normal float. */
float fpenv_narrow(double value);

#endif
