/* SPDX-License-Identifier: MIT */
/* The campaign of a database: the one row of table campaign, written, read and compared. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_handle.h"
#include "inject/store/store_tables.h"

uint64_t store_planned(const struct store_identity *identity)
{
    const uint64_t whole = identity->trials / identity->shards;

    return whole + (identity->shard < identity->trials % identity->shards);
}

const struct store_identity *store_identity(const struct store *store)
{
    return &store->identity;
}

enum status store_identity_write(struct store *store, const struct store_identity *identity)
{
    struct store_identity whole = *identity;

    whole.model = whole.model ? whole.model : "";
    whole.waves = whole.waves ? whole.waves : "";
    return store_tables_put_one(store, STORE_CAMPAIGN, &whole, 1);
}

enum status store_identity_read(struct store *store)
{
    void *found = NULL;
    uint32_t count = 0;
    const enum status st = store_tables_read(store, STORE_CAMPAIGN, &store->arena, &found, &count);

    if (!st && count == 0) {
        log_error("%s: damaged: found table campaign empty, expected one row", store->path);
        return STATUS_INPUT;
    }
    if (!st)
        store->identity = *(const struct store_identity *)found;
    return st;
}

/* Names the first part that differs. */
enum status store_identity_compare(const char *path, const struct store_identity *found,
                                   const struct store_identity *wanted)
{
    const struct {
        const char *name, *found, *wanted;
    } texts[] = {
        {"plan hash", found->plan_hash, wanted->plan_hash},
        {"model hash", found->model_hash, wanted->model_hash},
        {"shaders", found->shaders, wanted->shaders},
        {"contract", found->contract, wanted->contract},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (strcmp(texts[i].found, texts[i].wanted) != 0) {
            log_error("%s: found a campaign with %s %.16s, expected %.16s", path, texts[i].name,
                      texts[i].found, texts[i].wanted);
            return STATUS_INPUT;
        }
    }
    if (!store_waves_begin(found->waves, wanted->waves) ||
        !store_waves_begin(wanted->waves, found->waves)) {
        log_error("%s: found the waves '%s' (trials @ first id), expected '%s': the campaign was "
                  "extended otherwise, or not everywhere",
                  path, found->waves ? found->waves : "", wanted->waves ? wanted->waves : "");
        return STATUS_INPUT;
    }
    if (found->trials != wanted->trials) {
        log_error("%s: found a campaign of %" PRIu64 " trials, expected %" PRIu64, path,
                  found->trials, wanted->trials);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

enum status store_identity_compare_shard(const struct store *store,
                                         const struct store_identity *wanted)
{
    const struct store_identity *found = &store->identity;

    if (found->shard != wanted->shard || found->shards != wanted->shards) {
        log_error("%s: found shard %" PRIu32 "/%" PRIu32 ", expected %" PRIu32 "/%" PRIu32,
                  store->path, found->shard, found->shards, wanted->shard, wanted->shards);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}
