/* SPDX-License-Identifier: MIT */
/* The build step of NUMERICS.md 2, fed with shaders that must pass and shaders that must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "gpu/spirv.h"
#include "gpu/spirv_exact.h"

#define SKIP 77

static const char HEAD[] = "#version 450\n"
                           "#extension GL_KHR_shader_subgroup_arithmetic : enable\n"
                           "#extension GL_KHR_shader_subgroup_shuffle : enable\n"
                           "#extension GL_KHR_shader_subgroup_vote : enable\n"
                           "#extension GL_EXT_shader_explicit_arithmetic_types : enable\n"
                           "#extension GL_EXT_shader_16bit_storage : enable\n"
                           "#extension GL_EXT_shader_8bit_storage : enable\n"
                           "#extension GL_EXT_samplerless_texture_functions : enable\n"
                           "layout(local_size_x = 8) in;\n"
                           "layout(constant_id = 1) const float SPEC = 2.5;\n"
                           "layout(constant_id = 2) const uint SPEC_BITS = 0x40200000u;\n"
                           "layout(std430, binding = 0) buffer A { float a[]; };\n"
                           "layout(std430, binding = 1) buffer U { uint u[]; };\n"
                           "layout(std430, binding = 2) buffer V { vec4 v[]; };\n"
                           "#define I gl_GlobalInvocationID.x\n"
                           "#define N (u[0] & 7u)\n";

struct scratch {
    char folder[64];
    struct arena arena;
    char messages[8192]; /* all that the last check logged */
};

static int setup(void **state)
{
    static struct scratch s;
    snprintf(s.folder, sizeof(s.folder), "/tmp/vkfi_exact_XXXXXX");
    *state = &s;
    return mkdtemp(s.folder) ? 0 : -1;
}

static int teardown(void **state)
{
    struct scratch *s = *state;
    char command[128];
    arena_finish(&s->arena);
    snprintf(command, sizeof(command), "rm -rf '%s'", s->folder);
    return system(command);
}

static struct spirv load(struct scratch *s, const char *name)
{
    char path[128];
    char *bytes = NULL;
    size_t size = 0;
    struct spirv module = {0};
    snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    assert_int_equal(file_read(&s->arena, path, &bytes, &size), STATUS_OK);
    assert_int_equal(size % 4, 0);
    assert_int_equal(spirv_init(&module, (const uint32_t *)(const void *)bytes, size / 4, name),
                     STATUS_OK);
    return module;
}

static void save(struct scratch *s, const char *name, const uint32_t *words, size_t count)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    assert_int_equal(file_write(path, words, count * 4), STATUS_OK);
}

/* GLSL to x.spv, as the build does; `before` goes in front of main, `body` into it. */
static void compile(struct scratch *s, const char *before, const char *body)
{
    char path[128], command[512];
    snprintf(path, sizeof(path), "%s/x.comp", s->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s%s\nvoid main() {\n%s\n}\n", HEAD, before, body);
    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof(command),
             "cd '%s' && glslc -O0 -g --target-env=vulkan1.2 -o x.spv x.comp", s->folder);
    if (system(command) != 0)
        fail_msg("does not compile: %s", body);
}

static void optimise(struct scratch *s)
{
    char command[512];
    snprintf(command, sizeof(command),
             "cd '%s' && spirv-opt --target-env=vulkan1.2 --preserve-bindings "
             "--preserve-spec-constants -O x.spv -o x.opt.spv && "
             "spirv-val --target-env vulkan1.2 x.opt.spv",
             s->folder);
    assert_int_equal(system(command), 0);
}

/* Runs the check and keeps its messages instead of showing them. */
static enum status check_logged(struct scratch *s, const struct spirv *module)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/log", s->folder);
    fflush(stderr);
    int saved = dup(STDERR_FILENO), log = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(saved >= 0 && log >= 0);
    dup2(log, STDERR_FILENO);
    enum status st = spirv_exact_check(module);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = pread(log, s->messages, sizeof(s->messages) - 1, 0);
    close(log);
    s->messages[n < 0 ? 0 : n] = '\0';
    return st;
}

static enum status run_step(struct scratch *s, const char *before, const char *body)
{
    uint32_t *words = NULL;
    size_t count = 0;
    compile(s, before, body);
    struct spirv module = load(s, "x.spv");
    assert_int_equal(spirv_exact_decorate(&module, &words, &count), STATUS_OK);
    save(s, "x.spv", words, count);
    free(words);
    optimise(s);
    module = load(s, "x.opt.spv");
    return check_logged(s, &module);
}

/* A shader and a piece of the message that refuses it. */
struct refused {
    const char *before, *body, *message;
};

static const struct refused REFUSED[] = {
    {"", "a[I] = fma(a[0], a[1], a[2]);", "GLSL.std.450"},
    {"", "a[I] = dot(v[0], v[1]);", "OpDot"},
    {"", "v[I] = v[0] * a[0];", "OpVectorTimesScalar"},
    {"", "v[I] = mat4(v[0], v[1], v[2], v[3]) * v[4];", "OpMatrixTimesVector"},
    {"", "a[I] = a[0] / a[1];", "OpFDiv"},
    {"", "a[I] = mod(a[0], a[1]);", "OpFMod"},
    {"", "a[I] = -a[0];", "OpFNegate"},
    {"", "u[I] = a[0] < a[1] ? 3u : 4u;", "OpFOrdLessThan"},
    {"", "u[I] = a[0] == a[1] ? 3u : 4u;", "OpFOrdEqual"},
    {"", "u[I] = a[0] != a[1] ? 3u : 4u;", "NotEqual"},
    {"", "u[I] = isnan(a[0]) ? 3u : 4u;", "OpIsNan"},
    {"", "u[I] = isinf(a[0]) ? 3u : 4u;", "OpIsInf"},
    {"", "u[I] = uint(a[0]);", "OpConvertFToU"},
    {"", "u[I] = uint(int(a[0]));", "OpConvertFToS"},
    {"", "a[I] = min(a[0], a[1]);", "GLSL.std.450"},
    {"", "a[I] = max(a[0], a[1]);", "GLSL.std.450"},
    {"", "a[I] = clamp(a[0], a[1], a[2]);", "GLSL.std.450"},
    {"", "a[I] = abs(a[0]);", "GLSL.std.450"},
    {"", "a[I] = exp(a[0]);", "GLSL.std.450"},
    {"", "a[I] = sqrt(a[0]);", "GLSL.std.450"},
    {"", "a[I] = inversesqrt(a[0]);", "GLSL.std.450"},
    {"", "a[I] = tanh(a[0]);", "GLSL.std.450"},
    {"", "a[I] = floor(a[0]);", "GLSL.std.450"},
    {"", "a[I] = mix(a[0], a[1], a[2]);", "GLSL.std.450"},
    {"", "a[I] = ldexp(a[0], 3);", "GLSL.std.450"},
    {"", "a[I] = length(v[0]);", "GLSL.std.450"},
    {"", "u[I] = packHalf2x16(vec2(a[0], a[1]));", "GLSL.std.450"},
    {"", "v[I].xy = unpackHalf2x16(u[0]);", "GLSL.std.450"},
    {"", "a[I] = subgroupAdd(a[I]);", "OpGroupNonUniformFAdd"},
    {"", "a[I] = subgroupMax(a[I]);", "OpGroupNonUniformFMax"},
    {"", "u[I] = subgroupAllEqual(a[I]) ? 3u : 4u;", "OpGroupNonUniformAllEqual"},
    {"", "a[I] = float(float16_t(a[0]));", "OpTypeFloat"},
    {"", "a[I] = float(float64_t(a[0]) * float64_t(a[1]));", "OpTypeFloat"},
    {"", "u[I] = uint(uint16_t(u[0]));", "OpTypeInt"},
    {"", "u[I] = uint(uint8_t(u[0]));", "OpTypeInt"},
    {"", "u[I] = uint(uint64_t(u[0]) * 3ul >> 5);", "capability"},
    {"", "a[I] = a[0] + 0.0;", "the literal 0.0"},
    {"", "a[I] = a[0] * 1.0;", "the literal 1.0"},
    {"", "a[I] = a[0] * -1.0;", "the literal -1.0"},
    {"", "a[I] = 0.0 - a[0];", "the literal 0.0"},
    {"", "a[I] = 1.0 - a[0];", "the literal 1.0"},
    {"", "v[I] = v[0] + vec4(2.5, 2.5, 0.0, 2.5);", "the literal 0.0"},
    {"", "v[I] = v[0] * vec4(a[0], a[1], a[2], 1.0);", "the literal 1.0"},
    {"", "v[I] = v[0] + vec4(0);", "the literal 0.0"},
    {"", "a[I] = a[0] * SPEC;", "a specialization constant"},
    {"", "v[I] = v[0] * vec4(SPEC);", "a specialization constant"},
    {"", "a[I] = a[0] * uintBitsToFloat(SPEC_BITS);", "a specialization constant"},
    {"", "a[I] = a[0] + uintBitsToFloat(0u);", "the literal 0"},
    {"", "a[I] = a[0] * float(N > 3u ? 1 : 1);", "the literal 1"},
    {"", "a[I] = a[0] * (u[0] > 3u ? 1.0 : 2.5);", "the literal 1.0"},
    {"", "float s = 0.0; for (uint k = 0; k < N; k++) s = s + a[k]; a[I] = s;", "the literal 0.0"},
    {"", "float s[8]; for (uint k = 0; k < 8; k++) s[k & N] = 0.0; a[I] = s[N] + a[1];",
     "in a local variable"},
    {"", "float x = a[0]; a[I] = x - x;", "x - x"},
    {"", "a[I] = a[I + 1] - a[I + 1];", "x - x"},
    {"", "a[I] = v[u[1] & 7u].y - v[u[1] & 7u].y;", "x - x"},
    {"", "a[I] = a[1] * a[u[2]] - a[1] * a[u[2]];", "x - x"},
    {"", "float x; a[I] = x + a[1];", "undefined"},
    {"", "float x; a[I] = x * a[1];", "undefined"},
    {"", "float x; if (u[0] > 3u) x = a[0]; a[I] = x + a[1];", "undefined"},
    {"", "vec4 x; x.y = a[0]; v[I] = x + v[1];", "undefined"},
    {"", "vec4 x; x.xyz = v[0].xyz; a[I] = a[1] - x.w;", "undefined"},
    {"", "uint x; a[I] = uintBitsToFloat(x) + a[1];", "undefined"},
    {"", "a[I] = a[0] * (u[0] > 3u ? 2.0 : 4.0) + a[1];", "power of two"},
    {"", "a[I] = a[1] - (u[0] > 3u ? 3.0 : 0.5) * a[0];", "power of two"},
    {"", "float x = 3.0; if (u[0] > 3u) { u[1] = 2u; x = 8.0; } a[I] = a[0] * x + a[1];",
     "power of two"},
    {"", "a[I] = a[0] * 0.25 + a[1];", "power of two"},
    {"", "v[I] = v[1] - v[0] * vec4(0.5);", "power of two"},
    {"", "float p = a[0] * 8.0; a[I] = (u[0] > 3u ? p : a[3]) + a[1];", "power of two"},
    {"layout(binding = 3, r32f) uniform readonly image2D image;\n",
     "a[I] = imageLoad(image, ivec2(0)).x;", "OpTypeImage"},
    {"layout(binding = 3) uniform textureBuffer t;\n", "v[I] = texelFetch(t, int(I));",
     "only sampled buffers of integers"},
    {"layout(binding = 3) uniform utexture2D t;\n", "u[I] = texelFetch(t, ivec2(0), 0).x;",
     "only sampled buffers of integers"},
    {"layout(binding = 3, r32ui) uniform readonly uimageBuffer t;\n",
     "u[I] = imageLoad(t, int(I)).x;", "only sampled buffers of integers"},
};

static void test_refused(void **state)
{
    struct scratch *s = *state;
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(*REFUSED); i++) {
        const struct refused *r = &REFUSED[i];
        enum status st = run_step(s, r->before, r->body);
        if (st != STATUS_INPUT)
            fail_msg("not refused: %s", r->body);
        if (!strstr(s->messages, r->message))
            fail_msg("%s: found messages '%s', expected '%s' in them", r->body, s->messages,
                     r->message);
    }
}

static const char *const PASSED[][2] = {
    {"", "a[I] = a[0] * a[1] + a[2] - a[3];"},
    {"", "v[I] = vec4(a[0]) * v[1] + v[2];"},
    {"", "a[I] = uintBitsToFloat(0x80000000u) + a[0];"},
    {"", "a[I] = -0.0 + a[0] * a[1];"},
    {"", "a[I] = a[0] * 0.5;"},
    {"", "a[I] = a[0] * (u[0] > 3u ? 2.0 : 4.0);"},
    {"", "a[I] = a[0] * (u[0] > 3u ? 3.0 : 5.0) + a[1];"},
    {"", "a[I] = a[I + 1] - a[I + 2];"},
    {"", "a[I] = v[0].x - v[0].y;"},
    {"", "a[I] = a[1] * a[2] - a[1] * a[3];"},
    {"", "vec4 x; x.x = a[0]; x.y = a[1]; x.z = a[2]; x.w = a[3]; v[I] = x + v[1];"},
    {"", "vec4 x; x.xyz = v[0].xyz; a[I] = a[1] - x.y;"},
    {"", "a[I] = a[0] * 0.5 * a[1] + a[2] * 3.0;"},
    {"", "a[I] = 2.0 - a[0];"},
    {"", "a[I] = float(int(u[0])) * a[1] + float(u[1]);"},
    {"", "a[I] = uintBitsToFloat(floatBitsToUint(a[0]) ^ 0x80000000u);"},
    {"", "a[I] = (u[0] > 3u ? a[0] * a[1] : uintBitsToFloat(0x80000000u)) + a[2];"},
    {"", "u[I] = uint(max(int(u[0]), min(-3, abs(int(u[1]))))) + findMSB(u[2]);"},
    {"", "u[I] = subgroupMax(u[I]); u[I + 1] = subgroupAdd(u[I]);"},
    {"", "a[I] = subgroupShuffleXor(a[I], 1) + a[1];"},
    {"", "float s = -0.0; for (uint k = 0; k < N; k++) s = s + a[k]; a[I] = s;"},
    {"", "float s[8]; for (uint k = 0; k < 8; k++) s[k] = -0.0; s[N] += a[N]; a[I] = s[1] + s[2];"},
    {"", "a[I] = u[0] > 3u ? 1.0 : 0.0;"},
    {"", "a[I] = SPEC_BITS > 3u ? a[0] : a[1];"},
    {"shared float tile[64];\n",
     "tile[gl_LocalInvocationID.x] = a[I]; barrier(); a[I] = tile[N] + tile[3];"},
    {"float f(float x, float y) { return x * y + x; }\n", "a[I] = f(a[0], a[1]) * f(a[2], a[3]);"},
    {"layout(binding = 3) uniform utextureBuffer t;\n",
     "v[I] = uintBitsToFloat(texelFetch(t, int(I))) + v[0];"},
    {"float f(float x) { if (u[3] > 4u) return x; return x * 3.0; }\n", "a[I] = f(a[0]) + a[1];"},
};

static void test_passed(void **state)
{
    struct scratch *s = *state;
    for (size_t i = 0; i < sizeof(PASSED) / sizeof(*PASSED); i++) {
        if (run_step(s, PASSED[i][0], PASSED[i][1]) != STATUS_OK)
            fail_msg("refused: %s: %s", PASSED[i][1], s->messages);
    }
}

static size_t count_op(const struct spirv *module, SpvOp op)
{
    size_t n = 0;
    for (struct spirv_ins ins = {0}; spirv_next(module, &ins);)
        n += ins.op == op;
    return n;
}

/* (x + 1e8) - 1e8 is folded to x unless it is decorated before the optimiser sees it. */
static void test_fold_trap(void **state)
{
    struct scratch *s = *state;
    const char *body = "float x = a[I]; a[I] = (x + 1e8) - 1e8;";
    assert_int_equal(run_step(s, "", body), STATUS_OK);
    struct spirv module = load(s, "x.opt.spv");
    assert_int_equal(count_op(&module, SpvOpFAdd), 1);
    assert_int_equal(count_op(&module, SpvOpFSub), 1);

    /* The control: without the decoration it is gone, so this test can fail. */
    compile(s, "", body);
    optimise(s);
    module = load(s, "x.opt.spv");
    assert_int_equal(count_op(&module, SpvOpFSub), 0);
}

static void test_undecorated(void **state)
{
    struct scratch *s = *state;
    compile(s, "", "a[I] = a[0] * a[1];");
    struct spirv module = load(s, "x.spv");
    assert_int_equal(check_logged(s, &module), STATUS_INPUT);
    assert_non_null(strstr(s->messages, "not decorated NoContraction"));
    assert_non_null(strstr(s->messages, "OpFMul"));
}

static void test_message_place(void **state)
{
    struct scratch *s = *state;
    char number[32];
    size_t line = 4;
    for (const char *c = HEAD; *c; c++)
        line += *c == '\n';
    assert_int_equal(run_step(s, "", "\na[I] = a[0] / a[1];"), STATUS_INPUT);
    snprintf(number, sizeof(number), "x.comp:%zu", line);
    assert_non_null(strstr(s->messages, "OpFDiv %"));
    if (!strstr(s->messages, number))
        fail_msg("found '%s', expected %s in it", s->messages, number);
}

/* A decoration that lets the device use fewer bits, put where NoContraction was. */
static void test_relaxed(void **state)
{
    struct scratch *s = *state;
    uint32_t *words = NULL;
    size_t count = 0;
    compile(s, "", "a[I] = a[0] * a[1];");
    struct spirv module = load(s, "x.spv");
    assert_int_equal(spirv_exact_decorate(&module, &words, &count), STATUS_OK);
    assert_int_equal(spirv_init(&module, words, count, "relaxed"), STATUS_OK);
    for (size_t i = 0; i + 2 < count; i++) {
        if (words[i] == (3u << 16 | SpvOpDecorate) && words[i + 2] == SpvDecorationNoContraction)
            words[i + 2] = SpvDecorationRelaxedPrecision;
    }
    assert_int_equal(check_logged(s, &module), STATUS_INPUT);
    assert_non_null(strstr(s->messages, "RelaxedPrecision"));
    assert_non_null(strstr(s->messages, "not decorated NoContraction"));
    free(words);
}

/* A second run decorates nothing. */
static void test_idempotent(void **state)
{
    struct scratch *s = *state;
    uint32_t *once = NULL, *twice = NULL;
    size_t n_once = 0, n_twice = 0;
    compile(s, "", "a[I] = a[0] * a[1] + a[2];");
    struct spirv module = load(s, "x.spv");
    assert_int_equal(spirv_exact_decorate(&module, &once, &n_once), STATUS_OK);
    assert_int_equal(n_once, module.count + 6);
    assert_int_equal(spirv_init(&module, once, n_once, "once"), STATUS_OK);
    assert_int_equal(spirv_exact_decorate(&module, &twice, &n_twice), STATUS_OK);
    assert_int_equal(n_twice, n_once);
    assert_memory_equal(once, twice, n_once * 4);
    free(once);
    free(twice);
}

int main(void)
{
    if (system("glslc --version > /dev/null 2>&1 && spirv-opt --version > /dev/null 2>&1") != 0) {
        fprintf(stderr, "skipped: glslc and spirv-opt are needed\n");
        return SKIP;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_passed),
        cmocka_unit_test(test_fold_trap),     cmocka_unit_test(test_undecorated),
        cmocka_unit_test(test_message_place), cmocka_unit_test(test_relaxed),
        cmocka_unit_test(test_idempotent),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
