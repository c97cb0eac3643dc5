/* SPDX-License-Identifier: MIT */
/* A policy at work: opened for a device, its findings in words and as JSON. */
#ifndef VKFI_LIB_PROTECTION_H
#define VKFI_LIB_PROTECTION_H

#include "base/json.h"
#include "base/text.h"
#include "mitigations/protector.h"

struct lib_protection {
    struct policy policy;
    struct protector *protector;
    const struct model *model;
};

/* `name`: a file or a built-in policy; memory from `arena`. */
enum status lib_protection_open(struct lib_protection *out, struct arena *arena, const char *name,
                                struct executor *ex) STATUS_MUST_USE;
/* The second half of it: `policy` is read already. */
enum status lib_protection_start(struct lib_protection *protection,
                                 struct executor *ex) STATUS_MUST_USE;
void lib_protection_close(struct lib_protection *protection);

/* What it found in a run: `state` is the run's (null: clean), `n_prompt` its prompt. */
struct lib_findings {
    struct decode_summary summary;
    const void *state;
    uint32_t n_prompt;
};

const char *lib_protection_outcome(enum decode_damage damage); /* "clean", "corrected", .. */

/* The member "protect". */
void lib_protection_json(struct json_writer *w, const struct lib_protection *protection,
                         const struct lib_findings *findings);

/* How many events it noted, `out_dropped` more it did not; appends event `index` as a line. */
uint32_t lib_protection_events(const struct lib_protection *protection,
                               const struct lib_findings *findings, uint32_t *out_dropped);
enum status lib_protection_line(struct text *out, const struct lib_protection *protection,
                                const struct lib_findings *findings, uint32_t index);

/* STATUS_UNCORRECTED (logged) if damage was found and stayed. */
enum status lib_protection_check(const struct lib_findings *findings) STATUS_MUST_USE;

#endif
