/* SPDX-License-Identifier: MIT */
/* The tables of the database, by description. */
#include "inject/store/store_tables.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_handle.h"

static const struct field CAMPAIGN_COLUMNS[] = {
    FIELD(store_identity, TEXT, plan_hash), FIELD(store_identity, TEXT, model_hash),
    FIELD(store_identity, TEXT, shaders),   FIELD(store_identity, TEXT, contract),
    FIELD(store_identity, TEXT, tool),      FIELD(store_identity, TEXT, model),
    FIELD(store_identity, TEXT, plan),      FIELD(store_identity, TEXT, waves),
    FIELD(store_identity, U64, trials),     FIELD(store_identity, U32, shard),
    FIELD(store_identity, U32, shards),
};
static const struct field DEVICE_COLUMNS[] = {
    FIELD(store_device, TEXT, name),      FIELD(store_device, TEXT, uuid),
    FIELD(store_device, TEXT, driver),    FIELD(store_device, TEXT, driver_version),
    FIELD(store_device, TEXT, probe),     FIELD(store_device, TEXT, constants),
    FIELD(store_device, TEXT, cpu_flags), FIELD(store_device, U32, threads),
};
static const struct field STRATUM_COLUMNS[] = {
    FIELD(store_stratum, U32, id),        FIELD(store_stratum, TEXT, label),
    FIELD(store_stratum, REAL, weight),   FIELD(store_stratum, REAL, size),
    FIELD(store_stratum, U64, planned),   FIELD(store_stratum, BOOL, distinct_faults),
    FIELD(store_stratum, REAL, no_fault),
};
static const struct field ITEM_COLUMNS[] = {
    FIELD(store_item, U32, id),           FIELD(store_item, TEXT, prompt),
    FIELD(store_item, TEXT, text),        FIELD(store_item, TEXT, prompt_group),
    FIELD(store_item, TEXT, prompt_ids),  FIELD(store_item, TEXT, tokens),
    FIELD(store_item, TEXT, hash),        FIELD(store_item, U32, n_prompt),
    FIELD(store_item, U32, n_tokens),     FIELD(store_item, REAL, weight),
    FIELD(store_item, BOOL, underflow),   FIELD(store_item, TEXT, task),
    FIELD(store_item, TEXT, area),        FIELD(store_item, TEXT, doc_id),
    FIELD(store_item, TEXT, task_group),  FIELD(store_item, TEXT, target),
    FIELD(store_item, INDEX, sample),     FIELD(store_item, TEXT, answer),
    FIELD(store_item, TEXT, choice_logp), FIELD(store_item, REAL, score),
    FIELD(store_item, REAL, chance),
};
static const struct field INCIDENT_COLUMNS[] = {
    FIELD(store_incident, U64, trial),
    FIELD(store_incident, U32, device),
    FIELD(store_incident, TEXT, what),
};
static const struct field FAULT_COLUMNS[] = {
    FIELD(store_fault, U64, trial),
    FIELD(store_fault, U32, number),
    FIELD(store_fault, TEXT, json),
};

static const struct table {
    struct field_table fields;
    int64_t first;     /* rows are numbered from here on in a column "id"; NO_ID: they are not */
    const char *after; /* ", name": a number that is no member, after the members; "": none */
} TABLES[] = {
#define NO_ID (-1)
    [STORE_CAMPAIGN] = {FIELD_TABLE("campaign", store_identity, CAMPAIGN_COLUMNS), 1, ""},
    [STORE_DEVICES] = {FIELD_TABLE("device", store_device, DEVICE_COLUMNS), 0, ""},
    [STORE_STRATA] = {FIELD_TABLE("stratum", store_stratum, STRATUM_COLUMNS), NO_ID, ""},
    [STORE_ITEMS] = {FIELD_TABLE("item", store_item, ITEM_COLUMNS), NO_ID, ""},
    [STORE_INCIDENTS] = {FIELD_TABLE("incident", store_incident, INCIDENT_COLUMNS), 0, ""},
    [STORE_FAULTS] = {FIELD_TABLE("fault", store_fault, FAULT_COLUMNS), NO_ID, ""},
    [STORE_TRIALS] = {{NULL, NULL, 0, 0}, NO_ID, ", batch"}, /* trial_row_table */
};

const struct field_table *store_tables_fields(enum store_table table)
{
    return table == STORE_TRIALS ? &trial_row_table : &TABLES[table].fields;
}

const char *store_tables_difference(enum store_table table, const void *a, const void *b)
{
    const struct field *field = field_difference(store_tables_fields(table), a, b);
    return field ? field->name : NULL;
}

/* "id, name, uuid, ..., digest" */
static void add_columns(struct text *out, enum store_table which)
{
    const struct field_table *fields = store_tables_fields(which);
    text_put(out, TABLES[which].first == NO_ID ? "" : "id, ");
    for (size_t i = 0; i < fields->count; i++)
        text_addf(out, "%s%s", i ? ", " : "", fields->field[i].name);
    text_addf(out, "%s, digest", TABLES[which].after);
}

/* Frees the text. */
static enum status prepare(struct sql_statement **out, const struct store *store, struct text *text)
{
    *out = NULL;
    const enum status st = text->st ? text->st : sql_prepare(out, store->sql, text->data);
    text_finish(text);
    return st;
}

enum status store_tables_select(struct sql_statement **out, const struct store *store,
                                enum store_table table, const char *rest)
{
    struct text text = {0};
    text_put(&text, "SELECT ");
    add_columns(&text, table);
    text_addf(&text, " FROM %s %s", store_tables_fields(table)->name, rest);
    return prepare(out, store, &text);
}

enum status store_tables_insert(struct sql_statement **out, const struct store *store,
                                enum store_table table)
{
    const struct field_table *fields = store_tables_fields(table);
    const bool own = TABLES[table].first != NO_ID || *TABLES[table].after;
    struct text text = {0};
    text_addf(&text, "INSERT INTO %s (", fields->name);
    add_columns(&text, table);
    text_put(&text, ") VALUES (?"); /* the digest */
    for (size_t i = 0; i < fields->count + own; i++)
        text_put(&text, ", ?");
    text_put(&text, ")");
    return prepare(out, store, &text);
}

enum status store_tables_take(struct sql_statement *select, enum store_table table, void *out)
{
    const struct field_table *fields = store_tables_fields(table);
    const int first = TABLES[table].first != NO_ID;
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->field[i];
        const enum field_kind kind = field_kind(field);
        const int column = first + (int)i;
        const struct field_value value = {
            .number = kind == FIELD_KIND_NUMBER ? sql_int(select, column) : 0,
            .real = kind == FIELD_KIND_REAL ? sql_real(select, column) : 0,
            .text = kind == FIELD_KIND_TEXT ? sql_text(select, column) : NULL};
        field_set(field, out, value);
    }
    return sql_check_digest(select, fields->name);
}

enum status store_tables_list(struct sql_statement **select, enum store_table table,
                              struct arena *arena, void **out, uint32_t *count)
{
    const struct field_table *fields = store_tables_fields(table);
    const struct store_list list = {&(struct text){0}, fields->size, arena};
    bool row = true;
    enum status st = STATUS_OK;
    for (uint32_t n = 0; !st && row; n++) {
        union {
            struct store_identity identity;
            struct store_device device;
            struct store_stratum stratum;
            struct store_item item;
            struct store_incident incident;
            struct store_fault fault;
            struct trial_row row;
        } any = {0};
        st = sql_step(*select, &row);
        if (!st && row && TABLES[table].first != NO_ID)
            st = sql_check_number(*select, fields->name, TABLES[table].first + n);
        if (!st && row)
            st = store_tables_take(*select, table, &any);
        if (!st && row)
            st = field_copy_texts(fields, &any, arena);
        if (!st && row)
            st = text_add(list.items, (const char *)&any, fields->size);
    }
    sql_finish(select);
    return store_end_list(&list, out, count, st);
}

enum status store_tables_read(const struct store *store, enum store_table table,
                              struct arena *arena, void *out, uint32_t *count)
{
    struct sql_statement *select = NULL;
    void *rows = NULL;
    *count = 0;
    enum status st = store_tables_select(&select, store, table, "ORDER BY id");
    if (!st)
        st = store_tables_list(&select, table, arena, &rows, count);
    memcpy(out, &rows, sizeof(rows));
    return st;
}

enum status store_tables_put(struct sql_statement *insert, enum store_table table, const void *row,
                             int64_t own)
{
    const struct field_table *fields = store_tables_fields(table);
    if (TABLES[table].first != NO_ID)
        sql_bind_int(insert, own);
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->field[i];
        const struct field_value value = field_get(field, row);
        if (field_kind(field) == FIELD_KIND_TEXT)
            sql_bind_text(insert, value.text);
        else if (field_kind(field) == FIELD_KIND_REAL)
            sql_bind_real(insert, value.real);
        else if (field_is_null(field, value))
            sql_bind_null(insert);
        else
            sql_bind_int(insert, value.number);
    }
    if (*TABLES[table].after)
        sql_bind_int(insert, own);
    sql_bind_digest(insert);
    return sql_execute(insert);
}

enum status store_tables_put_one(struct store *store, enum store_table table, const void *row,
                                 int64_t own)
{
    struct sql_statement *insert = NULL;
    enum status st = store_tables_insert(&insert, store, table);
    if (!st)
        st = store_tables_put(insert, table, row, own);
    sql_finish(&insert);
    return st;
}

/* By the id at the head of both structs. */
static int compare_id(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* Rows with their own ids: missing ones are written, the others must be equal. */
static enum status put_rows(struct store *store, enum store_table which, const void *rows,
                            uint32_t count)
{
    const struct field_table *table = store_tables_fields(which);
    struct arena arena = {0};
    void *there = NULL;
    uint32_t n_there = 0;
    enum status st = store_tables_read(store, which, &arena, &there, &n_there);

    for (uint32_t i = 0; i < count && !st; i++) {
        const char *row = (const char *)rows + i * table->size;
        const void *found = n_there ? bsearch(row, there, n_there, table->size, compare_id) : NULL;
        const char *differs = found ? store_tables_difference(which, row, found) : NULL;
        uint32_t id;
        memcpy(&id, row, sizeof(id));
        if (differs) {
            log_error("%s: %s %" PRIu32 ": found another %s than was stored, expected the same",
                      store->path, table->name, id, differs);
            st = STATUS_INTERNAL;
        } else if (!found) {
            st = store_tables_put_one(store, which, row, 0);
        }
    }
    arena_finish(&arena);
    return st;
}
_Static_assert(offsetof(struct store_stratum, id) == 0 && offsetof(struct store_item, id) == 0,
               "put_rows finds ids at the head");

enum status store_tables_put_strata(struct store *store, const struct store_stratum *strata,
                                    uint32_t count)
{
    return put_rows(store, STORE_STRATA, strata, count);
}

enum status store_put_strata(struct store *store, const struct store_stratum *strata,
                             uint32_t count)
{
    const enum status st = store_begin(store);

    return st ? st : store_end(store, put_rows(store, STORE_STRATA, strata, count));
}

enum status store_put_items(struct store *store, const struct store_item *items, uint32_t count)
{
    const enum status st = store_begin(store);

    return st ? st : store_end(store, put_rows(store, STORE_ITEMS, items, count));
}

enum status store_put_item(struct store *store, const struct store_item *item)
{
    return store_put_items(store, item, 1);
}

static enum status find_or_add_device(struct store *store, const struct store_device *device,
                                      uint32_t *out)
{
    struct arena arena = {0};
    struct store_device *devices = NULL;
    uint32_t count = 0;
    enum status st = store_read_devices(store, &arena, &devices, &count);

    *out = 0;
    while (!st && *out < count && store_tables_difference(STORE_DEVICES, device, &devices[*out]))
        ++*out;
    if (!st && *out == count)
        st = store_tables_put_one(store, STORE_DEVICES, device, count);
    arena_finish(&arena);
    return st;
}

enum status store_device(struct store *store, const struct store_device *device, uint32_t *out)
{
    const enum status st = store_begin(store);

    return st ? st : store_end(store, find_or_add_device(store, device, out));
}

enum status store_put_incident(struct store *store, const struct store_incident *incident)
{
    int64_t count = 0;
    enum status st = store_begin(store);

    if (st)
        return st;
    st = sql_number(store->sql, "SELECT count(*) FROM incident", &count);
    return store_end(store,
                     !st ? store_tables_put_one(store, STORE_INCIDENTS, incident, count) : st);
}

enum status store_read_strata(const struct store *store, struct arena *arena,
                              struct store_stratum **out, uint32_t *count)
{
    return store_tables_read(store, STORE_STRATA, arena, out, count);
}

enum status store_read_items(const struct store *store, struct arena *arena,
                             struct store_item **out, uint32_t *count)
{
    return store_tables_read(store, STORE_ITEMS, arena, out, count);
}

enum status store_read_devices(const struct store *store, struct arena *arena,
                               struct store_device **out, uint32_t *count)
{
    return store_tables_read(store, STORE_DEVICES, arena, out, count);
}

enum status store_read_incidents(const struct store *store, struct arena *arena,
                                 struct store_incident **out, uint32_t *count)
{
    return store_tables_read(store, STORE_INCIDENTS, arena, out, count);
}
