/* SPDX-License-Identifier: MIT */
/* What tests of the store share: a scratch folder, an identity, rows made from their trial's id. */
#ifndef VKFI_TEST_STORE_TESTING_H
#define VKFI_TEST_STORE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/text.h"
#include "inject/store/store.h"
#include "inject/store/store_doubt.h"

#define STORE_TESTING_ITEMS 4
#define STORE_TESTING_STRATA 3
#define STORE_TESTING_TEXT 160

#define STORE_TESTING_HASH(digit)                                                                  \
    digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit

static const struct store_identity STORE_TESTING_IDENTITY = {
    .plan_hash = STORE_TESTING_HASH("a1b2"),
    .model_hash = STORE_TESTING_HASH("0f1e"),
    .shaders = "5d41402abc4b2a76",
    .contract = "exact-1",
    .tool = "vkfi 0.1.0",
    .model = "tiny (llama, F32), a text longer than what a freed block keeps by chance",
    .plan = "{\"title\": \"\xc3\xa4 plan\", \"n\": 8}",
    .trials = 1000,
    .shard = 0,
    .shards = 1,
};

struct store_testing {
    char folder[64];
    char path[96]; /* a database there */
};

static inline int store_testing_begin(void **state)
{
    struct store_testing *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    snprintf(t->folder, sizeof(t->folder), "/tmp/vkfi-test-store-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    snprintf(t->path, sizeof(t->path), "%s/out.db", t->folder);
    *state = t;
    return 0;
}

/* Files in the folder; removed if asked. */
static inline size_t store_testing_files(const struct store_testing *t, bool remove_them)
{
    DIR *dir = opendir(t->folder);
    size_t count = 0;

    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char name[sizeof(t->folder) + sizeof(e->d_name) + 2];
        if (e->d_name[0] == '.')
            continue;
        count++;
        snprintf(name, sizeof(name), "%s/%s", t->folder, e->d_name);
        if (remove_them)
            assert_int_equal(remove(name), 0);
    }
    closedir(dir);
    return count;
}

static inline int store_testing_end(void **state)
{
    struct store_testing *t = *state;

    store_testing_files(t, true);
    const int failed = rmdir(t->folder);
    free(t);
    return failed;
}

/* Numbers that a database or a text form may get wrong. */
static inline double store_testing_real(struct rng *rng)
{
    static const double reals[] = {0.0,  -0.0,     0.1,       -1.5,   3.0,      1e300, 5e-324,
                                   1e22, INFINITY, -INFINITY, 1 / 3., 2.2e-308, NAN};
    const uint64_t pick = rng_below(rng, 2 * sizeof(reals) / sizeof(*reals));

    return pick < sizeof(reals) / sizeof(*reals) ? reals[pick] : rng_unit(rng) - 0.5;
}

static inline int64_t store_testing_int(struct rng *rng)
{
    static const int64_t ints[] = {0, 1, -1, INT64_MAX, INT64_MIN + 1, UINT32_MAX, TRIAL_ROW_NULL};
    const uint64_t pick = rng_below(rng, 2 * sizeof(ints) / sizeof(*ints));

    return pick < sizeof(ints) / sizeof(*ints) ? ints[pick] : (int64_t)rng_below(rng, 5000);
}

static inline const char *store_testing_text(struct rng *rng)
{
    static const char *const texts[] = {
        NULL,
        "",
        "plain",
        "with, comma",
        "say \"so\"",
        "two\nlines\r\n",
        " blank ",
        "'; DROP TABLE trial; --",
        "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
        "\x01\x1f\x7f",
        TEXT_NUL "nulls, " TEXT_NUL TEXT_NUL,
        "null",
        "NaN",
        "Infinity",
        "007",
        "\xef\xbb\xbf"
        "bom",
        "back\\slash\ttab",
    };
    return texts[rng_below(rng, sizeof(texts) / sizeof(*texts))];
}

/* The row of a trial: all fields drawn by its id, within what the schema allows. */
static inline void store_testing_row(struct trial_row *out, int64_t trial)
{
    static const char *const outcomes[] = {"inert",         "due",          "masked_bitexact",
                                           "masked_tokens", "sdc_unscored", "sdc_critical"};
    static const char *const faults[] = {"{\"site\":\"blk.3.attn_q\",\"seed\":9007199254740993}",
                                         "{\"site\":\"\\u00e4, \\\"b\\\"\",\"rate\":0.1}"};
    static const char *const controls[] = {NULL, NULL, NULL, NULL, NULL, "dry", "naive"};
    struct rng rng;

    rng_init(&rng, 7, (uint64_t)trial);
    trial_row_init(out);
    for (size_t i = 0; i < trial_row_table.count; i++) {
        const enum field_kind kind = field_kind(&trial_row_table.field[i]);
        const struct field_value value = {
            .number = kind == FIELD_KIND_NUMBER ? store_testing_int(&rng) : 0,
            .real = kind == FIELD_KIND_REAL ? store_testing_real(&rng) : 0,
            .text = kind == FIELD_KIND_TEXT ? store_testing_text(&rng) : NULL};
        field_set(&trial_row_table.field[i], out, value);
    }
    out->fault = faults[rng_below(&rng, 2)];
    out->width = 1 + (int64_t)rng_below(&rng, 32);
    out->deviation = rng_below(&rng, 2) ? "[[0,0,0],[0.1,\"Infinity\",12]]" : NULL;
    out->trial = trial;
    out->arm = "none";
    out->arm_weight = NAN;
    out->protection = rng_below(&rng, 2) ? "corrected" : NULL;
    out->verdict = rng_below(&rng, 2) ? "uncorrected" : NULL;
    out->control = controls[rng_below(&rng, 7)];
    out->item = (int64_t)rng_below(&rng, STORE_TESTING_ITEMS);
    out->stratum = (int64_t)rng_below(&rng, STORE_TESTING_STRATA);
    out->n_faults = trial % 5 == 4 ? 3 : 1;
    out->place = "op";
    out->site = "blk.3.attn_q";
    out->point = "out";
    out->mc_target = rng_below(&rng, 2) ? NULL : "one_choice";
    out->readers = rng_below(&rng, 2) ? NULL : "tile";
    out->granularity = "element";
    out->kind = "flip";
    out->duration = "transient";
    out->stage = "decode";
    out->dir = rng_below(&rng, 2) ? "0>1" : NULL;
    out->outcome = outcomes[rng_below(&rng, 6)];
    out->due_reason = strcmp(out->outcome, "due") == 0 ? "nan_trap" : NULL;
    out->path = rng_below(&rng, 2) ? "fast" : "naive";
    out->attempts = 1;
    out->device_id = (int64_t)rng_below(&rng, 2);
    out->suspect = NULL;
}

/* Further faults of a trial: fault 1 and 2 of each fifth one. */
static inline uint32_t store_testing_faults(struct store_fault out[2],
                                            char json[2][STORE_TESTING_TEXT], int64_t trial)
{
    if (trial % 5 != 4)
        return 0;
    for (uint32_t i = 0; i < 2; i++) {
        snprintf(json[i], STORE_TESTING_TEXT, "{\"site\": \"blk.%u.attn_q\", \"row\": %lld}", i,
                 (long long)trial);
        out[i] = (struct store_fault){(uint64_t)trial, i + 1, json[i]};
    }
    return 2;
}

/* The devices of store_testing_row, 0 and 1. */
static const struct store_device STORE_TESTING_DEVICES[2] = {
    {.name = "cpu:avx2", .cpu_flags = "avx2 f16c", .threads = 2},
    {.name = "llvmpipe", .uuid = "00ff", .driver = "lavapipe", .probe = "{}", .threads = 0}};

static inline void store_testing_fill_plan(struct store *store)
{
    static const struct store_stratum strata[STORE_TESTING_STRATA] = {
        {0, "layer=0", 0.25, 1e12, 400, true, 0},
        {1, "layer=1", 0.75, 3e12, 500, false, 0.625},
        {2, "rest", NAN, 1, 100, true, 0}};
    char prompt[32];

    assert_int_equal(store_put_strata(store, strata, STORE_TESTING_STRATA), STATUS_OK);
    for (uint32_t i = 0; i < STORE_TESTING_ITEMS; i++) {
        snprintf(prompt, sizeof(prompt), "prompt %u", i);
        const struct store_item item = {.id = i,
                                        .prompt = prompt,
                                        .text = "golden",
                                        .prompt_group = i % 2 ? "maths" : "",
                                        .prompt_ids = i % 2 ? "[3,1,2]" : "[3,1]",
                                        .tokens = "[1, 2]",
                                        .hash = "0011223344556677",
                                        .n_prompt = 5 + i,
                                        .n_tokens = 8,
                                        .weight = 0.25,
                                        .underflow = i == 2,
                                        .sample = i == 3 ? STORE_ONE_SAMPLE : 2 * i};
        assert_int_equal(store_put_item(store, &item), STATUS_OK);
    }
}

static inline void store_testing_fill_tables(struct store *store)
{
    uint32_t id;

    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(store_device(store, &STORE_TESTING_DEVICES[i], &id), STATUS_OK);
        assert_int_equal(id, i);
    }
    store_testing_fill_plan(store);
}

/* One batch: `count` trials from `first` on, `step` apart. */
static inline enum status store_testing_put(struct store *store, int64_t first, int64_t step,
                                            uint32_t count)
{
    struct trial_row *rows = calloc(count, sizeof(*rows));
    struct store_fault *faults = calloc(2 * count, sizeof(*faults));
    char(*json)[STORE_TESTING_TEXT] = calloc(2 * count, sizeof(*json));
    struct store_batch batch = {.rows = rows, .n_rows = count, .faults = faults};

    assert_true(rows && faults && json);
    for (uint32_t i = 0; i < count; i++) {
        store_testing_row(&rows[i], first + i * step);
        batch.n_faults +=
            store_testing_faults(&faults[batch.n_faults], &json[batch.n_faults], first + i * step);
    }
    const enum status st = store_put(store, &batch);
    free(rows);
    free(faults);
    free(json);
    return st;
}

#define STORE_TESTING_WHOLE 120 /* trials of a small, complete database */

static inline const struct store_identity *store_testing_whole_identity(void)
{
    static struct store_identity out;

    out = STORE_TESTING_IDENTITY;
    out.trials = STORE_TESTING_WHOLE;
    return &out;
}

static inline void store_testing_make_whole(const char *path)
{
    const struct store_incident incident = {3, 1, "device lost"};
    struct store *store;

    assert_int_equal(store_create(&store, path, store_testing_whole_identity()), STATUS_OK);
    store_testing_fill_tables(store);
    assert_int_equal(store_put_incident(store, &incident), STATUS_OK);
    for (int64_t i = 0; i < STORE_TESTING_WHOLE; i += 40)
        assert_int_equal(store_testing_put(store, i, 1, 40), STATUS_OK);
    store_destroy(&store);
}

/* Runs SQL that the store does not know of. */
static inline void store_testing_sql(const char *path, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Compares every field, also those that may differ. */
static inline bool store_testing_same(const struct trial_row *a, const struct trial_row *b)
{
    const struct field *differs = field_difference(&trial_row_table, a, b);

    if (differs)
        print_error("trial %lld: %s\n", (long long)a->trial, differs->name);
    return !differs;
}

#endif
