/* SPDX-License-Identifier: MIT */
/* Kernels: a host that is wrong about a shader is told; execution modes are inserted validly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/rng.h"
#include "gpu/gpu_internal.h"
#include "gpu/kernel.h"
#include "gpu/kernel_branches.h"
#include "gpu/kernel_constants.h"
#include "gpu/kernel_patch.h"
#include "gpu/kernel_shared.h"
#include "gpu/spirv_reflect.h"
#include "gpu_driver.h"
#include "shader_table.h"
#include "shared/hook.h"

static const uint32_t SPECS[] = {0, 1};

/* The true layout of bandwidth.comp. */
static struct kernel_params truth(void)
{
    return (struct kernel_params){
        .code = &shader_bandwidth,
        .layout = {.bindings = 3,
                   .push_size = 8,
                   .spec_count = 2,
                   .spec_ids = SPECS,
                   .local_size_id = {0, KERNEL_LITERAL, KERNEL_LITERAL}},
    };
}

static void expect(struct gpu *gpu, const struct kernel_params *params, enum status expected,
                   const char *word)
{
    struct kernel *kernel = NULL;
    enum status st = kernel_create(&kernel, gpu, params);
    if (st != expected)
        fail_msg("found %s, expected %s", status_name(st), status_name(expected));
    assert_int_equal(kernel != NULL, !st);
    if (st && !strstr(log_last_error(), word))
        fail_msg("found '%s', expected '%s' in it", log_last_error(), word);
    kernel_destroy(&kernel);
    assert_null(kernel);
}

static void test_layout(void **state)
{
    static const uint32_t LESS[] = {0}, OTHER[] = {0, 3}, MORE[] = {0, 1, 7};
    struct kernel_params p = truth();
    expect(*state, &p, STATUS_OK, "");
    p.layout.bindings = 1;
    expect(*state, &p, STATUS_INTERNAL, "bindings");
    p.layout.bindings = 7;
    expect(*state, &p, STATUS_INTERNAL, "bindings");
    p.layout.bindings = 5; /* a gap */
    expect(*state, &p, STATUS_INTERNAL, "bindings");
    p.layout.bindings = UINT32_MAX;
    expect(*state, &p, STATUS_INTERNAL, "bindings");
    p = truth();
    p.layout.push_size = 12;
    expect(*state, &p, STATUS_INTERNAL, "push");
    p.layout.push_size = 0;
    expect(*state, &p, STATUS_INTERNAL, "push");
    p = truth();
    p.layout.spec_ids = LESS;
    p.layout.spec_count = 1;
    expect(*state, &p, STATUS_INTERNAL, "specialization id");
    p.layout.spec_ids = OTHER;
    p.layout.spec_count = 2;
    expect(*state, &p, STATUS_INTERNAL, "specialization id");
    p.layout.spec_ids = MORE;
    p.layout.spec_count = 3;
    expect(*state, &p, STATUS_INTERNAL, "specialization id");
    p = truth();
    p.layout.local_size_id[0] = KERNEL_LITERAL;
    expect(*state, &p, STATUS_INTERNAL, "local size");
    p = truth();
    p.layout.local_size_id[1] = 1;
    expect(*state, &p, STATUS_INTERNAL, "local size");
}

static void test_constants(void **state)
{
    struct gpu *gpu = *state;
    const struct gpu_info *info = gpu_get_info(gpu);
    struct kernel_constant c[] = {{0, 32}, {1, 1}};
    struct kernel_params p = truth();
    struct kernel *kernel = NULL;
    uint32_t size[3];
    p.constants = c;
    p.constant_count = 2;
    assert_int_equal(kernel_create(&kernel, gpu, &p), STATUS_OK);
    assert_string_equal(kernel_name(kernel), "bandwidth");
    kernel_local_size(kernel, size);
    assert_int_equal(size[0], 32);
    assert_int_equal(size[1] * size[2], 1);
    kernel_destroy(&kernel);
    c[1].id = 5;
    expect(gpu, &p, STATUS_INTERNAL, "constant");
    c[1].id = 1;
    c[0].value = info->max_group_invocations + 1;
    expect(gpu, &p, STATUS_DEVICE, "workgroup");
    c[0].value = 0;
    expect(gpu, &p, STATUS_DEVICE, "workgroup");
}

static void test_subgroup(void **state)
{
    struct gpu *gpu = *state;
    const struct gpu_info *info = gpu_get_info(gpu);
    struct kernel_constant c[] = {{0, 64}};
    struct kernel_params p = truth();
    p.constants = c;
    p.constant_count = 1;
    p.subgroup_size = info->max_subgroup_size + 1;
    expect(gpu, &p, STATUS_DEVICE, "subgroups");
    if (info->max_subgroup_size == 0)
        skip();
    p.subgroup_size = info->max_subgroup_size;
    expect(gpu, &p, STATUS_OK, "");
    c[0].value = info->max_subgroup_size + info->max_subgroup_size / 2;
    expect(gpu, &p, STATUS_INTERNAL, "subgroup");
}

static void test_statistics_without_capture(void **state)
{
    struct kernel *kernel = NULL;
    struct text text = {0};
    struct kernel_params p = truth();
    assert_int_equal(kernel_create(&kernel, *state, &p), STATUS_OK);
    assert_int_equal(kernel_statistics(kernel, &text), STATUS_DEVICE);
    text_finish(&text);
    kernel_destroy(&kernel);
}

/* Words that are no shader are refused by name, never handed to a driver. */
static void test_not_a_shader(void **state)
{
    uint32_t words[64];
    const struct shader_code code = {"broken", words, sizeof(words), true, 0};
    struct kernel_params p = truth();
    p.code = &code;
    memcpy(words, shader_bandwidth.words, sizeof(words));
    expect(*state, &p, STATUS_INTERNAL, "broken");
    words[0] = 1;
    expect(*state, &p, STATUS_INTERNAL, "broken");
    words[0] = shader_bandwidth.words[0];
    words[5] = 0;
    expect(*state, &p, STATUS_INTERNAL, "broken");
}

static uint32_t count_modes(const struct spirv *module, uint32_t entry)
{
    uint32_t modes = 0;
    for (struct spirv_ins ins = {0}; spirv_next(module, &ins);) {
        if (ins.op == SpvOpExecutionMode && ins.count == 4 && ins.words[1] == entry &&
            ins.words[3] == 32)
            modes |= ins.words[2] == SpvExecutionModeDenormFlushToZero          ? 1u
                     : ins.words[2] == SpvExecutionModeRoundingModeRTE          ? 2u
                     : ins.words[2] == SpvExecutionModeSignedZeroInfNanPreserve ? 4u
                                                                                : 8u;
    }
    return modes;
}

static void test_patch(void **state)
{
    (void)state;
    char path[] = "/tmp/vkfi_patch_XXXXXX", command[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct spirv module, patched;
    struct spirv_reflect reflect;
    assert_int_equal(spirv_init(&module, shader_probe.words, shader_probe.size / 4, "probe"),
                     STATUS_OK);
    assert_int_equal(spirv_reflect(&reflect, &module), STATUS_OK);
    for (uint32_t set = 0; set < 8; set++) {
        const struct gpu_float_controls controls = {.denorm_flush_to_zero = set & 1,
                                                    .rounding_rte = set >> 1 & 1,
                                                    .signed_zero_inf_nan_preserve = set >> 2 & 1};
        uint32_t *words = NULL;
        size_t count = 0;
        assert_int_equal(kernel_patch(&words, &count, &module, reflect.entry_point, &controls),
                         STATUS_OK);
        assert_int_equal(spirv_init(&patched, words, count, "patched"), STATUS_OK);
        assert_int_equal(count_modes(&patched, reflect.entry_point), set);
        assert_int_equal(file_write(path, words, count * 4), STATUS_OK);
        snprintf(command, sizeof(command), "spirv-val --target-env vulkan1.2 %s", path);
        assert_int_equal(system(command), 0);
        free(words);
    }
    unlink(path);
}

static bool is_spec(const struct spirv_ins *ins)
{
    return ins->op == SpvOpSpecConstantTrue || ins->op == SpvOpSpecConstantFalse ||
           ins->op == SpvOpSpecConstant || ins->op == SpvOpSpecConstantComposite ||
           ins->op == SpvOpSpecConstantOp ||
           (ins->op == SpvOpDecorate && ins->words[2] == SpvDecorationSpecId);
}

/* Nothing of any shader is left to be specialised, and no branch on a constant, whatever its
 * constants are: SwiftShader would keep both sides. */
static void check_plain(const struct spirv *module)
{
    uint32_t truths[2] = {0}; /* the ids of true and false */
    for (struct spirv_ins ins = {0}; spirv_next(module, &ins);) {
        assert_false(is_spec(&ins));
        if (ins.op == SpvOpConstantTrue || ins.op == SpvOpConstantFalse)
            truths[ins.op == SpvOpConstantTrue] = ins.words[2];
        if (ins.op == SpvOpBranchConditional)
            assert_true(ins.words[1] != truths[0] && ins.words[1] != truths[1]);
    }
}

static void test_plain_constants(void **state)
{
    (void)state;
    char path[] = "/tmp/vkfi_constants_XXXXXX", command[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct rng rng;
    rng_init(&rng, 29, 1);
    for (size_t s = 0; s < 2 * shader_table_count; s++) {
        const struct shader_code *code = shader_table[s / 2];
        struct kernel_constant constant[SPIRV_REFLECT_SPECS];
        struct spirv module, fixed;
        struct spirv_reflect reflect;
        assert_int_equal(spirv_init(&module, code->words, code->size / 4, code->name), STATUS_OK);
        assert_int_equal(spirv_reflect(&reflect, &module), STATUS_OK);
        for (uint32_t i = 0; i < reflect.spec_count; i++)
            constant[i] = (struct kernel_constant){reflect.spec_ids[i],
                                                   reflect.spec_ids[i] == HOOK_SPEC_ID && s % 2 == 0
                                                       ? HOOK_OFF
                                                       : 1 + (uint32_t)rng_below(&rng, 7)};
        uint32_t *words = NULL;
        size_t count = 0;
        uint64_t shared;
        assert_int_equal(kernel_patch(&words, &count, &module, reflect.entry_point,
                                      &(struct gpu_float_controls){0}),
                         STATUS_OK);
        assert_int_equal(kernel_constants(words, &count, code->name, constant, reflect.spec_count),
                         STATUS_OK);
        assert_int_equal(kernel_branches(words, &count, code->name), STATUS_OK);
        assert_int_equal(spirv_init(&fixed, words, count, code->name), STATUS_OK);
        check_plain(&fixed);
        assert_int_equal(kernel_shared(&fixed, &shared), STATUS_OK);
        assert_int_equal(file_write(path, words, count * 4), STATUS_OK);
        snprintf(command, sizeof(command), "spirv-val --target-env vulkan1.2 %s", path);
        assert_int_equal(system(command), 0);
        free(words);
    }
    unlink(path);
}

/* A driver may find compiled code by the layout's handle (SwiftShader does), so kernels of one
 * interface share one, even after the first is gone; other interfaces have others. */
static void test_shared_layout(void **state)
{
    struct gpu *gpu = *state;
    const struct kernel_params p = truth();
    const struct kernel_params other = {
        .code = &shader_empty,
        .layout = {.bindings = 1,
                   .local_size_id = {KERNEL_LITERAL, KERNEL_LITERAL, KERNEL_LITERAL}}};
    struct kernel *a, *b, *c;
    assert_int_equal(kernel_create(&a, gpu, &p), STATUS_OK);
    assert_int_equal(kernel_create(&b, gpu, &p), STATUS_OK);
    assert_int_equal(kernel_create(&c, gpu, &other), STATUS_OK);
    const VkPipelineLayout layout = a->layout;
    assert_true(b->layout == layout);
    assert_true(c->layout != layout);
    kernel_destroy(&a);
    kernel_destroy(&b);
    assert_int_equal(kernel_create(&a, gpu, &p), STATUS_OK);
    assert_true(a->layout == layout);
    kernel_destroy(&a);
    kernel_destroy(&c);
}

/* A device compiles a module with its constants once; what it made stays when its kernels go. */
static void test_shared_pipeline(void **state)
{
    struct gpu *gpu = *state;
    const struct kernel_constant constants[] = {{0, 8}};
    struct kernel_params p = truth(), other = truth(), same_name = truth();
    struct kernel *a, *b, *c, *d;
    other.constants = constants;
    other.constant_count = 1;
    struct shader_code renamed = *p.code; /* as good as another shader: names are no identity */
    same_name.code = &renamed;
    assert_int_equal(kernel_create(&a, gpu, &p), STATUS_OK);
    assert_int_equal(kernel_create(&b, gpu, &p), STATUS_OK);
    assert_int_equal(kernel_create(&c, gpu, &other), STATUS_OK);
    assert_int_equal(kernel_create(&d, gpu, &same_name), STATUS_OK);
    const VkPipeline pipeline = a->pipeline;
    assert_true(b->pipeline == pipeline && d->pipeline == pipeline);
    assert_true(c->pipeline != pipeline && c->local_size[0] != a->local_size[0]);
    kernel_destroy(&a);
    kernel_destroy(&b);
    kernel_destroy(&d);
    assert_int_equal(kernel_create(&a, gpu, &p), STATUS_OK);
    assert_true(a->pipeline == pipeline);
    kernel_destroy(&a);
    kernel_destroy(&c);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),          cmocka_unit_test(test_constants),
        cmocka_unit_test(test_subgroup),        cmocka_unit_test(test_statistics_without_capture),
        cmocka_unit_test(test_not_a_shader),    cmocka_unit_test(test_shared_layout),
        cmocka_unit_test(test_shared_pipeline), cmocka_unit_test(test_patch),
        cmocka_unit_test(test_plain_constants),
    };
    return gpu_driver_tests(tests, sizeof(tests) / sizeof(*tests));
}

int main(void)
{
    return gpu_driver_main(run);
}
