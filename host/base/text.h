/* SPDX-License-Identifier: MIT */
/* A growing byte string, always null-terminated. */
#ifndef VKFI_BASE_TEXT_H
#define VKFI_BASE_TEXT_H

#include <stddef.h>

#include "base/status.h"

struct text {
    char *data; /* owned; null while empty */
    size_t size, room;
};

enum status text_add(struct text *text, const char *bytes, size_t n) STATUS_MUST_USE;
__attribute__((format(printf, 2, 3))) enum status text_addf(struct text *text, const char *fmt,
                                                            ...) STATUS_MUST_USE;
void text_finish(struct text *text);

#endif
