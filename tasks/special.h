/* SPDX-License-Identifier: MIT */
/* Functions of antiderivatives missing in the C library and muparser, on real arguments. */
#ifndef VKFI_TASKS_SPECIAL_H
#define VKFI_TASKS_SPECIAL_H

/* About 12 digits; NaN where the series below do not reach. */
double special_erfi(double x);              /* |x| <= 5 */
double special_ei(double x);                /* 0 < |x| <= 30 */
double special_si(double x);                /* |x| <= 15 */
double special_ci(double x);                /* 0 < x <= 15 */
double special_polylog(double s, double x); /* integer s > 0 (or <= 0: NaN), |x| <= 0.9; s = 1: x <
                                               1; s = 2: x <= 1 */

/* NaN: functions with only derivatives known here. */
double special_unknown1(double a);
double special_unknown2(double a, double b);
double special_unknown3(double a, double b, double c);

#endif
