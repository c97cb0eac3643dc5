/* SPDX-License-Identifier: MIT */
/* A run as a JSON object. */
#ifndef VKFI_LIB_REPORT_H
#define VKFI_LIB_REPORT_H

#include "base/json.h"
#include "lib/lib_nonfinite.h"
#include "lib/lib_protection.h"
#include "model/generate.h"

struct lib_report {
    const char *model; /* its name; null: not told */
    const struct generate_params *params;
    const struct decode *decode;             /* for the text */
    const struct lib_protection *protection; /* of the run; null: none */
    const struct decode *guarded;            /* with its check */
    const struct lib_nonfinite *where;       /* null: every logit was finite */
    const struct fault *fault;               /* (n_faults) of the run */
    const struct tap_proof *proof;           /* (n_faults) */
    uint32_t n_faults;
    bool vulkan;
    bool underflow;      /* a value was flushed (NUMERICS.md 5); of CPU devices only */
    double load_seconds; /* NaN: not told */
    bool no_text;        /* the member is left out */
};

/* What its policy found; clean without one. */
struct lib_findings lib_report_findings(const struct lib_report *report,
                                        const struct generation *g);

/* The members of the object, without braces; an uncorrected run has no text. */
void lib_report_put(struct json_writer *w, const struct lib_report *report,
                    const struct generation *g);

#endif
