/* SPDX-License-Identifier: MIT */
/* Checks of operands that name databases. */
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
