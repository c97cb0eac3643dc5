/* SPDX-License-Identifier: MIT */
/* Two texts word by word: which words the other lacks. */
#ifndef VKFI_INJECT_REPORT_DIFF_H
#define VKFI_INJECT_REPORT_DIFF_H

#include "base/arena.h"
#include "base/text.h"

struct report_diff {
    struct text golden, faulty; /* HTML; differing words in <mark>; owned */
};

/* Longest common subsequence of words (each with the white space after it). Texts above 4000 words
 * are marked from their first to their last difference instead. */
enum status report_diff_make(struct report_diff *out, struct arena *arena, const char *golden,
                             const char *faulty) STATUS_MUST_USE;
void report_diff_finish(struct report_diff *diff);

#endif
