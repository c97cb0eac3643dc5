/* SPDX-License-Identifier: MIT */
/* The real models' reference cases, all of them, on the fastest form and on the scalar one. */
#include "oracle.h"

#include "base/fpenv.h"

#define FULL_TEST(id, name)                                                                        \
    static void test_##id(void **state)                                                            \
    {                                                                                              \
        (void)state;                                                                               \
        oracle_real(name, CPU_AUTO, UINT32_MAX);                                                   \
    }                                                                                              \
    static void test_##id##_scalar(void **state)                                                   \
    {                                                                                              \
        (void)state;                                                                               \
        oracle_real(name, CPU_SCALAR, 2);                                                          \
    }

FULL_TEST(smollm2, "smollm2-135m")
FULL_TEST(gemma3, "gemma3-270m")
FULL_TEST(qwen2, "qwen2.5-coder-0.5b")

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smollm2),       cmocka_unit_test(test_gemma3),
        cmocka_unit_test(test_qwen2),         cmocka_unit_test(test_smollm2_scalar),
        cmocka_unit_test(test_gemma3_scalar), cmocka_unit_test(test_qwen2_scalar),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
