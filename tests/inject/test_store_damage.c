/* SPDX-License-Identifier: MIT */
/* Databases damaged anywhere: refused in one line, or read as written. */
#include "store_testing.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "inject/store/store_handle.h"

#define TRIALS STORE_TESTING_WHOLE

/* Everything in a database as one text; what cannot be read ends it with a status. */
struct content {
    struct store *store;
    struct text text;
    int64_t rows;
};

static enum status add_row(void *user, const struct trial_row *row)
{
    struct content *content = user;
    struct arena arena = {0};
    struct store_fault *faults;
    uint32_t count;
    enum status st;

    field_pack(&content->text, &trial_row_table, row);
    st = content->text.st;
    if (!st)
        st = store_read_faults(content->store, (uint64_t)row->trial, &arena, &faults, &count);
    for (uint32_t i = 0; !st && i < count; i++)
        st = text_addf(&content->text, "%u %s\n", faults[i].number, faults[i].json);
    content->rows++;
    arena_finish(&arena);
    return st;
}

static enum status add_tables(struct content *content, struct arena *arena)
{
    struct store_stratum *strata;
    struct store_item *items;
    struct store_device *devices;
    struct store_incident *incidents;
    struct text *text = &content->text;
    uint32_t n[4];
    enum status st = store_read_strata(content->store, arena, &strata, &n[0]);

    st = st ? st : store_read_items(content->store, arena, &items, &n[1]);
    st = st ? st : store_read_devices(content->store, arena, &devices, &n[2]);
    st = st ? st : store_read_incidents(content->store, arena, &incidents, &n[3]);
    for (uint32_t i = 0; !st && i < n[0]; i++)
        st = text_addf(text, "%u %s %a %a %llu %d %a\n", strata[i].id, strata[i].label,
                       strata[i].weight, strata[i].size, (unsigned long long)strata[i].planned,
                       strata[i].distinct_faults, strata[i].no_fault);
    for (uint32_t i = 0; !st && i < n[1]; i++)
        st = text_addf(text, "%u %s %s %s %s %u %u %a %d\n", items[i].id, items[i].prompt,
                       items[i].text, items[i].tokens, items[i].hash, items[i].n_prompt,
                       items[i].n_tokens, items[i].weight, items[i].underflow);
    for (uint32_t i = 0; !st && i < n[2]; i++)
        st = text_addf(
            text, "%s %s %s %s %s %u\n", devices[i].name, devices[i].uuid ? devices[i].uuid : "-",
            devices[i].driver ? devices[i].driver : "-", devices[i].probe ? devices[i].probe : "-",
            devices[i].cpu_flags ? devices[i].cpu_flags : "-", devices[i].threads);
    for (uint32_t i = 0; !st && i < n[3]; i++)
        st = text_addf(text, "%llu %u %s\n", (unsigned long long)incidents[i].trial,
                       incidents[i].device, incidents[i].what);
    return st;
}

static enum status read_content(const char *path, struct content *out)
{
    struct arena arena = {0};
    enum status st = store_open(&out->store, path);

    if (!st) {
        const struct store_identity *id = store_identity(out->store);
        st = text_addf(&out->text, "%s %s %s %s %s %s %llu %u %u\n", id->plan_hash, id->model_hash,
                       id->shaders, id->contract, id->tool, id->plan,
                       (unsigned long long)id->trials, id->shard, id->shards);
    }
    st = st ? st : add_tables(out, &arena);
    st = st ? st : store_each_row(out->store, add_row, out);
    store_destroy(&out->store);
    arena_finish(&arena);
    return st;
}

struct image {
    char *data;
    size_t size;
    struct text content; /* of the whole file */
    uint32_t refused, unharmed;
};

static void load_image(struct image *out, struct arena *arena, const char *path)
{
    struct content content = {0};

    assert_int_equal(read_content(path, &content), STATUS_OK);
    assert_int_equal(file_read(arena, path, &out->data, &out->size), STATUS_OK);
    out->content = content.text;
}

/* Writes a file without the sync of file_write. */
static void write_file(const char *path, const char *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The damaged file is refused, as input and with its name, or gives what was written. */
static void try_damaged(struct image *image, const char *path, const char *data, size_t size)
{
    struct content content = {0};

    write_file(path, data, size);
    const enum status st = read_content(path, &content);
    if (!st) {
        assert_int_equal(content.text.size, image->content.size);
        assert_memory_equal(content.text.data, image->content.data, image->content.size);
        image->unharmed++;
    } else {
        assert_int_equal(st, STATUS_INPUT);
        assert_non_null(strstr(log_last_error(), path));
        image->refused++;
    }
    text_finish(&content.text);
}

/* Damages the file anywhere, in one of several ways. */
static void damage(char *data, size_t size, struct rng *rng)
{
    const size_t pages = size / 4096, page = rng_below(rng, pages) * 4096;
    const size_t at = rng_below(rng, size);
    size_t n = 1 + rng_below(rng, 32);

    switch (rng_below(rng, 6)) {
    case 0: /* a page that was never written */
        memset(data + page, 0, 4096);
        break;
    case 1: /* a page of another place */
        memmove(data + page, data + rng_below(rng, pages) * 4096, 4096);
        break;
    case 2: /* noise */
        for (n = n < size - at ? n : size - at; n > 0; n--)
            data[at + n - 1] = (char)rng_u32(rng);
        break;
    case 3: /* in the head of a page */
        data[page + rng_below(rng, 16)] ^= (char)(1 << rng_below(rng, 8));
        break;
    default:
        data[at] ^= (char)(1 << rng_below(rng, 8));
    }
}

static void damaged_files_are_refused_or_unharmed(void **state)
{
    const struct store_testing *t = *state;
    struct image image = {0};
    struct arena arena = {0};
    struct rng rng;

    store_testing_make_whole(t->path);
    load_image(&image, &arena, t->path);
    char *copy = arena_alloc(&arena, image.size);
    assert_non_null(copy);
    rng_init(&rng, 4, 12); /* with 12, a key of table fault gets damaged */
    log_set_level(LOG_ERROR - 1);
    for (int i = 0; i < 3000; i++) {
        memcpy(copy, image.data, image.size);
        /* Every byte of the first page's head once, then anywhere. */
        if (i < 100)
            copy[i] ^= (char)(1 << rng_below(&rng, 8));
        else
            damage(copy, image.size, &rng);
        try_damaged(&image, t->path, copy, image.size);
    }
    log_set_level(LOG_WARN);
    print_message("%zu bytes, 3000 damages: %u refused, %u where nothing is kept\n", image.size,
                  image.refused, image.unharmed);
    assert_true(image.refused > 1500);
    text_finish(&image.content);
    arena_finish(&arena);
}

static void truncated_files_are_refused(void **state)
{
    const struct store_testing *t = *state;
    struct image image = {0};
    struct arena arena = {0};

    store_testing_make_whole(t->path);
    load_image(&image, &arena, t->path);
    log_set_level(LOG_ERROR - 1);
    for (size_t size = 0; size < image.size; size += size < 200 ? 1 : 509)
        try_damaged(&image, t->path, image.data, size);
    for (size_t size = 4096; size < image.size; size += 4096)
        try_damaged(&image, t->path, image.data, size);
    log_set_level(LOG_WARN);
    assert_int_equal(image.unharmed, 0);
    text_finish(&image.content);
    arena_finish(&arena);
}

/* A writer that is killed once all is committed: its log stays. */
static void leave_log(const struct store_testing *t)
{
    int how;
    const pid_t child = fork();

    if (child == 0) {
        struct store *store;
        if (store_create(&store, t->path, store_testing_whole_identity()) == STATUS_OK) {
            store_testing_fill_tables(store);
            for (int64_t i = 0; i < TRIALS; i += 10)
                assert_int_equal(store_testing_put(store, i, 1, 10), STATUS_OK);
        }
        raise(SIGKILL);
    }
    waitpid(child, &how, 0);
}

/* Damage in the log of a dead writer: whole batches, as far as the log is whole. */
static void a_damaged_log_gives_whole_batches(void **state)
{
    const struct store_testing *t = *state;
    struct arena arena = {0};
    char log[128], index[128], *data[2];
    size_t size[2];
    struct rng rng;
    int lost = 0;

    leave_log(t);
    snprintf(log, sizeof(log), "%s-wal", t->path);
    snprintf(index, sizeof(index), "%s-shm", t->path);
    assert_int_equal(file_read(&arena, t->path, &data[0], &size[0]), STATUS_OK);
    assert_int_equal(file_read(&arena, log, &data[1], &size[1]), STATUS_OK);
    rng_init(&rng, 6, 6);
    log_set_level(LOG_ERROR - 1);
    for (int i = 0; i < 200; i++) {
        const size_t at = rng_below(&rng, size[1]);
        struct content content = {0};
        data[1][at] ^= 0x10;
        unlink(index);
        write_file(t->path, data[0], size[0]);
        write_file(log, data[1], size[1]);
        assert_int_equal(read_content(t->path, &content), STATUS_OK);
        assert_int_equal(content.rows % 10, 0);
        lost += content.rows < TRIALS;
        data[1][at] ^= 0x10;
        text_finish(&content.text);
    }
    log_set_level(LOG_WARN);
    assert_true(lost > 0);
    arena_finish(&arena);
}

/* A damage in each page of a log: losses after it are counted, whole batches are there. */
static void transactions_behind_a_damage_are_counted(void **state)
{
    const struct store_testing *t = *state;
    struct arena arena = {0};
    struct store_wal wal;
    char log[128], index[128], *data[2];
    size_t size[2];
    uint64_t all, least = UINT64_MAX;

    assert_int_equal(store_wal_read(&wal, t->path), STATUS_OK); /* nothing is there */
    assert_true(wal.kept == 0 && wal.lost == 0);
    leave_log(t);
    assert_int_equal(store_wal_read(&wal, t->path), STATUS_OK);
    all = wal.kept;
    assert_int_equal(wal.lost, 0);
    assert_true(all >= TRIALS / 10);
    snprintf(log, sizeof(log), "%s-wal", t->path);
    snprintf(index, sizeof(index), "%s-shm", t->path);
    assert_int_equal(file_read(&arena, t->path, &data[0], &size[0]), STATUS_OK);
    assert_int_equal(file_read(&arena, log, &data[1], &size[1]), STATUS_OK);
    log_set_level(LOG_ERROR);
    for (size_t at = 32 + 24 + 100; at < size[1]; at += 4096 + 24) {
        struct content content = {0};
        data[1][at] ^= 0x10;
        unlink(index);
        write_file(t->path, data[0], size[0]);
        write_file(log, data[1], size[1]);
        assert_int_equal(store_wal_read(&wal, t->path), STATUS_OK);
        assert_int_equal(wal.kept + wal.lost, all); /* the page is not the last of none */
        assert_true(wal.lost > 0);
        least = wal.lost < least ? wal.lost : least;
        assert_int_equal(read_content(t->path, &content), STATUS_OK);
        /* each batch is a transaction, and so are those that filled the tables before */
        assert_true((int64_t)wal.lost >= (TRIALS - content.rows) / 10);
        if (content.rows > 0)
            assert_int_equal(wal.lost, (TRIALS - content.rows) / 10);
        data[1][at] ^= 0x10;
        text_finish(&content.text);
    }
    assert_int_equal(least, 1);
    /* frames of an older use of the file, after a log that starts anew, are no damage */
    data[1][32 + 8] ^= 1;
    for (size_t at = 32 + 8; at < size[1]; at += 4096 + 24)
        data[1][at] = (char)(data[1][32 + 8]);
    write_file(log, data[1], size[1]);
    assert_int_equal(store_wal_read(&wal, t->path), STATUS_OK);
    assert_true(wal.kept == 0 && wal.lost == 0);
    log_set_level(LOG_WARN);
    arena_finish(&arena);
}

static void edited_values_are_found(void **state)
{
    const struct store_testing *t = *state;
    struct content content = {0};

    store_testing_make_whole(t->path);
    store_testing_sql(t->path,
                      "UPDATE trial SET outcome = 'inert' WHERE outcome = 'masked_tokens'");
    assert_int_equal(read_content(t->path, &content), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "damaged: table trial, row"));
    text_finish(&content.text);
    content = (struct content){0};
    store_testing_sql(t->path, "UPDATE campaign SET trials = 7");
    assert_int_equal(read_content(t->path, &content), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "damaged: table campaign"));
    text_finish(&content.text);
}

static void extra_indexes_and_views_do_no_harm(void **state)
{
    const struct store_testing *t = *state;
    struct content content = {0};

    store_testing_make_whole(t->path);
    store_testing_sql(t->path,
                      "CREATE INDEX mine ON trial (site); CREATE VIEW sdc AS SELECT * FROM trial; "
                      "ANALYZE");
    assert_int_equal(read_content(t->path, &content), STATUS_OK);
    assert_int_equal(content.rows, TRIALS);
    text_finish(&content.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, store_testing_begin, store_testing_end)
        CASE(damaged_files_are_refused_or_unharmed),
        CASE(truncated_files_are_refused),
        CASE(a_damaged_log_gives_whole_batches),
        CASE(transactions_behind_a_damage_are_counted),
        CASE(edited_values_are_found),
        CASE(extra_indexes_and_views_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
