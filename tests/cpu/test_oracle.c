/* SPDX-License-Identifier: MIT */
/* The CPU forms against independent references: the tiny models, and SmolLM2 where it is there. */
#include "oracle.h"

#include "base/fpenv.h"

static const char *const models[] = {
    "tiny-llama-f16",   "tiny-llama-bf16", "tiny-llama-q8_0", "tiny-llama-q4_0", "tiny-llama-q4_1",
    "tiny-llama-q5_0",  "tiny-llama-q5_1", "tiny-llama-q4_k", "tiny-llama-q5_k", "tiny-llama-q6_k",
    "tiny-llama3-rope", "tiny-qwen2",      "tiny-gemma3",
};

static void run_tiny(const char *name, enum cpu_form form)
{
    char file[64], reference[4096], path[4096];
    struct executor *ex;
    struct model *model;

    snprintf(file, sizeof(file), "tiny/%s.json", name);
    if (!model_files_reference(file)) {
        print_message("%s: no reference here\n", name);
        skip();
    }
    snprintf(reference, sizeof(reference), "%s", model_files_reference(file));
    snprintf(path, sizeof(path), "%s/oracle/tiny/%s.gguf", VKFI_SHARED, name);
    assert_int_equal(model_open(&model, path), STATUS_OK);
    const struct executor_params params = {
        .model = model, .positions = 128, .branches = 1, .columns = 16, .threads = 1};
    assert_int_equal(cpu_create(&ex, form, &params), STATUS_OK);
    oracle_cases(ex, reference, UINT32_MAX,
                 (struct oracle_run){.name = name, .limits = {2e-3, 2e-3}, .columns = 7});
    executor_destroy(&ex);
    model_close(&model);
}

static void test_tiny_models(void **state)
{
    (void)state;
    for (enum cpu_form form = CPU_SCALAR; form <= CPU_AVX512; form++)
        for (size_t i = 0; i < sizeof(models) / sizeof(*models) && cpu_form_available(form); i++)
            run_tiny(models[i], form);
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
    if (!model_files_reference("smollm2-135m.json")) {
        puts("skipped: no reference outputs in " VKFI_SHARED "/oracle");
        return 77;
    }
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
