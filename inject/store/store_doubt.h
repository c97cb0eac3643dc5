/* SPDX-License-Identifier: MIT */
/* Rows that a failed control puts in doubt: marked, found, refused. */
#ifndef VKFI_INJECT_STORE_DOUBT_H
#define VKFI_INJECT_STORE_DOUBT_H

#include "inject/store/store.h"

/* When a row was written, and on which device it ran. */
struct store_mark {
    uint64_t trial;
    int64_t batch; /* number of the transaction, from 1 */
    uint32_t device;
    bool suspect;
};

/* The controls of a kind ("dry", ...), in order of trial. */
enum status store_doubt_controls(const struct store *store, const char *control,
                                 struct arena *arena, struct store_mark **out,
                                 uint32_t *count) STATUS_MUST_USE;
enum status store_doubt_find(const struct store *store, uint64_t trial, struct store_mark *out,
                             bool *found) STATUS_MUST_USE;
/* The device that ran all rows except CPU reruns; false if there is none or more than one. */
enum status store_doubt_only_device(const struct store *store, uint32_t *out,
                                    bool *found) STATUS_MUST_USE;

/* What a device wrote from batch `from` on, except trial `but` (TRIAL_ROW_NULL: none). */
#define STORE_EVERY_DEVICE UINT32_MAX
struct store_doubt {
    uint32_t device;
    int64_t from, but;
};

/* Marks as suspect, with the reason, the rows of each `doubt` (count) that are not yet marked; one
 * transaction. */
struct store_doubt_reason {
    const struct store_doubt *doubt;
    uint32_t count;
    const char *why;
};
enum status store_doubt_mark(struct store *store, const struct store_doubt_reason *reason,
                             uint64_t *out_rows) STATUS_MUST_USE;

/* The one rule for readers of a database's trials: STATUS_INPUT, logged with how many and why, if
 * it has suspect rows; with `allowed` this is a warning, and the reader keeps them out of rates or
 * passes them on with their mark. */
enum status store_doubt_check(const struct store *store, bool allowed) STATUS_MUST_USE;

#endif
