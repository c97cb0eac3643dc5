/* SPDX-License-Identifier: MIT */
/* Operands that name databases: checked, opened. */
#include "cli/cli_reading.h"

#include "base/log.h"

enum status cli_reading_check(const struct args_list *databases, size_t least, size_t most)
{
    if (databases->count >= least && databases->count <= most)
        return STATUS_OK;
    if (least == most)
        log_error("found %zu databases, expected %zu", databases->count, least);
    else
        log_error("found %zu databases, expected %zu or more", databases->count, least);
    return STATUS_USAGE;
}

enum status cli_reading_open(struct report_source *out, const char *path, bool allow_suspect)
{
    enum status st = report_source_open(out, path);
    st = st ? st : report_source_trust(out, allow_suspect);
    return st ? st : report_source_load(out, UINT64_MAX);
}
