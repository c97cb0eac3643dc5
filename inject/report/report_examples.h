/* SPDX-License-Identifier: MIT */
/* The worst examples: golden and faulty text side by side. */
#ifndef VKFI_INJECT_REPORT_EXAMPLES_H
#define VKFI_INJECT_REPORT_EXAMPLES_H

#include "inject/report/report_figure.h"

#define REPORT_EXAMPLES 6

/* Trials in falling order of harm, each of another kind of site if possible: critical before other
 * SDC, then the larger loss of score, then the larger loss of golden's text in log-probability,
 * then the earlier difference. Returns how many. */
uint32_t report_examples_choose(size_t out[REPORT_EXAMPLES], const struct report_context *context);

/* A section of HTML: one article per example; nothing if no text changed. */
enum status report_examples_write(struct text *out,
                                  const struct report_context *context) STATUS_MUST_USE;

#endif
