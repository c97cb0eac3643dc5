/* SPDX-License-Identifier: MIT */
/* The CPU forms against independent references: the tiny models, and SmolLM2 where it is there. */
#include "oracle.h"

#include "base/fpenv.h"

static const char *const models[] = {
    "tiny-llama-f16",    "tiny-llama-bf16",   "tiny-llama-q8_0",  "tiny-llama-q4_0",
    "tiny-llama-q4_1",   "tiny-llama-q5_0",   "tiny-llama-q5_1",  "tiny-llama-q4_k",
    "tiny-llama-q5_k",   "tiny-llama-q6_k",   "tiny-llama-q2_k",  "tiny-llama-q3_k",
    "tiny-llama-iq4_nl", "tiny-llama-iq4_xs", "tiny-llama-mxfp4", "tiny-llama3-rope",
    "tiny-rope-scaled",  "tiny-qwen2",        "tiny-gemma3",      "tiny-qwen3",
    "tiny-mistral",      "tiny-falcon-mqa",   "tiny-falcon-gqa",  "tiny-phi3",
    "tiny-phi3-long",    "tiny-olmo2",        "tiny-gemma2",      "tiny-mixtral",
    "tiny-qwen2moe",     "tiny-qwen3moe",
};

static void run_tiny(const struct json *reference, const char *name, enum cpu_form form)
{
    char path[4096];
    struct executor *ex;
    struct model *model;

    snprintf(path, sizeof(path), "%s/%s.gguf", VKFI_TINY, name);
    assert_int_equal(model_open(&model, path), STATUS_OK);
    const struct executor_params params = {
        .model = model, .positions = 128, .branches = 1, .columns = 16, .threads = 1};
    assert_int_equal(cpu_create(&ex, form, &params), STATUS_OK);
    oracle_cases(ex, json_get(reference, name), UINT32_MAX,
                 (struct oracle_run){.name = name, .limits = {2e-3, 2e-3}, .columns = 7});
    executor_destroy(&ex);
    model_close(&model);
}

static void test_tiny_models(void **state)
{
    struct json_doc *doc;

    (void)state;
    assert_int_equal(json_load(&doc, model_files_reference("tiny.json")), STATUS_OK);
    for (enum cpu_form form = CPU_SCALAR; form < CPU_FORMS; form++) {
        for (size_t i = 0; i < sizeof(models) / sizeof(*models) && cpu_form_available(form); i++)
            run_tiny(json_root(doc), models[i], form);
    }
    json_destroy(&doc);
}

static void test_smollm2(void **state)
{
    (void)state;
    oracle_real("smollm2-135m", CPU_AUTO, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_models),
        cmocka_unit_test(test_smollm2),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
