/* SPDX-License-Identifier: MIT */
/* The worst examples: golden and faulty text side by side. */
#ifndef VKFI_INJECT_REPORT_EXAMPLES_H
#define VKFI_INJECT_REPORT_EXAMPLES_H

#include "base/arena.h"
#include "base/text.h"
#include "inject/report/report_figure.h"

#define REPORT_EXAMPLES 6

/* Trials in falling order of harm, each of another kind of site if possible: critical before other
 * SDC, then the larger loss of score, then the larger loss of golden's text in log-probability,
 * then the earlier difference. Returns how many. */
uint32_t report_examples_choose(size_t out[REPORT_EXAMPLES], const struct report_context *context);

/* A section of HTML: one article per example; nothing if no text changed. */
enum status report_examples_write(struct text *out,
                                  const struct report_context *context) STATUS_MUST_USE;

struct report_diff {
    struct text golden, faulty; /* HTML; differing words in <mark>; owned */
};

/* Longest common subsequence of words (each with the white space after it). Texts above 4000 words
 * are marked from their first to their last difference instead. */
enum status report_diff_make(struct report_diff *out, struct arena *arena, const char *golden,
                             const char *faulty) STATUS_MUST_USE;
void report_diff_finish(struct report_diff *diff);

#endif
