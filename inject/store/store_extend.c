/* SPDX-License-Identifier: MIT */
/* A campaign that goes on with more waves: its identity and strata, written anew. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_handle.h"
#include "inject/store/store_tables.h"

bool store_waves_begin(const char *longer, const char *shorter)
{
    const char *all = longer ? longer : "", *part = shorter ? shorter : "";
    const size_t n = strlen(part);

    return strncmp(all, part, n) == 0 && (n == 0 || all[n] == '\0' || all[n] == '+');
}

uint32_t store_waves_ids(const struct store_identity *identity, uint64_t *out, uint32_t most)
{
    const char *at = identity->waves ? strchr(identity->waves, '@') : NULL;
    uint32_t count = 0;

    for (; at; at = strchr(at + 1, '@')) {
        if (count < most)
            out[count] = strtoull(at + 1, NULL, 10);
        count++;
    }
    return count;
}

/* Existing strata must be of the same draw, except for what an extension changes. */
static enum status check_strata(struct store *store, const struct store_extension *extension)
{
    struct arena arena = {0};
    struct store_stratum *there = NULL;
    uint32_t n = 0;
    enum status st = store_read_strata(store, &arena, &there, &n);

    if (!st && n != extension->n_strata) {
        log_error("%s: found %u strata, expected %u", store->path, n, extension->n_strata);
        st = STATUS_INTERNAL;
    }
    for (uint32_t i = 0; i < n && !st; i++) {
        struct store_stratum as = there[i];
        as.planned = extension->strata[i].planned;
        as.distinct_faults = extension->strata[i].distinct_faults;
        const char *differs = store_tables_difference(STORE_STRATA, &as, &extension->strata[i]);
        if (differs) {
            log_error("%s: stratum %u: found another draw: %s", store->path, i, differs);
            st = STATUS_INTERNAL;
        }
    }
    arena_finish(&arena);
    return st;
}

static enum status rewrite(struct store *store, const struct store_extension *extension)
{
    enum status st = check_strata(store, extension);

    if (!st)
        st = sql_run(store->sql, "PRAGMA defer_foreign_keys = ON");
    if (!st)
        st = sql_run(store->sql, "DELETE FROM stratum");
    if (!st)
        st = sql_run(store->sql, "DELETE FROM campaign");
    if (!st)
        st = store_identity_write(store, extension->identity);
    return st ? st : store_tables_put_strata(store, extension->strata, extension->n_strata);
}

enum status store_extend(struct store *store, const struct store_extension *extension)
{
    const struct store_identity *id = &store->identity;

    if (!store_waves_begin(extension->identity->waves, id->waves)) {
        log_error("%s: found the waves '%s' (trials @ first id), expected a plan whose waves begin "
                  "with them, found '%s'",
                  store->path, id->waves, extension->identity->waves);
        return STATUS_INPUT;
    }
    enum status st = store_begin(store);
    if (!st)
        st = store_end(store, rewrite(store, extension));
    return st ? st : store_identity_read(store);
}
