/* SPDX-License-Identifier: MIT */
/* NORM and LAYER_NORM: every form against the scalar one, and the scalar one against double. */
#include "forms.h"

#include <math.h>

static void test_forms_agree(void **state)
{
    (void)state;
    float x[700], gain[700], bias[700], expected[700], found[700], terms[700];
    struct rng rng;

    rng_init(&rng, 21, 0);
    for (uint32_t i = 0; i < 600; i++) {
        const uint32_t width = 1 + rng_u32(&rng) % 700;
        struct cpu_norm job = {.x = x,
                               .gain = gain,
                               .bias = i % 2 ? bias : NULL,
                               .out = expected,
                               .terms = terms,
                               .width = width,
                               .act = i % 3,
                               .eps = 1e-5f};
        forms_fill(&rng, (enum forms_mood)(i / 3 % FORMS_MOODS), x, width);
        forms_fill(&rng, FORMS_TAME, gain, width);
        forms_fill(&rng, FORMS_TAME, bias, width);
        cpu_norm_scalar(&job);
        FORMS_EACH(kernels)
        {
            job.out = found;
            kernels->norm(&job);
            forms_equal(found, expected, width, kernels->name);
            memcpy(found, x, sizeof(found)); /* in place */
            job.x = found;
            kernels->norm(&job);
            forms_equal(found, expected, width, "in place");
            job.x = x;
        }
    }
}

static void test_value(void **state)
{
    (void)state;
    float x[100], gain[100], bias[100], out[100], terms[100];
    double squares = 0, mean = 0, variance = 0;
    struct rng rng;

    rng_init(&rng, 22, 0);
    forms_fill(&rng, FORMS_TAME, x, 100);
    forms_fill(&rng, FORMS_TAME, gain, 100);
    forms_fill(&rng, FORMS_TAME, bias, 100);
    struct cpu_norm job = {
        .x = x, .gain = gain, .out = out, .terms = terms, .width = 100, .eps = 1e-6f};
    for (int i = 0; i < 100; i++)
        squares += (double)x[i] * (double)x[i];
    cpu_norm_scalar(&job);
    for (int i = 0; i < 100; i++) {
        const double expected = (double)x[i] * (double)gain[i] / sqrt(squares / 100 + 1e-6);
        assert_true(fabs((double)out[i] - expected) <= 1e-6 * fabs(expected));
    }
    for (int i = 0; i < 100; i++)
        mean += (double)x[i] / 100;
    for (int i = 0; i < 100; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / 100;
    job.bias = bias;
    cpu_norm_scalar(&job);
    for (int i = 0; i < 100; i++) {
        const double term = ((double)x[i] - mean) * (double)gain[i] / sqrt(variance + 1e-6);
        const double expected = term + (double)bias[i], scale = fabs(term) + fabs((double)bias[i]);
        assert_true(fabs((double)out[i] - expected) <= 2e-6 * (scale + fabs((double)gain[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_value),
    };
    return forms_run(tests, sizeof(tests) / sizeof(*tests));
}
