/* SPDX-License-Identifier: MIT */
/* A database opened for reading, with its plan. */
#ifndef VKFI_INJECT_REPORT_SOURCE_H
#define VKFI_INJECT_REPORT_SOURCE_H

#include "inject/report/report_data.h"

struct report_source {
    const char *path;
    struct store *store; /* owned */
    struct plan plan;
    struct report_data data; /* by report_source_load */
    struct arena arena;      /* owned: the plan's */
    bool allow_suspect;      /* by report_source_trust */
    const char *arm;         /* whose runs are loaded; null: none */
};

/* STATUS_INPUT, logged, if it is no database or its plan cannot be read. */
enum status report_source_open(struct report_source *out, const char *path) STATUS_MUST_USE;

/* The runs of an arm are loaded from now on. STATUS_INPUT, logged: the plan has none of that
 * name. */
enum status report_source_arm(struct report_source *source, const char *arm) STATUS_MUST_USE;

/* Ids below `limit`; again for another limit. */
enum status report_source_load(struct report_source *source, uint64_t limit) STATUS_MUST_USE;

/* STATUS_INPUT, logged, for suspect rows; `allow`: a warning (store_doubt_check). */
enum status report_source_trust(struct report_source *source, bool allow) STATUS_MUST_USE;

/* STATUS_INPUT, logged, for a shard, or for suspect rows that report_source_trust has not allowed.
 */
enum status report_source_check_whole(const struct report_source *source) STATUS_MUST_USE;

/* Safe on a source of zeros. */
void report_source_finish(struct report_source *source);

#endif
