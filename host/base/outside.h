/* SPDX-License-Identifier: MIT */
/* Texts from outside: arguments, standard input, files of prompts. One rule for all of them. */
#ifndef VKFI_BASE_OUTSIDE_H
#define VKFI_BASE_OUTSIDE_H

#include <stddef.h>

#include "base/status.h"

/* A text from outside; `name` is its origin, for messages. */
struct outside_text {
    const char *name;
    const char *bytes; /* (size) */
    size_t size;
};

/* UTF-8 without nulls, as in JSON, since a plan's identity and all records are JSON. Ill-formed
 * bytes are STATUS_INPUT; the message has name, line, byte of the line and offset. A byte-order
 * mark at the start is skipped: it marks the file and is not part of a prompt. */
enum status outside_take(struct outside_text *text) STATUS_MUST_USE;

#endif
