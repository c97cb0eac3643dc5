/* SPDX-License-Identifier: MIT */
/* Power cuts: of what was written and not synced, any part may be lost. A layer between SQLite and
 * the system keeps for each file what is surely on disk and what is under way; at any write the
 * power may go. */
#include "store_testing.h"

#include <sqlite3.h>

#include "base/text.h"

#define BATCH 25
#define TRIALS 300
#define FILES 4
#define WRITES 4096
#define CUTS 1000

/* One write or truncation (data null) under way. */
struct pending {
    char *data;
    size_t size, offset;
};

/* A file by the end of its name: "", "-wal", "-journal". */
struct disk_file {
    char end[16];
    bool exists, named; /* now; and its name is surely in the folder */
    bool deleting;      /* its name may be gone or not */
    struct text durable;
    struct pending pending[WRITES];
    size_t n_pending;
};

/* The rest after one power cut. */
struct cut {
    int64_t committed; /* batches that store_put had returned */
    bool there[FILES];
    struct text file[FILES];
};

/* The one disk that all of this is about: SQLite's callbacks have no place for a pointer to it. */
static struct {
    sqlite3_vfs *real;
    const char *path; /* of the database */
    struct disk_file file[FILES];
    struct rng rng;
    struct cut *cuts;
    size_t n_cuts, events, every;
    int64_t committed;
} disk;

struct shim {
    sqlite3_file base;
    struct disk_file *tracked; /* null: the index, which is not expected to survive */
    sqlite3_file *real;        /* after this struct */
};

static struct disk_file *track(const char *name)
{
    const size_t stem = strlen(disk.path);
    const char *end = name && strncmp(name, disk.path, stem) == 0 ? name + stem : NULL;

    for (size_t i = 0; end && i < FILES; i++) {
        struct disk_file *file = &disk.file[i];
        if (!file->exists && !file->named && !file->deleting && !file->end[0] && i > 0)
            snprintf(file->end, sizeof(file->end), "%s", end);
        if (strcmp(file->end, end) == 0)
            return file;
    }
    return NULL;
}

static void apply(struct text *to, const struct pending *write)
{
    while (to->size < write->offset + write->size)
        assert_int_equal(text_add(to, "", 1), STATUS_OK);
    if (write->data)
        memcpy(to->data + write->offset, write->data, write->size);
    else
        to->size = write->offset;
}

/* The power goes now: each write under way is done or not, or in part, whatever came later. */
static void cut_power(void)
{
    struct cut *cut = &disk.cuts[disk.n_cuts++];

    cut->committed = disk.committed;
    for (size_t i = 0; i < FILES; i++) {
        struct disk_file *file = &disk.file[i];
        const bool named = file->named || (file->exists && rng_below(&disk.rng, 2));
        cut->there[i] = named && !(file->deleting && rng_below(&disk.rng, 2));
        if (!cut->there[i])
            continue;
        assert_int_equal(text_add(&cut->file[i], file->durable.data, file->durable.size),
                         STATUS_OK);
        for (size_t w = 0; w < file->n_pending; w++) {
            struct pending part = file->pending[w];
            const uint64_t how = rng_below(&disk.rng, 5);
            if (how == 0 && part.size > 512)
                part.size = 512 * (1 + rng_below(&disk.rng, part.size / 512));
            if (how < 3)
                apply(&cut->file[i], &part);
        }
    }
}

static void note_event(void)
{
    if (disk.n_cuts < CUTS && rng_below(&disk.rng, disk.every) == 0)
        cut_power();
    disk.events++;
}

static void settle(struct disk_file *file)
{
    for (size_t w = 0; w < file->n_pending; w++) {
        apply(&file->durable, &file->pending[w]);
        free(file->pending[w].data);
    }
    file->n_pending = 0;
}

static void note_write(struct disk_file *file, const void *data, size_t size, size_t offset)
{
    struct pending *write = &file->pending[file->n_pending++];

    assert_true(file->n_pending <= WRITES);
    *write = (struct pending){NULL, size, offset};
    if (data) {
        write->data = malloc(size);
        assert_non_null(write->data);
        memcpy(write->data, data, size);
    }
    note_event();
}

/* SQLite's calls, passed on. */
static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct shim *)(void *)file)->real;
}

static int shim_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int shim_read(sqlite3_file *file, void *to, int size, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), to, size, offset);
}

static int shim_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 offset)
{
    struct disk_file *tracked = ((struct shim *)(void *)file)->tracked;

    if (tracked)
        note_write(tracked, from, (size_t)size, (size_t)offset);
    return real_of(file)->pMethods->xWrite(real_of(file), from, size, offset);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct disk_file *tracked = ((struct shim *)(void *)file)->tracked;

    if (tracked)
        note_write(tracked, NULL, 0, (size_t)size);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

/* A file's first sync syncs the folder too (os_unix.c, UNIXFILE_DIRSYNC for journals and logs). */
static int shim_sync(sqlite3_file *file, int flags)
{
    struct disk_file *tracked = ((struct shim *)(void *)file)->tracked;

    if (tracked) {
        note_event();
        settle(tracked);
        for (size_t i = 0; i < FILES && tracked->end[0]; i++) {
            disk.file[i].named = disk.file[i].exists;
            disk.file[i].deleting = false;
        }
        note_event();
    }
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *out)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), out);
}

static int shim_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shim_reserved(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int shim_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int shim_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

/* Promises nothing: the disk tears sectors and reorders writes. */
static int shim_traits(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static int shim_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void shim_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shim_unmap(sqlite3_file *file, int remove_it)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove_it);
}

static const sqlite3_io_methods SHIM_METHODS = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_traits,
    .xShmMap = shim_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_barrier,
    .xShmUnmap = shim_unmap,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct shim *shim = (struct shim *)(void *)file;

    (void)vfs;
    shim->real = (sqlite3_file *)(void *)(shim + 1);
    shim->tracked = track(name);
    const int rc = disk.real->xOpen(disk.real, name, shim->real, flags, out);
    shim->base.pMethods = rc == SQLITE_OK ? &SHIM_METHODS : NULL;
    if (rc == SQLITE_OK && shim->tracked)
        shim->tracked->exists = true;
    return rc;
}

static int shim_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    struct disk_file *tracked = track(name);

    (void)vfs;
    if (tracked && tracked->exists) {
        tracked->deleting = true;
        note_event();
        tracked->exists = false;
        if (sync_folder) {
            tracked->named = tracked->deleting = false;
            settle(tracked);
            tracked->durable.size = 0;
        }
    }
    return disk.real->xDelete(disk.real, name, sync_folder);
}

static void start_disk(const char *path, sqlite3_vfs *vfs, uint64_t seed)
{
    memset(&disk, 0, sizeof(disk));
    disk.real = sqlite3_vfs_find(NULL);
    disk.path = path;
    disk.cuts = calloc(CUTS, sizeof(*disk.cuts));
    disk.every = 2;
    assert_non_null(disk.cuts);
    rng_init(&disk.rng, 99, seed);
    *vfs = *disk.real;
    vfs->szOsFile = (int)sizeof(struct shim) + disk.real->szOsFile;
    vfs->zName = "power";
    vfs->xOpen = shim_open;
    vfs->xDelete = shim_delete;
    vfs->pNext = NULL;
    assert_int_equal(sqlite3_vfs_register(vfs, 1), SQLITE_OK);
}

static const struct store_identity *identity(void)
{
    static struct store_identity out;

    out = STORE_TESTING_IDENTITY;
    out.trials = TRIALS;
    return &out;
}

/* A campaign in three sittings, the power always about to go. */
static void run_campaign(const char *path)
{
    for (int64_t at = 0; at < TRIALS;) {
        struct store *store;
        assert_int_equal(store_create(&store, path, identity()), STATUS_OK);
        if (disk.committed < 0)
            disk.committed = 0; /* from here on there is a database */
        store_testing_fill_tables(store);
        for (int n = 0; n < TRIALS / BATCH / 3; n++, at += BATCH) {
            assert_int_equal(store_testing_put(store, at, 1, BATCH), STATUS_OK);
            disk.committed++;
        }
        store_destroy(&store);
    }
}

static enum status expect_row(void *user, const struct trial_row *row)
{
    int64_t *next = user;
    struct trial_row expected;

    assert_int_equal(row->trial, *next);
    store_testing_row(&expected, row->trial);
    assert_true(store_testing_same(&expected, row));
    ++*next;
    return STATUS_OK;
}

/* Checks when the power is back. */
static void check_cut(const char *path, struct cut *cut)
{
    struct store *store;
    int64_t rows = 0;

    for (size_t i = 0; i < FILES; i++) {
        char name[160];
        if (i > 0 && !disk.file[i].end[0])
            continue; /* never was */
        snprintf(name, sizeof(name), "%s%s", path, disk.file[i].end);
        unlink(name);
        if (cut->there[i]) {
            FILE *file = fopen(name, "wb");
            assert_non_null(file);
            assert_int_equal(fwrite(cut->file[i].data, 1, cut->file[i].size, file),
                             cut->file[i].size);
            assert_int_equal(fclose(file), 0);
        }
    }
    if (cut->committed < 0) {
        /* The same call goes on, whether there is a database or not. */
        assert_int_equal(store_create(&store, path, identity()), STATUS_OK);
    } else {
        assert_int_equal(store_open(&store, path), STATUS_OK);
    }
    assert_int_equal(store_each_row(store, expect_row, &rows), STATUS_OK);
    assert_int_equal(rows % BATCH, 0);
    const int64_t committed = cut->committed < 0 ? 0 : cut->committed;
    assert_in_range(rows / BATCH, committed, committed + 1);
    store_destroy(&store);
}

static void what_was_committed_survives_any_power_cut(void **state)
{
    const struct store_testing *t = *state;
    char after[96];
    sqlite3_vfs vfs;
    size_t cuts = 0, events = 0;

    snprintf(after, sizeof(after), "%s/after.db", t->folder);
    for (uint64_t seed = 0; seed < 2; seed++) {
        start_disk(t->path, &vfs, seed);
        disk.committed = -1;
        run_campaign(t->path);
        assert_int_equal(sqlite3_vfs_unregister(&vfs), SQLITE_OK);
        assert_int_equal(sqlite3_vfs_register(disk.real, 1), SQLITE_OK);
        for (size_t i = 0; i < disk.n_cuts; i++) {
            check_cut(after, &disk.cuts[i]);
            for (size_t f = 0; f < FILES; f++)
                text_finish(&disk.cuts[i].file[f]);
        }
        for (size_t f = 0; f < FILES; f++) {
            settle(&disk.file[f]);
            text_finish(&disk.file[f].durable);
        }
        cuts += disk.n_cuts;
        events += disk.events;
        free(disk.cuts);
        store_testing_files(t, true);
    }
    print_message("%zu power cuts in %zu writes and syncs\n", cuts, events);
    assert_true(cuts > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_committed_survives_any_power_cut,
                                        store_testing_begin, store_testing_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
