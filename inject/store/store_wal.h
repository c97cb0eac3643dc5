/* SPDX-License-Identifier: MIT */
/* What a dead writer's write-ahead log holds after a damage. */
#ifndef VKFI_INJECT_STORE_WAL_H
#define VKFI_INJECT_STORE_WAL_H

#include <stdint.h>

#include "base/status.h"

struct store_wal {
    uint64_t kept; /* transactions before the damage: the database has them */
    uint64_t lost; /* transactions that end after it: SQLite skips them */
};

/* Reads the log beside a database before anything opens that; zeros if there is none, or none of
 * SQLite's. Frames, salts and checksums as in https://sqlite.org/fileformat2.html#walformat. */
enum status store_wal_read(struct store_wal *out, const char *path) STATUS_MUST_USE;

#endif
