/* SPDX-License-Identifier: MIT */
/* Discards standard error while thousands of refusals are logged. */
#ifndef VKFI_TESTS_MUTE_H
#define VKFI_TESTS_MUTE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Returns what mute_end takes: standard error as it was. */
static inline int mute_begin(void)
{
    fflush(stderr);
    const int kept = dup(STDERR_FILENO), nothing = open("/dev/null", O_WRONLY);
    if (kept < 0 || nothing < 0 || dup2(nothing, STDERR_FILENO) < 0)
        abort();
    close(nothing);
    return kept;
}

static inline void mute_end(int kept)
{
    fflush(stderr);
    if (dup2(kept, STDERR_FILENO) < 0)
        abort();
    close(kept);
}

/* Setup and teardown of cmocka that do the same. */
static inline int mute_setup(void **state)
{
    static int kept;
    kept = mute_begin();
    *state = &kept;
    return 0;
}

static inline int mute_teardown(void **state)
{
    mute_end(*(int *)*state);
    return 0;
}

#endif
