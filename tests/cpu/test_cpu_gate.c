/* SPDX-License-Identifier: MIT */
/* GATE and ACT: every form against the scalar one. */
#include "forms.h"

static void test_forms_agree(void **state)
{
    (void)state;
    float g[300], u[300], expected[300], found[300];
    struct rng rng;

    rng_init(&rng, 31, 0);
    for (uint32_t i = 0; i < 1200; i++) {
        struct cpu_gate job = {.g = g,
                               .u = i % 4 == 3 ? NULL : u,
                               .out = expected,
                               .n = 1 + rng_u32(&rng) % 300,
                               .act = i % 3,
                               .fn = (enum activation_fn)(i / 2 % 3)};
        forms_fill(&rng, (enum forms_mood)(i / 6 % FORMS_MOODS), g, job.n);
        forms_fill(&rng, (enum forms_mood)(i / 18 % FORMS_MOODS), u, job.n);
        cpu_gate_scalar(&job);
        job.out = found;
        FORMS_EACH(kernels)
        {
            kernels->gate(&job);
            forms_equal(found, expected, job.n, kernels->name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms_agree)};
    return forms_run(tests, sizeof(tests) / sizeof(*tests));
}
