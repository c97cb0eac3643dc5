/* SPDX-License-Identifier: MIT */
/* Picks tokens: greedy by ordered key, or top-k sampling with a draw keyed by position. */
#include "model/sampler.h"

#include <assert.h>
#include <math.h>

#include "base/rng.h"
#include "model/dmath.h"
#include "shared/numerics.h"

static uint32_t key_of(float logit)
{
    return nm_key(lang_bits(logit));
}

/* Greedy order of two entries: higher key first, then lower id. */
static bool comes_before(const struct sampler_top *a, const struct sampler_top *b)
{
    uint32_t ka = key_of(a->logit), kb = key_of(b->logit);
    return ka != kb ? ka > kb : a->id < b->id;
}

/* Restores the heap whose root is the last in greedy order. */
static void sift_down(struct sampler_top *heap, uint32_t count, uint32_t i)
{
    for (;;) {
        uint32_t last = i, left = 2 * i + 1, right = left + 1;
        if (left < count && comes_before(&heap[last], &heap[left]))
            last = left;
        if (right < count && comes_before(&heap[last], &heap[right]))
            last = right;
        if (last == i)
            return;
        struct sampler_top swap = heap[i];
        heap[i] = heap[last];
        heap[last] = swap;
        i = last;
    }
}

/* The first `count` allowed tokens of a row in greedy order; returns how many there are. */
static uint32_t first_of(const struct sampler_row *row, struct sampler_top *out, uint32_t count)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < row->n && count > 0; i++) {
        const struct sampler_top candidate = {.id = i, .logit = row->logits[i]};
        if (!sampler_allows(row->allowed, i))
            continue;
        if (n < count) {
            out[n++] = candidate;
            for (uint32_t k = n == count ? count / 2 : 0; k-- > 0;)
                sift_down(out, count, k);
        } else if (comes_before(&candidate, &out[0])) {
            out[0] = candidate;
            sift_down(out, count, 0);
        }
    }
    for (uint32_t k = n < count ? n / 2 : 0; k-- > 0;)
        sift_down(out, n, k);
    for (uint32_t left = n; left > 1; left--) {
        struct sampler_top swap = out[0];
        out[0] = out[left - 1];
        out[left - 1] = swap;
        sift_down(out, left - 1, 0);
    }
    return n;
}

void sampler_top(const float *logits, uint32_t n, struct sampler_top *out, uint32_t count)
{
    assert(count <= n);
    first_of(&(struct sampler_row){.logits = logits, .n = n}, out, count);
}

/* Probability of an entry relative to the first: e^((logit - first) / temperature), 0 for NaN. */
static double weight_of(float logit, float first, double temperature)
{
    double w = dmath_exp(((double)logit - (double)first) / temperature);
    return w >= 0 ? w : 0;
}

static uint32_t draw(const struct sampler *sampler, const struct sampler_top *top, uint32_t count,
                     uint32_t position)
{
    double total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += weight_of(top[i].logit, top[0].logit, sampler->temperature);
    if (!(total > 0) || isinf(total))
        return top[0].id;
    struct rng rng;
    rng_init(&rng, sampler->seed, position);
    double left = rng_unit(&rng) * total;
    for (uint32_t i = 0; i < count; i++) {
        left -= weight_of(top[i].logit, top[0].logit, sampler->temperature);
        if (left < 0)
            return top[i].id;
    }
    return top[count - 1].id;
}

uint32_t sampler_candidates(const struct sampler *sampler, uint32_t n)
{
    if (sampler->temperature <= 0)
        return 1;
    return sampler->top_k == 0 || sampler->top_k > n ? n : sampler->top_k;
}

uint32_t sampler_pick(const struct sampler *sampler, const struct sampler_row *row,
                      uint32_t position, struct sampler_top *candidate)
{
    const uint32_t count = first_of(row, candidate, sampler_candidates(sampler, row->n));
    assert(count > 0);
    return sampler->temperature <= 0 ? candidate[0].id : draw(sampler, candidate, count, position);
}

double sampler_logsumexp(const float *logits, uint32_t n)
{
    double largest = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (isnan(logits[i]))
            return NAN;
        if ((double)logits[i] > largest)
            largest = (double)logits[i];
    }
    if (isinf(largest))
        return largest;
    for (uint32_t i = 0; i < n; i++)
        sum += dmath_exp((double)logits[i] - largest);
    return largest + dmath_log(sum);
}
