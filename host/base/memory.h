/* SPDX-License-Identifier: MIT */
/* How much memory there is to take. */
#ifndef VKFI_BASE_MEMORY_H
#define VKFI_BASE_MEMORY_H

#include <stdint.h>

/* Bytes that this process may still fill with data of its own, without swapping: of the machine
 * (MemAvailable) and of its control groups, versions 1 and 2 (limit less what is anonymous, since
 * cached files give way). UINT64_MAX where the system says nothing. `root` stands before /proc and
 * /sys: "" but in tests. */
uint64_t memory_available(const char *root);

#endif
