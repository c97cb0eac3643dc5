/* SPDX-License-Identifier: MIT */
/* Picks tokens: greedy by ordered key, or top-k sampling with a draw keyed by position. */
#include "model/sampler.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "model/dmath.h"
#include "shared/numerics.h"

static uint32_t key_of(float logit)
{
    return nm_key(lang_bits(logit));
}

static uint32_t greedy(const float *logits, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (key_of(logits[i]) > key_of(logits[best]))
            best = i;
    }
    return best;
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

void sampler_top(const float *logits, uint32_t n, struct sampler_top *out, uint32_t count)
{
    assert(count <= n);
    if (count == 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        out[i] = (struct sampler_top){.id = i, .logit = logits[i]};
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(out, count, i);
    for (uint32_t i = count; i < n; i++) {
        struct sampler_top candidate = {.id = i, .logit = logits[i]};
        if (comes_before(&candidate, &out[0])) {
            out[0] = candidate;
            sift_down(out, count, 0);
        }
    }
    for (uint32_t left = count; left > 1; left--) {
        struct sampler_top swap = out[0];
        out[0] = out[left - 1];
        out[left - 1] = swap;
        sift_down(out, left - 1, 0);
    }
}

/* Chance of an entry relative to the first: e^((logit - first) / temperature), 0 for NaN. */
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

uint32_t sampler_pick(const struct sampler *sampler, const float *logits, uint32_t n,
                      uint32_t position)
{
    if (sampler->temperature <= 0)
        return greedy(logits, n);
    uint32_t count = sampler->top_k == 0 || sampler->top_k > n ? n : sampler->top_k;
    struct sampler_top *top = malloc(count * sizeof *top);
    if (!top)
        return greedy(logits, n); /* the smallest top-k: the draw has one candidate */
    sampler_top(logits, n, top, count);
    uint32_t id = draw(sampler, top, count, position);
    free(top);
    return id;
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
