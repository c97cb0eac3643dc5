/* SPDX-License-Identifier: MIT */
/* Transactions, copies and lists shared by the store's files. */
#include "inject/store/store_handle.h"

#include <string.h>

enum status store_begin(struct store *store)
{
    return sql_run(store->sql, "BEGIN IMMEDIATE");
}

enum status store_end(struct store *store, enum status st)
{
    if (!st)
        st = sql_run(store->sql, "COMMIT");
    if (st) {
        /* A full disk has undone it already. */
        sql_try(store->sql, "ROLLBACK");
    }
    return st;
}

enum status store_end_list(const struct store_list *list, void **out, uint32_t *count,
                           enum status st)
{
    *out = NULL;
    *count = 0;
    if (!st && list->items->size > 0) {
        *out = arena_alloc(list->arena, list->items->size);
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    if (!st && *out) {
        memcpy(*out, list->items->data, list->items->size);
        *count = (uint32_t)(list->items->size / list->size);
    }
    text_finish(list->items);
    return st;
}
