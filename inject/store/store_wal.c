/* SPDX-License-Identifier: MIT */
/* Walks the frames of a log as SQLite's recovery does, and goes on after the first damaged one. */
#include "inject/store/store_handle.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"

#define WAL_MAGIC 0x377f0682u /* its lowest bit: checksums are of big-endian words */
#define WAL_HEADER 32u
#define FRAME_HEADER 24u

struct log {
    const uint8_t *data;
    size_t size, page; /* page: bytes */
    bool big;
    uint8_t salts[8];
    uint32_t sum[2]; /* up to the last good frame */
};

static uint32_t big_word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t sum_word(const struct log *log, const uint8_t *at)
{
    return log->big ? big_word(at)
                    : (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* `size` is a multiple of 8. */
static void add_sum(const struct log *log, uint32_t sum[2], const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        sum[0] += sum_word(log, at + i) + sum[1];
        sum[1] += sum_word(log, at + i + 4) + sum[0];
    }
}

/* True for a header that SQLite would accept. */
static bool read_header(struct log *log, const struct file_map *map)
{
    const uint8_t *at = map->data;

    if (map->size < WAL_HEADER || (big_word(at) & ~1u) != WAL_MAGIC)
        return false;
    *log = (struct log){
        .data = at, .size = map->size, .page = big_word(at + 8), .big = big_word(at) & 1};
    memcpy(log->salts, at + 16, sizeof(log->salts));
    add_sum(log, log->sum, at, 24);
    return log->page >= 512 && log->page <= 65536 && (log->page & (log->page - 1)) == 0 &&
           log->sum[0] == big_word(at + 24) && log->sum[1] == big_word(at + 28);
}

/* Its checksum goes on from the frame before it. */
static bool is_good(struct log *log, const uint8_t *frame)
{
    uint32_t sum[2] = {log->sum[0], log->sum[1]};

    add_sum(log, sum, frame, 8);
    add_sum(log, sum, frame + FRAME_HEADER, log->page);
    if (sum[0] != big_word(frame + 16) || sum[1] != big_word(frame + 20))
        return false;
    log->sum[0] = sum[0];
    log->sum[1] = sum[1];
    return true;
}

/* A frame of an older use of the file has other salts: it ends the log and is not damage. */
static void walk(struct store_wal *out, struct log *log)
{
    const size_t frame = FRAME_HEADER + log->page;
    bool damaged = false;

    for (size_t at = WAL_HEADER; at + frame <= log->size; at += frame) {
        const uint8_t *header = log->data + at;
        const bool ours = memcmp(header + 8, log->salts, sizeof(log->salts)) == 0;
        const bool commits = big_word(header + 4) != 0;
        damaged = damaged || !ours || !is_good(log, header);
        out->kept += !damaged && commits;
        out->lost += damaged && ours && commits;
    }
}

enum status store_wal_read(struct store_wal *out, const char *path)
{
    struct text name = {0};
    struct file_map map = {0};
    struct stat info;
    struct log log;
    enum status st = text_addf(&name, "%s-wal", path);

    *out = (struct store_wal){0};
    if (!st && stat(name.data, &info) == 0 && info.st_size > 0) {
        st = file_map_init(&map, name.data);
        if (!st && read_header(&log, &map))
            walk(out, &log);
        file_map_finish(&map);
    }
    text_finish(&name);
    return st;
}
