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

static struct store_merge_arm *find_arm(struct store_merge_check *check, const char *name)
{
    const uint32_t room = check->n_arms + 1;
    for (uint32_t i = 0; i < check->n_arms; i++) {
        if (strcmp(check->arm[i].name, name) == 0)
            return &check->arm[i];
    }
    struct store_merge_arm *arms = arena_array(&check->arena, room, sizeof(*arms));
    const char *copy = arena_text(&check->arena, name, strlen(name));
    if (!arms || !copy)
        return NULL;
    if (check->n_arms > 0)
        memcpy(arms, check->arm, check->n_arms * sizeof(*arms));
    check->arm = arms;
    arms[check->n_arms] = (struct store_merge_arm){.name = copy};
    return &arms[check->n_arms++];
}

struct store_merge_row *store_merge_check_find(struct store_merge_check *check,
                                               const struct trial_row *row)
{
    struct store_merge_arm *arm = find_arm(check, row->arm);
    const uint64_t trials = check->identity.trials;
    const uint64_t at =
        row->trial >= 0 ? (uint64_t)row->trial : trials + (uint64_t)(-1 - row->trial);
    if (arm && at >= arm->count) {
        const uint64_t count = at < trials                    ? trials
                               : at < trials + check->n_items ? trials + check->n_items
                                                              : at + 1;
        struct store_merge_row *rows = arena_array(&check->arena, count, sizeof(*rows));
        if (!rows)
            return NULL;
        if (arm->count > 0)
            memcpy(rows, arm->row, arm->count * sizeof(*rows));
        arm->row = rows;
        arm->count = count;
    }
    return arm ? &arm->row[at] : NULL;
}

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
    return out->source && find_arm(out, STORE_ARM_NONE) ? STATUS_OK : STATUS_MEMORY;
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
static enum status tell_difference(const struct walk *walk, const struct trial_row *row,
                                   uint32_t from)
{
    const struct store_merge_source *first = &walk->check->source[from - 1];
    const struct store_key key = {row->trial, row->arm};
    struct trial_row_difference difference = {0};
    struct arena arena = {0};
    struct store *store = NULL;
    struct trial_row other;
    bool found = false;
    enum status st = store_open(&store, first->path);

    if (!st)
        st = store_find_armed(store, &key, &arena, &other, &found);
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
static void take(struct store_merge_check *check, struct store_merge_row *to,
                 const struct trial_row *row, uint64_t digest)
{
    to->from = check->n_sources + 1;
    to->digest = digest;
    to->suspect = row->suspect != NULL;
    check->n_suspect += row->suspect != NULL;
}

static enum status check_place(const struct walk *walk, const struct trial_row *row)
{
    const bool clean = row->trial < 0 && strcmp(row->arm, STORE_ARM_NONE) != 0;
    const uint64_t key = clean ? (uint64_t)(-1 - row->trial) : (uint64_t)row->trial;

    if ((clean || key < walk->check->identity.trials) &&
        key % walk->source->shards == walk->source->shard)
        return STATUS_OK;
    log_error("%s: damaged: found trial %" PRId64 ", expected one of shard %" PRIu32 "/%" PRIu32
              " of %" PRIu64 " trials",
              walk->source->path, row->trial, walk->source->shard, walk->source->shards,
              walk->check->identity.trials);
    return STATUS_INPUT;
}

/* A trial that is trusted in one database and suspect in another is the former's. */
static enum status check_row(void *user, const struct trial_row *row)
{
    const struct walk *walk = user;
    struct store_merge_check *check = walk->check;
    const bool armed = strcmp(row->arm, STORE_ARM_NONE) != 0;
    uint64_t digest = trial_row_digest(row);
    enum status st = check_place(walk, row);

    if (!st && !armed)
        st = fold_faults(walk, row, &digest);
    struct store_merge_row *known = st ? NULL : store_merge_check_find(check, row);
    if (!known)
        return st ? st : STATUS_MEMORY;
    if (known->from == 0) {
        check->here += !armed;
        take(check, known, row, digest);
        return STATUS_OK;
    }
    check->overlap += !armed;
    const bool is_suspect = row->suspect != NULL;
    if (known->suspect != is_suspect) {
        if (known->suspect) {
            check->n_suspect--;
            take(check, known, row, digest);
        }
        return STATUS_OK;
    }
    return known->digest == digest ? STATUS_OK : tell_difference(walk, row, known->from);
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
        st = st ? st : store_each_armed(store, check_row, &walk);
    }
    check->n_sources++;
    return st;
}

/* "; 250 of shard 2/4" for each shard that lacks some. */
static enum status add_shards(const struct store_merge_check *check, struct text *words,
                              uint32_t shards)
{
    struct arena arena = {0};
    const struct store_merge_arm *none = &check->arm[0];
    uint64_t *missing = arena_array(&arena, shards, sizeof(*missing));
    uint32_t named = 0, more = 0;
    enum status st = missing ? STATUS_OK : STATUS_MEMORY;

    for (uint64_t id = 0; !st && id < check->identity.trials; id++)
        missing[id % shards] += id >= none->count || none->row[id].from == 0;
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
