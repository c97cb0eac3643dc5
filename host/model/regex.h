/* SPDX-License-Identifier: MIT */
/* Regular expressions over UTF-8; the only includer of PCRE2 is regex.c. */
#ifndef VKFI_MODEL_REGEX_H
#define VKFI_MODEL_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct regex;

/* What the text of a search may hold. */
enum regex_text {
    REGEX_TEXT_GOOD, /* well-formed UTF-8 alone: the caller has looked        */
    REGEX_TEXT_ANY   /* any bytes: a match never has an ill-formed one inside */
};

/* STATUS_INPUT if `pattern` is none; `where` says whose it is, for the message. */
enum status regex_compile(struct regex **out, const char *pattern, enum regex_text text,
                          const char *where) STATUS_MUST_USE;
void regex_destroy(struct regex **regex);

/* Memory of searches, one a thread. A search gives up where one start takes more than `limit` steps
 * of backtracking; the starts before it count apart, so a caller bounds the text as well. */
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
    size_t group[2]; /* its first group; the whole where the pattern has none or it took no part */
};

/* STATUS_MEMORY, STATUS_INTERNAL: logged. */
enum status regex_find(struct regex_found *out, const struct regex *regex,
                       struct regex_scratch *scratch,
                       const struct regex_subject *subject) STATUS_MUST_USE;

#endif
