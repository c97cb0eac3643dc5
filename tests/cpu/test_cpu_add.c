/* SPDX-License-Identifier: MIT */
/* ADD: every form against the scalar one. */
#include "forms.h"

static void test_forms_agree(void **state)
{
    (void)state;
    float x[300], t[300], expected[300], found[300];
    struct rng rng;

    rng_init(&rng, 41, 0);
    for (uint32_t i = 0; i < 900; i++) {
        const uint32_t n = 1 + rng_u32(&rng) % 300;
        forms_fill(&rng, (enum forms_mood)(i / 3 % FORMS_MOODS), x, n);
        forms_fill(&rng, (enum forms_mood)(i / 9 % FORMS_MOODS), t, n);
        memcpy(expected, x, sizeof(x));
        cpu_add_scalar(expected, t, n, i % 3);
        FORMS_EACH(kernels)
        {
            memcpy(found, x, sizeof(x));
            kernels->add(found, t, n, i % 3);
            forms_equal(found, expected, n, kernels->name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms_agree)};
    return forms_run(tests, sizeof(tests) / sizeof(*tests));
}
