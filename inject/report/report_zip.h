/* SPDX-License-Identifier: MIT */
/* A zip archive with the same bytes for the same files; the only includer of libzip is
 * report_zip.c. */
#ifndef VKFI_INJECT_REPORT_ZIP_H
#define VKFI_INJECT_REPORT_ZIP_H

#include "base/status.h"

/* A file of the archive: `name` in it, `path` on disk. */
struct report_zip_entry {
    const char *name, *path;
};

/* Written anew, whole or not at all. Entries in the given order, dated 1980-01-01, mode 0644.
 * STATUS_IO, logged, if a file cannot be read or the archive cannot be written. */
enum status report_zip_write(const char *path, const struct report_zip_entry *entry,
                             unsigned count) STATUS_MUST_USE;

#endif
