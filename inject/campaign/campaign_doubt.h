/* SPDX-License-Identifier: MIT */
/* Which rows a failed control puts in doubt.
 *
 * A good control vouches for one moment of one device: a dry fault or a sentinel for the batch that
 * it ran in, a naive or CPU rerun for the batch of its original. A failed one says that its device
 * was wrong at such a moment; controls of other kinds cannot tell. All that the device wrote is in
 * doubt, from the last earlier moment that a good control of this kind vouches for (that batch
 * included, without the row that was compared). A naive rerun on another device than its original's
 * cannot say which one was wrong: both are in doubt. */
#ifndef VKFI_INJECT_CAMPAIGN_DOUBT_H
#define VKFI_INJECT_CAMPAIGN_DOUBT_H

#include "inject/plan/sample.h"
#include "inject/store/store.h"

struct campaign_doubt {
    struct store *store;
    const struct sample *sample; /* that the store's trials are drawn from */
    enum trial_role role;        /* of the failed control */
    uint32_t device;             /* that ran it, as a row of table device */
    /* Of a rerun: its original and the original's device; else ignored. */
    uint64_t original;
    uint32_t original_device;
    const char *why;
};

/* Marks them and counts them. */
enum status campaign_doubt_mark(const struct campaign_doubt *doubt,
                                uint64_t *out_rows) STATUS_MUST_USE;

/* The same for a device that broke a promise outside of controls, such as a fault that did not fire
 * as predicted: as if a CPU rerun had failed now. */
enum status campaign_doubt_mark_device(const struct campaign_doubt *doubt,
                                       uint64_t *out_rows) STATUS_MUST_USE;

#endif
