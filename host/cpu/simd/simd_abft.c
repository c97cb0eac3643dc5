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

SIMD_INLINE simd_int greatest(simd_int a, simd_int b)
{
#if SIMD_PARTS == 1
    return (simd_int)_mm512_max_epi32((__m512i)a, (__m512i)b);
#else
    return (simd_int)_mm256_max_epi32((__m256i)a, (__m256i)b);
#endif
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
    for (uint32_t i = 0; i < SIMD_PARTS; i++)
        most[i] = greatest((simd_int)size.v[i], most[i]);
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

/* Two vectors become one: sums of lanes 8 (and with two parts 4) apart of a tile each, of lanes 4
 * apart of two or four tiles, 2 apart, 1 apart. */
SIMD_INLINE simd_float join_tiles(struct lanes a, struct lanes b)
{
#if SIMD_PARTS == 1
    return (simd_float)_mm512_shuffle_f32x4((__m512)a.v[0], (__m512)b.v[0], 0x44) +
           (simd_float)_mm512_shuffle_f32x4((__m512)a.v[0], (__m512)b.v[0], 0xee);
#else
    const __m256 x = (__m256)(a.v[0] + a.v[1]), y = (__m256)(b.v[0] + b.v[1]);
    return (simd_float)_mm256_permute2f128_ps(x, y, 0x20) +
           (simd_float)_mm256_permute2f128_ps(x, y, 0x31);
#endif
}

#if SIMD_PARTS == 1
#define SHUFFLE(a, b, which) (simd_float) _mm512_shuffle_ps((__m512)(a), (__m512)(b), which)
#else
#define SHUFFLE(a, b, which) (simd_float) _mm256_shuffle_ps((__m256)(a), (__m256)(b), which)
#endif

SIMD_INLINE simd_float join_twos(simd_float a, simd_float b)
{
    return SHUFFLE(a, b, 0x44) + SHUFFLE(a, b, 0xee);
}

SIMD_INLINE simd_float join_ones(simd_float a, simd_float b)
{
    return SHUFFLE(a, b, 0x88) + SHUFFLE(a, b, 0xdd);
}

/* The whole trees of as many tiles as a vector has lanes, from join_tiles of two each. */
SIMD_INLINE simd_float join_all(const simd_float v[SIMD_LANES / 2])
{
#if SIMD_PARTS == 1
    simd_float w[4];
    for (uint32_t i = 0; i < 4; i++)
        w[i] = (simd_float)_mm512_shuffle_f32x4((__m512)v[2 * i], (__m512)v[2 * i + 1], 0x88) +
               (simd_float)_mm512_shuffle_f32x4((__m512)v[2 * i], (__m512)v[2 * i + 1], 0xdd);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return (simd_float)_mm512_permutexvar_ps(
        order, (__m512)join_ones(join_twos(w[0], w[1]), join_twos(w[2], w[3])));
#else
    return (simd_float)_mm256_permutevar8x32_ps(
        (__m256)join_ones(join_twos(v[0], v[1]), join_twos(v[2], v[3])),
        _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
#endif
}

/* The values of a tile; absent rows add nothing. */
SIMD_INLINE struct lanes load_tile(const struct cpu_abft_rows *job, uint32_t at)
{
    float padded[ABFT_LANES];
    const float *values = job->y + at;
    if (at + ABFT_LANES > job->n) {
        for (uint32_t j = 0; j < ABFT_LANES; j++)
            padded[j] = at + j < job->n ? values[j] : NM_NEG_ZERO;
        values = padded;
    }
    return load(values);
}

static void put_tiles(const struct cpu_abft_rows *job, uint32_t at, uint32_t tiles,
                      const void *sums, size_t stride)
{
    for (uint32_t i = 0; i < 3; i++)
        memcpy(job->sums + i * (size_t)job->plane + at / ABFT_LANES,
               (const uint8_t *)sums + i * stride, tiles * sizeof(float));
}

static void sum_four(const struct cpu_abft_rows *job, uint32_t at, uint32_t tiles)
{
    struct lanes y[4], weighted[4];
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t row = at + i * ABFT_LANES;
        y[i] = load_tile(job, row);
        weighted[i] = multiply(y[i], load(job->weights + (job->row + row) % ABFT_WEIGHTS));
    }
    const __m128 of[3] = {join(y[0], y[1], y[2], y[3]),
                          join(weighted[0], weighted[1], weighted[2], weighted[3]),
                          join(magnitude(y[0]), magnitude(y[1]), magnitude(y[2]), magnitude(y[3]))};
    put_tiles(job, at, tiles, of, sizeof(*of));
}

/* All of SIMD_LANES tiles are there. */
static void sum_many(const struct cpu_abft_rows *job, uint32_t at)
{
    simd_float y[SIMD_LANES / 2], weighted[SIMD_LANES / 2], size[SIMD_LANES / 2];
    uint32_t weight = (job->row + at) % ABFT_WEIGHTS;
    for (uint32_t i = 0; i < SIMD_LANES / 2; i++) {
        const uint32_t next = weight + ABFT_LANES;
        const uint32_t other = next < ABFT_WEIGHTS ? next : next - ABFT_WEIGHTS;
        const float *values = job->y + at + 2 * i * ABFT_LANES;
        const struct lanes a = load(values), b = load(values + ABFT_LANES);
        y[i] = join_tiles(a, b);
        weighted[i] = join_tiles(multiply(a, load(job->weights + weight)),
                                 multiply(b, load(job->weights + other)));
        size[i] = join_tiles(magnitude(a), magnitude(b));
        weight = other + ABFT_LANES;
        weight -= weight < ABFT_WEIGHTS ? 0 : ABFT_WEIGHTS;
    }
    const simd_float of[3] = {join_all(y), join_all(weighted), join_all(size)};
    put_tiles(job, at, SIMD_LANES, of, sizeof(*of));
}

void SIMD(abft_outputs)(const struct cpu_abft_rows *job)
{
    uint32_t at = 0;
    for (; at + SIMD_LANES * ABFT_LANES <= job->n; at += SIMD_LANES * ABFT_LANES)
        sum_many(job, at);
    for (; at < job->n; at += 4 * ABFT_LANES) {
        const uint32_t tiles = order_ceil(job->n - at, ABFT_LANES);
        sum_four(job, at, tiles < 4 ? tiles : 4);
    }
}

void SIMD(abft_tiles)(const float *sums, size_t plane, uint32_t n, float out[3])
{
    struct lanes all[3];
    for (uint32_t i = 0; i < 3; i++) {
        const float *tile = sums + i * plane;
        uint32_t t = 0;
        all[i] = negative_zeros();
        for (; t + ABFT_LANES <= n; t += ABFT_LANES)
            all[i] = add(all[i], load(tile + t));
        if (t < n) {
            float padded[ABFT_LANES];
            for (uint32_t j = 0; j < ABFT_LANES; j++)
                padded[j] = t + j < n ? tile[t + j] : NM_NEG_ZERO;
            all[i] = add(all[i], load(padded));
        }
    }
    const __m128 joined = join(all[0], all[1], all[2], all[2]);
    memcpy(out, &joined, 3 * sizeof(*out));
}
