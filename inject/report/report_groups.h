/* SPDX-License-Identifier: MIT */
/* Trials grouped by a key: layer, bit, site, ... */
#ifndef VKFI_INJECT_REPORT_GROUPS_H
#define VKFI_INJECT_REPORT_GROUPS_H

#include "inject/report/report_data.h"

/* The group of a trial, below `count` of the call, or REPORT_NONE. */
typedef uint32_t report_groups_key(const struct report_trial *trial, const void *user);

struct report_groups {
    uint32_t count;
    size_t *first;   /* (count + 1)                              */
    uint32_t *index; /* trials of group g: first[g] .. first[g + 1] - 1, rising */
};

struct report_groups_by {
    report_groups_key *key;
    const void *user;
    uint32_t count;
};

enum status report_groups_make(struct report_groups *out, struct arena *arena,
                               const struct report_data *data,
                               const struct report_groups_by *by) STATUS_MUST_USE;

/* One group per stratum, by its id. */
enum status report_groups_strata(struct report_groups *out, struct arena *arena,
                                 const struct report_data *data) STATUS_MUST_USE;

size_t report_groups_size(const struct report_groups *groups, uint32_t group);

/* Layers of the campaign: 1 + the highest of any trial. */
uint32_t report_groups_layers(const struct report_data *data);

#endif
