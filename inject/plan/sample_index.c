/* SPDX-License-Identifier: MIT */
/* Philox in a Feistel network; exact integer interleaving. */
#include "inject/plan/sample_index.h"

#include <math.h>

#include "base/rng.h"

#define INDEX_ROUNDS 8

struct sample_key sample_index_key(struct sample_key key, uint64_t value)
{
    uint32_t out[4];
    const uint32_t counter[4] = {(uint32_t)value, (uint32_t)(value >> 32), 0x6b657921u, 0};
    rng_philox(out, counter, key.word);
    return (struct sample_key){{out[0], out[1]}};
}

static uint64_t feistel(struct sample_key key, uint64_t index, unsigned half)
{
    const uint64_t mask = (UINT64_C(1) << half) - 1;
    uint64_t left = index >> half, right = index & mask;
    for (uint32_t round = 0; round < INDEX_ROUNDS; round++) {
        uint32_t out[4];
        const uint32_t counter[4] = {(uint32_t)right, (uint32_t)(right >> 32), round, 1};
        rng_philox(out, counter, key.word);
        const uint64_t mixed = (left ^ ((uint64_t)out[1] << 32 | out[0])) & mask;
        left = right;
        right = mixed;
    }
    return left << half | right;
}

uint64_t sample_index_permute(struct sample_key key, uint64_t index, uint64_t count)
{
    unsigned half = 1;
    while (half < 32 && count > UINT64_C(1) << 2 * half)
        half++;
    do
        index = feistel(key, index, half);
    while (index >= count);
    return index;
}

double sample_index_unit(struct sample_key key)
{
    uint32_t out[4];
    const uint32_t counter[4] = {0, 0, 0, 2};
    rng_philox(out, counter, key.word);
    return (double)(((uint64_t)out[1] << 32 | out[0]) >> 11) * 0x1p-53;
}

static uint64_t scaled(uint64_t place, uint64_t part, uint64_t total)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)place * part / total);
}

bool sample_index_marked(uint64_t place, uint64_t total, uint64_t part, uint64_t *out_index)
{
    const uint64_t before = scaled(place, part, total);
    const bool marked = scaled(place + 1, part, total) > before;
    *out_index = marked ? before : place - before;
    return marked;
}

uint64_t sample_index_before(uint64_t n, double u, double cum, double total)
{
    if (!(cum > 0))
        return 0;
    if (cum >= total)
        return n;
    const double at = (double)n == total ? cum : (double)n * (cum / total);
    const double count = ceil(at - u);
    return count <= 0 ? 0 : count >= (double)n ? n : (uint64_t)count;
}
