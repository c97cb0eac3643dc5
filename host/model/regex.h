/* SPDX-License-Identifier: MIT */
/* Regular expressions over UTF-8; the only includer of PCRE2 is regex.c. */
#ifndef VKFI_MODEL_REGEX_H
#define VKFI_MODEL_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct regex;

/* Allowed content of a searched text. */
enum regex_text {
    REGEX_TEXT_GOOD, /* only well-formed UTF-8: the caller has checked */
    REGEX_TEXT_ANY   /* any bytes: a match never includes an ill-formed one */
};

/* STATUS_INPUT if `pattern` is invalid; `where` names its owner in the message. */
enum status regex_compile(struct regex **out, const char *pattern, enum regex_text text,
                          const char *where) STATUS_MUST_USE;
void regex_destroy(struct regex **regex);

/* Memory of searches, one per thread. A search gives up if one start takes more than `limit`
 * backtracking steps; each start counts alone, so a caller bounds the text as well. */
struct regex_scratch;
enum status regex_scratch_create(struct regex_scratch **out, uint32_t limit) STATUS_MUST_USE;
void regex_scratch_destroy(struct regex_scratch **scratch);

struct regex_subject {
    const char *text;
    size_t size, from; /* bytes; the search starts at `from` */
};

/* Bytes from span[0] to before span[1]. */
struct regex_found {
    bool any;
    bool gave_up;    /* at the limit: not known whether there is a match */
    size_t whole[2]; /* the first match */
    size_t group[2]; /* its first group; the whole if the pattern has none or it took no part */
};

/* STATUS_MEMORY, STATUS_INTERNAL: logged. */
enum status regex_find(struct regex_found *out, const struct regex *regex,
                       struct regex_scratch *scratch,
                       const struct regex_subject *subject) STATUS_MUST_USE;

#endif
