/* SPDX-License-Identifier: MIT */
/* RoPE tables against the definition in long double, with bases, scales and factors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "model/rope.h"

/* Every entry is the double value rounded to float: within half a float ULP of the magnitude (a
 * power of two here). */
static void check(const struct hparams *hp, uint32_t table, uint32_t positions,
                  const float *factors)
{
    struct arena arena = {0};
    float *values;
    uint32_t pairs = hp->rope_dim / 2;

    assert_int_equal(
        rope_table(&values, &arena, &(struct rope_params){hp, table, positions, factors}),
        STATUS_OK);
    for (uint32_t p = 0; p < positions; p++) {
        for (uint32_t i = 0; i < pairs; i++) {
            long double angle = p * (long double)hp->rope_scale[table] /
                                (factors ? factors[i] : 1.0L) /
                                powl(hp->rope_base[table], 2.0L * i / hp->rope_dim);
            const float *entry = values + ((size_t)p * pairs + i) * 2;
            const long double magnitude = hp->rope_magnitude, ulp = 0x1.001p-25L * magnitude;
            assert_true(fabsl(entry[0] - magnitude * cosl(angle)) < ulp);
            assert_true(fabsl(entry[1] - magnitude * sinl(angle)) < ulp);
        }
    }
    arena_finish(&arena);
}

static void test_tables(void **state)
{
    static const float factors[8] = {1, 1, 1, 1.5f, 2, 8, 8, 32};
    struct hparams hp = {
        .rope_dim = 16, .rope_base = {10000, 1e6}, .rope_scale = {1, 0.125}, .rope_magnitude = 1};

    (void)state;
    check(&hp, 0, 3000, NULL);
    check(&hp, 1, 3000, NULL);
    check(&hp, 0, 300, factors);
    hp.rope_dim = 256;
    check(&hp, 1, 100, NULL);
    hp.rope_dim = 2;
    check(&hp, 0, 1u << 17, NULL);
    hp.rope_magnitude = 2;
    check(&hp, 1, 3000, NULL);
}

/* Tables of fewer positions are prefixes of longer ones. */
static void test_prefix(void **state)
{
    struct hparams hp = {
        .rope_dim = 64, .rope_base = {1e5, 1e4}, .rope_scale = {1, 1}, .rope_magnitude = 1};
    struct arena arena = {0};
    float *few, *many;

    (void)state;
    assert_int_equal(rope_table(&few, &arena, &(struct rope_params){&hp, 0, 100, NULL}), STATUS_OK);
    assert_int_equal(rope_table(&many, &arena, &(struct rope_params){&hp, 0, 1000, NULL}),
                     STATUS_OK);
    assert_memory_equal(few, many, 100 * 32 * 2 * sizeof(float));
    assert_true(few[0] == 1 && few[1] == 0);
    arena_finish(&arena);
}

static void test_bad_frequencies(void **state)
{
    static const float small[4] = {1, 1, 1e-9f, 1}, zero[4] = {1, 0, 1, 1},
                       nan_[4] = {NAN, 1, 1, 1};
    struct hparams hp = {
        .rope_dim = 8, .rope_base = {10000, 10000}, .rope_scale = {1, 1}, .rope_magnitude = 1};
    struct arena arena = {0};
    float *values;

    (void)state;
    assert_int_equal(rope_table(&values, &arena, &(struct rope_params){&hp, 0, 1u << 12, small}),
                     STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "pair 2"));
    assert_int_equal(rope_table(&values, &arena, &(struct rope_params){&hp, 0, 1u << 12, zero}),
                     STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "pair 1"));
    assert_int_equal(rope_table(&values, &arena, &(struct rope_params){&hp, 0, 1u << 12, nan_}),
                     STATUS_INPUT);
    assert_int_equal(
        rope_table(&values, &arena, &(struct rope_params){&hp, 0, (1u << 20) + 1, NULL}),
        STATUS_INPUT);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_bad_frequencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
