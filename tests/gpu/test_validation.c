/* SPDX-License-Identifier: MIT */
/* A deliberately wrong use of Vulkan: the counter of messages moves, and so must the layer's log
 * (this test runs under validated.py --must-report: the check on all other tests can fail). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu/gpu_internal.h"
#include "gpu_driver.h"

static void test_wrong_use(void **state)
{
    (void)state;
    struct gpu *gpu = gpu_driver_open();
    const VkFenceCreateInfo wrong = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    VkFence fence = VK_NULL_HANDLE;
    assert_non_null(gpu);
    assert_int_equal(gpu_validation_messages(gpu), 0);
    gpu->vk.vkCreateFence(gpu->device, &wrong, NULL, &fence);
    assert_int_equal(gpu_validation_messages(gpu) > 0, gpu->instance.messenger != VK_NULL_HANDLE);
    gpu->vk.vkDestroyFence(gpu->device, fence, NULL);
    gpu_close(&gpu);
}

static int run(void)
{
    struct gpu *gpu = gpu_driver_open();
    if (!gpu)
        return GPU_DRIVER_SKIP;
    gpu_close(&gpu);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wrong_use)};
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}

int main(void)
{
    return gpu_driver_main(run);
}
