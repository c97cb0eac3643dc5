/* SPDX-License-Identifier: MIT */
/* Files: mapping, whole reads, writes by rename. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

#define FILE_READ_MAX ((size_t)1 << 30)
#define SHORT_PATH 128                        /* no part of it is too long for a name */
#define PAGEMAP_FILE_PAGE (UINT64_C(1) << 61) /* Linux: Documentation/admin-guide/mm/pagemap */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)

/* `flags`: O_NONBLOCK where a pipe that nobody writes to must not be waited for. */
static enum status open_for_read(int *out, const char *path, int flags)
{
    *out = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (*out < 0) {
        log_error("%s: cannot open: %s", path, strerror(errno));
        return STATUS_IO;
    }
    return STATUS_OK;
}

enum status file_map_init(struct file_map *out, const char *path)
{
    struct stat info;
    int fd;
    enum status st = open_for_read(&fd, path, O_NONBLOCK);

    *out = (struct file_map){0};
    if (st)
        return st;
    if (fstat(fd, &info) != 0) {
        log_error("%s: cannot read its size: %s", path, strerror(errno));
        st = STATUS_IO;
    } else if (!S_ISREG(info.st_mode)) {
        log_error("%s: found %s, expected a regular file", path,
                  S_ISDIR(info.st_mode) ? "a directory" : "something else");
        st = STATUS_INPUT;
    } else if (info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_NORESERVE, fd, 0);
        if (data == MAP_FAILED) {
            st = errno == ENOMEM ? STATUS_MEMORY : STATUS_IO;
            log_error("%s: cannot map %lld bytes: %s", path, (long long)info.st_size,
                      strerror(errno));
        } else {
            *out = (struct file_map){.data = data, .size = (size_t)info.st_size, .file = 1 + fd};
        }
    }
    if (out->file == 0)
        close(fd);
    return st;
}

void file_map_finish(struct file_map *map)
{
    if (map->data)
        munmap(map->data, map->size);
    if (map->file)
        close(map->file - 1);
    *map = (struct file_map){0};
}

enum status file_map_read(const struct file_map *map, size_t offset, void *out, size_t size)
{
    uint8_t *to = out;
    if (offset > map->size || size > map->size - offset) {
        log_error("found a read of %zu bytes at %zu, expected it inside %zu bytes", size, offset,
                  map->size);
        return STATUS_INTERNAL;
    }
    if (!map->file) {
        memcpy(out, map->data + offset, size);
        return STATUS_OK;
    }
    while (size > 0) {
        const ssize_t n = pread(map->file - 1, to, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            log_error("cannot read %zu bytes at %zu of a mapped file: %s", size, offset,
                      n == 0 ? "it is shorter now" : strerror(errno));
            return STATUS_IO;
        }
        to += n;
        offset += (size_t)n;
        size -= (size_t)n;
    }
    return STATUS_OK;
}

/* Unmaps the pages of one pagemap piece that are still the file's own: a written page is private
 * (anonymous), and MADV_DONTNEED would lose what was written. */
static void release_clean(uint8_t *base, size_t page, const uint64_t *entries, size_t count)
{
    const uint64_t clean = PAGEMAP_PRESENT | PAGEMAP_FILE_PAGE;
    size_t first = 0;

    for (size_t i = 0; i <= count; i++) {
        if (i == count || (entries[i] & clean) != clean) {
            if (i > first)
                madvise(base + first * page, (i - first) * page, MADV_DONTNEED);
            first = i + 1;
        }
    }
}

void file_map_release(const struct file_map *map, size_t offset, size_t size)
{
    enum { PIECE = 512 };
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (!map->data || offset >= map->size || size == 0)
        return;
    const size_t end = size < map->size - offset ? offset + size : map->size;
    size_t at = (offset + page - 1) / page;
    /* The page that holds the file's end belongs to nothing else. */
    const size_t stop = end == map->size ? (end + page - 1) / page : end / page;
    const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    while (at < stop) {
        uint64_t entries[PIECE];
        const size_t want = stop - at < PIECE ? stop - at : PIECE;
        const off_t where = (off_t)(((uintptr_t)map->data / page + at) * sizeof(uint64_t));
        const ssize_t got = pread(fd, entries, want * sizeof(uint64_t), where);
        if (got < (ssize_t)sizeof(uint64_t))
            break;
        const size_t count = (size_t)got / sizeof(uint64_t);
        release_clean(map->data + at * page, page, entries, count);
        at += count;
    }
    close(fd);
}

enum status file_sha256(const char *path, char out[HASH_SHA256_TEXT])
{
    struct file_map map;
    const enum status st = file_map_init(&map, path);
    if (st)
        return st;
    hash_sha256(map.data, map.size, out);
    file_map_finish(&map);
    return STATUS_OK;
}

/* Reads `fd` to its end, at most FILE_READ_MAX bytes. */
static enum status read_all(struct text *text, int fd, const char *path)
{
    char piece[16384];
    enum status st = text_add(text, "", 0);

    while (!st) {
        const ssize_t n = read(fd, piece, sizeof(piece));
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            log_error("%s: cannot read: %s", path, strerror(errno));
            st = STATUS_IO;
        } else if (text->size + (size_t)n > FILE_READ_MAX) {
            log_error("%s: found more than %zu bytes, expected at most that", path, FILE_READ_MAX);
            st = STATUS_INPUT;
        } else {
            st = text_add(text, piece, (size_t)n);
        }
    }
    return st;
}

enum status file_read(struct arena *arena, const char *path, char **out, size_t *out_size)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    struct text text = {0};
    int fd = STDIN_FILENO;
    enum status st = is_stdin ? STATUS_OK : open_for_read(&fd, path, 0);

    if (st)
        return st;
    st = read_all(&text, fd, is_stdin ? "standard input" : path);
    if (!is_stdin)
        close(fd);
    if (!st) {
        *out = arena_text(arena, text.data, text.size);
        *out_size = text.size;
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    text_finish(&text);
    return st;
}

/* Of the file's name; null: no memory. */
static const char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t len = slash ? (size_t)(slash - path) : 0;
    return !slash ? "." : len == 0 ? "/" : arena_text(arena, path, len);
}

/* Makes the rename itself durable; a file system without directory sync loses nothing but that. */
static void sync_folder(struct arena *arena, const char *path)
{
    const char *folder = folder_of(arena, path);
    const int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

enum status file_find_target(const char **out, struct arena *arena, const char *path)
{
    struct stat info;
    char *real;

    *out = path;
    if (strcmp(path, "-") == 0) {
        *out = NULL;
        return STATUS_OK;
    }
    if (lstat(path, &info) != 0 || S_ISREG(info.st_mode))
        return STATUS_OK; /* creating it will fail too, and says why */
    real = S_ISLNK(info.st_mode) ? realpath(path, NULL) : NULL;
    if (real && stat(real, &info) == 0 && S_ISREG(info.st_mode))
        *out = arena_text(arena, real, strlen(real));
    else
        *out = NULL; /* a dangling link is written through too */
    free(real);
    return real && !S_ISREG(info.st_mode) ? STATUS_OK : *out || !real ? STATUS_OK : STATUS_MEMORY;
}

/* Standard output has its own FILE: its buffer is flushed first and not used meanwhile. */
static FILE *open_through(const char *path)
{
    if (strcmp(path, "-") != 0)
        return fopen(path, "we");
    const int fd = fflush(stdout) == 0 ? dup(STDOUT_FILENO) : -1;
    return fd >= 0 ? fdopen(fd, "w") : NULL;
}

enum status file_writer_init(struct file_writer *out, const char *path)
{
    const char *target;

    *out = (struct file_writer){0};
    enum status st = file_find_target(&target, &out->arena, path);
    if (!st) {
        out->path = arena_text(&out->arena, target ? target : path, strlen(target ? target : path));
        out->temp =
            target ? arena_printf(&out->arena, "%s.%ld.part", target, (long)getpid()) : NULL;
    }
    if (!out->path || (target && !out->temp)) {
        file_writer_finish(out);
        return STATUS_MEMORY;
    }
    out->file = target ? fopen(out->temp, "we") : open_through(path);
    if (!out->file) {
        log_error("%s: cannot create: %s", path, strerror(errno));
        file_writer_finish(out);
        return STATUS_IO;
    }
    return STATUS_OK;
}

void file_check_reader(FILE *file)
{
    struct pollfd ends = {.fd = fileno(file), .events = POLLOUT};

    if (ends.fd >= 0 && poll(&ends, 1, 0) == 1 && (ends.revents & POLLERR) != 0) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
}

enum status file_writer_commit(struct file_writer *writer)
{
    const bool failed_before = ferror(writer->file), through = !writer->temp;

    errno = 0;
    if (fflush(writer->file) != 0 || failed_before ||
        (!through &&
         (fsync(fileno(writer->file)) != 0 || rename(writer->temp, writer->path) != 0))) {
        file_check_reader(writer->file);
        log_error("%s: cannot write: %s",
                  strcmp(writer->path, "-") == 0 ? "standard output" : writer->path,
                  errno ? strerror(errno) : "an earlier write failed");
        return STATUS_IO;
    }
    fclose(writer->file);
    writer->file = NULL;
    if (!through)
        sync_folder(&writer->arena, writer->path);
    return STATUS_OK;
}

void file_writer_finish(struct file_writer *writer)
{
    if (writer->file) {
        fclose(writer->file);
        if (writer->temp)
            unlink(writer->temp);
    }
    arena_finish(&writer->arena);
    *writer = (struct file_writer){0};
}

/* Whether a file without a name can be made where `path` is to be: a kill leaves none behind. False
 * also where the file system has no such files. */
static bool takes_files(const char *path)
{
    struct arena arena = {0};
    const char *target = NULL;
    int file = -1;
    if (file_find_target(&target, &arena, path) == STATUS_OK && target) {
        const char *folder = folder_of(&arena, target);
        if (folder && strlen(path) < SHORT_PATH)
            file = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    }
    if (file >= 0)
        close(file);
    arena_finish(&arena);
    return file >= 0;
}

enum status file_check_writable(const char *path)
{
    struct file_writer writer;
    struct stat info;
    const bool there = lstat(path, &info) == 0;
    const bool link = there && S_ISLNK(info.st_mode);

    if (strcmp(path, "-") == 0 || (link && stat(path, &info) != 0) ||
        (there && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)))
        return STATUS_OK;
    if (!(there && S_ISDIR(info.st_mode)) && takes_files(path))
        return STATUS_OK;
    const enum status st = file_writer_init(&writer, path);
    if (!st)
        file_writer_finish(&writer);
    return st;
}

enum status file_write(const char *path, const void *data, size_t size)
{
    struct file_writer writer;
    enum status st = file_writer_init(&writer, path);

    if (st)
        return st;
    if (size > 0)
        fwrite(data, 1, size, writer.file); /* the commit sees a failure */
    st = file_writer_commit(&writer);
    file_writer_finish(&writer);
    return st;
}
