/* SPDX-License-Identifier: MIT */
/* Kernels as AMD hardware would run them, compiled without any: nothing exact is fused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu/buffer.h"
#include "gpu/kernel.h"
#include "gpu/spirv_reflect.h"
#include "gpu_driver.h"
#include "shader_table.h"

/* gfx9, gfx10.3, gfx11 */
static const char *const FAMILIES[] = {"vega10", "navi21", "gfx1100"};

/* v_mad_f32 and v_mac_f32 of gfx9 round twice and are allowed. */
static const char *const FUSED[] = {"v_fma_f32",   "v_fmac_f32",      "v_pk_fma_f32", "v_dual_fmac",
                                    "v_fma_mix_",  "v_dual_fmaak",    "v_dual_fmamk", "v_fmaak_f32",
                                    "v_fmamk_f32", "v_fma_legacy_f32"};

/* A layout taken from the shader itself: what is compiled matters here, not who uses it. */
static struct kernel_params own_layout(const struct shader_code *code, struct spirv_reflect *r)
{
    struct spirv module;
    struct kernel_params params = {.code = code, .capture = true};
    assert_int_equal(spirv_init(&module, code->words, code->size / 4, code->name), STATUS_OK);
    assert_int_equal(spirv_reflect(r, &module), STATUS_OK);
    params.layout = (struct kernel_layout){.bindings = r->bindings,
                                           .texels = r->texels,
                                           .push_size = r->push_size,
                                           .spec_count = r->spec_count,
                                           .spec_ids = r->spec_ids};
    memcpy(params.layout.local_size_id, r->local_size_id, sizeof(r->local_size_id));
    return params;
}

static void check_isa(const struct shader_code *code, const char *text)
{
    if (!strstr(text, "VGPRs = ") || !strstr(text, "s_endpgm"))
        fail_msg("%s: no registers or no ISA in '%.200s'", code->name, text);
    for (size_t i = 0; i < sizeof(FUSED) / sizeof(*FUSED) && code->exact; i++) {
        if (strstr(text, FUSED[i]))
            fail_msg("%s: found %s, expected no fused arithmetic in an exact kernel", code->name,
                     FUSED[i]);
    }
}

static void test_no_fma(void **state)
{
    struct gpu *gpu = *state;
    for (size_t i = 0; i < shader_table_count; i++) {
        struct kernel *kernel = NULL;
        struct text text = {0};
        struct spirv_reflect reflect;
        struct kernel_params params = own_layout(shader_table[i], &reflect);
        assert_int_equal(kernel_create(&kernel, gpu, &params), STATUS_OK);
        assert_int_equal(kernel_statistics(kernel, &text), STATUS_OK);
        check_isa(shader_table[i], text.data);
        text_finish(&text);
        kernel_destroy(&kernel);
    }
}

/* Memory of a device that only compiles is refused, not touched. */
static void test_no_memory(void **state)
{
    struct gpu_buffer *buffer = NULL;
    assert_int_equal(gpu_buffer_create(&buffer, *state, GPU_BUFFER_STORAGE, 64, "none"),
                     STATUS_INTERNAL);
    assert_null(buffer);
}

static int run(void)
{
    struct gpu *gpu = NULL;
    const struct gpu_params params = {.compile_only = true};
    if (gpu_open(&gpu, &params) != STATUS_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_no_fma, gpu),
        cmocka_unit_test_prestate(test_no_memory, gpu),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gpu_close(&gpu);
    return failed ? 1 : 0;
}

int main(void)
{
    const char *icd = getenv("VKFI_ICD_RADEON");
    int failed = 0;
    if (getenv(GPU_DRIVER_VAR))
        return run();
    if (!icd) {
        fprintf(stderr, "skipped: VKFI_ICD_RADEON names no manifest\n");
        return GPU_DRIVER_SKIP;
    }
    if (!getenv("XDG_RUNTIME_DIR"))
        setenv("XDG_RUNTIME_DIR", "/tmp", 1);
    for (size_t i = 0; i < sizeof(FAMILIES) / sizeof(*FAMILIES); i++) {
        setenv("RADV_FORCE_FAMILY", FAMILIES[i], 1);
        fprintf(stderr, "== %s\n", FAMILIES[i]);
        failed |= gpu_driver_again(FAMILIES[i], icd, NULL) != 0;
    }
    return failed;
}
