/* SPDX-License-Identifier: MIT */
/* Sorts numbers and texts, rising. */
#ifndef VKFI_BASE_SORT_H
#define VKFI_BASE_SORT_H

#include <stdbool.h>
#include <stddef.h>

void sort_doubles(double *values, size_t n);   /* without NaN */
void sort_texts(const char **texts, size_t n); /* by their bytes */

/* Whether a sorted list holds the text. */
bool sort_has_text(const char *const *texts, size_t n, const char *text);

#endif
