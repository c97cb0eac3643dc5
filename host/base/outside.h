/* SPDX-License-Identifier: MIT */
/* Texts from outside: arguments, standard input, files of prompts. One rule for all of them. */
#ifndef VKFI_BASE_OUTSIDE_H
#define VKFI_BASE_OUTSIDE_H

#include <stddef.h>

#include "base/status.h"

/* A text as it came, where from (for messages), and as it is taken. */
struct outside_text {
    const char *name;
    const char *bytes; /* (size) */
    size_t size;
};

/* UTF-8 without nulls, as JSON has it, since a plan's identity and all records are JSON: ill-formed
 * bytes are STATUS_INPUT, told with name, line, byte of the line and offset. A byte-order mark at
 * the begin is left out: it marks the file, and is not part of a prompt. */
enum status outside_take(struct outside_text *text) STATUS_MUST_USE;

#endif
