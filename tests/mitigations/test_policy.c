/* SPDX-License-Identifier: MIT */
/* Policies: every protection's defaults are what its table says, canonical forms are policies, the
 * published schema is that of the tables, and changed texts are refused or read, never more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../base/mute.h"
#include "../fuzz/fuzz_mutate.h"
#include "../fuzz/fuzz_policy.c"
#include "base/file.h"
#include "model/op.h"

static const char *policy_of(struct arena *arena, const struct protection *p)
{
    return arena_printf(arena, "{\"protect\": [{\"kind\": \"%s\"}]}", p->name);
}

static void test_defaults(void **state)
{
    struct arena arena = {0};
    size_t n;
    const struct protection *const *all = protections(&n);
    (void)state;
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        const char *text = policy_of(&arena, all[i]);
        struct policy policy;
        assert_int_equal(fuzz_read(&policy, &arena, text, strlen(text)), STATUS_OK);
        assert_ptr_equal(protections_find(all[i]->name), all[i]);
        assert_ptr_equal(policy.entry[0].protection, all[i]);
        const char *canon = fuzz_canon(&arena, &policy);
        for (size_t k = 0; k < all[i]->n_params; k++) {
            const struct protection_param *param = &all[i]->param[k];
            assert_true(param->what && param->what[0]);
            assert_non_null(strstr(canon, param->name));
        }
        LLVMFuzzerTestOneInput((const uint8_t *)text, strlen(text));
    }
    assert_null(protections_find("nothing"));
    arena_finish(&arena);
}

static void test_builtin(void **state)
{
    struct arena arena = {0};
    size_t n;
    const struct policy_named *named = policy_builtins(&n);
    (void)state;
    assert_non_null(policy_builtin("robust"));
    for (size_t i = 0; i < n; i++) {
        struct policy policy;
        assert_int_equal(policy_load(&policy, &arena, named[i].name), STATUS_OK);
        assert_true(policy.n > 0 && named[i].what[0]);
        assert_string_equal(policy_builtin(named[i].name), named[i].text);
        for (uint32_t k = 0; k < policy.n; k++) /* a name brings no file along */
            assert_false(policy.entry[k].protection->calibrated);
    }
    assert_null(policy_builtin("nothing"));
    arena_finish(&arena);
}

static double work_of(const char *text, const struct protection_column *column)
{
    struct arena arena = {0};
    struct policy policy;
    assert_int_equal(fuzz_read(&policy, &arena, text, strlen(text)), STATUS_OK);
    const double work = policy_work(&policy, column);
    arena_finish(&arena);
    return work;
}

/* Work that checks add, against sizes of the graph. */
static void test_work(void **state)
{
    struct model *model = NULL;
    double macs = 0, linear = 0, elements = 0;
    (void)state;
    assert_int_equal(model_open(&model, VKFI_TINY "/tiny-llama-q4_1.gguf"), STATUS_OK);
    const struct protection_column column = {model, STORAGE_F32, 9, 20};
    for (uint32_t i = 0; i < model->graph.count; i++) {
        const struct node *node = &model->graph.node[i];
        macs += (double)op_macs(node, column.seen);
        elements += op_is_site(node->op) ? (op_per_key(node->op) ? 9.0 : 1.0) * node->rows : 0;
        linear += node->op == OP_LINEAR ? 3.0 * node->width + 2.0 * node->rows : 0; /* one part */
    }
#define ONE(kind, more) "{\"protect\": [{\"kind\": \"" kind "\"" more "}]}"
    assert_true(work_of(ONE("nan_trap", ""), &column) == 0);
    assert_float_equal(work_of(ONE("redundancy", ""), &column), 1 + elements / macs, 1e-9);
    assert_true(work_of(ONE("redundancy", ",\"stage\": \"prefill\""), &column) == 0);
    assert_float_equal(work_of(ONE("abft", ""), &column), linear / macs, 1e-9);
    assert_true(work_of(ONE("range_guard", ""), &column) < elements / macs);
    assert_true(work_of(ONE("range_guard", ",\"sites\": \"output\""), &column) > 0);
    assert_true(work_of(ONE("token_filter", ""), &column) > work_of(ONE("adaptive", ""), &column));
    assert_float_equal(work_of(ONE("token_filter", ",\"embeddings\": \"off\""), &column),
                       work_of(ONE("adaptive", ""), &column), 0);
    assert_true(work_of(ONE("weight_audit", ",\"mode\": \"end\""), &column) <
                work_of(ONE("weight_audit", ""), &column));
    assert_true(work_of(ONE("kv_checkpoint", ",\"every\": 1"), &column) >
                work_of(ONE("kv_checkpoint", ",\"every\": 2"), &column));
    assert_true(work_of(ONE("kv_checkpoint", ",\"bits\": 0"), &column) == 0);
    assert_float_equal(
        work_of("{\"protect\": [{\"kind\": \"abft\"}, {\"kind\": \"redundancy\"}]}", &column),
        1 + (elements + linear) / macs, 1e-9);
    model_close(&model);
}

#define TRAP "{\"protect\": [{\"kind\": \"nan_trap\"}]"

/* The items of a profile are part of a policy, in one order; a policy without keeps its text. */
static void test_profile(void **state)
{
    static const char *const wrong[] = {TRAP ", \"profile\": 3}", TRAP ", \"profile\": [3]}",
                                        TRAP ", \"profile\": [\"a\", null]}",
                                        TRAP ", \"profile\": {\"a\": 1}}"};
    static const char given[] = TRAP ", \"profile\": [\"b/2\", \"a/1\", \"b/10\"]}";
    struct arena arena = {0};
    struct policy policy, again;
    (void)state;
    assert_int_equal(fuzz_read(&policy, &arena, TRAP "}", sizeof(TRAP)), STATUS_OK);
    assert_int_equal(policy.n_profile, 0);
    assert_null(strstr(fuzz_canon(&arena, &policy), "profile"));
    assert_int_equal(fuzz_read(&policy, &arena, given, strlen(given)), STATUS_OK);
    const char *canon = fuzz_canon(&arena, &policy);
    assert_non_null(strstr(canon, "\"profile\""));
    assert_int_equal(fuzz_read(&again, &arena, canon, strlen(canon)), STATUS_OK);
    assert_string_equal(fuzz_canon(&arena, &again), canon);
    assert_int_equal(again.n_profile, 3);
    assert_string_equal(again.profile[0], "a/1");
    assert_string_equal(again.profile[1], "b/10");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(fuzz_read(&policy, &arena, wrong[i], strlen(wrong[i])), STATUS_INPUT);
    arena_finish(&arena);
}

static void test_schema(void **state)
{
    struct arena arena = {0};
    struct json_memory m;
    char *text;
    size_t size;
    (void)state;
    json_begin_memory(&m, true);
    policy_schema(&m.w);
    assert_int_equal(json_end_memory(&m, &arena), STATUS_OK);
    assert_int_equal(file_read(&arena, VKFI_SOURCE "/mitigations/policy.schema.json", &text, &size),
                     STATUS_OK);
    if (strcmp(text, m.text) != 0)
        fail_msg("mitigations/policy.schema.json is not that of the tables; expected (vkfi protect "
                 "schema):\n%s",
                 m.text);
    arena_finish(&arena);
}

static void test_mutations(void **state)
{
    static const char *const words[] = {"null",
                                        "-1",
                                        "1e999",
                                        "\"\"",
                                        "[]",
                                        "{}",
                                        "true",
                                        "0.5",
                                        "99999",
                                        ":",
                                        ",",
                                        "\"kind\":",
                                        "\"sites\": [\"*\"],",
                                        "\\u0",
                                        "\x80",
                                        "\"most_redone\": 3,",
                                        "\"calibration\": \"x\",",
                                        "\"profile\": [\"x\"],"};
    const char *texts[64];
    struct arena arena = {0};
    size_t n;
    const struct protection *const *all = protections(&n);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        const char *text = policy_of(&arena, all[i]);
        struct policy policy;
        assert_int_equal(fuzz_read(&policy, &arena, text, strlen(text)), STATUS_OK);
        texts[i] = fuzz_canon(&arena, &policy);
    }
    fuzz_mutate_all(&(struct fuzz_mutate_run){.words = FUZZ_MUTATE_LIST(words),
                                              .texts = {texts, n},
                                              .rounds = 6000,
                                              .seed = 20261130,
                                              .target = LLVMFuzzerTestOneInput});
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_builtin),
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_profile),
        cmocka_unit_test_setup_teardown(test_mutations, mute_setup, mute_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
