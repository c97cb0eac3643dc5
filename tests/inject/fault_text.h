/* SPDX-License-Identifier: MIT */
/* Faults from JSON texts, for tests. */
#ifndef VKFI_TESTS_FAULT_TEXT_H
#define VKFI_TESTS_FAULT_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "inject/space/fault.h"

/* The faults (*out_n) of a text that is right, in `arena`. */
static inline struct fault *fault_text(uint32_t *out_n, struct arena *arena,
                                       const struct fault_bounds *bounds, const char *text)
{
    struct json_doc *doc = NULL;
    struct fault *faults = NULL;
    assert_int_equal(json_parse(&doc, text, strlen(text), "fault"), STATUS_OK);
    if (fault_parse(&faults, out_n, arena, doc, bounds) != STATUS_OK)
        fail_msg("%s: %s", text, log_last_error());
    json_destroy(&doc);
    return faults;
}

/* The one fault of a text. */
static inline struct fault fault_text_one(struct arena *arena, const struct fault_bounds *bounds,
                                          const char *text)
{
    uint32_t n = 0;
    const struct fault *faults = fault_text(&n, arena, bounds, text);
    assert_int_equal(n, 1);
    return *faults;
}

#endif
