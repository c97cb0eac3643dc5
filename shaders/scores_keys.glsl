/* SPDX-License-Identifier: MIT */
/* Query times key of one head, for the key positions of an invocation. Included after the push
 * constants, the buffers, the hooks and sum.glsl. */
#ifndef VKFI_SCORES_KEYS_GLSL
#define VKFI_SCORES_KEYS_GLSL

#include "shared/each.glsl"
#include "shared/pages.glsl"

/* Key positions of an invocation; q is read once for all. lavapipe runs a loop faster. */
#ifdef VKFI_TEXEL
#define KEYS 2
#define EACH_KEY(work)                                                                             \
    for (uint j = 0u; j < KEYS; j++) {                                                             \
        work;                                                                                      \
    }
#else
#define KEYS 1
#define EACH_KEY(work) EACH_OF_1(j, work)
#endif

struct place {
    uint query;       /* quads */
    uint key[KEYS];   /* positions */
    uint row[KEYS];   /* quads */
    uint first, last; /* key positions the query sees */
    uint head;
};

/* A score as the model caps it. */
float capped(float y)
{
    if (CAP != 0u)
        y = nm_cap(y, uintBitsToFloat(push.cap), uintBitsToFloat(push.reciprocal));
    return y;
}

sum score[KEYS];

/* The quad where the head's features of a key position start. */
uint key_row(uint table, uint key, uint head)
{
    return (columns[table + key / NM_BLOCK] * NM_BLOCK + key % NM_BLOCK) * push.row +
           PAGES_QUAD(KV, head / push.group * (push.head_dim / 4u));
}

/* Adds block b of the head's features; absent ones add -0.0. All is read before anything is
 * computed (linear_block.glsl). */
void add_features(place at, uint b, bool primary)
{
    vec4 q[8];
    uvec4 raw[KEYS * 8u];
    uint quads = push.head_dim / 4u;

    for (uint s = 0u; s < 8u; s++) {
        uint i = min(b * 8u + s, quads - 1u);
        q[s] = FETCH_FLOATS(inputs, at.query + i);
        for (uint j = 0u; j < KEYS; j++)
            raw[j * 8u + s] = FETCH(pages, at.row[j] + PAGES_QUAD(KV, i));
        if (HOOK_AT(HOOK_OPERAND))
            q[s] = hook_quad(HOOK_OPERAND, uvec3(at.head, (b * 8u + s) * 4u, HOOK_NONE),
                             uvec3(0u, 1u, 0u), q[s], primary);
    }
    for (uint j = 0u; j < KEYS; j++) {
        vec4 chain = vec4(NM_NEG_ZERO);
        for (uint s = 0u; s < 8u; s++) {
            uint i = b * 8u + s;
            uvec4 bits = pages_raw(raw[j * 8u + s], i, KV);
            if (HOOK_AT(HOOK_WEIGHT))
                bits = hook_stored(uvec3(at.head, i * 4u, at.key[j]), uvec3(0u, 1u, 0u), bits);
            vec4 product = q[s] * pages_value(bits, KV);
            chain = chain + (i < quads ? product : vec4(NM_NEG_ZERO));
            if (HOOK_AT(HOOK_PARTIAL))
                chain = hook_quad(HOOK_PARTIAL, uvec3(at.head, i * 4u, at.key[j]),
                                  uvec3(0u, 1u, 0u), chain, true);
        }
        score[j].run = score[j].run + sum_chains(chain);
        if (HOOK_AT(HOOK_ACCUMULATOR))
            score[j].run = hook_sum(uvec3(at.head, b, at.key[j]), score[j].run);
    }
}

/* All features, into score[].run. The tree of few blocks has as many leaves as the next power of
 * two: partials that no block joins are -0.0, which changes nothing. */
void score_keys(place at)
{
    uint blocks = (push.head_dim + NM_BLOCK - 1u) / NM_BLOCK, visits = 1u, apart = NM_PARTIALS;
    bool primary = false;
    for (uint j = 0u; j < KEYS; j++)
        primary = primary || at.key[j] == at.first;
    while (visits < blocks && visits < NM_PARTIALS) {
        visits *= 2u;
        apart /= 2u;
    }
    for (uint i = 0u; i < visits; i++) {
        EACH_KEY(score[j].run = NM_NEG_ZERO);
        for (uint b = order_partial(i) / apart; b < blocks; b += NM_PARTIALS)
            add_features(at, b, primary);
        EACH_KEY(score[j] = sum_after(score[j], i, visits));
    }
}

#endif
