/* SPDX-License-Identifier: MIT */
/* HEADS: every form against the scalar one; memory outside the window is never touched. */
#include "attention.h"

static void test_forms_agree(void **state)
{
    (void)state;
    struct rng rng;

    rng_init(&rng, 81, 0);
    for (uint32_t i = 0; i < ATTENTION_CASES; i++) {
        struct attention a;
        attention_init(&a, &rng, i);
        a.cpu.base.act = (enum storage)(i / 9 % STORAGE_COUNT);
        const size_t count = (size_t)a.job.heads * ATTENTION_DIMS[i % 9];
        float *expected = forms_memory(count, sizeof(float));
        /* outside [first, last] probabilities stay NaN, as do K and V */
        for (uint32_t h = 0; h < a.job.heads; h++)
            forms_fill(&rng, (enum forms_mood)(i % FORMS_MOODS),
                       a.scores + h * a.job.score_stride + a.job.first,
                       a.job.last - a.job.first + 1);
        a.job.out = expected;
        cpu_heads_scalar(&a.job);
        a.job.out = a.out;
        FORMS_EACH(kernels)
        {
            kernels->heads(&a.job);
            forms_equal(a.out, expected, count, kernels->name);
        }
        if (i / 3 % FORMS_MOODS == FORMS_TAME && i % FORMS_MOODS == FORMS_TAME) {
            for (size_t k = 0; k < count; k++)
                assert_false(nm_is_nan(lang_bits(expected[k])));
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
