#version 460
/* SPDX-License-Identifier: MIT */
/* LINEAR: rows of a weight matrix times COLS columns; four rows an invocation. */
#ifdef VKFI_TEXEL
#extension GL_KHR_shader_subgroup_ballot : require
#endif
#include "shared/fetch.glsl"
#include "shared/sum.glsl"
#include "shared/weights.glsl"

#if COLS > 1 && !defined(VKFI_HOOK_FREE)
#define VKFI_HOOK_FREE /* patches take the form for one column */
#endif
#include "shared/hook.glsl"

layout(local_size_x = TILE_LANES, local_size_y_id = SPEC_LANES_Y) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block { push_linear push; };
QUAD_BUFFER(0, results);
FETCH_BUFFER(1, inputs);
FETCH_BUFFER(2, weights);
HOOK_BUFFER(3)

#define ROWS 4u /* of an invocation */

/* The quads of x that a block reads are the same in all lanes. Where they are as many as the lanes
 * of a subgroup, each lane fetches one and hands it around. */
#ifdef VKFI_TEXEL
layout(constant_id = SPEC_SHARE) const uint SHARE = 0u;
/* gl_SubgroupInvocationID would bring RelaxedPrecision with it */
#define SUBGROUP_LANE uint(findLSB(gl_SubgroupEqMask.x))
#define X_OWN(c, b)                                                                                \
    if (SHARE != 0u)                                                                               \
        own[c] = FETCH(inputs, source + (c) * push.src_stride + (b) * 8u + SUBGROUP_LANE);
#define X_READ(x, c, b, s)                                                                         \
    if (SHARE != 0u)                                                                               \
        x = uintBitsToFloat(subgroupBroadcast(own[c], s));                                         \
    else                                                                                           \
        x = FETCH_FLOATS(inputs, source + (c) * push.src_stride + (b) * 8u + (s));
#else
#define X_OWN(c, b)
#define X_READ(x, c, b, s) x = FETCH_FLOATS(inputs, source + (c) * push.src_stride + (b) * 8u + (s));
#endif

sum total[COLS * ROWS];
shared float across[gl_WorkGroupSize.y * COLS * TILE_ROWS];

/* A block of the invocation's rows as loaded. */
struct block {
    uvec4 code[WEIGHT_CODES * ROWS];
    uvec4 high[2];                /* (words, rows) */
    uvec4 meta_words, super_words; /* (rows) */
};

block load_block(uint tile, uint b, uint slot)
{
    block w;
    uint lane = gl_LocalInvocationID.x;
    uint codes = tile + slot * (WEIGHT_CODES * TILE_ROWS) + lane;
    for (uint i = 0u; i < WEIGHT_CODES * ROWS; i++)
        w.code[i] = FETCH(weights, codes + i * TILE_LANES);
    w.high[0] = w.high[1] = w.meta_words = w.super_words = uvec4(0u);
    uint high = tile + weight_high_at(push.blocks) + slot * (WEIGHT_HIGH * TILE_LANES) + lane;
#if WEIGHT_HIGH > 0
    w.high[0] = FETCH(weights, high);
#endif
#if WEIGHT_HIGH > 1
    w.high[1] = FETCH(weights, high + TILE_LANES);
#endif
    uint meta = tile + weight_meta_at(push.blocks) + lane;
#ifdef WEIGHT_META_HALF
    uvec4 pair = FETCH(weights, meta + slot / 2u * TILE_LANES);
    w.meta_words = (slot & 1u) == 0u ? pair & 0xffffu : pair >> 16;
#elif WEIGHT_FORM != FORM_PLAIN
    w.meta_words = FETCH(weights, meta + slot * TILE_LANES);
#endif
#ifdef WEIGHT_SUPER
    w.super_words =
        FETCH(weights, tile + weight_super_at(push.blocks) + b / 8u * TILE_LANES + lane);
#endif
    return w;
}

#ifdef VKFI_HOOK_FREE
#define HIT(b, s) false
#define EDIT_SCALES(w, b, row0)
#else
/* The fault lies in block b, in its step s. */
#define HIT(b, s)                                                                                  \
    (HOOK != HOOK_OFF && hooks[push.hook].k / 4u == (b) * (NM_BLOCK / 4u) + (s))

/* The word with `mask` bits at `shift` edited. */
uint edit_field(uint word, uint shift, uint mask, bool primary)
{
    uint bits = hook_value(push.hook, (word >> shift) & mask, primary) & mask;
    return (word & ~(mask << shift)) | (bits << shift);
}

/* Fields d, m, sc, mn of row r as decoded for this evaluation. */
void edit_scales(inout block w, uint b, uint r)
{
    uint field = hooks[push.hook].field, k = hooks[push.hook].k;
    bool here = k / NM_BLOCK == b;
#ifdef WEIGHT_SUPER
    bool near = k / 256u == b / 8u;
    uint shift = WEIGHT_FORM == FORM_HALF && k % NM_BLOCK >= 16u ? 8u : 0u;
    if (field == FIELD_SCALE && near)
        w.super_words[r] = edit_field(w.super_words[r], 0u, 0xffffu, here);
    if (field == FIELD_MIN && near)
        w.super_words[r] = edit_field(w.super_words[r], 16u, 0xffffu, here);
    if (field == FIELD_SUBSCALE && here)
        w.meta_words[r] = edit_field(w.meta_words[r], shift, WEIGHT_SUB_MASK, true);
    if (field == FIELD_SUBMIN && here)
        w.meta_words[r] = edit_field(w.meta_words[r], 8u, WEIGHT_SUB_MASK, true);
#else
    if (field == FIELD_SCALE && here)
        w.meta_words[r] = edit_field(w.meta_words[r], 0u, 0xffffu, true);
    if (field == FIELD_MIN && here)
        w.meta_words[r] = edit_field(w.meta_words[r], 16u, 0xffffu, true);
#endif
}
#define EDIT_SCALES(w, b, row0)                                                                    \
    HOOK_DO(HOOK_WEIGHT, hooks[push.hook].row / ROWS == (row0) / ROWS,                             \
            edit_scales(w, b, hooks[push.hook].row % ROWS))
#endif

/* Elements 4 s .. 4 s + 3: codes of four rows against the same four x of each column. Written out
 * eight times: drivers for CPUs lose most of their speed in a loop here. */
#define STEP(s)                                                                                    \
    {                                                                                              \
        const bool first = (s) == 0u || (WEIGHT_FORM == FORM_HALF && (s) == 4u);                   \
        vec4 weight[ROWS];                                                                         \
        for (uint r = 0u; r < ROWS; r++) {                                                         \
            uvec4 raw = weight_raw(w.code[WEIGHT_QUAD(s) * ROWS + r], w.high[WEIGHT_WORD(s)][r],   \
                                   s);                                                             \
            weight[r] = weight_value(raw);                                                         \
            HOOK_DO(HOOK_WEIGHT,                                                                   \
                    HIT(b, s) && row0 + r == hooks[push.hook].row &&                               \
                        hooks[push.hook].field == FIELD_CODE,                                      \
                    uint c_ = hooks[push.hook].k % 4u;                                             \
                    raw[c_] = hook_fire(push.hook, raw[c_]) & WEIGHT_CODE_MASK;                    \
                    weight[r] = weight_value(raw))                                                 \
        }                                                                                          \
        for (uint c = 0u; c < COLS; c++) {                                                         \
            vec4 x;                                                                                \
            X_READ(x, c, b, s)                                                                     \
            HOOK_DO(HOOK_OPERAND, HIT(b, s), uint c_ = hooks[push.hook].k % 4u;                    \
                    x[c_] = hook_float(push.hook, x[c_], row0 == 0u))                              \
            sum_x[c] = first ? x : sum_x[c] + x;                                                   \
            for (uint r = 0u; r < ROWS; r++) {                                                     \
                vec4 product = weight[r] * x;                                                      \
                chain[c * ROWS + r] = first ? product : chain[c * ROWS + r] + product;             \
                HOOK_DO(HOOK_PARTIAL, HIT(b, s) && row0 + r == hooks[push.hook].row,               \
                        uint c_ = hooks[push.hook].k % 4u;                                         \
                        chain[r][c_] = hook_float(push.hook, chain[r][c_], true))                  \
            }                                                                                      \
        }                                                                                          \
    }

/* Adds t of block b to the partials of all rows and columns. */
void add_block(uint tile, uint b, uint slot, uint source, uint row0)
{
    block w = load_block(tile, b, slot);
    vec4 chain[COLS * ROWS], sum_x[COLS];
    float t[COLS * ROWS];
    uvec4 own[COLS];

    for (uint c = 0u; c < COLS; c++) {
        X_OWN(c, b)
    }

    EDIT_SCALES(w, b, row0)
    STEP(0u) STEP(1u) STEP(2u) STEP(3u)
#if WEIGHT_FORM == FORM_HALF
    for (uint c = 0u; c < COLS; c++)
        for (uint r = 0u; r < ROWS; r++)
            t[c * ROWS + r] = weight_scale(w.meta_words[r], w.super_words[r], 0u) *
                              sum_chains(chain[c * ROWS + r]);
#endif
    STEP(4u) STEP(5u) STEP(6u) STEP(7u)
    for (uint r = 0u; r < ROWS; r++) {
#if WEIGHT_FORM != FORM_PLAIN
        float scale = weight_scale(w.meta_words[r], w.super_words[r], 7u);
#endif
#if WEIGHT_FORM == FORM_MIN
        float low = weight_min(w.meta_words[r], w.super_words[r]);
#endif
        for (uint c = 0u; c < COLS; c++) {
            uint i = c * ROWS + r;
#if WEIGHT_FORM == FORM_PLAIN
            t[i] = sum_chains(chain[i]);
#elif WEIGHT_FORM == FORM_SCALE
            t[i] = scale * sum_chains(chain[i]);
#elif WEIGHT_FORM == FORM_MIN
            t[i] = scale * sum_chains(chain[i]) + low * sum_chains(sum_x[c]);
#else
            t[i] = t[i] + scale * sum_chains(chain[i]);
#endif
            total[i].run = total[i].run + t[i];
        }
    }
}

/* Joins the runs of the invocations that share the rows; the first has the sums. */
void join_across()
{
    uint lane = gl_LocalInvocationID.x, run = gl_LocalInvocationID.y;
    uint at = run * (COLS * TILE_ROWS) + lane;
    for (uint apart = 1u; apart < gl_WorkGroupSize.y; apart *= 2u) {
        for (uint i = 0u; i < COLS * ROWS; i++)
            across[at + i * TILE_LANES] = total[i].run;
        barrier();
        if (run % (2u * apart) == 0u)
            for (uint i = 0u; i < COLS * ROWS; i++)
                total[i].run = total[i].run +
                               across[at + apart * (COLS * TILE_ROWS) + i * TILE_LANES];
        barrier();
    }
}

void write_rows(uint c, uint row0, vec4 bias)
{
    uint at = push.dst + (push.slot0 + gl_WorkGroupID.y * COLS + c) * push.dst_stride + row0 / 4u;
    uvec4 bits;
    for (uint r = 0u; r < ROWS; r++) {
        float y = total[c * ROWS + r].run + bias[r];
        bits[r] = round_bits(y, ACT);
        HOOK_ONE(row0 + r == hooks[push.hook].row, bits[r] = hook_result(push.hook, y, ACT))
    }
    if (!HOOK_SINGLE && row0 + ROWS <= push.rows) {
        results[at] = bits;
        return;
    }
    for (uint r = 0u; r < ROWS; r++)
        if (row0 + r < push.rows && !HOOK_SKIP(row0 + r != hooks[push.hook].row))
            results[at][r] = bits[r];
}

void main()
{
    uint visits = NM_PARTIALS / gl_WorkGroupSize.y;
    uint visit0 = gl_LocalInvocationID.y * visits;
    uint tile = push.tile0 + gl_WorkGroupID.x * push.tile_size;
    uint row0 = push.row0 + gl_WorkGroupID.x * TILE_ROWS + gl_LocalInvocationID.x * ROWS;
    uint source = push.src + (push.slot0 + gl_WorkGroupID.y * COLS) * push.src_stride;
    uint slot = 0u;

    /* blocks of the partials visited before this invocation's */
    for (uint i = 0u; i < visit0; i++)
        slot += (push.blocks + NM_PARTIALS - 1u - order_partial(i)) / NM_PARTIALS;
    for (uint i = 0u; i < visits; i++) {
        for (uint j = 0u; j < COLS * ROWS; j++)
            sum_open(total[j]);
        for (uint b = order_partial(visit0 + i); b < push.blocks; b += NM_PARTIALS)
            add_block(tile, b, slot++, source, row0);
        for (uint j = 0u; j < COLS * ROWS; j++)
            sum_close(total[j], i);
    }
    if (gl_WorkGroupSize.y > 1u)
        join_across();
    if (gl_LocalInvocationID.y == 0u) {
        vec4 bias = vec4(NM_NEG_ZERO);
        if (push.bias != 0u)
            bias = FETCH_FLOATS(weights, tile + push.bias + gl_LocalInvocationID.x);
        for (uint c = 0u; c < COLS; c++)
            write_rows(c, row0, bias);
    }
}
