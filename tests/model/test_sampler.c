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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy_takes_lowest_id_of_ties),
        cmocka_unit_test(test_nan_is_lowest_and_zero_signs_tie),
        cmocka_unit_test(test_top_is_the_sorted_head),
        cmocka_unit_test(test_logsumexp),
        cmocka_unit_test(test_draws_follow_their_weights),
        cmocka_unit_test(test_masked_ids_are_never_picked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
