/* SPDX-License-Identifier: MIT */
/* Regular expressions over UTF-8, run by PCRE2. */
#include "model/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/log.h"

struct regex {
    pcre2_code *code; /* owned */
};

struct regex_scratch {
    pcre2_match_context *limits; /* owned */
    pcre2_match_data *data;      /* owned */
};

enum status regex_compile(struct regex **out, const char *pattern, enum regex_text text,
                          const char *where)
{
    const uint32_t flags = text == REGEX_TEXT_ANY ? PCRE2_MATCH_INVALID_UTF : 0;
    struct regex *regex = calloc(1, sizeof(*regex));
    int error;
    PCRE2_SIZE at;

    *out = regex;
    if (!regex) {
        log_error("%s: out of host memory", where);
        return STATUS_MEMORY;
    }
    regex->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                PCRE2_UTF | PCRE2_UCP | flags, &error, &at, NULL);
    if (!regex->code) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(error, why, sizeof(why));
        log_error("%s: pattern \"%s\": %s at %zu", where, pattern, (const char *)why, (size_t)at);
        regex_destroy(out);
        return STATUS_INPUT;
    }
    /* Without a just-in-time compiler, matching interprets the pattern: same result. */
    error = pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    if (error != 0)
        log_debug("%s: pattern is interpreted: no just-in-time compiler (%d)", where, error);
    return STATUS_OK;
}

void regex_destroy(struct regex **regex)
{
    if (*regex) {
        pcre2_code_free((*regex)->code);
        free(*regex);
        *regex = NULL;
    }
}

enum status regex_scratch_create(struct regex_scratch **out, uint32_t limit)
{
    struct regex_scratch *scratch = calloc(1, sizeof(*scratch));

    *out = scratch;
    if (scratch) {
        scratch->limits = pcre2_match_context_create(NULL);
        scratch->data = pcre2_match_data_create(2, NULL);
    }
    if (!scratch || !scratch->limits || !scratch->data) {
        log_error("regular expression: out of host memory");
        regex_scratch_destroy(out);
        return STATUS_MEMORY;
    }
    pcre2_set_match_limit(scratch->limits, limit);
    pcre2_set_heap_limit(scratch->limits, limit / 16); /* KiB */
    return STATUS_OK;
}

void regex_scratch_destroy(struct regex_scratch **scratch)
{
    if (*scratch) {
        pcre2_match_data_free((*scratch)->data);
        pcre2_match_context_free((*scratch)->limits);
        free(*scratch);
        *scratch = NULL;
    }
}

enum status regex_find(struct regex_found *out, const struct regex *regex,
                       struct regex_scratch *scratch, const struct regex_subject *subject)
{
    const PCRE2_SPTR text = (PCRE2_SPTR)subject->text;
    /* PCRE2 checks text for REGEX_TEXT_ANY in any case. */
    const uint32_t flags = PCRE2_NO_UTF_CHECK;

    int rc = pcre2_match(regex->code, text, subject->size, subject->from, flags, scratch->data,
                         scratch->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(regex->code, text, subject->size, subject->from, flags | PCRE2_NO_JIT,
                         scratch->data, scratch->limits);
    *out = (struct regex_found){.any = rc >= 0,
                                .gave_up = rc == PCRE2_ERROR_MATCHLIMIT ||
                                           rc == PCRE2_ERROR_HEAPLIMIT ||
                                           rc == PCRE2_ERROR_DEPTHLIMIT};
    if (out->any) {
        const PCRE2_SIZE *found = pcre2_get_ovector_pointer(scratch->data);
        const bool group = (rc == 0 || rc > 1) && found[2] != PCRE2_UNSET;
        out->whole[0] = found[0];
        out->whole[1] = found[1];
        out->group[0] = found[group ? 2 : 0];
        out->group[1] = found[group ? 3 : 1];
        return STATUS_OK;
    }
    if (rc == PCRE2_ERROR_NOMATCH || out->gave_up)
        return STATUS_OK;
    PCRE2_UCHAR why[128];
    pcre2_get_error_message(rc, why, sizeof(why));
    log_error("regular expression: matching failed from byte %zu of %zu: %s", subject->from,
              subject->size, (const char *)why);
    return rc == PCRE2_ERROR_NOMEMORY ? STATUS_MEMORY : STATUS_INTERNAL;
}
