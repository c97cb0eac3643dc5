/* SPDX-License-Identifier: MIT */
/* Which part of a campaign this process runs, from --shard or from the launcher's variables. */
#ifndef VKFI_INJECT_CAMPAIGN_SHARD_H
#define VKFI_INJECT_CAMPAIGN_SHARD_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* Part `index` of `count`: the trial ids with id mod count == index. */
struct campaign_shard {
    uint32_t index, count;
    const char *source; /* its source: "--shard", "SLURM_PROCID"; null: none */
};

/* The value of an environment variable, null if it is not set. */
typedef const char *campaign_shard_variable(void *user, const char *name);

/* `given` is the text of --shard, "i/n", or null: then the variables of Slurm (tasks of a step, job
 * arrays that count from 0 by 1, and both together), Open MPI and PMI are read; none of them: 0 of
 * 1. STATUS_USAGE, one line, for a text or variables that do not name one part, for tasks of other
 * job arrays, and if two launchers disagree. */
enum status campaign_shard_find(struct campaign_shard *out, const char *given,
                                campaign_shard_variable *variable, void *user) STATUS_MUST_USE;

/* The database of a part that a launcher chose: "out.db" becomes "out.3.db", so that all tasks can
 * have the same command line. A part named by --shard, and the whole, keep `path` as it is. */
char *campaign_shard_path(struct arena *arena, const char *path,
                          const struct campaign_shard *shard);

#endif
