/* SPDX-License-Identifier: MIT */
/* The databases of a campaign's shards, joined into what one process would have written. */
#ifndef VKFI_INJECT_STORE_MERGE_H
#define VKFI_INJECT_STORE_MERGE_H

#include "inject/store/store.h"

struct store_merge_params {
    const char *const *paths; /* (n_paths) databases of one campaign */
    uint32_t n_paths;
    const char *out; /* created, or continued if of that campaign, as shard 0 of 1 */
    bool complete;   /* a missing trial is an error */
    /* Suspect rows keep their mark. Of a trial that is suspect in one database and not in another,
     * the latter's row is taken and the former's is not compared. Not allowed:
     * store_doubt_check. */
    bool allow_suspect;
};

struct store_merge_result {
    uint64_t trials;  /* of the campaign */
    uint64_t here;    /* in `out` now */
    uint64_t added;   /* by this call */
    uint64_t overlap; /* in several of the databases, and equal */
    uint64_t suspect; /* of the databases' trials: suspect in each that has them */
};

/* Checks everything before it writes: one campaign, each shard once, trials of several databases
 * equal in all SAME fields and further faults, and strata and items equal. Else STATUS_INPUT,
 * logged with the file, the trial and the field; `out` is then unchanged. Trials in no database are
 * a warning that names the shards, or STATUS_INPUT if `complete`. Killed, it leaves a database to
 * which the same call adds the rest; done twice, it adds nothing. */
enum status store_merge(const struct store_merge_params *params,
                        struct store_merge_result *out) STATUS_MUST_USE;

#endif
