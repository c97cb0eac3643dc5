/* SPDX-License-Identifier: MIT */
/* Runs gnuplot as a child and makes its SVG fit for a page with themes. */
#ifndef VKFI_INJECT_REPORT_PLOT_H
#define VKFI_INJECT_REPORT_PLOT_H

#include "inject/report/report_figure.h"

/* Runs `gnuplot` of PATH on figure->script: figure->svg is its output, a whole file. STATUS_INPUT
 * with one line if there is no gnuplot, STATUS_INTERNAL if it refuses the script. */
enum status report_plot_draw(struct report_figure *figure) STATUS_MUST_USE;

/* For inlining: without the XML head and empty groups, colours of report_figure.h as variables of
 * the page (--a), black as currentColor, ids made unique, an accessible name. */
void report_plot_inline(struct text *out, const struct report_figure *figure);

/* The point shapes that every inlined picture uses; once per page, before them. */
void report_plot_shapes(struct text *out, const struct report_figure *figure);

/* CSS: the variables, light and dark. */
void report_plot_colours(struct text *out);

#endif
