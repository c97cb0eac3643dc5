/* SPDX-License-Identifier: MIT */
/* Moments that good controls vouch for, and rows written since. */
#include "inject/campaign/campaign_doubt.h"

#include "inject/store/store_doubt.h"

#define DOUBT_NOW INT64_MAX /* after all batches */

/* A moment when a device was known to be good: batch 0 is before all. */
struct voucher {
    uint32_t device;
    int64_t batch, trial;
};

/* What a good control vouches for; false: nothing known. */
static enum status read_voucher(const struct campaign_doubt *doubt,
                                const struct store_mark *control, struct voucher *out, bool *found)
{
    struct store_mark original;
    uint64_t id = control->trial;
    *out = (struct voucher){control->device, control->batch, (int64_t)control->trial};
    *found = !control->suspect;
    if (!*found || doubt->role == ROLE_DRY || doubt->role == ROLE_SENTINEL)
        return STATUS_OK;
    enum status st = sample_original(doubt->sample, control->trial, &id);
    if (!st)
        st = store_doubt_find(doubt->store, id, &original, found);
    if (!st && *found) {
        *out = (struct voucher){original.device, original.batch, (int64_t)original.trial};
        *found = !original.suspect;
        return STATUS_OK;
    }
    /* an original of another shard ran here for the comparison alone */
    return st ? st : store_doubt_only_device(doubt->store, &out->device, found);
}

/* The last voucher of a device before a moment. */
static enum status last_good(const struct campaign_doubt *doubt, uint32_t device, int64_t moment,
                             struct voucher *out)
{
    struct arena arena = {0};
    struct store_mark *control;
    uint32_t count = 0;
    *out = (struct voucher){.device = device, .trial = TRIAL_ROW_NULL};
    enum status st = store_doubt_controls(doubt->store, kinds_text(KINDS_ROLE, doubt->role), &arena,
                                          &control, &count);
    for (uint32_t i = 0; !st && i < count; i++) {
        struct voucher voucher;
        bool found;
        st = read_voucher(doubt, &control[i], &voucher, &found);
        if (!st && found && voucher.device == device && voucher.batch < moment &&
            voucher.batch > out->batch)
            *out = voucher;
    }
    arena_finish(&arena);
    return st;
}

/* Adds what a device wrote between its last good moment and one when it was wrong. */
static enum status add_device(const struct campaign_doubt *doubt, uint32_t device, int64_t moment,
                              struct store_doubt *out)
{
    struct voucher good;
    const enum status st = last_good(doubt, device, moment, &good);
    *out = (struct store_doubt){.device = device, .from = good.batch, .but = good.trial};
    return st;
}

static enum status mark(const struct campaign_doubt *doubt, const struct store_doubt *rows,
                        uint32_t count, uint64_t *out_rows)
{
    const struct store_doubt_reason reason = {rows, count, doubt->why};
    return store_doubt_mark(doubt->store, &reason, out_rows);
}

enum status campaign_doubt_mark(const struct campaign_doubt *doubt, uint64_t *out_rows)
{
    const bool rerun = doubt->role == ROLE_NAIVE || doubt->role == ROLE_CPU;
    const uint32_t wrong = rerun ? doubt->original_device : doubt->device;
    struct store_doubt rows[2];
    struct store_mark original;
    bool found = false;
    uint32_t count = 1;
    *out_rows = 0;
    enum status st =
        rerun ? store_doubt_find(doubt->store, doubt->original, &original, &found) : STATUS_OK;
    if (!st)
        st = add_device(doubt, wrong, found ? original.batch : DOUBT_NOW, &rows[0]);
    if (!st && doubt->role == ROLE_NAIVE && doubt->device != wrong)
        st = add_device(doubt, doubt->device, DOUBT_NOW, &rows[count++]);
    return st ? st : mark(doubt, rows, count, out_rows);
}

enum status campaign_doubt_mark_device(const struct campaign_doubt *doubt, uint64_t *out_rows)
{
    struct campaign_doubt as = *doubt;
    struct store_doubt rows;
    as.role = ROLE_CPU;
    *out_rows = 0;
    const enum status st = add_device(&as, doubt->device, DOUBT_NOW, &rows);
    return st ? st : mark(&as, &rows, 1, out_rows);
}
