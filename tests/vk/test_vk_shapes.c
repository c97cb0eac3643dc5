/* SPDX-License-Identifier: MIT */
/* Which sizes run on a Vulkan device: those of published models, and lines for others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "model/model.h"
#include "vk/vk.h"

/* Width, feed-forward (of an expert), features of a head, and those that RoPE rotates, as the
 * configurations of the models have them. */
struct sizes {
    const char *name;
    uint32_t embd, ff, head, rope;
};

static const struct sizes published[] = {
    {"falcon-7b", 4544, 18176, 64, 64},          {"falcon-40b", 8192, 32768, 64, 64},
    {"falcon-180b", 14848, 59392, 64, 64},       {"mixtral-8x7b", 4096, 14336, 128, 128},
    {"mixtral-8x22b", 6144, 16384, 128, 128},    {"qwen1.5-moe-a2.7b", 2048, 1408, 128, 128},
    {"qwen2-57b-a14b", 3584, 2560, 128, 128},    {"qwen3-30b-a3b", 2048, 768, 128, 128},
    {"qwen3-235b-a22b", 4096, 1536, 128, 128},   {"qwen2.5-0.5b", 896, 4864, 64, 64},
    {"qwen3-0.6b", 1024, 3072, 128, 128},        {"qwen3-4b", 2560, 9728, 128, 128},
    {"qwen3-32b", 5120, 25600, 128, 128},        {"mistral-7b", 4096, 14336, 128, 128},
    {"mistral-nemo-12b", 5120, 14336, 128, 128}, {"gemma-2-2b", 2304, 9216, 256, 256},
    {"gemma-2-9b", 3584, 14336, 256, 256},       {"gemma-2-27b", 4608, 36864, 128, 128},
    {"gemma-3-270m", 640, 2048, 256, 256},       {"gemma-3-1b", 1152, 6912, 256, 256},
    {"gemma-3-27b", 5376, 21504, 128, 128},      {"phi-3-mini", 3072, 8192, 96, 96},
    {"phi-3-medium", 5120, 17920, 128, 128},     {"phi-4-mini", 3072, 8192, 128, 96},
    {"llama-2-7b", 4096, 11008, 128, 128},       {"llama-3.2-1b", 2048, 8192, 64, 64},
    {"llama-3.1-8b", 4096, 14336, 128, 128},     {"llama-3.1-405b", 16384, 53248, 128, 128},
    {"olmo-2-7b", 4096, 11008, 128, 128},        {"olmo-2-13b", 5120, 13824, 128, 128},
    {"granite-3-2b", 2048, 8192, 64, 64},        {"granite-3-8b", 4096, 12800, 128, 128},
};

static enum status check(struct model *model, const struct sizes *sizes)
{
    model->hp.n_embd = sizes->embd;
    model->hp.n_ff = sizes->ff;
    model->hp.head_dim = sizes->head;
    model->hp.rope_dim = sizes->rope;
    return vk_check_model(model);
}

static void test_published(void **state)
{
    for (size_t i = 0; i < sizeof(published) / sizeof(*published); i++) {
        if (check(*state, &published[i]) != STATUS_OK)
            fail_msg("%s: %s", published[i].name, log_last_error());
    }
}

/* A line names the file, what it has and what the device needs. */
static void test_others(void **state)
{
    static const struct {
        struct sizes sizes;
        const char *line;
    } others[] = {
        {{"openllama-3b", 3200, 8640, 100, 100},
         "found 100 features a head, expected a multiple of 8"},
        {{"rope", 64, 64, 16, 12},
         "found 12 features of a head that RoPE rotates, expected a multiple of 8"},
        {{"embd", 66, 64, 16, 16}, "found 66 features of the residual, expected a multiple of 4"},
        {{"ff", 64, 63, 16, 16}, "found 63 features of the feed-forward, expected a multiple of 4"},
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        assert_int_equal(check(*state, &others[i].sizes), STATUS_INPUT);
        assert_non_null(strstr(log_last_error(), others[i].line));
        assert_non_null(strstr(log_last_error(), "tiny-qwen2.gguf: "));
    }
}

static int open_model(void **state)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/tiny-qwen2.gguf", VKFI_TINY);
    return model_open((struct model **)state, path) == STATUS_OK ? 0 : -1;
}

static int close_model(void **state)
{
    model_close((struct model **)state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
