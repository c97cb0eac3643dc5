/* SPDX-License-Identifier: MIT */
/* The device is lost while the executor is made or works: one line and STATUS_DEVICE_LOST, whenever
 * that is. Without the validation layer, to which work of a lost device stays in flight. */
#include "vk_testing.h"

#define PROMPT 20u

/* Submits until the loss; the statuses are those of vk_create or of a pass. */
static bool run_until_lost(const char *play, uint32_t at)
{
    char text[64];
    struct model *model = NULL;
    struct executor *ex = NULL;
    struct column_result out[PROMPT];
    struct column columns[PROMPT];
    uint32_t branch = 0;
    snprintf(text, sizeof(text), "%s,lost=%u", play, at);
    assert_int_equal(gpu_play_open(&vk_testing_gpu, text, NULL), STATUS_OK);
    assert_int_equal(model_open(&model, vk_testing_tiny("tiny-llama-q4_1")), STATUS_OK);
    const struct executor_params params = {.model = model, .positions = 64, .branches = 1};
    enum status st = vk_create(&ex, vk_testing_gpu, &params);
    if (!st)
        st = kv_branch(ex->kv, &branch);
    for (uint32_t i = 0; i < PROMPT; i++)
        columns[i] = (struct column){.branch = branch,
                                     .position = i,
                                     .token = (int32_t)i,
                                     .checkpoint = EXECUTOR_NONE,
                                     .save = EXECUTOR_NONE,
                                     .end_layer = model->hp.n_layers,
                                     .outputs = VK_TESTING_ALL};
    if (!st)
        st = executor_pass(ex, &(struct pass){.columns = columns, .n_columns = PROMPT}, out);
    assert_true(!st || st == STATUS_DEVICE_LOST);
    if (st)
        assert_null(strchr(log_last_error(), '\n'));
    assert_int_equal(gpu_is_lost(vk_testing_gpu), st != 0);
    executor_destroy(&ex);
    model_close(&model);
    gpu_close(&vk_testing_gpu);
    return st != 0;
}

static void test_lost(void **state)
{
    (void)state;
    uint32_t at = 1;
    while (run_until_lost("discrete", at) && run_until_lost("discrete,late", at))
        at++;
    assert_in_range(at, 5, 60); /* uploads, a pass */
    assert_true(run_until_lost("late", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lost)};
    fpenv_set();
    if (!gpu_play_init(VKFI_BROKEN_DRIVER))
        return VK_TESTING_SKIP;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gpu_play_finish();
    return failed ? 1 : 0;
}
