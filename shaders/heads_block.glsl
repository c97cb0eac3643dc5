/* SPDX-License-Identifier: MIT */
/* Probabilities times values of four features of a head, a block of key positions at a time.
 * Included after the push constants, the buffers, the hooks, sum.glsl (SUM_COUNT 4: the features)
 * and the function read_probs(where, key), which gives the probabilities of four key positions. */
#ifndef VKFI_HEADS_BLOCK_GLSL
#define VKFI_HEADS_BLOCK_GLSL

vec4 chain[4]; /* (keys) of four features */

/* Four key positions as read; a global, as in linear_block.glsl. */
struct four_keys {
    uint key, quad; /* the first key; the quad of features */
    uvec2 span;     /* first and last key seen */
    vec4 p;
    uvec4 value[4];
} four;

/* The chain of four features after key position j. A key outside the span adds nothing: -0.0
 * is selected, which costs less than a branch. */
void add_key(const uint j, const bool patched)
{
    uint key = four.key + j;
    bool there = key >= four.span.x && key <= four.span.y;
    uvec4 raw = pages_raw(four.value[j], four.quad, KV);
    if (patched && HOOK_AT(HOOK_WEIGHT))
        raw = hook_stored(uvec3(first_feature(four.quad), HOOK_NONE, key), uvec3(1u, 0u, 0u), raw);
    vec4 product = vec4(four.p[j]) * pages_value(raw, KV);
    chain[j] = chain[j] + (there ? product : vec4(NM_NEG_ZERO));
    if (patched && HOOK_AT(HOOK_PARTIAL))
        chain[j] = hook_quad(HOOK_PARTIAL, uvec3(first_feature(four.quad), HOOK_NONE, key),
                             uvec3(1u, 0u, 0u), chain[j], true);
}

/* Written out for lavapipe alone: SwiftShader takes a minute to compile four copies. Patches loop,
 * so that the text has their hooks once. */
void add_keys()
{
#ifdef VKFI_TEXEL
    if (!HOOK_ANY) {
        add_key(0u, false);
        add_key(1u, false);
        add_key(2u, false);
        add_key(3u, false);
        return;
    }
#endif
    for (uint j = 0u; j < 4u; j++)
        add_key(j, true);
}

/* Adds the block of 32 key positions from `key0` on; `row`: the values of the first. */
void add_values(uint probs, uint row, uint quad, uint key0, uvec2 span)
{
    for (uint j = 0u; j < 4u; j++)
        chain[j] = vec4(NM_NEG_ZERO);
    uint first = max(key0, span.x) & ~3u, last = min(key0 + NM_BLOCK - 1u, span.y);
    for (uint key = first; key <= last; key += 4u) {
        uint at = row + (key - key0) * push.row + PAGES_QUAD(KV, quad);
        four.key = key;
        four.quad = quad;
        four.span = span;
        four.p = read_probs(probs, key);
        four.value[0] = FETCH(pages, at);
        four.value[1] = FETCH(pages, at + push.row);
        four.value[2] = FETCH(pages, at + 2u * push.row);
        four.value[3] = FETCH(pages, at + 3u * push.row);
        if (HOOK_AT(HOOK_OPERAND))
            four.p = hook_quad(HOOK_OPERAND, uvec3(first_feature(0u), HOOK_NONE, key),
                               uvec3(0u, 0u, 1u), four.p, quad == 0u);
        add_keys();
    }
    vec4 t = (chain[0] + chain[1]) + (chain[2] + chain[3]);
    SUM_EACH(total[i].run = total[i].run + t[i]);
}

/* The sums of a quad of features over the key positions of the span, in run 0 of the invocations in
 * y; of a quad outside of the head nothing but the barriers. */
void sum_values(uint probs, uint table, uint head, uint quad, uvec2 span)
{
    bool inside = quad * 4u < push.head_dim;
    uint visits = NM_PARTIALS / gl_WorkGroupSize.y;
    uint first = span.x / NM_BLOCK, last = span.y / NM_BLOCK;
    for (uint i = 0u; i < visits; i++) {
        uint visit = order_partial(gl_LocalInvocationID.y * visits + i);
        uint skipped = first > visit ? (first - visit + NM_PARTIALS - 1u) / NM_PARTIALS : 0u;
        sum_open();
        for (uint b = visit + skipped * NM_PARTIALS; inside && b <= last; b += NM_PARTIALS) {
            uint row = columns[table + b] * NM_BLOCK * push.row + push.values +
                       PAGES_QUAD(KV, head / push.group * (push.head_dim / 4u));
            add_values(probs, row, quad, b * NM_BLOCK, span);
        }
        sum_close(i, visits);
    }
    if (gl_WorkGroupSize.y > 1u)
        sum_join(gl_LocalInvocationID.y, gl_WorkGroupSize.y, gl_LocalInvocationIndex * 4u,
                 uvec2(1u, gl_WorkGroupSize.x * 4u));
}

#endif
