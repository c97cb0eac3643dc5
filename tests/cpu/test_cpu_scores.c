/* SPDX-License-Identifier: MIT */
/* SCORES: every form against the scalar one, over windows, KV types and sizes of heads. */
#include "attention.h"

static void test_forms_agree(void **state)
{
    (void)state;
    struct rng rng;

    rng_init(&rng, 71, 0);
    for (uint32_t i = 0; i < ATTENTION_CASES; i++) {
        struct attention a;
        attention_init(&a, &rng, i);
        const size_t count = (size_t)a.job.heads * ATTENTION_POSITIONS;
        float *expected = forms_memory(count, sizeof(float));
        a.job.scores = expected;
        cpu_scores_scalar(&a.job);
        a.job.scores = a.scores;
        FORMS_EACH(kernels)
        {
            kernels->scores(&a.job);
            for (uint32_t h = 0; h < a.job.heads; h++) {
                const size_t at = h * a.job.score_stride + a.job.first;
                forms_equal(a.scores + at, expected + at, a.job.last - a.job.first + 1,
                            kernels->name);
            }
        }
        free(expected);
        attention_finish(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms_agree)};
    return forms_run(tests, sizeof(tests) / sizeof(*tests));
}
