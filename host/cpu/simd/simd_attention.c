/* SPDX-License-Identifier: MIT */
/* SCORES and HEADS: the sums of LINEAR, with a page of K or V in place of a tile. */
#include "cpu/cpu_kv.h"
#include "cpu/simd/simd_block.h"

#define SIMD_HEAD_DIM 1024u /* most features of a head in a panel */

/* Rows of `from`, `stride` apart, side by side: (count, n). */
SIMD_INLINE void interleave(float *out, const float *from, size_t stride, uint32_t count,
                            uint32_t n)
{
    for (uint32_t j = 0; j < n; j++) {
        for (uint32_t k = 0; k < count; k++)
            out[(size_t)k * n + j] = from[j * stride + k];
    }
}

/* Scores of n heads at 16 positions: `at` is the K of one half page, (head_dim, 16). */
SIMD_INLINE void score_tile(struct simd_shape is, struct simd_at at, const float *q,
                            uint32_t head_dim, simd_float s[SIMD_COLUMNS])
{
    const uint32_t blocks = order_ceil(head_dim, NM_BLOCK);
    struct simd_partials partials;

    simd_clear(&partials, blocks, is.n);
    for (uint32_t b = 0; b < blocks; b++) {
        simd_float t[SIMD_COLUMNS];
        const float *x = q + (size_t)b * NM_BLOCK * is.n;
        if ((b + 1) * NM_BLOCK > head_dim)
            simd_some(is, &at, x, (struct simd_range){0, head_dim - b * NM_BLOCK}, t);
        else
            simd_block(is, &at, x, NULL, t);
        simd_add_block(&partials, b, is.n, t);
        at.group += cpu_pack_layout(is.type).bytes;
    }
    simd_tree(&partials, blocks, is.n);
    for (uint32_t j = 0; j < is.n; j++)
        s[j] = partials.at[0][j];
}

SIMD_INLINE void scores(struct simd_shape is, const struct cpu_attention *job, uint32_t head)
{
    const uint32_t head_dim = cpu_hparams(job->cpu)->head_dim;
    const size_t half = (size_t)head_dim * CPU_TILE * (is.type == QUANT_F32 ? 4 : 2);
    float *out = job->scores + head * job->score_stride;
    float q[SIMD_HEAD_DIM * SIMD_COLUMNS];

    interleave(q, job->q + (size_t)head * head_dim, head_dim, head_dim, is.n);
    for (uint32_t tile = job->first / CPU_TILE; tile <= job->last / CPU_TILE; tile++) {
        const uint8_t *page = cpu_kv_page(job->cpu, false, job->layer, job->table[tile / 2]);
        for (uint32_t part = 0; part < SIMD_PARTS; part++) {
            const struct simd_at at = {.group = page + (job->kv_head * 2 + tile % 2) * half,
                                       .part = part};
            simd_float s[SIMD_COLUMNS];
            score_tile(is, at, q, head_dim, s);
            for (uint32_t j = 0; j < is.n; j++)
                simd_store(out + j * job->score_stride + tile * CPU_TILE + part * SIMD_LANES, s[j]);
        }
    }
    for (uint32_t j = 0; j < is.n; j++)
        cpu_cap(out + j * job->score_stride + job->first, job->last - job->first + 1, job->cap);
}

/* A vector of features: which tile of 16, which part of it. */
struct place {
    uint32_t tile, part;
};

/* A vector of features of n heads over all key positions seen; probs: (positions from the first
 * block on, n). */
SIMD_INLINE void head_tile(struct simd_shape is, const struct cpu_attention *job, struct place at,
                           const float *probs, simd_float y[SIMD_COLUMNS])
{
    const uint32_t head_tiles = order_ceil(cpu_hparams(job->cpu)->head_dim, CPU_TILE);
    const uint32_t first = job->first / NM_BLOCK, last = job->last / NM_BLOCK;
    const size_t offset =
        (job->kv_head * (size_t)head_tiles + at.tile) * cpu_pack_layout(is.type).bytes;
    struct simd_partials partials;

    simd_clear(&partials, NM_PARTIALS, is.n);
    for (uint32_t b = first; b <= last; b++) {
        const struct simd_at block = {
            .group = cpu_kv_page(job->cpu, true, job->layer, job->table[b]) + offset,
            .part = at.part};
        const uint32_t from = b == first ? job->first % NM_BLOCK : 0;
        const uint32_t to = b == last ? job->last % NM_BLOCK + 1 : NM_BLOCK;
        const float *x = probs + (size_t)(b - first) * NM_BLOCK * is.n;
        simd_float t[SIMD_COLUMNS];
        if (from == 0 && to == NM_BLOCK)
            simd_block(is, &block, x, NULL, t);
        else
            simd_some(is, &block, x, (struct simd_range){from, to}, t);
        simd_add_block(&partials, b, is.n, t);
    }
    simd_tree(&partials, NM_PARTIALS, is.n);
    for (uint32_t j = 0; j < is.n; j++)
        y[j] = partials.at[0][j];
}

SIMD_INLINE void heads(struct simd_shape is, const struct cpu_attention *job, uint32_t head)
{
    const uint32_t head_dim = cpu_hparams(job->cpu)->head_dim;
    const uint32_t first = job->first / NM_BLOCK * NM_BLOCK;
    float *panel = job->panel;

    interleave(panel, job->probs + head * job->score_stride + first, job->score_stride,
               job->last + 1 - first, is.n);
    for (uint32_t tile = 0; tile < order_ceil(head_dim, CPU_TILE); tile++) {
        const uint32_t count =
            head_dim - tile * CPU_TILE < CPU_TILE ? head_dim - tile * CPU_TILE : CPU_TILE;
        float y[SIMD_COLUMNS][CPU_TILE];
        for (uint32_t part = 0; part < SIMD_PARTS; part++) {
            simd_float t[SIMD_COLUMNS];
            head_tile(is, job, (struct place){tile, part}, panel, t);
            for (uint32_t j = 0; j < is.n; j++)
                simd_store(y[j] + part * SIMD_LANES, t[j]);
        }
        for (uint32_t j = 0; j < is.n; j++)
            memcpy(job->out + (size_t)(head + j) * head_dim + tile * CPU_TILE, y[j],
                   count * sizeof(float));
    }
    for (uint32_t j = 0; j < is.n; j++)
        SIMD(round)(job->out + (size_t)(head + j) * head_dim, head_dim, job->cpu->base.act);
}

/* The loops with type and n constant; other n are made of these. */
#define SIMD_HEADS(op, type, n)                                                                    \
    static void op##_##type##_##n(const struct cpu_attention *job, uint32_t head)                  \
    {                                                                                              \
        op((struct simd_shape){QUANT_##type, n}, job, head);                                       \
    }

#define SIMD_KV(type)                                                                              \
    SIMD_HEADS(scores, type, 1)                                                                    \
    SIMD_HEADS(scores, type, 2)                                                                    \
    SIMD_HEADS(scores, type, 3)                                                                    \
    SIMD_HEADS(scores, type, 4)                                                                    \
    SIMD_HEADS(heads, type, 1)                                                                     \
    SIMD_HEADS(heads, type, 2)                                                                     \
    SIMD_HEADS(heads, type, 3)                                                                     \
    SIMD_HEADS(heads, type, 4)

SIMD_KV(F32)
SIMD_KV(F16)
SIMD_KV(BF16)

typedef void heads_fn(const struct cpu_attention *job, uint32_t head);

#define SIMD_ENTRY(op, type)                                                                       \
    {                                                                                              \
        op##_##type##_1, op##_##type##_2, op##_##type##_3, op##_##type##_4                         \
    }

static heads_fn *const scores_of[STORAGE_COUNT][CPU_HEADS] = {
    SIMD_ENTRY(scores, F32), SIMD_ENTRY(scores, F16), SIMD_ENTRY(scores, BF16)};
static heads_fn *const heads_of[STORAGE_COUNT][CPU_HEADS] = {
    SIMD_ENTRY(heads, F32), SIMD_ENTRY(heads, F16), SIMD_ENTRY(heads, BF16)};

static void in_parts(const struct cpu_attention *job, heads_fn *const fn[CPU_HEADS])
{
    for (uint32_t head = 0; head < job->heads; head += CPU_HEADS) {
        const uint32_t left = job->heads - head;
        fn[(left < CPU_HEADS ? left : CPU_HEADS) - 1](job, head);
    }
}

void SIMD(scores)(const struct cpu_attention *job)
{
    in_parts(job, scores_of[job->cpu->base.kv_storage]);
}

void SIMD(heads)(const struct cpu_attention *job)
{
    in_parts(job, heads_of[job->cpu->base.kv_storage]);
}
