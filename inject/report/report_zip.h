/* SPDX-License-Identifier: MIT */
/* Zip archives, written whole or not at all; the only includer of libzip is report_zip.c. */
#ifndef VKFI_INJECT_REPORT_ZIP_H
#define VKFI_INJECT_REPORT_ZIP_H

#include <stddef.h>

#include "base/status.h"

/* A file of the archive: `name` in it, `path` on disk, or if that is null `size` bytes of `data`.
 */
struct report_zip_entry {
    const char *name, *path;
    const void *data;
    size_t size;
};

/* Written anew beside `path`, then renamed. Entries in the given order, dated 1980-01-01, mode
 * 0644. STATUS_IO, logged, if a file cannot be read or the archive cannot be written. */
enum status report_zip_write(const char *path, const struct report_zip_entry *entry,
                             unsigned count) STATUS_MUST_USE;

#endif
