/* SPDX-License-Identifier: MIT */
/* Files as bytes: mapped, read whole, or written so that a crash leaves the old one. */
#ifndef VKFI_BASE_FILE_H
#define VKFI_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/status.h"

/* A private copy-on-write mapping: `data` may be written, the file never changes. */
struct file_map {
    uint8_t *data; /* null for an empty file */
    size_t size;
    int file; /* 1 + descriptor; 0: none */
};

enum status file_map_init(struct file_map *out, const char *path) STATUS_MUST_USE;
void file_map_finish(struct file_map *map);

/* Bytes as they are in the file, whatever was written to the mapping; without a file, as they are
 * in memory. */
enum status file_map_read(const struct file_map *map, size_t offset, void *out,
                          size_t size) STATUS_MUST_USE;

/* Says that [offset, offset + size) will not be read again soon: its clean pages may leave memory.
 */
void file_map_release(const struct file_map *map, size_t offset, size_t size);

/* The SHA-256 of a file, read through a mapping. */
enum status file_sha256(const char *path, char out[HASH_SHA256_TEXT]) STATUS_MUST_USE;

/* The whole file (path "-": standard input), null-terminated after `*out_size` bytes. At most 1
 * GiB. */
enum status file_read(struct arena *arena, const char *path, char **out,
                      size_t *out_size) STATUS_MUST_USE;

/* The path to rename over: `path`, or the target of a symbolic link. Null in `out` if that is no
 * regular file, or `path` is "-". */
enum status file_find_target(const char **out, struct arena *arena,
                             const char *path) STATUS_MUST_USE;

/* A file that is written whole or not at all: beside `path`, then renamed over it, or over its
 * target if it is a symbolic link. Anything but a regular file (a FIFO, a device, "-": standard
 * output) is written through. */
struct file_writer {
    FILE *file; /* null: not open */
    struct arena arena;
    const char *path, *temp; /* temp null: written through */
};

enum status file_writer_init(struct file_writer *out, const char *path) STATUS_MUST_USE;
/* Syncs and renames. If the reader of a FIFO or of standard output has gone, this process ends by
 * SIGPIPE. STATUS_IO, logged, if not everything given to `file` could be written; the old file then
 * stays. */
enum status file_writer_commit(struct file_writer *writer) STATUS_MUST_USE;
/* Keeps the old file; does nothing after a commit. */
void file_writer_finish(struct file_writer *writer);

/* After a failed write: ends this process quietly by SIGPIPE, as a caller expects, if `file` is a
 * pipe that nobody reads any more; main ignores the signal itself. */
void file_check_reader(FILE *file);

/* Before long work whose result will be written there: whether a file can be created, without a
 * trace. STATUS_IO, logged. What is written through is not tried. */
enum status file_check_writable(const char *path) STATUS_MUST_USE;

/* Opens, writes and commits. */
enum status file_write(const char *path, const void *data, size_t size) STATUS_MUST_USE;

#endif
