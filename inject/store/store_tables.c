/* SPDX-License-Identifier: MIT */
/* Devices, strata, items and incidents, by description. */
#include "inject/store/store_tables.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_handle.h"

enum column_type { COLUMN_U32, COLUMN_U64, COLUMN_BOOL, COLUMN_REAL, COLUMN_TEXT };

struct column {
    const char *name;
    enum column_type type;
    size_t offset; /* in the table's struct */
};

struct table {
    const char *name;
    const struct column *column; /* (n_columns) behind id, or from id on */
    size_t n_columns;
    size_t size;   /* of the struct */
    bool numbered; /* the id is the place in the array, no member */
};

#define COLUMN(structure, type, member)                                                            \
    {                                                                                              \
#member, COLUMN_##type, offsetof(struct structure, member)                                 \
    }
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct column DEVICE_COLUMNS[] = {
    COLUMN(store_device, TEXT, name),      COLUMN(store_device, TEXT, uuid),
    COLUMN(store_device, TEXT, driver),    COLUMN(store_device, TEXT, driver_version),
    COLUMN(store_device, TEXT, probe),     COLUMN(store_device, TEXT, constants),
    COLUMN(store_device, TEXT, cpu_flags), COLUMN(store_device, U32, threads),
};
static const struct column STRATUM_COLUMNS[] = {
    COLUMN(store_stratum, U32, id),        COLUMN(store_stratum, TEXT, label),
    COLUMN(store_stratum, REAL, weight),   COLUMN(store_stratum, REAL, size),
    COLUMN(store_stratum, U64, planned),   COLUMN(store_stratum, BOOL, distinct_faults),
    COLUMN(store_stratum, REAL, no_fault),
};
static const struct column ITEM_COLUMNS[] = {
    COLUMN(store_item, U32, id),          COLUMN(store_item, TEXT, prompt),
    COLUMN(store_item, TEXT, text),       COLUMN(store_item, TEXT, prompt_group),
    COLUMN(store_item, TEXT, prompt_ids), COLUMN(store_item, TEXT, tokens),
    COLUMN(store_item, TEXT, hash),       COLUMN(store_item, U32, n_prompt),
    COLUMN(store_item, U32, n_tokens),    COLUMN(store_item, REAL, weight),
    COLUMN(store_item, BOOL, underflow),
};
static const struct column INCIDENT_COLUMNS[] = {
    COLUMN(store_incident, U64, trial),
    COLUMN(store_incident, U32, device),
    COLUMN(store_incident, TEXT, what),
};
static const struct table TABLES[] = {
    [STORE_DEVICES] = {"device", DEVICE_COLUMNS, COUNT(DEVICE_COLUMNS), sizeof(struct store_device),
                       true},
    [STORE_STRATA] = {"stratum", STRATUM_COLUMNS, COUNT(STRATUM_COLUMNS),
                      sizeof(struct store_stratum), false},
    [STORE_ITEMS] = {"item", ITEM_COLUMNS, COUNT(ITEM_COLUMNS), sizeof(struct store_item), false},
    [STORE_INCIDENTS] = {"incident", INCIDENT_COLUMNS, COUNT(INCIDENT_COLUMNS),
                         sizeof(struct store_incident), true},
};

/* A member of a row, as one of the three types of the database. */
struct value {
    int64_t number;
    double real;
    const char *text;
};

static struct value get_member(const struct column *column, const void *row)
{
    const char *place = (const char *)row + column->offset;
    struct value value = {.real = NAN};
    uint32_t u32;
    bool flag;

    switch (column->type) {
    case COLUMN_U32:
        memcpy(&u32, place, sizeof(u32));
        value.number = u32;
        break;
    case COLUMN_U64:
        memcpy(&value.number, place, sizeof(value.number));
        break;
    case COLUMN_BOOL:
        memcpy(&flag, place, sizeof(flag));
        value.number = flag;
        break;
    case COLUMN_REAL:
        memcpy(&value.real, place, sizeof(value.real));
        break;
    case COLUMN_TEXT:
        memcpy(&value.text, place, sizeof(value.text));
        break;
    }
    return value;
}

static enum status set_member(const struct column *column, void *row, struct sql_statement *select,
                              int at, struct arena *arena)
{
    char *place = (char *)row + column->offset;
    enum status st = STATUS_OK;

    if (column->type == COLUMN_REAL) {
        const double real = sql_real(select, at);
        memcpy(place, &real, sizeof(real));
    } else if (column->type == COLUMN_TEXT) {
        const char *text = sql_text(select, at);
        st = store_copy_text(arena, &text);
        memcpy(place, &text, sizeof(text));
    } else if (column->type == COLUMN_BOOL) {
        const bool flag = sql_int(select, at) != 0;
        memcpy(place, &flag, sizeof(flag));
    } else if (column->type == COLUMN_U64) {
        const int64_t number = sql_int(select, at);
        memcpy(place, &number, sizeof(number));
    } else {
        const uint32_t number = (uint32_t)sql_int(select, at);
        memcpy(place, &number, sizeof(number));
    }
    return st;
}

const char *store_tables_difference(enum store_table table, const void *a, const void *b)
{
    for (size_t i = 0; i < TABLES[table].n_columns; i++) {
        const struct column *column = &TABLES[table].column[i];
        const struct value x = get_member(column, a), y = get_member(column, b);
        const bool same_real =
            memcmp(&x.real, &y.real, sizeof(x.real)) == 0 || (isnan(x.real) && isnan(y.real));
        const bool same_text = x.text && y.text ? strcmp(x.text, y.text) == 0 : x.text == y.text;
        if (x.number != y.number || !same_real || !same_text) {
            return column->name;
        }
    }
    return NULL;
}

/* "SELECT id, name, ..., digest FROM device ORDER BY id", or "INSERT INTO device (id, ...) VALUES
 * (?, ...)". */
static enum status prepare(struct sql_statement **out, const struct store *store,
                           const struct table *table, bool insert)
{
    struct text text = {0};
    enum status st =
        insert ? text_addf(&text, "INSERT INTO %s (", table->name) : text_addf(&text, "SELECT ");

    *out = NULL;
    if (st == STATUS_OK && table->numbered) {
        st = text_addf(&text, "id, ");
    }
    for (size_t i = 0; i < table->n_columns && st == STATUS_OK; i++) {
        st = text_addf(&text, "%s, ", table->column[i].name);
    }
    if (st == STATUS_OK) {
        st = insert ? text_addf(&text, "digest) VALUES (?")
                    : text_addf(&text, "digest FROM %s ORDER BY id", table->name);
    }
    for (size_t i = 0; insert && i < table->n_columns + table->numbered && st == STATUS_OK; i++) {
        st = text_addf(&text, ", ?");
    }
    if (st == STATUS_OK && insert) {
        st = text_addf(&text, ")");
    }
    if (st == STATUS_OK) {
        st = sql_prepare(out, store->sql, text.data);
    }
    text_finish(&text);
    return st;
}

static enum status take_row(const struct table *table, struct sql_statement *select,
                            struct arena *arena, void *out)
{
    enum status st = sql_check_digest(select, table->name);

    memset(out, 0, table->size);
    for (size_t i = 0; i < table->n_columns && st == STATUS_OK; i++) {
        st = set_member(&table->column[i], out, select, (int)(i + table->numbered), arena);
    }
    return st;
}

/* A row is missing, or its number is damaged. */
static enum status check_number(const struct store *store, const struct table *table, int64_t found,
                                uint32_t expected)
{
    if (!table->numbered || found == expected) {
        return STATUS_OK;
    }
    log_error("%s: damaged: table %s: found row %" PRId64 ", expected %" PRIu32, store->path,
              table->name, found, expected);
    return STATUS_INPUT;
}

enum status store_tables_read(const struct store *store, enum store_table which,
                              struct arena *arena, void **out, uint32_t *count)
{
    const struct table *table = &TABLES[which];
    struct sql_statement *select = NULL;
    struct text rows = {0};
    bool row = true;
    enum status st = prepare(&select, store, table, false);

    for (uint32_t n = 0; st == STATUS_OK && row; n++) {
        union {
            struct store_device device;
            struct store_stratum stratum;
            struct store_item item;
            struct store_incident incident;
        } any;
        st = sql_step(select, &row);
        if (st == STATUS_OK && row) {
            st = check_number(store, table, sql_int(select, 0), n);
        }
        if (st == STATUS_OK && row) {
            st = take_row(table, select, arena, &any);
        }
        if (st == STATUS_OK && row) {
            st = text_add(&rows, (const char *)&any, table->size);
        }
    }
    sql_finish(&select);
    const struct store_list list = {&rows, table->size, arena};
    return store_end_list(&list, out, count, st);
}

static enum status insert(struct store *store, enum store_table which, const void *row,
                          uint32_t number)
{
    const struct table *table = &TABLES[which];
    struct sql_statement *put = NULL;
    enum status st = prepare(&put, store, table, true);

    if (st != STATUS_OK) {
        return st;
    }
    if (table->numbered) {
        sql_bind_int(put, number);
    }
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct value value = get_member(&table->column[i], row);
        if (table->column[i].type == COLUMN_REAL) {
            sql_bind_real(put, value.real);
        } else if (table->column[i].type == COLUMN_TEXT) {
            sql_bind_text(put, value.text);
        } else {
            sql_bind_int(put, value.number);
        }
    }
    sql_bind_digest(put);
    st = sql_execute(put);
    sql_finish(&put);
    return st;
}

/* By the id that stands at the head of both structs. */
static int compare_id(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* Rows with ids of their own: those that are not there are written, the others must be equal. */
static enum status put_rows(struct store *store, enum store_table which, const void *rows,
                            uint32_t count)
{
    const struct table *table = &TABLES[which];
    struct arena arena = {0};
    void *there = NULL;
    uint32_t n_there = 0;
    enum status st = store_tables_read(store, which, &arena, &there, &n_there);

    for (uint32_t i = 0; i < count && st == STATUS_OK; i++) {
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
            st = insert(store, which, row, 0);
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

    return st == STATUS_OK ? store_end(store, put_rows(store, STORE_STRATA, strata, count)) : st;
}

enum status store_put_items(struct store *store, const struct store_item *items, uint32_t count)
{
    const enum status st = store_begin(store);

    return st == STATUS_OK ? store_end(store, put_rows(store, STORE_ITEMS, items, count)) : st;
}

enum status store_put_item(struct store *store, const struct store_item *item)
{
    return store_put_items(store, item, 1);
}

static enum status find_or_add_device(struct store *store, const struct store_device *device,
                                      uint32_t *out)
{
    struct arena arena = {0};
    void *there = NULL;
    uint32_t count = 0;
    enum status st = store_tables_read(store, STORE_DEVICES, &arena, &there, &count);
    const struct store_device *devices = there;

    *out = 0;
    while (st == STATUS_OK && *out < count &&
           store_tables_difference(STORE_DEVICES, device, &devices[*out])) {
        ++*out;
    }
    if (st == STATUS_OK && *out == count) {
        st = insert(store, STORE_DEVICES, device, count);
    }
    arena_finish(&arena);
    return st;
}

enum status store_device(struct store *store, const struct store_device *device, uint32_t *out)
{
    const enum status st = store_begin(store);

    return st == STATUS_OK ? store_end(store, find_or_add_device(store, device, out)) : st;
}

enum status store_put_incident(struct store *store, const struct store_incident *incident)
{
    int64_t count = 0;
    enum status st = store_begin(store);

    if (st != STATUS_OK) {
        return st;
    }
    st = sql_number(store->sql, "SELECT count(*) FROM incident", &count);
    return store_end(
        store, st == STATUS_OK ? insert(store, STORE_INCIDENTS, incident, (uint32_t)count) : st);
}

enum status store_read_strata(const struct store *store, struct arena *arena,
                              struct store_stratum **out, uint32_t *count)
{
    void *rows = NULL;
    const enum status st = store_tables_read(store, STORE_STRATA, arena, &rows, count);

    *out = rows;
    return st;
}

enum status store_read_items(const struct store *store, struct arena *arena,
                             struct store_item **out, uint32_t *count)
{
    void *rows = NULL;
    const enum status st = store_tables_read(store, STORE_ITEMS, arena, &rows, count);

    *out = rows;
    return st;
}

enum status store_read_devices(const struct store *store, struct arena *arena,
                               struct store_device **out, uint32_t *count)
{
    void *rows = NULL;
    const enum status st = store_tables_read(store, STORE_DEVICES, arena, &rows, count);

    *out = rows;
    return st;
}

enum status store_read_incidents(const struct store *store, struct arena *arena,
                                 struct store_incident **out, uint32_t *count)
{
    void *rows = NULL;
    const enum status st = store_tables_read(store, STORE_INCIDENTS, arena, &rows, count);

    *out = rows;
    return st;
}
