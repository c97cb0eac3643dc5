/* SPDX-License-Identifier: MIT */
/* Is a cached model file the one its manifest names: the stamp beside it, else its sha256. */
#ifndef VKFI_CLI_VERIFIED_H
#define VKFI_CLI_VERIFIED_H

#include <stdint.h>

#include "base/status.h"

enum cli_verified {
    CLI_VERIFIED_ABSENT,     /* no regular file lies there */
    CLI_VERIFIED_WRONG_SIZE, /* a file that cannot be the right one */
    CLI_VERIFIED_UNKNOWN,    /* of the right size; no stamp tells of this size, time and sha256 */
    CLI_VERIFIED_STAMPED     /* read whole and found right since it was last written */
};

/* What the manifest says of a file. */
struct cli_verified_file {
    const char *path, *sha256;
    uint64_t size; /* bytes */
};

/* Without reading the file. */
enum cli_verified cli_verified_look(const struct cli_verified_file *file);

/* Reads the file unless a stamp fits, and stamps it. STATUS_INPUT, logged with both sums, if it is
 * not the one named; a stamp that cannot be written is no error (a warning), the next call reads
 * again. */
enum status cli_verified_check(const struct cli_verified_file *file) STATUS_MUST_USE;

#endif
