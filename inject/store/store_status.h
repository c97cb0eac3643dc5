/* SPDX-License-Identifier: MIT */
/* Progress of a campaign, counted from its rows. */
#ifndef VKFI_INJECT_STORE_STATUS_H
#define VKFI_INJECT_STORE_STATUS_H

#include "inject/space/kinds.h"
#include "inject/store/store.h"

struct store_status_part {
    uint64_t planned, done; /* trials; planned: for a stratum in all shards; for a device 0 */
    double seconds;
};

struct store_status {
    uint64_t planned, done;          /* trials of the shard, controls included */
    uint64_t counted;                /* neither control nor suspect: these make rates */
    uint64_t outcome[OUTCOME_COUNT]; /* of the counted */
    uint64_t due[DUE_REASON_COUNT];  /* of the counted */
    uint64_t control[ROLE_COUNT];    /* done, by role; ROLE_TRIAL: no control, and no arm */
    uint64_t armed;                  /* trials run again under arms; clean runs: ROLE_CLEAN */
    uint64_t suspect, retried;       /* rows; attempts > 1 */
    uint64_t incidents;
    double seconds;                      /* sum over all rows */
    const struct store_device *device;   /* (n_devices) */
    const struct store_stratum *stratum; /* (n_strata) */
    struct store_status_part *by_device, *by_stratum;
    uint32_t n_devices, n_strata;
};

/* Memory from `arena`. Walks all rows. */
enum status store_status_read(const struct store *store, struct arena *arena,
                              struct store_status *out) STATUS_MUST_USE;

#endif
