/* SPDX-License-Identifier: MIT */
/* The file NAME-lock beside a database that is being written: one writer, on a host that readers
 * share. */
#ifndef VKFI_INJECT_STORE_LOCK_H
#define VKFI_INJECT_STORE_LOCK_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"

struct store_lock {
    int fd;     /* -1: not held */
    char *path; /* of the lock file, in the arena given */
};

/* How long a dead writer's last process may hold it. */
#define STORE_LOCK_PATIENCE 3.0 /* seconds */

/* STATUS_IO if another process holds it. The process's end releases it in any case; children made
 * by fork share it until they exit. */
enum status store_lock_take(struct store_lock *out, struct arena *arena,
                            const char *path) STATUS_MUST_USE;
void store_lock_release(struct store_lock *lock);

/* In a child after fork: the lock stays with the parent. */
void store_lock_leave(struct store_lock *lock);

/* *out_writer: some process writes. STATUS_IO if it is on another host: hosts do not share the
 * log's index in memory. */
enum status store_lock_check(const char *path, bool *out_writer) STATUS_MUST_USE;

#endif
