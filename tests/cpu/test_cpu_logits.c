/* SPDX-License-Identifier: MIT */
/* Argmax and hash of logit rows: ties, NaN, any cut into pieces, every form. */
#include "forms.h"

static const struct cpu_digest empty = {.bits = NM_NAN, .finite = true};

static void equal(const struct cpu_digest *a, const struct cpu_digest *b)
{
    assert_int_equal(a->key, b->key);
    assert_int_equal(a->token, b->token);
    assert_int_equal(a->bits, b->bits);
    assert_int_equal(a->low, b->low);
    assert_int_equal(a->high, b->high);
    assert_int_equal(a->finite, b->finite);
}

static void test_forms_agree(void **state)
{
    (void)state;
    float values[500];
    struct rng rng;

    rng_init(&rng, 61, 0);
    for (uint32_t i = 0; i < 900; i++) {
        const uint32_t n = 1 + rng_u32(&rng) % 500, middle = rng_u32(&rng) % (n + 1);
        struct cpu_digest expected = empty;
        forms_fill(&rng, (enum forms_mood)(i % FORMS_MOODS), values, n);
        if (i % 7 == 0)
            values[n / 2] = values[n - 1] = 1e38f; /* a tie */
        cpu_logits_scalar(values, 0, n, &expected);
        struct cpu_digest pieces = empty;
        cpu_logits_scalar(values, 0, middle, &pieces);
        cpu_logits_scalar(values + middle, middle, n - middle, &pieces);
        equal(&pieces, &expected);
        FORMS_EACH(kernels)
        {
            struct cpu_digest found = empty;
            kernels->logits(values, 0, middle, &found);
            kernels->logits(values + middle, middle, n - middle, &found);
            equal(&found, &expected);
        }
    }
}

static void test_rules(void **state)
{
    (void)state;
    const float nan_ = lang_float(0xffc12345u), zero = lang_float(0), minus = lang_float(NM_SIGN);
    const float all_nan[3] = {nan_, nan_, nan_}, zeros[3] = {nan_, minus, zero};
    struct cpu_digest d = empty;

    cpu_logits_scalar(all_nan, 0, 3, &d);
    assert_int_equal(d.token, 0);
    assert_int_equal(d.bits, NM_NAN);
    assert_false(d.finite);
    d = empty;
    cpu_logits_scalar(zeros, 0, 3, &d);
    assert_int_equal(d.token, 1); /* -0 equals +0: the lower id */
    assert_int_equal(d.bits, NM_SIGN);
    /* the hash, from its definition */
    uint32_t low = 0, high = 0;
    const uint32_t bits[3] = {NM_NAN, NM_SIGN, 0};
    for (uint32_t i = 0; i < 3; i++) {
        low += nm_mix(i, bits[i], NM_SALT_LOW);
        high += nm_mix(i, bits[i], NM_SALT_HIGH);
    }
    assert_int_equal(d.low, low);
    assert_int_equal(d.high, high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_rules),
    };
    return forms_run(tests, sizeof(tests) / sizeof(*tests));
}
