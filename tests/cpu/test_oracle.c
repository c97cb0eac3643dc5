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
    char path[512];
    struct json_doc *doc;
    struct executor *ex;
    struct model *model = oracle_tiny(name);

    if (!model)
        skip();
    snprintf(path, sizeof(path), "%s/oracle/tiny/%s.json", VKFI_SHARED, name);
    assert_int_equal(json_load(&doc, path), STATUS_OK);
    const struct executor_params params = {
        .model = model, .positions = 128, .branches = 1, .columns = 16};
    assert_int_equal(cpu_create(&ex, form, &params), STATUS_OK);
    const struct json *cases = json_get(json_root(doc), "cases");
    for (size_t i = 0; i < json_count(cases); i++) {
        struct oracle_run run = {.ex = ex,
                                 .json = json_at(cases, i),
                                 .name = name,
                                 .limits = {2e-3, 2e-3},
                                 .columns = i % 2 ? 16 : 7};
        oracle_case(&run);
        print_message("%s, case %zu: worst logit %.2g, log-probability %.2g\n", name, i,
                      run.worst_logit, run.worst_logprob);
    }
    executor_destroy(&ex);
    json_destroy(&doc);
    model_close(&model);
}

static void test_tiny_models(void **state)
{
    (void)state;
    for (enum cpu_form form = CPU_SCALAR; form <= CPU_AVX512; form++)
        for (size_t i = 0; i < sizeof(models) / sizeof(*models) && cpu_form_available(form); i++)
            run_tiny(models[i], form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_models),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
