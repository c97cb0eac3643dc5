/* SPDX-License-Identifier: MIT */
/* The shared library writes no log lines of its own accord: a device's go to its `log`. */
#include "base/log.h"

__attribute__((constructor)) static void quiet(void)
{
    log_set_level(LOG_NONE);
}
