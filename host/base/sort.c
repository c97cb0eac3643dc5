/* SPDX-License-Identifier: MIT */
/* The two orders that the C library's sort is asked for most. */
#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void sort_doubles(double *values, size_t n)
{
    if (n > 1) /* null may be given where there are none */
        qsort(values, n, sizeof(*values), by_value);
}

void sort_texts(const char **texts, size_t n)
{
    if (n > 1)
        qsort(texts, n, sizeof(*texts), by_bytes);
}

bool sort_has_text(const char *const *texts, size_t n, const char *text)
{
    return n > 0 && bsearch(&text, texts, n, sizeof(*texts), by_bytes) != NULL;
}
