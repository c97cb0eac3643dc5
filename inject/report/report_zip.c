/* SPDX-License-Identifier: MIT */
/* Archives by libzip: the same bytes for the same files. */
#include "inject/report/report_zip.h"

#include <zip.h>

#include "base/log.h"

#define ZIP_DATE ((1 << 5) | 1) /* 1980-01-01, the format's first day */
#define ZIP_MODE ((zip_uint32_t)0100644 << 16)
#define ZIP_LEVEL 6

static enum status add(zip_t *archive, const char *path, const struct report_zip_entry *entry)
{
    zip_source_t *source = entry->path ? zip_source_file(archive, entry->path, 0, -1)
                                       : zip_source_buffer(archive, entry->data, entry->size, 0);
    if (!source) {
        log_error("%s: %s: %s", path, entry->name, zip_strerror(archive));
        return STATUS_IO;
    }
    const zip_int64_t index = zip_file_add(archive, entry->name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        log_error("%s: %s: %s", path, entry->name, zip_strerror(archive));
        return STATUS_IO;
    }
    const zip_uint64_t at = (zip_uint64_t)index;
    if (zip_file_set_dostime(archive, at, 0, ZIP_DATE, 0) ||
        zip_file_set_external_attributes(archive, at, 0, ZIP_OPSYS_UNIX, ZIP_MODE) ||
        zip_set_file_compression(archive, at, ZIP_CM_DEFLATE, ZIP_LEVEL)) {
        log_error("%s: %s: %s", path, entry->name, zip_strerror(archive));
        return STATUS_IO;
    }
    return STATUS_OK;
}

enum status report_zip_write(const char *path, const struct report_zip_entry *entry, unsigned count)
{
    int code = 0;
    enum status st = STATUS_OK;
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (!archive) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        log_error("%s: %s", path, zip_error_strerror(&error));
        zip_error_fini(&error);
        return STATUS_IO;
    }
    for (unsigned i = 0; !st && i < count; i++)
        st = add(archive, path, &entry[i]);
    if (!st && zip_close(archive) == 0)
        return STATUS_OK;
    if (!st) {
        log_error("%s: %s", path, zip_strerror(archive));
        st = STATUS_IO;
    }
    zip_discard(archive);
    return st;
}
