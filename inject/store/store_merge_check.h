/* SPDX-License-Identifier: MIT */
/* What a merge learns of the databases before it writes: that they agree, and their trials. */
#ifndef VKFI_INJECT_STORE_MERGE_CHECK_H
#define VKFI_INJECT_STORE_MERGE_CHECK_H

#include <stdbool.h>

#include "inject/store/store_merge.h"

struct store_merge_source {
    const char *path;
    uint32_t shard, shards;
};

/* A row known of an arm. */
struct store_merge_row {
    uint64_t digest;    /* of row and faults */
    uint32_t from;      /* 1 + the source, 0: none */
    bool suspect, done; /* there; written to the merged database */
};
struct store_merge_arm {
    const char *name;
    struct store_merge_row *row; /* (count) trials, then clean runs by item */
    uint64_t count;
};

struct store_merge_check {
    struct arena arena;
    struct store_identity identity;    /* of the first database */
    struct store_merge_source *source; /* (n_sources) walked so far */
    uint32_t n_sources;
    struct store_merge_arm *arm; /* (n_arms) the first is none */
    uint32_t n_arms;
    uint64_t here; /* trials, each in arm none */
    uint64_t overlap, n_suspect;
    struct store_stratum *strata;
    struct store_item *items;
    uint32_t n_strata, n_items;
};

/* `room`: of `source`. */
enum status store_merge_check_init(struct store_merge_check *out, uint32_t room,
                                   const struct store_identity *identity) STATUS_MUST_USE;
void store_merge_check_finish(struct store_merge_check *check);

/* The place of a row; null: memory. Its arm is added if it is new. */
struct store_merge_row *store_merge_check_find(struct store_merge_check *check,
                                               const struct trial_row *row);

/* Walks one more database; STATUS_INPUT, logged, if it disagrees with earlier ones. */
enum status store_merge_check_add(struct store_merge_check *check, const struct store *store,
                                  const char *path) STATUS_MUST_USE;

/* How many trials no database has, and of which shards: "250 of 1000 trials are missing: 250 of
 * shard 2/4". Memory from the check's arena. */
enum status store_merge_check_missing(struct store_merge_check *check, uint64_t *out_count,
                                      const char **out_words) STATUS_MUST_USE;

#endif
