/* SPDX-License-Identifier: MIT */
/* A driver compiles each form of LINEAR in bounded time. SwiftShader compiles when a kernel is
 * made; lavapipe when it first runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "../gpu/gpu_driver.h"
#include "vk/vk_kernels.h"

/* Processor time of one kernel. SwiftShader takes 0.1 to 0.5 s; it took 8.4 s for the form of one
 * column when the conversion of f16 weights had branches and rows were written out. */
#define SECONDS 2.5

static double processor_time(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void test_linear(void **state)
{
    struct vk_kernels kernels;
    double most = 0;

    vk_kernels_init(&kernels, *state, STORAGE_F16, STORAGE_F16);
    for (enum quant type = 0; type < QUANT_COUNT; type++) {
        for (uint32_t form = 0; form < VK_FORMS && kernels.shape.forms[form].columns; form++) {
            const struct vk_kernel_key key = {
                .shader = VK_SHADER_LINEAR, .type = type, .form = form};
            const struct kernel *kernel;
            const double start = processor_time();
            assert_int_equal(vk_kernels_get(&kernels, &key, &kernel), STATUS_OK);
            const double seconds = processor_time() - start;
            if (seconds > SECONDS)
                fail_msg("%s took %.1f s, the limit is %.1f", kernel_name(kernel), seconds,
                         SECONDS);
            most = seconds > most ? seconds : most;
        }
    }
    print_message("longest: %.2f s of processor time\n", most);
    vk_kernels_finish(&kernels);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_linear)};
    return gpu_driver_tests(tests, sizeof(tests) / sizeof(*tests));
}

int main(void)
{
    return gpu_driver_main(run);
}
