/* SPDX-License-Identifier: MIT */
/* Sums of stored K and V: every form against the scalar one. */
#include "forms.h"

enum { MOST = 300 };

static void test_rows(void **state)
{
    (void)state;
    float values[MOST];
    uint32_t weights[2 * MOST + 32];
    struct rng rng;

    rng_init(&rng, 51, 0);
    for (uint32_t i = 0; i < 2 * MOST + 32; i++)
        weights[i] = rng_u32(&rng) >> 16 | 1;
    for (uint32_t i = 0; i < 3000; i++) {
        const struct cpu_stored job = {
            .values = values, .weights = weights, .n = 1 + rng_u32(&rng) % MOST, .type = i % 3};
        forms_fill(&rng, (enum forms_mood)(i / 3 % FORMS_MOODS), values, job.n);
        for (uint32_t k = 0; k < job.n && i % 2; k++) /* all exponents of f16, and ties */
            values[k] = lang_float((rng_u32(&rng) & 0x8fffffffu & ~(0xfffu << rng_u32(&rng) % 4)) |
                                   (0x30u + rng_u32(&rng) % 0x18u) << 24);
        uint32_t expected[2], found[2];
        cpu_stored_scalar(&job, expected);
        FORMS_EACH(kernels)
        {
            kernels->stored(&job, found);
            assert_memory_equal(found, expected, sizeof(found));
        }
    }
}

static void test_pages(void **state)
{
    (void)state;
    uint32_t words[CPU_TILE * MOST], weights[2 * MOST];
    struct rng rng;

    rng_init(&rng, 52, 0);
    for (uint32_t i = 0; i < CPU_TILE * MOST; i++)
        words[i] = rng_u32(&rng);
    for (uint32_t i = 0; i < 2 * MOST; i++)
        weights[i] = rng_u32(&rng) >> 16 | 1;
    for (uint32_t i = 0; i < 300; i++) {
        const bool wide = i % 2;
        const struct cpu_halves job = {.at = (const uint8_t *)words + 2 * (rng_u32(&rng) % 32),
                                       .weights = weights,
                                       .n = rng_u32(&rng) % (MOST - 4),
                                       .first = rng_u32(&rng) % 5000,
                                       .step = 1 + rng_u32(&rng) % 2,
                                       .mask = rng_u32(&rng) % 2 ? 0xffff : 0xff00,
                                       .shift = wide && rng_u32(&rng) % 2 ? 16 : 0,
                                       .words = wide};
        struct cpu_halves_sums start, expected, found;
        for (uint32_t k = 0; k < CPU_TILE; k++)
            start.sum[k] = start.weighted[k] = start.mixed[k] = rng_u32(&rng);
        expected = start;
        cpu_halves_scalar(&job, &expected);
        FORMS_EACH(kernels)
        {
            found = start;
            kernels->halves(&job, &found);
            assert_memory_equal(&found, &expected, sizeof(found));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_pages)};
    return forms_run(tests, sizeof(tests) / sizeof(*tests));
}
