/* SPDX-License-Identifier: MIT */
/* Eight bytes at a time where the processor has the instruction, else four bits. */
#include "base/crc32c.h"

#include <string.h>

static uint32_t add_nibbles(uint32_t crc, const unsigned char *bytes, size_t size)
{
    static const uint32_t nibble[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                        0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = nibble[crc & 15] ^ crc >> 4;
        crc = nibble[crc & 15] ^ crc >> 4;
    }
    return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t add_words(uint32_t crc,
                                                            const unsigned char *bytes, size_t size)
{
    uint64_t all = crc;
    size_t i = 0;

    for (; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof(word));
        all = _mm_crc32_u64(all, word);
    }
    for (; i < size; i++)
        all = _mm_crc32_u8((uint32_t)all, bytes[i]);
    return (uint32_t)all;
}

uint32_t crc32c_add(uint32_t crc, const void *data, size_t size)
{
    return ~(__builtin_cpu_supports("sse4.2") ? add_words(~crc, data, size)
                                              : add_nibbles(~crc, data, size));
}
#else
uint32_t crc32c_add(uint32_t crc, const void *data, size_t size)
{
    return ~add_nibbles(~crc, data, size);
}
#endif
