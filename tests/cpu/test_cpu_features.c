/* SPDX-License-Identifier: MIT */
/* Features of logit rows: every form, any cut into pieces, and what they mean, in double. */
#include "forms.h"

#include <math.h>

#include "model/features.h"

enum { MOST = 50000, WIDTH = 700 };

/* A row and its features by one form; `cut`: in pieces of whole blocks. */
struct bench {
    float values[MOST], residual[WIDTH];
    float parts[CPU_FEATURES_PARTS * (MOST / NM_BLOCK + 1)];
};

static struct cpu_features begin(struct bench *b, uint32_t n, uint32_t width)
{
    const uint32_t blocks = order_ceil(n, NM_BLOCK);
    return (struct cpu_features){.blocks = blocks,
                                 .width = width,
                                 .most = b->parts,
                                 .z = b->parts + blocks,
                                 .w = b->parts + 2 * (size_t)blocks,
                                 .scale = b->parts + 3 * (size_t)blocks,
                                 .residual = b->residual};
}

static struct features run(const struct cpu_kernels *kernels, struct bench *b, uint32_t n,
                           uint32_t cut)
{
    struct cpu_features row = begin(b, n, WIDTH - n % 40);
    struct cpu_features_sums sums;
    const uint32_t middle = cut < n ? cut : n;
    memset(b->parts, 0x7f, sizeof(b->parts));
    kernels->features(b->values + middle, middle, n - middle, &row);
    kernels->features(b->values, 0, middle, &row);
    kernels->features_join(&row, &sums);
    return (struct features){row.nonfinite,
                             lang_float(nm_unkey(row.first)),
                             lang_float(nm_unkey(row.second)),
                             sums.z,
                             sums.w,
                             sums.squares};
}

static uint32_t bits_of(float x)
{
    return nm_canon(lang_bits(x));
}

static void equal(const struct features *a, const struct features *b)
{
    assert_int_equal(a->nonfinite, b->nonfinite);
    assert_int_equal(bits_of(a->first), bits_of(b->first));
    assert_int_equal(bits_of(a->second), bits_of(b->second));
    assert_int_equal(bits_of(a->z), bits_of(b->z));
    assert_int_equal(bits_of(a->w), bits_of(b->w));
    assert_int_equal(bits_of(a->squares), bits_of(b->squares));
}

static void test_forms_agree(void **state)
{
    static struct bench bench;
    struct rng rng;
    (void)state;
    rng_init(&rng, 62, 0);
    for (uint32_t i = 0; i < 300; i++) {
        const uint32_t n = 1 + (uint32_t)rng_below(&rng, i % 20 == 0 ? MOST : 1500);
        const uint32_t cut = NM_BLOCK * (uint32_t)rng_below(&rng, n / NM_BLOCK + 1);
        forms_fill(&rng, (enum forms_mood)(i % FORMS_MOODS), bench.values, n);
        forms_fill(&rng, (enum forms_mood)(i % FORMS_MOODS), bench.residual, WIDTH);
        if (i % 7 == 0)
            bench.values[n / 2] = bench.values[n - 1] = 1e38f; /* a tie */
        const struct features expected = run(&cpu_scalar_kernels, &bench, n, 0);
        const struct features pieces = run(&cpu_scalar_kernels, &bench, n, cut);
        equal(&pieces, &expected);
        FORMS_EACH(kernels)
        {
            const struct features found = run(kernels, &bench, n, cut);
            equal(&found, &expected);
        }
    }
}

/* What the features mean, of logits as models give them. */
static void check_meaning(const struct features *f, const struct bench *b, uint32_t n)
{
    double first = -INFINITY, second = -INFINITY, z = 0, entropy = 0, squares = 0;
    for (uint32_t i = 0; i < n; i++) {
        const double x = (double)b->values[i];
        second = x > first ? first : x > second ? x : second;
        first = x > first ? x : first;
    }
    for (uint32_t i = 0; i < n; i++)
        z += exp((double)b->values[i] - first);
    for (uint32_t i = 0; i < n; i++) {
        const double log_p = (double)b->values[i] - first - log(z);
        entropy -= exp(log_p) * log_p;
    }
    for (uint32_t i = 0; i < WIDTH - n % 40; i++)
        squares += (double)b->residual[i] * (double)b->residual[i];
    assert_true(features_margin(f) == first - second);
    assert_true(fabs(features_logsumexp(f) - (first + log(z))) < 1e-5);
    assert_true(fabs(features_entropy(f) - entropy) < 1e-4);
    assert_true(fabs(features_hidden(f) - sqrt(squares)) < 1e-5 * sqrt(squares));
}

static void test_meaning(void **state)
{
    static struct bench bench;
    struct rng rng;
    (void)state;
    rng_init(&rng, 63, 0);
    for (uint32_t i = 0; i < 40; i++) {
        const uint32_t n = 2 + (uint32_t)rng_below(&rng, MOST - 2);
        const float spread = (float)rng_below(&rng, 80);
        for (uint32_t k = 0; k < n; k++)
            bench.values[k] = spread * (float)rng_unit(&rng) - 0.5f * spread;
        for (uint32_t k = 0; k < WIDTH; k++)
            bench.residual[k] = 30.0f * (float)rng_unit(&rng) - 15.0f;
        const struct features f = run(&cpu_scalar_kernels, &bench, n, 0);
        check_meaning(&f, &bench, n);
        assert_int_equal(f.nonfinite, 0);
    }
}

static void test_rules(void **state)
{
    static struct bench bench;
    (void)state;
    const float nan_ = lang_float(0xffc12345u), inf = lang_float(NM_INF);

    bench.values[0] = 3.0f; /* one logit: no second */
    struct features f = run(&cpu_scalar_kernels, &bench, 1, 0);
    assert_true(f.first == 3.0f && isnan(f.second) && isnan(features_margin(&f)));
    assert_true(features_entropy(&f) == 0 && features_logsumexp(&f) == 3.0);
    bench.values[1] = 3.0f; /* two alike */
    f = run(&cpu_scalar_kernels, &bench, 2, 0);
    assert_true(features_margin(&f) == 0);
    bench.values[1] = nan_;
    f = run(&cpu_scalar_kernels, &bench, 2, 0);
    assert_true(f.nonfinite == 1 && f.first == 3.0f && isnan(f.second) && isnan(f.z));
    bench.values[0] = nan_; /* nothing else */
    f = run(&cpu_scalar_kernels, &bench, 2, 0);
    assert_true(f.nonfinite == 2 && isnan(f.first) && isnan(features_logsumexp(&f)));
    bench.values[1] = inf;
    f = run(&cpu_scalar_kernels, &bench, 2, 0);
    assert_true(f.nonfinite == 2 && isinf(f.first) && isnan(features_entropy(&f)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_rules),
    };
    return forms_run(tests, sizeof(tests) / sizeof(*tests));
}
