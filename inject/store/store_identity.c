/* SPDX-License-Identifier: MIT */
/* Whose database it is: the one row of table campaign, written, read and compared. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_handle.h"

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
    struct sql_statement *put = NULL;
    enum status st = sql_prepare(&put, store->sql,
                                 "INSERT INTO campaign (id, plan_hash, model_hash, shaders, "
                                 "contract, tool, model, plan, waves, trials, shard, shards, "
                                 "digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    if (st == STATUS_OK) {
        sql_bind_int(put, 1);
        sql_bind_text(put, identity->plan_hash);
        sql_bind_text(put, identity->model_hash);
        sql_bind_text(put, identity->shaders);
        sql_bind_text(put, identity->contract);
        sql_bind_text(put, identity->tool);
        sql_bind_text(put, identity->model ? identity->model : "");
        sql_bind_text(put, identity->plan);
        sql_bind_text(put, identity->waves ? identity->waves : "");
        sql_bind_int(put, (int64_t)identity->trials);
        sql_bind_int(put, identity->shard);
        sql_bind_int(put, identity->shards);
        sql_bind_digest(put);
        st = sql_execute(put);
    }
    sql_finish(&put);
    return st;
}

static enum status take_identity(struct store *store, struct sql_statement *row)
{
    struct store_identity *id = &store->identity;
    const char **texts[] = {&id->plan_hash, &id->model_hash, &id->shaders, &id->contract,
                            &id->tool,      &id->model,      &id->plan,    &id->waves};
    enum status st = STATUS_OK;

    for (int i = 0; i < 8 && st == STATUS_OK; i++) {
        *texts[i] = sql_text(row, i + 1);
        st = store_copy_text(&store->arena, texts[i]);
    }
    id->trials = (uint64_t)sql_int(row, 9);
    id->shard = (uint32_t)sql_int(row, 10);
    id->shards = (uint32_t)sql_int(row, 11);
    return st;
}

enum status store_identity_read(struct store *store)
{
    struct sql_statement *read = NULL;
    bool row = false;
    enum status st =
        sql_prepare(&read, store->sql,
                    "SELECT id, plan_hash, model_hash, shaders, contract, tool, model, "
                    "plan, waves, trials, shard, shards, digest FROM campaign");

    if (st == STATUS_OK) {
        st = sql_step(read, &row);
    }
    if (st == STATUS_OK && !row) {
        log_error("%s: damaged: found table campaign empty, expected one row", store->path);
        st = STATUS_INPUT;
    }
    if (st == STATUS_OK) {
        st = sql_check_digest(read, "campaign");
    }
    if (st == STATUS_OK) {
        st = take_identity(store, read);
    }
    sql_finish(&read);
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
