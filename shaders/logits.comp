#version 460
/* SPDX-License-Identifier: MIT */
/* Argmax, hash and finiteness of rows of logits, in integers: digests of strips, then of rows. */
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(push_constant) uniform push_block
{
    push_logits push;
};
QUAD_BUFFER(0, digests); /* strips of all rows (rows, strips, DIGEST_QUADS) */
QUAD_BUFFER(1, results); /* rows (rows, DIGEST_QUADS) */
FETCH_BUFFER(2, inputs);

struct digest {
    uint key, token, low, high, finite;
};

digest merge(digest a, digest b)
{
    bool better = b.key > a.key || (b.key == a.key && b.token < a.token);
    return digest(better ? b.key : a.key, better ? b.token : a.token, a.low + b.low,
                  a.high + b.high, a.finite & b.finite);
}

/* Quads [first, last) of a row. */
digest of_strip(uint source, uint first, uint last)
{
    digest all = digest(0u, 0u, 0u, 0u, 1u);
    for (uint q = first; q < last; q++) {
        uvec4 quad = FETCH(inputs, source + q);
        for (uint c = 0u; c < 4u; c++) {
            uint i = q * 4u + c, bits = nm_canon(quad[c]), key = nm_key(bits);
            bool there = i < push.count, better = there && key > all.key;
            all.key = better ? key : all.key;
            all.token = better ? i : all.token;
            all.low += there ? nm_mix(i, bits, NM_SALT_LOW) : 0u;
            all.high += there ? nm_mix(i, bits, NM_SALT_HIGH) : 0u;
            all.finite &= there && (bits & NM_INF) == NM_INF ? 0u : 1u;
        }
    }
    return all;
}

shared digest parts[gl_WorkGroupSize.x];

/* Invocations take strips in turn; the first joins their results. */
digest of_row(uint row)
{
    uint lane = gl_LocalInvocationID.x;
    digest all = digest(0u, 0u, 0u, 0u, 1u);
    for (uint strip = lane; strip < push.strips; strip += gl_WorkGroupSize.x) {
        uint at = (row * push.strips + strip) * DIGEST_QUADS;
        uvec4 a = digests[at];
        all = merge(all, digest(a.x, a.y, a.z, a.w, digests[at + 1u].x));
    }
    parts[lane] = all;
    barrier();
    for (uint i = 1u; i < gl_WorkGroupSize.x && lane == 0u; i++)
        all = merge(all, parts[i]);
    return all;
}

void put(bool result, uint at, digest d)
{
    uvec4 a = uvec4(d.key, d.token, d.low, d.high), b = uvec4(d.finite, 0u, 0u, 0u);
    if (result) {
        results[at] = a;
        results[at + 1u] = b;
    } else {
        digests[at] = a;
        digests[at + 1u] = b;
    }
}

void main()
{
    uint row = gl_WorkGroupID.y, strip = gl_GlobalInvocationID.x;
    if (push.stage == 0u) {
        uint first = strip * push.strip, quads = (push.count + 3u) / 4u;
        if (strip < push.strips)
            put(false, (row * push.strips + strip) * DIGEST_QUADS,
                of_strip(push.src + row * push.src_stride, first, min(first + push.strip, quads)));
    } else {
        digest all = of_row(row);
        if (strip == 0u)
            put(true, (push.row0 + row) * DIGEST_QUADS, all);
    }
}
