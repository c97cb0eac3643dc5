/* SPDX-License-Identifier: MIT */
/* Adds to texts with the escapes of HTML, XML, LaTeX, CSV and gnuplot. */
#ifndef VKFI_INJECT_REPORT_OUT_H
#define VKFI_INJECT_REPORT_OUT_H

#include <stddef.h>

#include "base/text.h"

/* & < > " ' as entities; control characters that XML forbids become U+FFFD. */
void report_out_html(struct text *out, const char *text);
void report_out_html_n(struct text *out, const char *text, size_t n);

/* The ten special characters of TeX. */
void report_out_latex(struct text *out, const char *text);

/* RFC 4180: in quotes if it holds a comma, quote or line end. */
void report_out_csv(struct text *out, const char *text);

/* Between the double quotes of a gnuplot string without enhanced text. */
void report_out_gnuplot(struct text *out, const char *text);

#endif
