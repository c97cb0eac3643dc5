/* SPDX-License-Identifier: MIT */
/* Databases of one campaign compared, one open at a time: one digest per trial is kept in
 * memory. */
#include "inject/store/store_merge_check.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "inject/store/store_handle.h"
#include "inject/store/store_prompt.h"
#include "inject/store/store_tables.h"

/* Shards that a message names. */
enum { SHARDS_NAMED = 8 };

enum status store_merge_check_init(struct store_merge_check *out, uint32_t room,
                                   const struct store_identity *identity)
{
    struct store_identity *id = &out->identity;

    *out = (struct store_merge_check){.identity = *identity};
    const enum status st = field_copy_texts(store_tables_fields(STORE_CAMPAIGN), id, &out->arena);
    if (st)
        return st;
    id->shard = 0;
    id->shards = 1;
    out->source = arena_array(&out->arena, room, sizeof(*out->source));
    out->digest = arena_array(&out->arena, id->trials, sizeof(*out->digest));
    out->from = arena_array(&out->arena, id->trials, sizeof(*out->from));
    out->suspect = arena_array(&out->arena, id->trials, sizeof(*out->suspect));
    return out->source && out->digest && out->from && out->suspect ? STATUS_OK : STATUS_MEMORY;
}

void store_merge_check_finish(struct store_merge_check *check)
{
    arena_finish(&check->arena);
    *check = (struct store_merge_check){0};
}

/* A merged database (shard 0 of 1) may occur any number of times. */
static enum status check_shard(const struct store_merge_check *check,
                               const struct store_merge_source *source)
{
    for (uint32_t i = 0; i < check->n_sources; i++) {
        const struct store_merge_source *other = &check->source[i];
        if (source->shards > 1 && other->shard == source->shard &&
            other->shards == source->shards) {
            log_error("%s: found shard %" PRIu32 "/%" PRIu32 " again, first in %s, expected each "
                      "shard once",
                      source->path, source->shard, source->shards, other->path);
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

/* A walk through the rows of one database. */
struct walk {
    struct store_merge_check *check;
    const struct store *store;
    const struct store_merge_source *source;
};

static enum status fold_faults(const struct walk *walk, const struct trial_row *row,
                               uint64_t *digest)
{
    struct arena arena = {0};
    struct store_fault *faults;
    uint32_t count;
    enum status st = store_read_faults(walk->store, (uint64_t)row->trial, &arena, &faults, &count);

    for (uint32_t i = 0; !st && i < count; i++) {
        *digest = hash_fold64(*digest, faults[i].number);
        *digest = hash_fold_bytes(*digest, faults[i].json, strlen(faults[i].json));
    }
    arena_finish(&arena);
    return st;
}

/* Finds the field for the message in the first database with the trial. */
static enum status tell_difference(const struct walk *walk, const struct trial_row *row)
{
    const struct store_merge_source *first =
        &walk->check->source[walk->check->from[row->trial] - 1];
    struct trial_row_difference difference = {0};
    struct arena arena = {0};
    struct store *store = NULL;
    struct trial_row other;
    bool found = false;
    enum status st = store_open(&store, first->path);

    if (!st)
        st = store_find_row(store, (uint64_t)row->trial, &arena, &other, &found);
    if (!st) {
        const bool same = !found || trial_row_compare(row, &other, &difference);
        log_error("%s: trial %" PRId64 " differs from that of %s: %s", walk->source->path,
                  row->trial, first->path, same ? "further faults" : difference.text);
        st = STATUS_INPUT;
    }
    store_destroy(&store);
    arena_finish(&arena);
    return st;
}

/* Takes the trial from the current source. */
static void take(struct store_merge_check *check, const struct trial_row *row, uint64_t digest)
{
    check->from[row->trial] = check->n_sources + 1;
    check->digest[row->trial] = digest;
    check->suspect[row->trial] = row->suspect != NULL;
    check->n_suspect += row->suspect != NULL;
}

/* A trial that is trusted in one database and suspect in another is the former's. */
static enum status check_row(void *user, const struct trial_row *row)
{
    const struct walk *walk = user;
    struct store_merge_check *check = walk->check;
    uint64_t digest = trial_row_digest(row);

    if ((uint64_t)row->trial >= check->identity.trials ||
        (uint64_t)row->trial % walk->source->shards != walk->source->shard) {
        log_error("%s: damaged: found trial %" PRId64 ", expected one of shard %" PRIu32 "/%" PRIu32
                  " of %" PRIu64 " trials",
                  walk->source->path, row->trial, walk->source->shard, walk->source->shards,
                  check->identity.trials);
        return STATUS_INPUT;
    }
    const enum status st = fold_faults(walk, row, &digest);
    if (st)
        return st;
    if (check->from[row->trial] == 0) {
        check->here++;
        take(check, row, digest);
        return STATUS_OK;
    }
    check->overlap++;
    const bool was_suspect = check->suspect[row->trial], is_suspect = row->suspect != NULL;
    if (was_suspect && !is_suspect) {
        check->n_suspect--;
        take(check, row, digest);
    }
    return was_suspect != is_suspect || check->digest[row->trial] == digest
               ? STATUS_OK
               : tell_difference(walk, row);
}

/* Adds the rows of a small table, sorted by the id at their head, to those known. */
struct join {
    enum store_table table;
    const char *name;
    size_t size; /* of a struct */
    void **known;
    uint32_t *n_known;
};

static uint32_t id_of(const void *row)
{
    uint32_t id;

    memcpy(&id, row, sizeof(id));
    return id;
}

/* Rows of one id are one row. */
static enum status check_equal(const char *path, const struct join *join, const void *a,
                               const void *b)
{
    const char *differs = store_tables_difference(join->table, a, b);
    struct store_prompt_difference prompt = {0};

    if (!differs)
        return STATUS_OK;
    if (join->table == STORE_ITEMS) {
        const struct store_item *first = a, *second = b;
        store_prompt_same(second->prompt_ids, first->prompt_ids, &prompt);
    }
    log_error("%s: %s %" PRIu32 " differs from that of the databases before it: %s", path,
              join->name, id_of(b), prompt.text[0] ? prompt.text : differs);
    return STATUS_INPUT;
}

static enum status join_table(struct store_merge_check *check, const struct store *store,
                              const char *path, const struct join *join)
{
    void *found = NULL;
    uint32_t n_found = 0, n = 0;
    enum status st = store_tables_read(store, join->table, &check->arena, &found, &n_found);
    char *both = arena_array(&check->arena, (size_t)n_found + *join->n_known, join->size);
    const char *a = *join->known, *a_end = a + *join->n_known * join->size;
    const char *b = found, *b_end = b + n_found * join->size;

    if (!both)
        return STATUS_MEMORY;
    while (!st && (a < a_end || b < b_end)) {
        const bool from_a = b == b_end || (a < a_end && id_of(a) <= id_of(b));
        const bool equal = a < a_end && b < b_end && id_of(a) == id_of(b);
        if (equal)
            st = check_equal(path, join, a, b);
        memcpy(both + n++ * join->size, from_a ? a : b, join->size);
        a += from_a ? join->size : 0;
        b += !from_a || equal ? join->size : 0;
    }
    *join->known = both;
    *join->n_known = n;
    return st;
}

enum status store_merge_check_add(struct store_merge_check *check, const struct store *store,
                                  const char *path)
{
    const struct store_identity *id = store_identity(store);
    struct store_merge_source *source = &check->source[check->n_sources];
    void *strata = check->strata, *items = check->items;
    const struct join joins[] = {
        /* first what the others depend on: strata are drawn over the items' lengths */
        {STORE_ITEMS, "item", sizeof(struct store_item), &items, &check->n_items},
        {STORE_STRATA, "stratum", sizeof(struct store_stratum), &strata, &check->n_strata},
    };
    *source = (struct store_merge_source){path, id->shard, id->shards};
    enum status st = store_identity_compare(path, id, &check->identity);

    if (!st)
        st = check_shard(check, source);
    for (size_t i = 0; i < sizeof(joins) / sizeof(*joins) && !st; i++)
        st = join_table(check, store, path, &joins[i]);
    check->strata = strata;
    check->items = items;
    if (!st) {
        struct walk walk = {check, store, source};
        st = store_each_row(store, check_row, &walk);
    }
    check->n_sources++;
    return st;
}

/* "; 250 of shard 2/4" for each shard that lacks some. */
static enum status add_shards(const struct store_merge_check *check, struct text *words,
                              uint32_t shards)
{
    struct arena arena = {0};
    uint64_t *missing = arena_array(&arena, shards, sizeof(*missing));
    uint32_t named = 0, more = 0;
    enum status st = missing ? STATUS_OK : STATUS_MEMORY;

    for (uint64_t id = 0; !st && id < check->identity.trials; id++)
        missing[id % shards] += check->from[id] == 0;
    for (uint32_t i = 0; !st && i < shards; i++) {
        if (missing[i] == 0)
            continue;
        more += named == SHARDS_NAMED;
        if (named < SHARDS_NAMED)
            text_addf(words, "%s%" PRIu64 " of shard %" PRIu32 "/%" PRIu32, named++ ? ", " : ": ",
                      missing[i], i, shards);
    }
    if (more > 0)
        text_addf(words, ", and of %" PRIu32 " more", more);
    arena_finish(&arena);
    return text_take(words, st);
}

enum status store_merge_check_missing(struct store_merge_check *check, uint64_t *out_count,
                                      const char **out_words)
{
    struct text words = {0};
    uint32_t shards = 1;

    *out_count = check->identity.trials - check->here;
    for (uint32_t i = 0; i < check->n_sources; i++)
        shards = check->source[i].shards > shards ? check->source[i].shards : shards;
    enum status st = text_addf(&words, "%" PRIu64 " of %" PRIu64 " trials are missing", *out_count,
                               check->identity.trials);
    if (!st && shards > 1)
        st = add_shards(check, &words, shards);
    if (!st) {
        *out_words = arena_text(&check->arena, words.data, words.size);
        st = *out_words ? STATUS_OK : STATUS_MEMORY;
    }
    text_finish(&words);
    return st;
}
