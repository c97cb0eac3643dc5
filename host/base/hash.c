/* SPDX-License-Identifier: MIT */
/* SHA-256 as text; the only includer of libmd. */
#include "base/hash.h"

#include <string.h>

#include <sha2.h>

void hash_sha256(const void *data, size_t size, char out[HASH_SHA256_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX ctx;

    SHA256Init(&ctx);
    if (size > 0)
        SHA256Update(&ctx, data, size);
    SHA256Final(digest, &ctx);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * sizeof(digest)] = '\0';
}

uint64_t hash_fold_bytes(uint64_t state, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, size - at < sizeof(word) ? size - at : sizeof(word));
        state = hash_fold64(state, word);
    }
    return hash_fold64(state, size);
}
