/* SPDX-License-Identifier: MIT */
/* Texts numbered in order of first appearance. */
#ifndef VKFI_INJECT_REPORT_NAMES_H
#define VKFI_INJECT_REPORT_NAMES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define REPORT_NONE UINT32_MAX /* null; no group */

/* All zeros is empty; memory from the arena given to report_names_find. */
struct report_names {
    const char **text; /* (count) */
    uint32_t *slot;    /* (slots): 1 + number, 0 free */
    uint32_t count, room, slots;
};

/* The number of `text`, assigned if new; REPORT_NONE for null. */
enum status report_names_find(struct report_names *names, struct arena *arena, const char *text,
                              uint32_t *out) STATUS_MUST_USE;

#endif
