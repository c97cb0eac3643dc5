/* SPDX-License-Identifier: MIT */
/* The executor on devices that are played: a discrete GPU, the limits that every device has, small
 * bindings, a small heap, a slow device with a watchdog. The same bits everywhere. */
#include "base/clock.h"
#include "gpu/gpu_internal.h"
#include "vk/vk_state.h"
#include "vk_testing.h"

#define PROMPT 70u

static void begin(struct vk_testing *t, const char *play, struct executor_params params)
{
    assert_int_equal(gpu_play_open(&vk_testing_gpu, play, NULL), STATUS_OK);
    params.positions = 96;
    params.branches = 3;
    vk_testing_open(t, vk_testing_tiny("tiny-llama-q4_1"), params);
}

static void end(struct vk_testing *t)
{
    vk_testing_close(t);
    gpu_close(&vk_testing_gpu);
}

/* A prompt in passes as long as the device takes, then columns with a fault and guards. */
static void check_bits(struct vk_testing *t, const char *play)
{
    struct column columns[PROMPT];
    struct executor_info info;
    struct rng rng;
    const uint32_t branch = vk_testing_branch(t);
    uint32_t n = 0;

    executor_info(t->vk, &info);
    const uint32_t most = info.max_columns < 32 ? info.max_columns : 32; /* the CPU's */
    rng_init(&rng, 3, 1);
    for (uint32_t i = 0; i < PROMPT; i++) {
        columns[n++] =
            vk_testing_column(t, branch, i, vk_testing_token(t, &rng), i % 9 ? 0 : VK_TESTING_ALL);
        if (n < most && i + 1 < PROMPT)
            continue;
        vk_testing_pass(t, &(struct pass){.columns = columns, .n_columns = n}, play, NULL);
        n = 0;
    }
    for (uint32_t i = 0; i < 8; i++) {
        const uint32_t node = (uint32_t)rng_below(&rng, t->model->graph.count);
        struct guard guards[2] = {{.node = node, .kind = GUARD_RANGE, .low = -0.01f, .high = 0.01f},
                                  {.node = node, .kind = GUARD_TWIN}};
        struct hook hook = {.node = node,
                            .point = HOOK_OUT,
                            .data = {.kind = KIND_FLIP, .mask = 1u << 30, .key = PROMPT + i}};
        const bool site = t->model->graph.node[node].op != OP_STORE;
        columns[0] =
            vk_testing_column(t, branch, PROMPT + i, vk_testing_token(t, &rng), VK_TESTING_ALL);
        const struct pass pass = {.columns = columns,
                                  .n_columns = 1,
                                  .hooks = &hook,
                                  .n_hooks = site,
                                  .guards = guards,
                                  .n_guards = site ? 2 : 0};
        vk_testing_pass(t, &pass, play, NULL);
    }
}

static void test_plays(void **state)
{
    (void)state;
    static const char *const plays[] = {"discrete",
                                        "discrete,families",
                                        "discrete,invocations=128,bindings=4,shared=16384,push=128",
                                        "invocations=128",
                                        "discrete,local=400000",
                                        "discrete,vendor=5045"};
    for (size_t i = 0; i < sizeof(plays) / sizeof(*plays); i++) {
        struct vk_testing t;
        begin(&t, plays[i], (struct executor_params){0});
        check_bits(&t, plays[i]);
        end(&t);
    }
}

/* What kernels and the host both write, and what kernels read at random, is the device's own; no
 * buffer is bound twice, and no kernel has more than four storage buffers. */
static void test_places(void **state)
{
    (void)state;
    struct vk_testing t;
    begin(&t, "discrete,bindings=4", (struct executor_params){0});
    check_bits(&t, "places");
    const struct vk_memory *m = &((struct vk *)t.vk)->memory;
    const struct gpu_buffer *const buffers[] = {m->hooks, m->columns, m->verdicts,
                                                m->lists[VK_LIST_STRIPS], m->work};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(*buffers); i++) {
        assert_non_null(buffers[i]);
        assert_int_equal(buffers[i]->heap, 0);
    }
    end(&t);
    begin(&t, "", (struct executor_params){0}); /* where the host sees all, there is but one */
    assert_null(((struct vk *)t.vk)->memory.hooks->copy);
    end(&t);
}

/* Few registers: LINEAR has one column and reads codes at each step; a processor's shape is its own
 * whoever made it. */
static void test_few_registers(void **state)
{
    (void)state;
    struct vk_testing t;
    const struct vk_shape *shape;
    begin(&t, "discrete,vendor=5045", (struct executor_params){0}); /* ARM */
    shape = &((struct vk *)t.vk)->kernels.shape;
    assert_true(shape->reread);
    assert_int_equal(shape->forms[1].columns, 0);
    end(&t);
    begin(&t, "vendor=5045", (struct executor_params){0});
    shape = &((struct vk *)t.vk)->kernels.shape;
    assert_false(shape->reread);
    assert_int_not_equal(shape->forms[1].columns, 0);
    end(&t);
}

/* Bindings of a megabyte hold fewer columns; those of 64 KiB are refused by name and number. */
static void test_ranges(void **state)
{
    (void)state;
    struct vk_testing t;
    struct executor_info info;
    struct executor *ex = NULL;
    begin(&t, "discrete,range=1048576", (struct executor_params){0});
    executor_info(t.vk, &info);
    assert_in_range(info.max_columns, 1, 63);
    check_bits(&t, "small ranges");
    end(&t);
    assert_int_equal(gpu_play_open(&vk_testing_gpu, "discrete,range=65536", NULL), STATUS_OK);
    assert_int_equal(model_open(&t.model, vk_testing_tiny("tiny-llama-q4_1")), STATUS_OK);
    const struct executor_params params = {.model = t.model, .positions = 96, .branches = 3};
    assert_int_equal(vk_create(&ex, vk_testing_gpu, &params), STATUS_DEVICE_MEMORY);
    assert_null(ex);
    assert_non_null(strstr(log_last_error(), "a binding sees at most 65536"));
    assert_null(strchr(log_last_error(), '\n'));
    model_close(&t.model);
    gpu_close(&vk_testing_gpu);
}

/* A pass takes longer than the watchdog allows a submit: it is split, and nothing is lost. The
 * first budget is as much too small for this device as the tiny model is. */
static void test_slow(void **state)
{
    (void)state;
    struct vk_testing t;
    struct column columns[32];
    struct rng rng;
    begin(&t, "discrete,slow=600000,watchdog=500", (struct executor_params){0});
    const uint32_t branch = vk_testing_branch(&t);
    ((struct vk *)t.vk)->pace.budget = 1 << 21;
    rng_init(&rng, 4, 1);
    for (uint32_t position = 0; position < 96; position += 32) {
        for (uint32_t i = 0; i < 32; i++)
            columns[i] = vk_testing_column(&t, branch, position + i, vk_testing_token(&t, &rng),
                                           VK_TESTING_ALL);
        const double start = clock_seconds();
        vk_testing_pass(&t, &(struct pass){.columns = columns, .n_columns = 32}, "slow", NULL);
        assert_true(clock_seconds() - start > 0.6); /* all of it in one submit would be lost */
    }
    assert_false(gpu_is_lost(vk_testing_gpu));
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plays),         cmocka_unit_test(test_places),
        cmocka_unit_test(test_few_registers), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_slow),
    };
    fpenv_set();
    if (!gpu_play_init(VKFI_BROKEN_DRIVER))
        return VK_TESTING_SKIP;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gpu_play_finish();
    return failed ? 1 : 0;
}
