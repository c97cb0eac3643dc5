/* SPDX-License-Identifier: MIT */
/* Stamps of verified model files, as third_party/fetch_model.py writes and reads them. */
#include "cli/cli_verified.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

/* The text that a right file of this size and time has beside it; null when memory is out. */
static char *stamp_text(struct arena *arena, const struct stat *info, const char *sha256)
{
    const int64_t nanoseconds =
        (int64_t)info->st_mtim.tv_sec * 1000000000 + (int64_t)info->st_mtim.tv_nsec;
    return arena_printf(arena,
                        "{\"sha256\": \"%s\", \"size\": %" PRId64 ", \"mtime_ns\": %" PRId64 "}",
                        sha256, (int64_t)info->st_size, nanoseconds);
}

static char *stamp_path(struct arena *arena, const char *path)
{
    return arena_printf(arena, "%s.verified", path);
}

/* True if the file at `path` holds `text` and no more; one that cannot be read does not. */
static bool holds(const char *path, const char *text)
{
    char found[512];
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const size_t n = fread(found, 1, sizeof(found), file);
    const bool read = !ferror(file);
    fclose(file);
    return read && n == strlen(text) && memcmp(found, text, n) == 0;
}

static enum cli_verified look(const struct cli_verified_file *file, struct stat *info)
{
    struct arena arena = {0};
    if (stat(file->path, info) != 0 || !S_ISREG(info->st_mode))
        return CLI_VERIFIED_ABSENT;
    if ((uint64_t)info->st_size != file->size)
        return CLI_VERIFIED_WRONG_SIZE;
    const char *path = stamp_path(&arena, file->path);
    const char *text = stamp_text(&arena, info, file->sha256);
    const bool stamped = path && text && holds(path, text);
    arena_finish(&arena);
    return stamped ? CLI_VERIFIED_STAMPED : CLI_VERIFIED_UNKNOWN;
}

enum cli_verified cli_verified_look(const struct cli_verified_file *file)
{
    struct stat info;
    return look(file, &info);
}

/* `info` is from before the file was read: one written meanwhile does not fit its stamp. Without
 * one, on a full disk say, the file is as right as with it. */
static void write_stamp(const struct cli_verified_file *file, const struct stat *info)
{
    struct arena arena = {0};
    const char *path = stamp_path(&arena, file->path);
    const char *text = stamp_text(&arena, info, file->sha256);
    const char *slash = strrchr(file->path, '/');
    const char *folder =
        slash ? arena_text(&arena, file->path, (size_t)(slash - file->path) + 1) : ".";
    enum status st = path && text && folder ? STATUS_OK : STATUS_MEMORY;
    if (!st && access(folder, W_OK) == 0)
        st = file_write(path, text, strlen(text));
    arena_finish(&arena);
    if (st)
        log_warn("%s: found right, but not noted: its sha256 is checked again next time",
                 file->path);
}

enum status cli_verified_check(const struct cli_verified_file *file)
{
    struct stat info;
    struct file_map map = {0};
    char sha256[HASH_SHA256_TEXT];
    const enum cli_verified state = look(file, &info);
    if (state == CLI_VERIFIED_STAMPED)
        return STATUS_OK;
    if (state == CLI_VERIFIED_ABSENT) {
        log_error("%s: found no file there, expected one of %" PRIu64 " bytes", file->path,
                  file->size);
        return STATUS_INPUT;
    }
    log_info("%s: checking its sha256", file->path);
    enum status st = file_map_init(&map, file->path);
    if (st)
        return st;
    hash_sha256(map.data, map.size, sha256);
    file_map_finish(&map);
    if (strcmp(sha256, file->sha256) == 0) {
        write_stamp(file, &info);
        return STATUS_OK;
    }
    log_error("%s: found sha256 %s in %" PRId64 " bytes, expected %s in %" PRIu64, file->path,
              sha256, (int64_t)info.st_size, file->sha256, file->size);
    return STATUS_INPUT;
}
