/* SPDX-License-Identifier: MIT */
/* SOFTMAX: every form against the scalar one; absent positions are not touched. */
#include "forms.h"

#include <math.h>

static void test_forms_agree(void **state)
{
    (void)state;
    float scores[700], expected[700], found[700];
    struct rng rng;

    rng_init(&rng, 51, 0);
    for (uint32_t i = 0; i < 900; i++) {
        const uint32_t first = i % 2 ? 0 : rng_u32(&rng) % 300;
        const uint32_t last = first + rng_u32(&rng) % (i % 5 ? 90 : 399);
        forms_fill(&rng, (enum forms_mood)(i % FORMS_MOODS), scores, 700);
        memset(expected, 0x7f, sizeof(expected));
        cpu_softmax_scalar(scores, first, last, expected);
        FORMS_EACH(kernels)
        {
            memset(found, 0x7f, sizeof(found));
            kernels->softmax(scores, first, last, found);
            forms_equal(found, expected, 700, kernels->name);
            memcpy(found, scores, sizeof(found));
            kernels->softmax(found, first, last, found);
            forms_equal(found + first, expected + first, last - first + 1, "in place");
        }
    }
}

static void test_value(void **state)
{
    (void)state;
    float scores[64], probs[64];
    double sum = 0;
    struct rng rng;

    rng_init(&rng, 52, 0);
    forms_fill(&rng, FORMS_TAME, scores, 64);
    cpu_softmax_scalar(scores, 3, 60, probs);
    for (int i = 3; i <= 60; i++)
        sum += exp((double)scores[i]);
    for (int i = 3; i <= 60; i++)
        assert_true(fabs((double)probs[i] - exp((double)scores[i]) / sum) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_value),
    };
    return forms_run(tests, sizeof(tests) / sizeof(*tests));
}
