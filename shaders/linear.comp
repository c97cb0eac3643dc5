#version 460
/* SPDX-License-Identifier: MIT */
/* LINEAR: rows of a weight matrix times COLS columns; four rows of TILES tiles an invocation. */
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

#define ROWS 4u /* of an invocation in one tile */

/* Tiles an invocation works on: x is then read once for all of them. */
#ifndef TILES
#define TILES 1
#endif
#define OUTPUTS (uint(TILES) * COLS * ROWS) /* (tiles, columns, rows) */

sum total[OUTPUTS];
shared float across[gl_WorkGroupSize.y * OUTPUTS * TILE_LANES];

/* A block of the invocation's rows as loaded. */
struct block {
    uvec4 code[WEIGHT_CODES * ROWS];
    uvec4 high[2];                /* (words, rows) */
    uvec4 meta_words, super_words; /* (rows) */
};

void load_codes(inout block w, uint tile, uint slot, const uint r)
{
    uint codes = tile + slot * (WEIGHT_CODES * TILE_ROWS) + gl_LocalInvocationID.x;
    for (uint i = 0u; i < WEIGHT_CODES; i++)
        w.code[i * ROWS + r] = FETCH(weights, codes + (i * ROWS + r) * TILE_LANES);
}

/* The texel form reads all of a block before it computes; GPUs, which have no calls but spill, read
 * the codes of a row when its turn comes (ADD_TILE). */
block load_block(uint tile, uint b, uint slot)
{
    block w;
    uint lane = gl_LocalInvocationID.x;
#ifdef VKFI_TEXEL
    for (uint r = 0u; r < ROWS; r++)
        load_codes(w, tile, slot, r);
#endif
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

#include "shared/hook_weights.glsl"

/* Elements 4 s .. 4 s + 3 of row r: its codes against the same four x of each column. Steps are
 * written out for lavapipe, which loses most of its speed in a loop here; elsewhere a loop, which
 * GPUs unroll themselves, and without which SwiftShader compiles for minutes. */
#define STEP(s)                                                                                    \
    {                                                                                              \
        const bool first = (s) == 0u || (WEIGHT_FORM == FORM_HALF && (s) == 4u);                   \
        uvec4 raw =                                                                                \
            weight_raw(w.code[WEIGHT_QUAD(s) * ROWS + r], w.high[WEIGHT_WORD(s)][r], s);           \
        vec4 weight = weight_value(raw);                                                           \
        for (uint c = 0u; c < COLS; c++) {                                                         \
            vec4 product = weight * from.x[c * 8u + (s)];                                          \
            chain[c] = first ? product : chain[c] + product;                                       \
        }                                                                                          \
    }

#ifdef VKFI_TEXEL
#define STEPS(s) STEP((s) + 0u) STEP((s) + 1u) STEP((s) + 2u) STEP((s) + 3u)
#else
#define STEPS(begin)                                                                               \
    for (uint s = (begin); s < (begin) + 4u; s++)                                                  \
    STEP(s)
#endif

/* A block of x of all columns: read before anything is computed, because a read through a texel
 * buffer is a call on lavapipe, and no register outlives a call. */
void load_x(out vec4 x[COLS * 8u], uint b, uint source)
{
    for (uint c = 0u; c < COLS; c++)
        for (uint s = 0u; s < 8u; s++)
            x[c * 8u + s] = FETCH_FLOATS(inputs, source + c * push.src_stride + b * 8u + s);
}

/* A block of the columns, and sum_x of each. */
struct operand {
    vec4 x[COLS * 8u]; /* (columns, 8) */
    float low[COLS];
};

/* Adds t of block b to the partials of row n of the invocation, (tiles, ROWS); w is its tile's. */
void add_row(block w, operand from, const uint n)
{
    const uint r = n % ROWS, sums = n / ROWS * COLS * ROWS;
    vec4 chain[COLS];
#if WEIGHT_FORM != FORM_PLAIN
    float scale = weight_scale(w.meta_words[r], w.super_words[r], 7u);
#endif
#if WEIGHT_FORM == FORM_MIN
    float m = weight_min(w.meta_words[r], w.super_words[r]);
#elif WEIGHT_FORM == FORM_HALF
    float scale0 = weight_scale(w.meta_words[r], w.super_words[r], 0u), t0[COLS];
#endif

    STEPS(0u)
#if WEIGHT_FORM == FORM_HALF
    for (uint c = 0u; c < COLS; c++)
        t0[c] = scale0 * sum_chains(chain[c]);
#endif
    STEPS(4u)
    for (uint c = 0u; c < COLS; c++) {
#if WEIGHT_FORM == FORM_PLAIN
        float t = sum_chains(chain[c]);
#elif WEIGHT_FORM == FORM_SCALE
        float t = scale * sum_chains(chain[c]);
#elif WEIGHT_FORM == FORM_MIN
        float t = scale * sum_chains(chain[c]) + m * from.low[c];
#else
        float t = t0[c] + scale * sum_chains(chain[c]);
#endif
        total[sums + c * ROWS + r].run = total[sums + c * ROWS + r].run + t;
    }
}

/* Rows likewise. */
#ifdef VKFI_TEXEL
#define ADD_TILE(i)                                                                                \
    add_row(w[i], from, (i) * ROWS + 0u);                                                          \
    add_row(w[i], from, (i) * ROWS + 1u);                                                          \
    add_row(w[i], from, (i) * ROWS + 2u);                                                          \
    add_row(w[i], from, (i) * ROWS + 3u);
#else
#define ADD_TILE(i)                                                                                \
    for (uint r = 0u; r < ROWS; r++) {                                                             \
        load_codes(w[i], tile[i], slot, r);                                                        \
        add_row(w[i], from, (i) * ROWS + r);                                                       \
    }
#endif

/* Adds t of block b to the partials of all rows and columns. */
void add_block(uint tile[TILES], uint b, uint slot, uint source)
{
    block w[TILES];
    operand from;

    for (uint i = 0u; i < uint(TILES); i++)
        w[i] = load_block(tile[i], b, slot);
    load_x(from.x, b, source);
#if WEIGHT_FORM == FORM_MIN
    for (uint c = 0u; c < COLS; c++) {
        vec4 chain = from.x[c * 8u];
        for (uint s = 1u; s < 8u; s++)
            chain = chain + from.x[c * 8u + s];
        from.low[c] = sum_chains(chain);
    }
#endif
    ADD_TILE(0u)
#if TILES > 1
    ADD_TILE(1u)
#endif
}

#ifndef VKFI_HOOK_FREE
/* x as output `row` reads it. */
void patch_x(inout vec4 x[COLS * 8u], uint b, uint row)
{
    if (!hook_near(push.hook, b))
        return;
    hook_reader = row;
    for (uint s = 0u; s < 8u; s++)
        x[s] = hook_quad(push.hook, HOOK_OPERAND,
                         uvec3(HOOK_NONE, b * NM_BLOCK + 4u * s, HOOK_NONE), uvec3(0u, 1u, 0u),
                         x[s], true);
    hook_reader = HOOK_NONE;
}

/* Elements k .. k + 3 of a row joined to the chains, faults in; `first`: they begin there. */
vec4 patch_step(vec4 chain, uvec4 raw, vec4 x, uvec3 at, bool first)
{
    uvec3 step = uvec3(0u, 1u, 0u);
    bool near = hook_near(push.hook, at.y / NM_BLOCK);
    HOOK_DO(HOOK_WEIGHT, if (near) raw = hook_codes(push.hook, at, step, raw))
    vec4 product = weight_value(raw) * x;
    chain = first ? product : chain + product;
    HOOK_DO(HOOK_PARTIAL,
            if (near) chain = hook_quad(push.hook, HOOK_PARTIAL, at, step, chain, true))
    return chain;
}

/* t of block b of row r, faults in: the sums of add_row, in loops, because a patch is compiled
 * often and runs over few outputs. */
float patch_row(block w, vec4 x[COLS * 8u], uint b, uint row, uint r)
{
    uint meta = w.meta_words[r], super_word = w.super_words[r];
    HOOK_DO(HOOK_OPERAND, patch_x(x, b, row))
    HOOK_DO(HOOK_WEIGHT, hook_block fields = hook_block_scales(push.hook, row, b,
                                                               hook_block(meta, super_word));
            meta = fields.meta;
            super_word = fields.super_word)
    vec4 chain = vec4(NM_NEG_ZERO), low = x[0];
    float t = NM_NEG_ZERO;
    for (uint s = 0u; s < 8u; s++) {
        uvec4 raw =
            weight_raw(w.code[WEIGHT_QUAD(s) * ROWS + r], w.high[WEIGHT_WORD(s)][r], s);
        chain = patch_step(chain, raw, x[s], uvec3(row, b * NM_BLOCK + 4u * s, HOOK_NONE),
                           s == 0u || (WEIGHT_FORM == FORM_HALF && s == 4u));
        low = s == 0u ? low : low + x[s];
#if WEIGHT_FORM == FORM_HALF
        if (s == 3u)
            t = weight_scale(meta, super_word, 0u) * sum_chains(chain);
#endif
    }
#if WEIGHT_FORM == FORM_PLAIN
    return sum_chains(chain);
#elif WEIGHT_FORM == FORM_SCALE
    return weight_scale(meta, super_word, 7u) * sum_chains(chain);
#elif WEIGHT_FORM == FORM_MIN
    return weight_scale(meta, super_word, 7u) * sum_chains(chain) +
           weight_min(meta, super_word) * sum_chains(low);
#else
    return t + weight_scale(meta, super_word, 7u) * sum_chains(chain);
#endif
}

void patch_block(uint tile, uint b, uint slot, uint source, uint row0)
{
    block w = load_block(tile, b, slot);
    vec4 x[COLS * 8u];
    load_x(x, b, source);
    for (uint r = 0u; r < ROWS; r++) {
#ifndef VKFI_TEXEL
        load_codes(w, tile, slot, r);
#endif
        total[r].run = total[r].run + patch_row(w, x, b, row0 + r, r);
        HOOK_DO(HOOK_ACCUMULATOR, total[r].run = hook_sum(push.hook, uvec3(row0 + r, b, HOOK_NONE),
                                                          total[r].run))
    }
}
#define ADD_BLOCK(tile, b, slot, source, row0)                                                     \
    if (HOOK == HOOK_OFF)                                                                          \
        add_block(tile, b, slot, source);                                                    \
    else                                                                                           \
        patch_block(tile[0], b, slot, source, row0);
#else
#define ADD_BLOCK(tile, b, slot, source, row0) add_block(tile, b, slot, source);
#endif

/* Joins the runs of the invocations that share the rows; the first has the sums. */
void join_across()
{
    uint lane = gl_LocalInvocationID.x, run = gl_LocalInvocationID.y;
    uint at = run * (OUTPUTS * TILE_LANES) + lane;
    for (uint apart = 1u; apart < gl_WorkGroupSize.y; apart *= 2u) {
        for (uint i = 0u; i < OUTPUTS; i++)
            across[at + i * TILE_LANES] = total[i].run;
        barrier();
        if (run % (2u * apart) == 0u)
            for (uint i = 0u; i < OUTPUTS; i++)
                total[i].run = total[i].run + across[at + (apart * OUTPUTS + i) * TILE_LANES];
        barrier();
    }
}

/* Four rows of one column, whose sums begin at `sums`. */
void write_rows(uint c, uint row0, vec4 bias, const uint sums)
{
    uint slot = push.slot0 + gl_WorkGroupID.y * COLS + c;
    uint at = push.dst + slot * push.dst_stride + row0 / 4u;
    uvec4 bits;
    for (uint r = 0u; r < ROWS; r++) {
        float y = total[sums + r].run + bias[r];
        bits[r] = round_bits(y, ACT);
        HOOK_PATCH(bits[r] = hook_result(push.hook, uvec3(row0 + r, HOOK_NONE, HOOK_NONE), y, ACT))
    }
    if (push.residual_stride != 0u) {
        uint from = push.residual + slot * push.residual_stride + row0 / 4u;
        bits = round_quad(FETCH_FLOATS(inputs, from) + uintBitsToFloat(bits), ACT);
    }
    if (row0 + ROWS <= push.rows) {
        results[at] = bits;
        return;
    }
    for (uint r = 0u; r < ROWS; r++)
        if (row0 + r < push.rows)
            results[at][r] = bits[r];
}

/* Four rows of all columns, whose sums begin at `sums`. Columns are written out, as steps are. */
void write_tile(uint tile, uint row0, const uint sums)
{
    vec4 bias = vec4(NM_NEG_ZERO);
    if (push.bias != 0u)
        bias = FETCH_FLOATS(weights, tile + push.bias + gl_LocalInvocationID.x);
    write_rows(0u, row0, bias, sums);
#if COLS > 1
    write_rows(1u, row0, bias, sums + ROWS);
#endif
#if COLS > 2
    write_rows(2u, row0, bias, sums + 2u * ROWS);
    write_rows(3u, row0, bias, sums + 3u * ROWS);
#endif
}

void main()
{
    uint visits = NM_PARTIALS / gl_WorkGroupSize.y;
    uint visit0 = gl_LocalInvocationID.y * visits;
    uint first = gl_WorkGroupID.x * uint(TILES), tile[TILES];
    uint row0 = push.row0 + first * TILE_ROWS + gl_LocalInvocationID.x * ROWS;
    uint source = push.src + (push.slot0 + gl_WorkGroupID.y * COLS) * push.src_stride;
    uint slot = 0u;

    for (uint i = 0u; i < uint(TILES); i++) /* tiles that are not there: the last one again */
        tile[i] = push.tile0 + min(first + i, push.tiles - 1u) * push.tile_size;
    /* blocks of the partials visited before this invocation's */
    for (uint i = 0u; i < visit0; i++)
        slot += (push.blocks + NM_PARTIALS - 1u - order_partial(i)) / NM_PARTIALS;
    for (uint i = 0u; i < visits; i++) {
        for (uint j = 0u; j < OUTPUTS; j++)
            sum_open(total[j]);
        for (uint b = order_partial(visit0 + i); b < push.blocks; b += NM_PARTIALS) {
            ADD_BLOCK(tile, b, slot, source, row0)
            slot++;
        }
        for (uint j = 0u; j < OUTPUTS; j++)
            sum_close(total[j], i, visits);
    }
    if (gl_WorkGroupSize.y > 1u)
        join_across();
    if (gl_LocalInvocationID.y != 0u)
        return;
    write_tile(tile[0], row0, 0u);
#if TILES > 1
    if (first + 1u < push.tiles)
        write_tile(tile[1], row0 + TILE_ROWS, COLS * ROWS);
#endif
}
