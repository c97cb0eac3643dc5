/* SPDX-License-Identifier: MIT */
/* Hashes: SHA-256 for identity of files, a 64-bit mix for bits computed on devices. */
#ifndef VKFI_BASE_HASH_H
#define VKFI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_SHA256_TEXT 65 /* 64 hex digits and the null */

void hash_sha256(const void *data, size_t size, char out[HASH_SHA256_TEXT]);

/* 64-bit finaliser of MurmurHash3 / SplitMix64 (Stafford, variant 13). */
static inline uint64_t hash_mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Order-dependent: folds `value` into the running hash `state`. */
static inline uint64_t hash_fold64(uint64_t state, uint64_t value)
{
    return hash_mix64(state ^ (value + UINT64_C(0x9e3779b97f4a7c15) + (state << 6) + (state >> 2)));
}

/* The same for bytes, by words of 8 and their number. */
uint64_t hash_fold_bytes(uint64_t state, const void *data, size_t size);

#endif
