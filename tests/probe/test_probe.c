/* SPDX-License-Identifier: MIT */
/* The probe: each driver is measured, and the judgement follows from the classes alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../gpu/gpu_driver.h"
#include "probe/probe_work.h"
#include "shader_table.h"

/* Known answers, computed by hand: the CPU side of the comparison is right. */
static void test_expected(void **state)
{
    (void)state;
    static const struct {
        struct probe_operands set;
        uint32_t bits;
    } KNOWN[] = {
        {{PROBE_OP_ADD, 0x3f800000, 0x33800000, 0}, 0x3f800000},
        {{PROBE_OP_ADD, 0x3f800001, 0x33800000, 0}, 0x3f800002},
        {{PROBE_OP_MUL_ADD, 0x3f800800, 0x3f800800, 0xbf801000}, 0x00000000},
        {{PROBE_OP_SUB_MUL, 0x3f800800, 0x3f800800, 0x3f801000}, 0x00000000},
        {{PROBE_OP_ADD_ADD, 0x3f800000, 0x4cbebc20, 0xccbebc20}, 0x00000000},
        {{PROBE_OP_JOIN, 0x3f800000, 0x4cbebc20, 0xccbebc20}, 0x00000000},
        {{PROBE_OP_FACTOR, 0x40000000, 0x7f000000, 0xff000000}, 0x7fc00000},
        {{PROBE_OP_INTEGER, 0x40200000, 0, 0}, 0x40000000},
        {{PROBE_OP_INTEGER, 0xc0600000, 0, 0}, 0xc0800000},
        {{PROBE_OP_ABSENT, 0x7f800000, 0x00000000, 0x3f800000}, 0x3f800000},
        {{PROBE_OP_ABSENT, 0x7f800000, 0x3f800001, 0x3f800000}, 0x7f800000},
        {{PROBE_OP_SUB, 0x7f800000, 0x7f800000, 0}, 0x7fc00000},
        {{PROBE_OP_IDENTITY, 0x80000000, 0, 0}, 0x80000000},
        {{PROBE_OP_IDENTITY, 0x00000000, 0, 0}, 0x00000000},
        {{PROBE_OP_IDENTITY, 0x00000001, 0, 0}, 0x00000000},
        {{PROBE_OP_MOVE, 0x00000001, 0, 1}, 0x00000001},
        {{PROBE_OP_MOVE, 0, 0x807fffff, 2}, 0x807fffff},
        {{PROBE_OP_FROM_INT, 0xff000001, 0, 0}, 0xcb7fffff},
        {{PROBE_OP_ADD, 0x00800000, 0x007fffff, 0}, 0x00800000},
        {{PROBE_OP_MUL, 0x80800000, 0x3f000000, 0}, 0x80000000},
        {{PROBE_OP_MUL, 0x3f7ff800, 0x00800400, 0}, 0x00800000},
        {{PROBE_OP_MUL, 0x3f7fffff, 0x00800000, 0}, 0x00000000},
        {{PROBE_OP_SIGNED, 0xffffffff, 0xffffffff, 0}, 0x00000000},
        {{PROBE_OP_SHIFT, 0x80000001, 0, 0}, 0x80000001u ^ 0x1e3779b1u},
        {{PROBE_OP_WIDE, 0xffffffff, 0x00000001, 0}, 0x00000001u ^ 0x7a143589u},
        {{PROBE_OP_COMPARE, 0x80000000, 0x00000000, 0}, 0x80000002},
        {{PROBE_OP_STORE_F16, 0x3f801000, 0, 0}, 0x3c00},
        {{PROBE_OP_STORE_F16, 0x3f803000, 0, 0}, 0x3c02},
        {{PROBE_OP_STORE_F16, 0x33000001, 0, 0}, 0x0001},
        {{PROBE_OP_STORE_F16, 0xc77ff000, 0, 0}, 0xfc00},
        {{PROBE_OP_STORE_BF16, 0x3f818000, 0, 0}, 0x3f82},
        {{PROBE_OP_STORE_F32, 0x807fffff, 0, 0}, 0x80000000},
        {{PROBE_OP_LOAD_F16, 0x0001, 0, 0}, 0x33800000},
        {{PROBE_OP_LOAD_F16, 0x83ff, 0, 0}, 0xb87fc000},
        {{PROBE_OP_RCP, 0x80000000, 0, 0}, 0xff800000},
        {{PROBE_OP_RSQRT, 0x7f800000, 0, 0}, 0x00000000},
        {{PROBE_OP_EXP, 0xff800000, 0, 0}, 0x00000000},
        {{PROBE_OP_SIGMOID, 0xff800000, 0, 0}, 0x00000000},
        {{PROBE_OP_SILU, 0xff800000, 0, 0}, 0x7fc00000},
    };
    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(*KNOWN); i++) {
        if (probe_expect(&KNOWN[i].set) != KNOWN[i].bits)
            fail_msg("case %zu: found %08x, expected %08x", i, probe_expect(&KNOWN[i].set),
                     KNOWN[i].bits);
    }
}

static void test_device(void **state)
{
    static struct probe_result result, again;
    char reason[PROBE_REASON_SIZE];
    assert_int_equal(probe_run(*state, &result), STATUS_OK);
    assert_in_range(result.count, 150, PROBE_CASES_MAX);
    bool admitted = probe_admits(&result, reason);
    print_message("%s: %s%s\n", gpu_get_info(*state)->name,
                  admitted ? "admitted " : "refused: ", reason);
    uint32_t classes = 0;
    for (size_t i = 0; i < result.count; i++) {
        const struct probe_case *c = &result.cases[i];
        classes |= 1u << c->class;
        assert_true(c->name[0] && c->tried > 0);
        assert_int_equal(c->ok, c->differ == 0);
        if (c->ok)
            assert_int_equal(c->expected, c->device);
        else
            print_message("  %s, %s: %08x, expected %08x\n", probe_class_name(c->class), c->name,
                          c->device, c->expected);
    }
    assert_int_equal(classes, (1u << PROBE_CLASS_COUNT) - 1);
    assert_true(admitted);
    assert_int_equal(probe_run(*state, &again), STATUS_OK);
    assert_memory_equal(&result, &again, sizeof(result));
}

/* Further rounds draw other operands; a device that passes one passes them. */
static void test_sweep(void **state)
{
    static struct probe_result one, many;
    assert_int_equal(probe_run(*state, &one), STATUS_OK);
    assert_int_equal(probe_sweep(*state, 3, &many), STATUS_OK);
    assert_memory_equal(one.differ, many.differ, sizeof(one.differ));
    for (size_t i = 0; i < one.count; i++) {
        assert_int_equal(many.cases[i].tried, 3 * one.cases[i].tried);
        assert_int_equal(many.cases[i].differ, 3 * one.cases[i].differ);
    }
    struct probe_work first, second;
    assert_int_equal(probe_work_init(&first, &one, 0), STATUS_OK);
    assert_int_equal(probe_work_init(&second, &one, 1), STATUS_OK);
    size_t same = 0;
    for (size_t i = 0; i < first.count; i++)
        same += memcmp(&first.sets[i], &second.sets[i], sizeof(*first.sets)) == 0;
    assert_in_range(same, 1, 300); /* those that are written down */
    probe_work_finish(&first);
    probe_work_finish(&second);
}

/* Each class alone, and after one that may differ. */
static void test_judgement(void **state)
{
    (void)state;
    char reason[PROBE_REASON_SIZE];
    struct probe_result result = {.count = 3};
    for (size_t i = 0; i < 3; i++)
        result.cases[i] = (struct probe_case){.name = "x", .tried = 1, .ok = true};
    assert_true(probe_admits(&result, reason));
    assert_string_equal(reason, "");
    for (enum probe_class class = 0; class < PROBE_CLASS_COUNT; class ++) {
        bool tolerated = class == PROBE_LITERAL || class == PROBE_TININESS;
        result.cases[1].ok = false;
        result.cases[1].class = class;
        assert_int_equal(probe_class_may_differ(class), tolerated);
        assert_int_equal(probe_admits(&result, reason), tolerated);
        assert_int_equal(
            strncmp(reason, probe_class_trait(class), strlen(probe_class_trait(class))), 0);
        assert_null(strchr(reason, '\n'));
        result.cases[0].ok = false;
        result.cases[0].class = PROBE_TININESS;
        assert_int_equal(probe_admits(&result, reason), tolerated);
        result.cases[0].ok = true;
    }
    assert_int_equal(probe_admits(&result, NULL), true);
}

/* Instructions that compute, as SPIR-V numbers them: those that the cases try. The others of their
 * groups (conversion, arithmetic, comparison, bits, atomics, subgroups) must not be in a shader. */
static bool is_probed(uint32_t op)
{
    static const struct {
        uint32_t first, last;
    } PROBED[] = {
        {111, 111}, /* ConvertSToF */
        {112, 112}, /* ConvertUToF */
        {124, 124}, /* Bitcast */
        {128, 135}, /* IAdd, FAdd, ISub, FSub, IMul, FMul, UDiv, SDiv */
        {137, 137}, /* UMod */
        {149, 149}, /* IAddCarry */
        {151, 151}, /* UMulExtended */
        {154, 155}, /* Any, All */
        {164, 179}, /* of booleans, Select, comparisons of integers */
        {194, 194}, /* ShiftRightLogical */
        {196, 200}, /* ShiftLeftLogical, or, xor, and, not */
        {234, 234}, /* AtomicIAdd */
        {237, 237}, /* AtomicUMin */
        {239, 239}, /* AtomicUMax */
    };
    const bool computes =
        (op >= 109 && op <= 205) || (op >= 227 && op <= 242) || (op >= 333 && op <= 366);
    bool found = !computes;
    for (size_t i = 0; i < sizeof(PROBED) / sizeof(*PROBED); i++)
        found = found || (op >= PROBED[i].first && op <= PROBED[i].last);
    return found;
}

/* Every kernel of the program, so that the table of README.md stays whole. */
static void test_nothing_else(void **state)
{
    (void)state;
    for (size_t s = 0; s < shader_table_count; s++) {
        const struct shader_code *code = shader_table[s];
        for (size_t at = 5; at < code->size / 4;) { /* after the module's header */
            const uint32_t op = code->words[at] & 0xffff, length = code->words[at] >> 16;
            assert_true(length > 0);
            const uint32_t extended = op == 12 && length > 4 ? code->words[at + 4] : 38;
            if (!is_probed(op))
                fail_msg("%s: instruction %u, which the probe does not try", code->name, op);
            if (extended != 38 && extended != 41 && extended != 44) /* UMin, UMax, UClamp */
                fail_msg("%s: extended instruction %u, likewise", code->name, extended);
            at += length;
        }
    }
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expected),     cmocka_unit_test(test_device),
        cmocka_unit_test(test_sweep),        cmocka_unit_test(test_judgement),
        cmocka_unit_test(test_nothing_else),
    };
    return gpu_driver_tests(tests, sizeof(tests) / sizeof(*tests));
}

int main(void)
{
    return gpu_driver_main(run);
}
