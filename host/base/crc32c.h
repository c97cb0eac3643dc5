/* SPDX-License-Identifier: MIT */
/* CRC-32C (Castagnoli; RFC 3720, appendix B.4). */
#ifndef VKFI_BASE_CRC32C_H
#define VKFI_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The sum `crc` (0 at first), continued over more bytes. */
uint32_t crc32c_add(uint32_t crc, const void *data, size_t size);

#endif
