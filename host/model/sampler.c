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

/* Sorts into greedy order. The first `loose` entries are not a heap yet: all or none. */
static void sort(struct sampler_top *heap, uint32_t n, uint32_t loose)
{
    for (uint32_t k = loose / 2; k-- > 0;)
        sift_down(heap, n, k);
    for (uint32_t left = n; left > 1; left--) {
        struct sampler_top swap = heap[0];
        heap[0] = heap[left - 1];
        heap[left - 1] = swap;
        sift_down(heap, left - 1, 0);
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
    sort(out, n, n < count ? n : 0);
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

/* A number with which draws choose: uniform in [0, 1), by seed and position. */
static double uniform_of(const struct sampler *sampler, uint32_t position)
{
    struct rng rng;
    rng_init(&rng, sampler->seed, position);
    return rng_unit(&rng);
}

static bool cuts_tail(const struct sampler *sampler)
{
    return sampler->top_p > 0 && sampler->top_p < 1;
}

static uint32_t draw(const struct sampler *sampler, const struct sampler_top *top, uint32_t count,
                     uint32_t position)
{
    double total = 0, kept = 0;
    for (uint32_t i = 0; i < count; i++)
        total += weight_of(top[i].logit, top[0].logit, sampler->temperature);
    if (!(total > 0) || isinf(total))
        return top[0].id;
    for (uint32_t i = 0; cuts_tail(sampler) && i < count; i++) {
        kept += weight_of(top[i].logit, top[0].logit, sampler->temperature);
        if (kept >= sampler->top_p * total) {
            total = kept;
            count = i + 1;
        }
    }
    double left = uniform_of(sampler, position) * total;
    for (uint32_t i = 0; i < count; i++) {
        left -= weight_of(top[i].logit, top[0].logit, sampler->temperature);
        if (left < 0)
            return top[i].id;
    }
    return top[count - 1].id;
}

/* All allowed tokens of a row, in buckets by how far they are below the first: every token of a
 * bucket comes before those of the next one. */
#define BUCKETS 4096u
#define BUCKETS_A_NAT 64

struct buckets {
    const struct sampler *sampler;
    const struct sampler_row *row;
    float first;            /* logit of the first token */
    double weight[BUCKETS]; /* sums */
    double sum;             /* of all */
};

static uint32_t bucket_of(const struct buckets *b, float logit)
{
    const double below = ((double)b->first - (double)logit) / b->sampler->temperature;
    return below < BUCKETS / BUCKETS_A_NAT ? (uint32_t)(below * BUCKETS_A_NAT) : BUCKETS - 1;
}

static void fill_buckets(struct buckets *b)
{
    struct sampler_top first;
    first_of(b->row, &first, 1);
    b->first = first.logit;
    for (uint32_t i = 0; i < b->row->n; i++) {
        const float logit = b->row->logits[i];
        if (sampler_allows(b->row->allowed, i))
            b->weight[bucket_of(b, logit)] += weight_of(logit, b->first, b->sampler->temperature);
    }
    for (uint32_t k = 0; k < BUCKETS; k++)
        b->sum += b->weight[k];
}

/* The tokens of a bucket in greedy order; returns how many there are. */
static uint32_t take_bucket(struct sampler_top *out, const struct buckets *b, uint32_t bucket)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->row->n; i++) {
        const float logit = b->row->logits[i];
        if (bucket_of(b, logit) == bucket && sampler_allows(b->row->allowed, i))
            out[n++] = (struct sampler_top){.id = i, .logit = logit};
    }
    sort(out, n, n);
    return n;
}

/* The pick of `draw` from a whole row without sorting it. It depends on the roundings of sums in
 * greedy order; a sum of n weights in any order, and what subtractions leave of it, lie within n
 * 2^-53 of the exact ones (Higham 2002, 4.2), so that `within` bounds how far the sums here are
 * from those. False where that does not tell the token. */
static bool draw_from_bucket(uint32_t *out, const struct sampler *sampler,
                             const struct sampler_row *row, uint32_t position,
                             struct sampler_top *candidate)
{
    struct buckets b = {.sampler = sampler, .row = row};
    double taken = 0;
    uint32_t bucket = 0;
    fill_buckets(&b);
    if (!(b.sum > 0) || isinf(b.sum))
        return false;
    const double within = 8.0 * (row->n + 1.0) * 0x1p-53 * b.sum;
    const double drawn = uniform_of(sampler, position) * b.sum;
    while (bucket < BUCKETS - 1 && taken + b.weight[bucket] < drawn)
        taken += b.weight[bucket++];
    const uint32_t n = take_bucket(candidate, &b, bucket);
    for (uint32_t i = 0; i < n && (taken == 0 || taken + within < drawn); i++) {
        taken += weight_of(candidate[i].logit, b.first, sampler->temperature);
        *out = candidate[i].id;
        if (taken - within > drawn)
            return true;
    }
    return false;
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
    const uint32_t most = sampler_candidates(sampler, row->n);
    uint32_t pick;
    if (most > 1 && most == row->n && !cuts_tail(sampler) &&
        draw_from_bucket(&pick, sampler, row, position, candidate))
        return pick;
    const uint32_t count = first_of(row, candidate, most);
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
