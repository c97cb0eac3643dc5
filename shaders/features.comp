#version 460
/* SPDX-License-Identifier: MIT */
/* Features of rows of logits and of the residuals they came from: blocks of ids, then rows. */
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(push_constant) uniform push_block
{
    push_features push;
};
QUAD_BUFFER(0, parts);   /* blocks of all rows (rows, blocks, FEATURES_QUADS) */
QUAD_BUFFER(1, results); /* rows (rows, FEATURES_QUADS) */
FETCH_BUFFER(2, inputs);

#define SUM_COUNT 4 /* z, w by the blocks' own terms, w by their distance, squares */
#include "shared/sum.glsl"

/* The two largest keys, and how many values are Inf or NaN. */
struct peak {
    uint first, second, nonfinite;
};

peak peak_join(peak a, peak b)
{
    return peak(max(a.first, b.first), max(min(a.first, b.first), max(a.second, b.second)),
                a.nonfinite + b.nonfinite);
}

peak peak_of(uint bits)
{
    return peak(nm_key(bits), 0u, (bits & NM_INF) == NM_INF ? 1u : 0u);
}

uint canon(float x)
{
    return nm_canon(floatBitsToUint(x));
}

/* Block b of a row, with its own maximum. */
void of_block(uint source, uint at, uint b)
{
    peak top = peak(0u, 0u, 0u);
    for (uint q = b * 8u; q < b * 8u + 8u && q * 4u < push.count; q++) {
        uvec4 quad = FETCH(inputs, source + q);
        for (uint c = 0u; c < 4u; c++) {
            peak all = peak_join(top, peak_of(quad[c]));
            bool there = q * 4u + c < push.count;
            top.first = there ? all.first : top.first;
            top.second = there ? all.second : top.second;
            top.nonfinite = there ? all.nonfinite : top.nonfinite;
        }
    }
    float most = uintBitsToFloat(nm_unkey(top.first));
    vec4 z = vec4(NM_NEG_ZERO), w = vec4(NM_NEG_ZERO);
    for (uint q = b * 8u; q < b * 8u + 8u && q * 4u < push.count; q++) {
        vec4 d = FETCH_FLOATS(inputs, source + q) - vec4(most);
        vec4 e = vec4(nm_exp(d.x), nm_exp(d.y), nm_exp(d.z), nm_exp(d.w));
        vec4 more_z = z + e, more_w = w + e * d;
        for (uint c = 0u; c < 4u; c++) {
            z[c] = q * 4u + c < push.count ? more_z[c] : z[c];
            w[c] = q * 4u + c < push.count ? more_w[c] : w[c];
        }
    }
    parts[at] = uvec4(top.first, top.second, canon(sum_chains(z)), canon(sum_chains(w)));
    parts[at + 1u] = uvec4(top.nonfinite, 0u, 0u, 0u);
}

shared peak peaks[gl_WorkGroupSize.x];

/* The peak of a row, for all invocations. */
peak of_peaks(uint part)
{
    uint lane = gl_LocalInvocationID.x;
    peak all = peak(0u, 0u, 0u);
    for (uint b = lane; b < push.blocks; b += gl_WorkGroupSize.x) {
        uvec4 a = parts[part + b * FEATURES_QUADS];
        all = peak_join(all, peak(a.x, a.y, parts[part + b * FEATURES_QUADS + 1u].x));
    }
    peaks[lane] = all;
    barrier();
    for (uint i = 1u; i < gl_WorkGroupSize.x && lane == 0u; i++)
        all = peak_join(all, peaks[i]);
    if (lane == 0u)
        peaks[0] = all;
    barrier();
    return peaks[0];
}

/* Terms of 32 blocks of ids, as one block of a sum over the blocks. */
void add_blocks(uint part, uint b, float most)
{
    vec4 z = vec4(NM_NEG_ZERO), w = z, v = z;
    for (uint s = 0u; s < 8u; s++) {
        for (uint c = 0u; c < 4u; c++) {
            uint i = b * NM_BLOCK + s * 4u + c;
            bool there = i < push.blocks;
            uvec4 a = parts[part + (there ? i : 0u) * FEATURES_QUADS];
            float d = uintBitsToFloat(nm_unkey(a.x)) - most, scale = nm_exp(d);
            float own = uintBitsToFloat(a.z) * scale;
            float more_z = z[c] + own, more_w = w[c] + uintBitsToFloat(a.w) * scale;
            float more_v = v[c] + own * d;
            z[c] = there ? more_z : z[c];
            w[c] = there ? more_w : w[c];
            v[c] = there ? more_v : v[c];
        }
    }
    total[0].run = total[0].run + sum_chains(z);
    total[1].run = total[1].run + sum_chains(w);
    total[2].run = total[2].run + sum_chains(v);
}

void add_squares(uint source, uint b)
{
    vec4 chain = vec4(NM_NEG_ZERO);
    for (uint q = b * 8u; q < b * 8u + 8u && q * 4u < push.width; q++) {
        vec4 x = FETCH_FLOATS(inputs, source + q), more = chain + x * x;
        for (uint c = 0u; c < 4u; c++)
            chain[c] = q * 4u + c < push.width ? more[c] : chain[c];
    }
    total[3].run = total[3].run + sum_chains(chain);
}

/* At most 16 invocations share the partials of the sums. */
void of_sums(uint part, uint source, float most)
{
    uint lane = gl_LocalInvocationID.x;
    uint runs = gl_WorkGroupSize.x > NM_PARTIALS ? NM_PARTIALS : gl_WorkGroupSize.x;
    uint visits = NM_PARTIALS / runs, count = lane < runs ? visits : 0u;
    for (uint i = 0u; i < count; i++) {
        sum_open();
        uint first = order_partial(lane * visits + i);
        for (uint b = first; b * NM_BLOCK < push.blocks; b += NM_PARTIALS)
            add_blocks(part, b, most);
        for (uint b = first; b * NM_BLOCK < push.width; b += NM_PARTIALS)
            add_squares(source, b);
        sum_close(i, visits);
    }
    sum_join(lane, runs, lane * SUM_COUNT, uvec2(1u, SUM_COUNT));
}

void main()
{
    uint row = gl_WorkGroupID.y, part = row * push.blocks * FEATURES_QUADS;
    if (push.stage == 0u) {
        uint b = gl_GlobalInvocationID.x;
        if (b < push.blocks)
            of_block(push.src + row * push.src_stride, part + b * FEATURES_QUADS, b);
        return;
    }
    peak top = of_peaks(part);
    of_sums(part, push.residual + (push.row0 + row) * push.residual_stride,
            uintBitsToFloat(nm_unkey(top.first)));
    if (gl_LocalInvocationID.x == 0u) {
        uint at = (push.row0 + row) * FEATURES_QUADS;
        float w = total[1].run + total[2].run;
        results[at] = uvec4(top.first, top.second, canon(total[0].run), canon(w));
        results[at + 1u] = uvec4(top.nonfinite, canon(total[3].run), 0u, 0u);
    }
}
