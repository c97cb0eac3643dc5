/* SPDX-License-Identifier: MIT */
/* What a campaign struck, in words: model, prompts, faults. */
#ifndef VKFI_INJECT_REPORT_SUBJECT_H
#define VKFI_INJECT_REPORT_SUBJECT_H

#include "inject/report/report_figure.h"

/* Sentences of the methods paragraph, each followed by a blank: the model and its properties, how
 * it was run and by which program; the prompts or tasks; kinds, patterns, points and places of the
 * faults in the trials. */
void report_subject_put(struct text *out, const struct report_context *context);

#endif
