/* SPDX-License-Identifier: MIT */
/* Mapping, release of clean pages, whole reads and writes by rename. */
#define _GNU_SOURCE /* O_TMPFILE */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

struct folder {
    char path[64], file[96];
};

static int set_up(void **state)
{
    static struct folder folder;

    snprintf(folder.path, sizeof(folder.path), "/tmp/vkfi-test-file-XXXXXX");
    assert_non_null(mkdtemp(folder.path));
    snprintf(folder.file, sizeof(folder.file), "%s/data", folder.path);
    *state = &folder;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *folder = *state;
    unlink(folder->file);
    return rmdir(folder->path);
}

static size_t count_entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;

    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void a_mapping_is_writable_and_the_file_unchanged(void **state)
{
    const struct folder *folder = *state;
    struct file_map map;
    struct arena arena = {0};
    char *text;
    size_t size;

    assert_int_equal(file_write(folder->file, "hello", 5), STATUS_OK);
    assert_int_equal(file_map_init(&map, folder->file), STATUS_OK);
    assert_int_equal(map.size, 5);
    map.data[0] = 'J';
    assert_memory_equal(map.data, "Jello", 5);
    assert_int_equal(file_read(&arena, folder->file, &text, &size), STATUS_OK);
    assert_int_equal(size, 5);
    assert_string_equal(text, "hello");
    file_map_finish(&map);
    assert_null(map.data);
    file_map_finish(&map);
    arena_finish(&arena);
}

/* Pages from `first` on that are in memory through the mapping (not just in the file cache). */
static size_t count_mapped(const struct file_map *map, size_t first, size_t pages)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const int fd = open("/proc/self/pagemap", O_RDONLY);
    size_t count = 0;

    assert_true(fd >= 0);
    for (size_t i = first; i < first + pages; i++) {
        uint64_t entry = 0;
        const off_t at = (off_t)(((uintptr_t)map->data / page + i) * sizeof(entry));
        assert_int_equal(pread(fd, &entry, sizeof(entry), at), sizeof(entry));
        count += entry >> 63;
    }
    close(fd);
    return count;
}

static void touch(const struct file_map *map, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        (void)*(const volatile uint8_t *)&map->data[i];
}

static void release_drops_clean_pages_and_keeps_written_ones(void **state)
{
    const struct folder *folder = *state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t size = 700 * page + 100;
    uint8_t *bytes = malloc(size);
    struct file_map map;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 31 + i / page);
    assert_int_equal(file_write(folder->file, bytes, size), STATUS_OK);
    assert_int_equal(file_map_init(&map, folder->file), STATUS_OK);
    touch(&map, 0, size);
    map.data[5 * page + 3] ^= 0x80;
    map.data[size - 1] ^= 1;
    bytes[5 * page + 3] ^= 0x80;
    bytes[size - 1] ^= 1;

    /* The system may drop clean pages by itself, so only what was just read is surely there. */
    touch(&map, 10 * page, 16 * page);
    assert_int_equal(count_mapped(&map, 10, 6), 6);
    file_map_release(&map, 10 * page + 1, 5 * page); /* pages 11 to 14 lie wholly inside */
    assert_int_equal(count_mapped(&map, 11, 4), 0);
    assert_int_equal(count_mapped(&map, 15, 1), 1);

    file_map_release(&map, 0, SIZE_MAX);
    file_map_release(&map, size, 1);
    assert_int_equal(count_mapped(&map, 0, 701), 2);
    assert_memory_equal(map.data, bytes, size);

    /* the file's own bytes, whatever was written to the mapping */
    uint8_t stored[3];
    assert_int_equal(file_map_read(&map, size - 3, stored, 3), STATUS_OK);
    assert_int_equal(stored[2], bytes[size - 1] ^ 1);
    assert_int_equal(file_map_read(&map, size - 2, stored, 3), STATUS_INTERNAL);
    assert_int_equal(file_map_read(&map, size + 1, stored, 0), STATUS_INTERNAL);
    file_map_finish(&map);
    free(bytes);
}

static void what_cannot_be_read_is_named(void **state)
{
    const struct folder *folder = *state;
    struct file_map map;
    struct arena arena = {0};
    char *text;
    size_t size;

    assert_int_equal(file_map_init(&map, folder->path), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "found a directory"));
    unlink(folder->file);
    assert_int_equal(mkfifo(folder->file, 0600),
                     0); /* nobody writes to it, and reading does not wait */
    assert_int_equal(file_map_init(&map, folder->file), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "expected a regular file"));
    assert_int_equal(unlink(folder->file), 0);
    assert_int_equal(file_map_init(&map, "/nonexistent/model.gguf"), STATUS_IO);
    assert_non_null(strstr(log_last_error(), "/nonexistent/model.gguf: cannot open: No such file"));
    assert_int_equal(file_read(&arena, "/nonexistent/x", &text, &size), STATUS_IO);
    assert_int_equal(file_read(&arena, folder->path, &text, &size), STATUS_IO);
    assert_int_equal(file_write("/nonexistent/x", "a", 1), STATUS_IO);
    assert_int_equal(file_write("/dev/full/x", "a", 1), STATUS_IO);
    arena_finish(&arena);
}

static void the_sum_of_a_file(void **state)
{
    const struct folder *folder = *state;
    char sum[HASH_SHA256_TEXT], expected[HASH_SHA256_TEXT];

    assert_int_equal(file_sha256(folder->file, sum), STATUS_IO);
    for (size_t n = 0; n < 4; n++) { /* an empty one has no mapping */
        assert_int_equal(file_write(folder->file, "abc", n), STATUS_OK);
        assert_int_equal(file_sha256(folder->file, sum), STATUS_OK);
        hash_sha256("abc", n, expected);
        assert_string_equal(sum, expected);
    }
}

static void an_abandoned_writer_leaves_the_old_file(void **state)
{
    const struct folder *folder = *state;
    struct file_writer writer;
    struct arena arena = {0};
    char *text;
    size_t size;

    assert_int_equal(file_write(folder->file, "old", 3), STATUS_OK);
    assert_int_equal(file_writer_init(&writer, folder->file), STATUS_OK);
    fputs("half of a new", writer.file);
    assert_int_equal(count_entries(folder->path), 2);
    file_writer_finish(&writer);
    file_writer_finish(&writer);
    assert_int_equal(count_entries(folder->path), 1);
    assert_int_equal(file_read(&arena, folder->file, &text, &size), STATUS_OK);
    assert_string_equal(text, "old");
    arena_finish(&arena);
}

static void what_cannot_be_written_is_told_by_the_commit(void **state)
{
    const struct folder *folder = *state;
    const struct rlimit tight = {4096, RLIM_INFINITY}, wide = {RLIM_INFINITY, RLIM_INFINITY};
    struct file_writer writer;

    assert_int_equal(file_write(folder->file, "old", 3), STATUS_OK);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(file_writer_init(&writer, folder->file), STATUS_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 0; i < 10000; i++)
        fputs("more than fits ", writer.file);
    assert_int_equal(file_writer_commit(&writer), STATUS_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &wide), 0);
    file_writer_finish(&writer);
    assert_non_null(strstr(log_last_error(), "cannot write"));
    assert_int_equal(count_entries(folder->path), 1);
}

static void a_write_replaces_whole_and_leaves_nothing_beside(void **state)
{
    const struct folder *folder = *state;
    struct file_map map;

    assert_int_equal(file_write(folder->file, "first, longer", 13), STATUS_OK);
    assert_int_equal(file_write(folder->file, "second", 6), STATUS_OK);
    assert_int_equal(file_map_init(&map, folder->file), STATUS_OK);
    assert_int_equal(map.size, 6);
    assert_memory_equal(map.data, "second", 6);
    file_map_finish(&map);
    assert_int_equal(count_entries(folder->path), 1);

    assert_int_equal(file_write(folder->file, NULL, 0), STATUS_OK);
    assert_int_equal(file_map_init(&map, folder->file), STATUS_OK);
    assert_null(map.data);
    assert_int_equal(map.size, 0);
    file_map_release(&map, 0, 10);
    file_map_finish(&map);

    /* A rename that fails (onto a folder) must not leave the part file. */
    assert_int_equal(file_write(folder->path, "x", 1), STATUS_IO);
    assert_int_equal(count_entries(folder->path), 1);
}

/* A check before long work creates nothing, waits for nobody, and finds what a write would. */
static void a_check_leaves_no_trace(void **state)
{
    const struct folder *folder = *state;
    struct stat before, after;
    char other[128];

    /* Nothing is made for a moment either, which a kill would leave. */
    const int nameless = open(folder->path, O_TMPFILE | O_WRONLY, 0600);
    assert_int_equal(stat(folder->path, &before), 0);
    assert_int_equal(file_check_writable(folder->file), STATUS_OK);
    assert_int_equal(stat(folder->path, &after), 0);
    assert_int_equal(count_entries(folder->path), 0);
    if (nameless >= 0) { /* else the file system has no files without a name */
        assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
        close(nameless);
    }
    assert_int_equal(file_check_writable("-"), STATUS_OK);
    assert_int_equal(file_check_writable(folder->path), STATUS_IO);
    snprintf(other, sizeof(other), "%s/nowhere/x", folder->path);
    assert_int_equal(file_check_writable(other), STATUS_IO);
    assert_int_equal(symlink(other, folder->file), 0); /* dangles */
    assert_int_equal(file_check_writable(folder->file), STATUS_OK);
    assert_int_equal(unlink(folder->file), 0);
    assert_int_equal(mkfifo(folder->file, 0600), 0); /* opening it would wait for a reader */
    assert_int_equal(file_check_writable(folder->file), STATUS_OK);
    assert_int_equal(unlink(folder->file), 0);
    assert_int_equal(file_write(folder->file, "old", 3), STATUS_OK);
    assert_int_equal(file_check_writable(folder->file), STATUS_OK);
    assert_int_equal(count_entries(folder->path), 1);
}

/* Address space of this process, in bytes. */
static rlim_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* The file is not at fault, so the status is that of memory. */
static void a_mapping_that_memory_has_no_room_for(void **state)
{
    const struct folder *folder = *state;
    const int fd = open(folder->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const rlim_t room = address_space() + ((rlim_t)1 << 30);
    int how = 0;

    assert_int_equal(ftruncate(fd, (off_t)1 << 32), 0);
    close(fd);
    const pid_t pid = fork();
    if (pid == 0) {
        struct file_map map;
        const struct rlimit limit = {room, room};
        log_set_level(LOG_ERROR);
        _exit(setrlimit(RLIMIT_AS, &limit) ? STATUS_COUNT : (int)file_map_init(&map, folder->file));
    }
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), STATUS_MEMORY);
}

static void standard_input_is_read_to_its_end(void **state)
{
    (void)state;
    const int saved = dup(STDIN_FILENO);
    struct arena arena = {0};
    int ends[2];
    char *text;
    size_t size;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a\0b\n", 4), 4);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    assert_int_equal(file_read(&arena, "-", &text, &size), STATUS_OK);
    dup2(saved, STDIN_FILENO);
    close(saved);
    assert_int_equal(size, 4);
    assert_memory_equal(text, "a\0b\n", 5);
    arena_finish(&arena);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_mapping_is_writable_and_the_file_unchanged),
        IN_FOLDER(release_drops_clean_pages_and_keeps_written_ones),
        IN_FOLDER(what_cannot_be_read_is_named),
        IN_FOLDER(the_sum_of_a_file),
        IN_FOLDER(a_mapping_that_memory_has_no_room_for),
        IN_FOLDER(a_write_replaces_whole_and_leaves_nothing_beside),
        IN_FOLDER(a_check_leaves_no_trace),
        IN_FOLDER(an_abandoned_writer_leaves_the_old_file),
        IN_FOLDER(what_cannot_be_written_is_told_by_the_commit),
        cmocka_unit_test(standard_input_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
