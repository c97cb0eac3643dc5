/* SPDX-License-Identifier: MIT */
/* Devices that are lost at any submit, told at once or when it is waited for. Without the
 * validation layer, to which work of a lost device stays in flight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu/buffer.h"
#include "gpu_play.h"

/* One line, and no call that hangs or answers with a result afterwards. */
static void check_lost(const char *play, uint32_t at)
{
    char text[64];
    struct gpu *gpu = NULL;
    struct gpu_buffer *buffer;
    uint32_t word = 7, good = 0;
    snprintf(text, sizeof(text), "%s,lost=%u", play, at);
    assert_int_equal(gpu_play_open(&gpu, text, NULL), STATUS_OK);
    assert_int_equal(gpu_buffer_create(&buffer, gpu, GPU_BUFFER_STORAGE, 64, "b"), STATUS_OK);
    for (int i = 0; i < 6; i++) {
        const enum status st =
            i % 2 ? gpu_buffer_read(buffer, 0, &word, 4) : gpu_buffer_write(buffer, 0, &word, 4);
        good += !st;
        assert_true(!st || st == STATUS_DEVICE_LOST);
        assert_null(strchr(log_last_error(), '\n'));
    }
    assert_int_equal(good, at - 1);
    assert_true(gpu_is_lost(gpu));
    gpu_buffer_destroy(&buffer);
    gpu_close(&gpu);
}

static void test_lost(void **state)
{
    (void)state;
    for (uint32_t at = 1; at <= 4; at++) {
        check_lost("discrete", at);
        check_lost("discrete,late", at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lost)};
    fpenv_set();
    if (!gpu_play_init(VKFI_BROKEN_DRIVER)) {
        fprintf(stderr, "skipped: VKFI_ICD_LAVAPIPE names no driver to play on\n");
        return GPU_DRIVER_SKIP;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gpu_play_finish();
    return failed ? 1 : 0;
}
