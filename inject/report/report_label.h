/* SPDX-License-Identifier: MIT */
/* The drawn width of a label, and a label broken into lines that fit. */
#ifndef VKFI_INJECT_REPORT_LABEL_H
#define VKFI_INJECT_REPORT_LABEL_H

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

/* Pixels of `n` bytes of UTF-8 in letters of `size` pixels: by the widths of DejaVu Sans, the
 * widest of the usual sans-serif fonts. */
double report_label_width(const char *text, size_t n, double size);

struct report_label {
    uint32_t lines;
    double width; /* of the widest line, pixels */
};

/* A label in double quotes for gnuplot, in as few lines of at most `width` as possible, evenly
 * filled: broken after ", ", and within a word only if it alone is wider. */
struct report_label report_label_put(struct text *out, const char *text, double width, double size);

#endif
