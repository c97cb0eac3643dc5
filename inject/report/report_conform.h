/* SPDX-License-Identifier: MIT */
/* Conformance: how many records of two databases of one campaign differ, and in which field
 * first. */
#ifndef VKFI_INJECT_REPORT_CONFORM_H
#define VKFI_INJECT_REPORT_CONFORM_H

#include "base/arena.h"
#include "inject/report/report_source.h"

#define REPORT_CONFORM_SHOWN 10

struct report_conform_example {
    int64_t trial; /* below 0: an arm's clean run (campaign's table trial) */
    const char *arm;
    const char *field, *text; /* the first field that differs; "first_diff: 3 against null" */
};

/* How often a field is the first to differ. */
struct report_conform_field {
    const char *field;
    uint64_t count;
};

struct report_conform {
    uint64_t shared, differ, only_first, only_second;
    uint64_t differ_underflow; /* differing ones whose item either golden run marks */
    double upper;              /* one-sided 95 % bound of the differing share (Clopper, Pearson) */
    struct report_conform_example example[REPORT_CONFORM_SHOWN];
    uint32_t n_examples;
    struct report_conform_field *field; /* (n_fields), most frequent first */
    uint32_t n_fields;
};

/* All rows of all arms count, controls too, except those that the CPU ran in both (cpu).
 * STATUS_INPUT, logged, if the plans differ. */
enum status report_conform_compare(struct report_conform *out, struct arena *arena,
                                   const struct report_source *first,
                                   const struct report_source *second) STATUS_MUST_USE;

#endif
