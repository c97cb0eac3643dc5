/* SPDX-License-Identifier: MIT */
/* What methods and filters of texts share: case, replacement. */
#ifndef VKFI_MODEL_TEMPLATE_CASE_H
#define VKFI_MODEL_TEMPLATE_CASE_H

#include "model/template_impl.h"

enum template_case {
    TEMPLATE_CASE_UPPER,
    TEMPLATE_CASE_LOWER,
    TEMPLATE_CASE_FIRST, /* the first letter upper case, all others lower */
    TEMPLATE_CASE_WORDS, /* the first of each run of letters */
    TEMPLATE_CASE_TITLE, /* those after white space, hyphens and opening brackets (the filter) */
};

/* Refused for a text that is not ASCII. */
enum status template_case_change(struct template_run *run, struct template_text text,
                                 enum template_case style,
                                 struct template_value *out) STATUS_MUST_USE;

struct template_case_swap {
    struct template_text from, to;
    int64_t most; /* -1: all */
};
enum status template_case_replace(struct template_run *run, struct template_text text,
                                  struct template_case_swap swap,
                                  struct template_value *out) STATUS_MUST_USE;

#endif
