/* SPDX-License-Identifier: MIT */
/* The generated paragraphs: findings, methods, limits. */
#ifndef VKFI_INJECT_REPORT_METHODS_H
#define VKFI_INJECT_REPORT_METHODS_H

#include "inject/report/report_figure.h"
#include "inject/report/report_summary.h"

/* Plain text, one paragraph. */
enum status report_methods_paragraph(struct text *out,
                                     struct report_context *context) STATUS_MUST_USE;

/* HTML list items, the verdict first. report_sentence follows them. */
enum status report_methods_verdict(struct text *out, struct report_context *context,
                                   const struct report_totals *totals) STATUS_MUST_USE;

/* The limit `i` of METHOD.md 8, a plain sentence; null after the last. */
const char *report_limits(const struct report_context *context, uint32_t i);

/* The last sentence of every comparison (METHOD.md 5). */
extern const char report_sentence[];

/* Sentences of the methods paragraph, each followed by a blank: the model and its properties, how
 * it was run and by which program; the prompts or tasks; kinds, patterns, points and places of the
 * faults in the trials. */
void report_subject_put(struct text *out, const struct report_context *context);

#endif
