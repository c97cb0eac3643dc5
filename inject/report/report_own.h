/* SPDX-License-Identifier: MIT */
/* Faults in the protections' own memory, as `vkfi protect strike -o` counted them, beside the arms
 * of a campaign (METHOD.md 5). */
#ifndef VKFI_INJECT_REPORT_OWN_H
#define VKFI_INJECT_REPORT_OWN_H

#include "inject/report/report_figure.h"
#include "inject/trial/strike.h"

/* A file of such trials. */
struct report_own_file {
    const char *name;         /* of the arm with this policy, or as the file names its policy */
    struct strike_area *area; /* (n) */
    uint32_t n;
};

#define REPORT_OWN_MOST 64u

struct report_own {
    struct report_own_file file[REPORT_OWN_MOST];
    uint32_t count;
};

/* Adds a file; memory from `arena`. STATUS_INPUT (logged): it is of another form, of another model
 * or other storage types than the campaign. */
enum status report_own_add(struct report_own *own, struct arena *arena, const char *path,
                           const struct report_data *data) STATUS_MUST_USE;

/* Of context->own: what faults did by area, and over all areas by their bits. */
enum status report_own_table(struct report_table *out, struct report_context *context);

/* Member "own" of an open object, if there are files. */
void report_own_members(struct json_writer *w, const struct report_own *own, double confidence);

#endif
