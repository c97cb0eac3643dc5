/* SPDX-License-Identifier: MIT */
/* Check sums of GUARD_ABFT: 16 lanes side by side, as NUMERICS.md 7 orders them. */
#include "cpu/simd/simd.h"

/* 16 lanes. */
struct lanes {
    simd_float v[SIMD_PARTS];
};

SIMD_INLINE struct lanes load(const float *p)
{
    struct lanes l;
    for (uint32_t i = 0; i < SIMD_PARTS; i++)
        l.v[i] = simd_load(p + i * SIMD_LANES);
    return l;
}

SIMD_INLINE struct lanes negative_zeros(void)
{
    struct lanes l;
    for (uint32_t i = 0; i < SIMD_PARTS; i++)
        l.v[i] = simd_negative_zero();
    return l;
}

SIMD_INLINE struct lanes add(struct lanes a, struct lanes b)
{
    for (uint32_t i = 0; i < SIMD_PARTS; i++)
        a.v[i] = a.v[i] + b.v[i];
    return a;
}

SIMD_INLINE struct lanes multiply(struct lanes a, struct lanes b)
{
    for (uint32_t i = 0; i < SIMD_PARTS; i++)
        a.v[i] = a.v[i] * b.v[i];
    return a;
}

SIMD_INLINE struct lanes magnitude(struct lanes a)
{
    for (uint32_t i = 0; i < SIMD_PARTS; i++)
        a.v[i] = (simd_float)((simd_uint)a.v[i] & 0x7fffffffu);
    return a;
}

/* Lanes 8 and then 4 apart joined. */
SIMD_INLINE __m128 fold(struct lanes a)
{
#if SIMD_PARTS == 1
    const __m512 all = (__m512)a.v[0];
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
#else
    const __m256 half = _mm256_add_ps((__m256)a.v[0], (__m256)a.v[1]);
#endif
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

/* The whole trees of four. */
SIMD_INLINE __m128 join(struct lanes a, struct lanes b, struct lanes c, struct lanes d)
{
    __m128 x = fold(a), y = fold(b), z = fold(c), w = fold(d);
    _MM_TRANSPOSE4_PS(x, y, z, w);
    return _mm_add_ps(_mm_add_ps(x, z), _mm_add_ps(y, w));
}

/* Sums over inputs of one lane each. */
struct products {
    struct lanes c, c2, a;
};

SIMD_INLINE struct products open_products(void)
{
    return (struct products){negative_zeros(), negative_zeros(), negative_zeros()};
}

SIMD_INLINE void add_products(struct products *sum, const struct products *p)
{
    sum->c = add(sum->c, p->c);
    sum->c2 = add(sum->c2, p->c2);
    sum->a = add(sum->a, p->a);
}

/* 16 inputs. */
SIMD_INLINE void multiply_add(struct products *sum, const float *table, struct lanes x,
                              simd_int most[SIMD_PARTS])
{
    const struct lanes size = magnitude(x);
    const struct products p = {multiply(x, load(table)), multiply(x, load(table + ABFT_LANES)),
                               multiply(size, load(table + 2 * ABFT_LANES))};

    add_products(sum, &p);
    for (uint32_t i = 0; i < SIMD_PARTS; i++) {
        const simd_int bits = (simd_int)size.v[i];
        most[i] = (simd_int)simd_select(bits > most[i], (simd_uint)bits, (simd_uint)most[i]);
    }
}

void SIMD(abft_inputs)(const struct cpu_abft *job, struct guard_abft_sums *out)
{
    struct products set[ABFT_SETS];
    simd_int most[SIMD_PARTS] = {0};

    for (uint32_t s = 0; s < ABFT_SETS; s++)
        set[s] = open_products();
    for (uint32_t k = 0; k < job->width; k += ABFT_BLOCK) {
        const uint32_t end = job->width - k < ABFT_BLOCK ? job->width : k + ABFT_BLOCK;
        struct products sum = open_products();
        for (uint32_t i = k; i < end; i += ABFT_LANES) {
            float padded[ABFT_LANES];
            const float *x = job->x + i;
            if (end - i < ABFT_LANES) { /* -0.0 adds nothing: the table goes on with zeros */
                for (uint32_t j = 0; j < ABFT_LANES; j++)
                    padded[j] = i + j < end ? x[j] : NM_NEG_ZERO;
                x = padded;
            }
            multiply_add(&sum, job->rows + (size_t)i * (ABFT_ROW_QUADS / 4), load(x), most);
        }
        add_products(&set[k / ABFT_BLOCK % ABFT_SETS], &sum);
    }
    add_products(&set[0], &set[2]);
    add_products(&set[1], &set[3]);
    add_products(&set[0], &set[1]);
    const __m128 joined = join(set[0].c, set[0].c2, set[0].a, set[0].a);
    *out = (struct guard_abft_sums){.c = joined[0], .c2 = joined[1], .a = joined[2]};
    for (uint32_t i = 0; i < SIMD_PARTS; i++) {
        for (uint32_t lane = 0; lane < SIMD_LANES; lane++)
            out->largest =
                (uint32_t)most[i][lane] > out->largest ? (uint32_t)most[i][lane] : out->largest;
    }
}

void SIMD(abft_outputs)(const struct cpu_abft_rows *job)
{
    for (uint32_t at = 0; at < job->n; at += 4 * ABFT_LANES) {
        struct lanes y[4], weighted[4];
        for (uint32_t i = 0; i < 4; i++) {
            const uint32_t row = at + i * ABFT_LANES;
            float padded[ABFT_LANES];
            const float *values = job->y + row;
            if (row + ABFT_LANES > job->n) {
                for (uint32_t j = 0; j < ABFT_LANES; j++)
                    padded[j] = row + j < job->n ? values[j] : NM_NEG_ZERO;
                values = padded;
            }
            y[i] = load(values);
            weighted[i] = multiply(y[i], load(job->weights + (job->row + row) % ABFT_WEIGHTS));
        }
        const uint32_t rest = order_ceil(job->n - at, ABFT_LANES), tile = at / ABFT_LANES;
        const size_t bytes = (rest < 4 ? rest : 4) * sizeof(float);
        const __m128 sums[3] = {
            join(y[0], y[1], y[2], y[3]), join(weighted[0], weighted[1], weighted[2], weighted[3]),
            join(magnitude(y[0]), magnitude(y[1]), magnitude(y[2]), magnitude(y[3]))};
        for (uint32_t i = 0; i < 3; i++)
            memcpy(job->sums + i * job->plane + tile, &sums[i], bytes);
    }
}
