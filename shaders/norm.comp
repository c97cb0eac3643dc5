#version 460
/* SPDX-License-Identifier: MIT */
/* NORM: RMS norm of one group of a column; with NORM_LAYER, LAYER_NORM. The workgroup shares the
 * partials of a sum. */
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_Y) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block
{
    push_norm push;
};
QUAD_SAME(0, results);
FETCH_SAME(1, inputs);
FETCH_BUFFER(2, weights);

#define SUM_COUNT 1
#include "shared/hook.glsl"
#include "shared/sum.glsl"

/* Four elements of the group as this op reads them; `primary`: the noted reading. */
vec4 read_quad(uint source, uint group, uint i, bool primary)
{
    vec4 x = FETCH_FLOATS(inputs, source + i);
    if (HOOK_AT(HOOK_OPERAND))
        x = hook_quad(HOOK_OPERAND, uvec3(group * push.width, i * 4u, HOOK_NONE), uvec3(0u, 1u, 0u),
                      x, primary);
    return x;
}

#ifdef NORM_LAYER
float mean;

/* Terms of the mean (`before` 0) or of the sum of squares. */
vec4 terms(vec4 x, uint before)
{
    vec4 d = x - vec4(mean);
    return before == 0u ? x * vec4(push.inv_width) : d * d;
}
#else
vec4 terms(vec4 x, uint before)
{
    return x * x;
}
#endif

/* The chains of a block's terms, joined; `before`: sums before this one, whose terms and blocks
 * faults name first. */
float block_sum(uint source, uint group, uint b, uint before)
{
    vec4 chain = vec4(NM_NEG_ZERO);
    for (uint s = 0u; s < 8u; s++) {
        uint i = b * 8u + s;
        if (i * 4u >= push.width)
            break;
        vec4 x = read_quad(source, group, i, before == 0u);
        vec4 sum = chain + terms(x, before);
        for (uint c = 0u; c < 4u; c++)
            chain[c] = i * 4u + c < push.width ? sum[c] : chain[c];
        if (HOOK_AT(HOOK_PARTIAL))
            chain = hook_quad(HOOK_PARTIAL,
                              uvec3(group * push.width, before * push.width + i * 4u, HOOK_NONE),
                              uvec3(0u, 1u, 0u), chain, true);
    }
    return sum_chains(chain);
}

float sum_of(uint source, uint group, uint before)
{
    uint lane = gl_LocalInvocationID.x, visits = NM_PARTIALS / gl_WorkGroupSize.x;
    uint blocks = (push.width + NM_BLOCK - 1u) / NM_BLOCK;
    for (uint i = 0u; i < visits; i++) {
        sum_open();
        for (uint b = order_partial(lane * visits + i); b < blocks; b += NM_PARTIALS) {
            total[0].run = total[0].run + block_sum(source, group, b, before);
            if (HOOK_AT(HOOK_ACCUMULATOR))
                total[0].run = hook_sum(uvec3(group * push.width, before * blocks + b, HOOK_NONE),
                                        total[0].run);
        }
        sum_close(i, visits);
    }
    if (gl_WorkGroupSize.x > 1u) {
        sum_join(lane, gl_WorkGroupSize.x, lane, uvec2(1u));
        total[0].run = sum_joined(lane, 0u);
    }
    return total[0].run;
}

void write_quad(uint at, uint i, uint feature, vec4 value)
{
    uvec4 bits = round_quad(value, ACT);
    if (HOOK_ANY)
        bits = hook_results(uvec3(feature, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), value, ACT);
    if (i * 4u + 4u <= push.width) {
        results[at] = bits;
    } else {
        for (uint c = 0u; c < 4u; c++) {
            if (i * 4u + c < push.width)
                results[at][c] = bits[c];
        }
    }
}

void main()
{
    uint group = push.group0 + gl_WorkGroupID.x, slot = push.slot0 + gl_WorkGroupID.y;
    uint first = group * push.width / 4u;
    uint source = push.src + slot * push.src_stride + first;
#ifdef NORM_LAYER
    mean = sum_of(source, group, 0u);
    if (gl_WorkGroupSize.x > 1u)
        barrier(); /* all have read the mean where the next sum's runs go */
    float ss = sum_of(source, group, 1u);
#else
    float ss = sum_of(source, group, 0u);
#endif
    float r = nm_rsqrt(ss * push.inv_width + push.eps);
    for (uint i = gl_LocalInvocationID.x; i * 4u < push.width; i += gl_WorkGroupSize.x) {
        vec4 x = read_quad(source, group, i, false);
        vec4 gain = FETCH_FLOATS(weights, push.gain + i);
        uint feature = group * push.width + i * 4u;
        if (HOOK_AT(HOOK_WEIGHT))
            gain = uintBitsToFloat(hook_stored(uvec3(feature, HOOK_NONE, HOOK_NONE),
                                               uvec3(1u, 0u, 0u), floatBitsToUint(gain)));
#ifdef NORM_LAYER
        vec4 y = ((x - vec4(mean)) * vec4(r)) * gain + FETCH_FLOATS(weights, push.bias + i);
#else
        vec4 y = (x * vec4(r)) * gain;
#endif
        write_quad(push.dst + slot * push.dst_stride + first + i, i, feature, y);
    }
}
