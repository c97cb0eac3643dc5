/* SPDX-License-Identifier: MIT */
/* Time for progress and for benchmarks; no result depends on it. */
#ifndef VKFI_BASE_CLOCK_H
#define VKFI_BASE_CLOCK_H

/* Seconds of a monotonic clock. */
double clock_seconds(void);

/* Seconds that processors have spent on this process, all its threads together. */
double clock_processor(void);

#endif
