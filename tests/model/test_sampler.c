/* SPDX-License-Identifier: MIT */
/* Order of logits, top lists, log-sum-exp, and draws that depend on seed and position alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>

#include "base/rng.h"
#include "model/dmath.h"
#include "model/sampler.h"

#define N 1000

static void fill(float *logits, uint64_t stream)
{
    struct rng rng;
    rng_init(&rng, 5, stream);
    for (int i = 0; i < N; i++) /* few distinct values, so that ties occur */
        logits[i] = (float)rng_below(&rng, 200) * 0.125f - 10.0f;
}

static struct sampler_top scratch[N];

static uint32_t pick(const struct sampler *sampler, const float *logits, uint32_t n,
                     uint32_t position)
{
    const struct sampler_row row = {.logits = logits, .n = n};
    return sampler_pick(sampler, &row, position, scratch);
}

static void test_greedy_takes_lowest_id_of_ties(void **state)
{
    float logits[] = {1.0f, 3.0f, 3.0f, -INFINITY};
    struct sampler greedy = {0};
    (void)state;
    assert_int_equal(pick(&greedy, logits, 4, 0), 1);
    logits[0] = INFINITY;
    assert_int_equal(pick(&greedy, logits, 4, 0), 0);
}

static void test_nan_is_lowest_and_zero_signs_tie(void **state)
{
    float nans[] = {NAN, -NAN, NAN};
    float mixed[] = {NAN, -INFINITY, NAN};
    float zeros[] = {-0.0f, 0.0f};
    struct sampler greedy = {0};
    (void)state;
    assert_int_equal(pick(&greedy, nans, 3, 0), 0);
    assert_int_equal(pick(&greedy, mixed, 3, 0), 1);
    assert_int_equal(pick(&greedy, zeros, 2, 0), 0);
}

static void test_top_is_the_sorted_head(void **state)
{
    float logits[N];
    struct sampler_top top[N], head[8];
    (void)state;
    for (uint64_t stream = 0; stream < 20; stream++) {
        fill(logits, stream);
        logits[stream] = NAN;
        sampler_top(logits, N, top, N);
        for (int i = 1; i < N; i++) {
            bool falling = top[i - 1].logit > top[i].logit || isnan(top[i].logit) ||
                           (top[i - 1].logit == top[i].logit && top[i - 1].id < top[i].id);
            assert_true(falling);
        }
        sampler_top(logits, N, head, 8);
        for (int i = 0; i < 8; i++)
            assert_int_equal(head[i].id, top[i].id);
    }
}

static void test_logsumexp(void **state)
{
    float logits[N];
    double sum = 0;
    (void)state;
    fill(logits, 3);
    for (int i = 0; i < N; i++)
        sum += exp((double)logits[i]);
    assert_true(fabs(sampler_logsumexp(logits, N) - log(sum)) < 1e-12);
    logits[17] = NAN;
    assert_true(isnan(sampler_logsumexp(logits, N)));
    logits[17] = INFINITY;
    assert_true(isinf(sampler_logsumexp(logits, N)));
}

static void test_draws_follow_their_weights(void **state)
{
    /* e^0 : e^-1 : e^-2, and a fourth that top_k 3 leaves out */
    const float logits[] = {-1.0f, 0.0f, -9.0f, -2.0f};
    struct sampler sampler = {.temperature = 1.0, .top_k = 3, .seed = 11};
    int count[4] = {0};
    (void)state;
    for (uint32_t position = 0; position < 30000; position++)
        count[pick(&sampler, logits, 4, position)]++;
    double total = 1 + exp(-1) + exp(-2);
    assert_int_equal(count[2], 0);
    assert_true(fabs(count[1] / 30000.0 - 1 / total) < 0.012);
    assert_true(fabs(count[0] / 30000.0 - exp(-1) / total) < 0.012);
    assert_true(fabs(count[3] / 30000.0 - exp(-2) / total) < 0.012);
    assert_int_equal(pick(&sampler, logits, 4, 77), pick(&sampler, logits, 4, 77));
}

/* The order of NUMERICS.md 6, one pair at a time. */
static bool is_before(const float *logits, uint32_t a, uint32_t b)
{
    if (isnan(logits[a]) || isnan(logits[b]))
        return isnan(logits[a]) == isnan(logits[b]) ? a < b : !isnan(logits[a]);
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
}

/* Random rows with ties, Inf and NaN under random masks, down to one id; every row is NaN where
 * `stream` is a multiple of 7. */
static uint32_t fill_masked(float *logits, uint32_t *allowed, uint64_t stream)
{
    struct rng rng;
    uint32_t n = 0;
    rng_init(&rng, 6, stream);
    fill(logits, stream);
    for (int i = 0; i < N; i++) {
        const uint64_t odd = rng_below(&rng, 40);
        if (odd < 3 || stream % 7 == 0)
            logits[i] = odd == 0 ? INFINITY : odd == 1 ? -INFINITY : NAN;
        if (stream % 7 == 0)
            logits[i] = NAN;
    }
    for (int i = 0; i < (N + 31) / 32; i++)
        allowed[i] = stream % 3 == 0 ? 0 : rng_u32(&rng) & rng_u32(&rng) & rng_u32(&rng);
    const uint32_t one = (uint32_t)rng_below(&rng, N);
    allowed[one / 32] |= 1u << one % 32;
    for (uint32_t i = 0; i < N; i++)
        n += sampler_allows(allowed, i);
    return n;
}

static void test_masked_ids_are_never_picked(void **state)
{
    float logits[N];
    uint32_t allowed[(N + 31) / 32];
    (void)state;
    for (uint64_t stream = 0; stream < 300; stream++) {
        const uint32_t n = fill_masked(logits, allowed, stream);
        const struct sampler_row row = {logits, N, allowed};
        struct sampler sampler = {0};
        uint32_t best = N;
        for (uint32_t i = 0; i < N; i++) {
            if (sampler_allows(allowed, i) && (best == N || is_before(logits, i, best)))
                best = i;
        }
        assert_int_equal(sampler_pick(&sampler, &row, 0, scratch), best);
        sampler.temperature = 1.5;
        for (uint32_t position = 0; position < 20; position++) {
            sampler.top_k = position % 4 == 0 ? 0 : position;
            assert_true(sampler_allows(allowed, sampler_pick(&sampler, &row, position, scratch)));
        }
        sampler.top_k = 1;
        assert_int_equal(sampler_pick(&sampler, &row, 9, scratch), best);
        assert_true(n > 0);
    }
}

#define LARGE 49152

/* The first tokens that have the share top_p of `*total`, which becomes theirs. */
static uint32_t cut_by_rule(const struct sampler *sampler, const struct sampler_top *top,
                            uint32_t n, double *total)
{
    double kept = 0;
    for (uint32_t i = 0; i < n && sampler->top_p > 0 && sampler->top_p < 1; i++) {
        const double w =
            dmath_exp(((double)top[i].logit - (double)top[0].logit) / sampler->temperature);
        kept += w >= 0 ? w : 0;
        if (kept >= sampler->top_p * *total) {
            *total = kept;
            return i + 1;
        }
    }
    return n;
}

/* The rule of NUMERICS.md 6 as it is written: a whole row in greedy order. */
static uint32_t pick_by_rule(const struct sampler *sampler, const float *logits, uint32_t n,
                             uint32_t position)
{
    static struct sampler_top top[LARGE];
    double total = 0;
    struct rng rng;
    sampler_top(logits, n, top, n);
    for (int pass = 0; pass < 2; pass++) {
        rng_init(&rng, sampler->seed, position);
        double left = rng_unit(&rng) * total;
        for (uint32_t i = 0; i < n; i++) {
            double w =
                dmath_exp(((double)top[i].logit - (double)top[0].logit) / sampler->temperature);
            w = w >= 0 ? w : 0;
            total += pass == 0 ? w : 0;
            left -= w;
            if (pass == 1 && left < 0)
                return top[i].id;
        }
        if (!(total > 0) || isinf(total))
            return top[0].id;
        n = pass == 0 ? cut_by_rule(sampler, top, n, &total) : n;
    }
    return top[n - 1].id;
}

/* Kinds: steep, flat, ties, with Inf and NaN, all equal, all NaN, one above all others. */
static void fill_large(float *logits, uint32_t n, uint64_t stream)
{
    struct rng rng;
    const uint32_t kind = stream % 7;
    rng_init(&rng, 8, stream);
    for (uint32_t i = 0; i < n; i++) {
        const double u = rng_unit(&rng) - rng_unit(&rng);
        const uint64_t odd = rng_below(&rng, 1000);
        logits[i] = (float)(kind == 0 ? 40 * u : kind == 1 ? 0.1 * u : 8 * u);
        if (kind == 2)
            logits[i] = (float)floor((double)logits[i]);
        if (kind == 3 && odd < 3)
            logits[i] = odd == 0 && stream % 2 ? INFINITY : odd == 1 ? -INFINITY : NAN;
        if (kind == 4 || kind == 5)
            logits[i] = kind == 4 ? 3.0f : NAN;
    }
    if (kind == 6)
        logits[rng_below(&rng, n)] = 60;
}

static void test_whole_rows_by_the_rule(void **state)
{
    static float logits[LARGE];
    static struct sampler_top candidate[LARGE];
    static const uint32_t sizes[] = {2, 127, 128, 129, 2047, 2048, 2049, 5000, LARGE};
    static const double temperatures[] = {1e-300, 0.05, 0.7, 1, 3, 1e9};
    static const double shares[] = {0, 1, 0.9, 0.5, 1e-9, 0.999};
    (void)state;
    for (uint64_t stream = 0; stream < 84; stream++) {
        const uint32_t n = sizes[stream / 7 % 9];
        fill_large(logits, n, stream);
        for (uint32_t k = 0; k < 6; k++) {
            const struct sampler sampler = {
                .temperature = temperatures[k], .seed = stream, .top_p = shares[(stream + k) % 6]};
            for (uint32_t position = 0; position < (n < 3000 ? 20 : 2); position++) {
                const struct sampler_row row = {.logits = logits, .n = n};
                assert_int_equal(sampler_pick(&sampler, &row, position, candidate),
                                 pick_by_rule(&sampler, logits, n, position));
            }
        }
    }
}

/* The number drawn lies at the border of two tokens, at distances down to the last digit of a
 * double: temperatures between those at which either is picked. */
static void test_draws_at_a_border(void **state)
{
    static float logits[4096];
    static struct sampler_top candidate[4096];
    uint32_t borders = 0;
    (void)state;
    for (uint32_t i = 0; i < 4096; i++)
        logits[i] = -0.002f * (float)(i * 1531 % 4096); /* the sum by ids is another one */
    for (uint32_t position = 0; position < 40; position++) {
        const struct sampler_row row = {.logits = logits, .n = 4096};
        struct sampler cold = {.temperature = 0.01, .seed = 3}, hot = {.temperature = 1, .seed = 3};
        for (int i = 0; i < 60; i++) {
            struct sampler middle = cold;
            middle.temperature = (cold.temperature + hot.temperature) / 2;
            const uint32_t pick = pick_by_rule(&middle, logits, 4096, position);
            assert_int_equal(sampler_pick(&middle, &row, position, candidate), pick);
            if (pick == pick_by_rule(&cold, logits, 4096, position))
                cold = middle;
            else
                hot = middle;
        }
        borders += nextafter(cold.temperature, 2) >= hot.temperature;
    }
    assert_true(borders > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy_takes_lowest_id_of_ties),
        cmocka_unit_test(test_nan_is_lowest_and_zero_signs_tie),
        cmocka_unit_test(test_top_is_the_sorted_head),
        cmocka_unit_test(test_logsumexp),
        cmocka_unit_test(test_draws_follow_their_weights),
        cmocka_unit_test(test_masked_ids_are_never_picked),
        cmocka_unit_test(test_whole_rows_by_the_rule),
        cmocka_unit_test(test_draws_at_a_border),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
