/* SPDX-License-Identifier: MIT */
/* Branches on constants: what is left is valid, and is the shader written without them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "gpu/kernel_branches.h"
#include "gpu/kernel_constants.h"

#define SKIP 77
#define OPS 512 /* opcodes counted */

static const char HEAD[] = "#version 450\n"
                           "layout(local_size_x = 8) in;\n"
                           "layout(constant_id = 7) const uint HOOK = 0u;\n"
                           "layout(std430, binding = 0) buffer A { vec4 a[]; };\n"
                           "layout(std430, binding = 1) buffer U { uint u[]; };\n"
                           "#define I gl_GlobalInvocationID.x\n";

/* A body, and what it is where HOOK is 0 and where it is 1. */
static const struct {
    const char *with, *off, *on;
} PAIRS[] = {
    {"a[I] = a[1];", "a[I] = a[1];", "a[I] = a[1];"},
    /* a phi of two, one of which goes */
    {"vec4 x = a[I]; if (HOOK != 0u) x = a[I + 1u]; a[2] = x;", "vec4 x = a[I]; a[2] = x;",
     "vec4 x = a[I + 1u]; a[2] = x;"},
    /* a phi of three, of which two stay */
    {"vec4 x = a[0]; if (u[0] == 1u) { x = a[1]; } else { if (HOOK != 0u) x = a[2]; else x = a[3]; "
     "} a[I] = x;",
     "vec4 x; if (u[0] == 1u) x = a[1]; else x = a[3]; a[I] = x;",
     "vec4 x; if (u[0] == 1u) x = a[1]; else x = a[2]; a[I] = x;"},
    /* nested, and with an operation of constants */
    {"if (HOOK == 1u || HOOK == 7u) { if (u[1] > 3u) { a[I] = a[3]; } } else { a[I] = a[4]; }",
     "a[I] = a[4];", "if (u[1] > 3u) { a[I] = a[3]; }"},
    /* nothing comes to the end */
    {"if (u[0] == 0u) { if (HOOK == 0u) return; } else { return; } a[I] = a[5];",
     "if (u[0] == 0u) { return; } else { return; }",
     "if (u[0] == 0u) { } else { return; } a[I] = a[5];"},
    {"if (HOOK == 0u) return; a[I] = a[6];", "return;", "a[I] = a[6];"},
    /* in loops: a step, a way out, a way on, a whole loop */
    {"vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) { if (HOOK == 1u) s += a[i + 9u]; s *= a[i]; "
     "}"
     " a[I] = s;",
     "vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) { s *= a[i]; } a[I] = s;",
     "vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) { s += a[i + 9u]; s *= a[i]; } a[I] = s;"},
    {"vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) { s *= a[i]; if (HOOK == 1u && i > u[1]) "
     "break; s += a[7]; } a[I] = s;",
     "vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) { s *= a[i]; s += a[7]; } a[I] = s;",
     "vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) { s *= a[i]; if (i > u[1]) break; s += a[7]; "
     "} a[I] = s;"},
    {"vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) { if (HOOK == 0u) continue; s *= a[i]; } "
     "a[I] = s;",
     "vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) { } a[I] = s;",
     "vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) { s *= a[i]; } a[I] = s;"},
    {"vec4 s = a[0]; if (HOOK != 0u) { for (uint i = 0u; i < u[0]; i++) s *= a[i]; } a[I] = s;",
     "vec4 s = a[0]; a[I] = s;",
     "vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) s *= a[i]; a[I] = s;"},
    {"switch (u[0]) { case 1u: if (HOOK == 0u) a[I] = a[1]; break; case 5u: a[I] = a[2]; break; "
     "default: if (HOOK != 0u) a[I] = a[3]; }",
     "switch (u[0]) { case 1u: a[I] = a[1]; break; case 5u: a[I] = a[2]; break; default: }",
     "switch (u[0]) { case 1u: break; case 5u: a[I] = a[2]; break; default: a[I] = a[3]; }"},
};
/* A loop that never goes on, for some constant: left as it is. */
static const char ONCE[] =
    "vec4 s = a[0]; for (uint i = 0u; i < u[0]; i++) { s *= a[i]; if (HOOK == "
    "1u) break; s += a[i + 1u]; } a[I] = s;";

static char folder[] = "/tmp/vkfi_branches_XXXXXX";

static void run(const char *command)
{
    char line[512];
    snprintf(line, sizeof(line), "cd '%s' && %s", folder, command);
    if (system(line) != 0)
        fail_msg("failed: %s", command);
}

/* Compiles a body as the build does shaders; its phis are there after. */
static void compile(const char *body)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/x.comp", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\nvoid main() {\n%s\n}\n", HEAD, body);
    assert_int_equal(fclose(file), 0);
    run("glslc -O0 --target-env=vulkan1.2 -o y.spv x.comp && spirv-opt --target-env=vulkan1.2 "
        "--preserve-spec-constants --preserve-bindings -O y.spv -o x.spv");
}

/* Sets HOOK and takes out what it makes unreachable; the words before and after. */
static void prune(struct arena *arena, uint32_t hook, size_t *before, size_t *after)
{
    const struct kernel_constant constant = {7, hook};
    char path[64], *bytes;
    size_t size, count;
    snprintf(path, sizeof(path), "%s/x.spv", folder);
    assert_int_equal(file_read(arena, path, &bytes, &size), STATUS_OK);
    uint32_t *words = (uint32_t *)(void *)bytes;
    count = size / 4;
    assert_int_equal(kernel_constants(words, &count, "x", &constant, 1), STATUS_OK);
    *before = count;
    assert_int_equal(kernel_branches(words, &count, "x"), STATUS_OK);
    *after = count;
    assert_int_equal(file_write(path, words, count * 4), STATUS_OK);
    run("spirv-val --target-env vulkan1.2 x.spv");
}

/* How often each opcode is in the optimised module. */
static void count_ops(struct arena *arena, uint32_t ops[OPS])
{
    struct spirv module;
    char path[64], *bytes;
    size_t size;
    run("spirv-opt --target-env=vulkan1.2 -O --eliminate-dead-const x.spv -o z.spv");
    snprintf(path, sizeof(path), "%s/z.spv", folder);
    memset(ops, 0, OPS * sizeof(*ops));
    assert_int_equal(file_read(arena, path, &bytes, &size), STATUS_OK);
    assert_int_equal(spirv_init(&module, (uint32_t *)(void *)bytes, size / 4, path), STATUS_OK);
    for (struct spirv_ins ins = {0}; spirv_next(&module, &ins);) {
        if (ins.op < OPS)
            ops[ins.op]++;
    }
}

/* Whether a branch of x.spv, which no optimiser has seen since, depends on a constant. */
static bool branches_on_constant(struct arena *arena)
{
    struct spirv module;
    char path[64], *bytes;
    size_t size;
    snprintf(path, sizeof(path), "%s/x.spv", folder);
    assert_int_equal(file_read(arena, path, &bytes, &size), STATUS_OK);
    assert_int_equal(spirv_init(&module, (uint32_t *)(void *)bytes, size / 4, path), STATUS_OK);
    uint32_t truths[2] = {0};
    bool found = false;
    for (struct spirv_ins ins = {0}; spirv_next(&module, &ins);) {
        if (ins.op == SpvOpConstantTrue || ins.op == SpvOpConstantFalse)
            truths[ins.op == SpvOpConstantTrue] = ins.words[2];
        found |= ins.op == SpvOpBranchConditional &&
                 (ins.words[1] == truths[0] || ins.words[1] == truths[1]);
    }
    return found;
}

static void test_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(*PAIRS); i++) {
        for (uint32_t hook = 0; hook < 2; hook++) {
            struct arena arena = {0};
            uint32_t found[OPS], expected[OPS];
            size_t before, after;
            compile(hook ? PAIRS[i].on : PAIRS[i].off);
            count_ops(&arena, expected);
            compile(PAIRS[i].with);
            prune(&arena, hook, &before, &after);
            assert_true(strstr(PAIRS[i].with, "HOOK") ? after < before : after == before);
            assert_false(branches_on_constant(&arena));
            count_ops(&arena, found);
            for (uint32_t op = 0; op < OPS; op++) {
                if (found[op] != expected[op])
                    fail_msg("'%s', HOOK %u: found %u of opcode %u, expected %u", PAIRS[i].with,
                             hook, found[op], op, expected[op]);
            }
            arena_finish(&arena);
        }
    }
}

static void test_left(void **state)
{
    (void)state;
    for (uint32_t hook = 0; hook < 2; hook++) {
        struct arena arena = {0};
        size_t before, after;
        compile(ONCE);
        prune(&arena, hook, &before, &after);
        assert_true(hook ? after == before : after < before);
        arena_finish(&arena);
    }
}

static void test_no_module(void **state)
{
    (void)state;
    uint32_t words[] = {1, 2, 3, 4, 5};
    size_t count = 5;
    assert_int_equal(kernel_branches(words, &count, "x"), STATUS_INPUT);
    assert_int_equal(count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_left),
        cmocka_unit_test(test_no_module),
    };
    if (system("glslc --version > /dev/null 2>&1 && spirv-opt --version > /dev/null 2>&1") != 0) {
        fprintf(stderr, "skipped: glslc and spirv-opt are needed\n");
        return SKIP;
    }
    assert_non_null(mkdtemp(folder));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    run("rm -rf -- \"$PWD\"");
    return failed;
}
