/* SPDX-License-Identifier: MIT */
/* The probe: each driver is measured, and the judgement follows from the classes alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu/probe.h"
#include "gpu/probe_cases.h"
#include "gpu_driver.h"
#include "shared/probe_ops.h"

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
        {{PROBE_OP_SUB, 0x7f800000, 0x7f800000, 0}, 0x7fc00000},
        {{PROBE_OP_IDENTITY, 0x80000000, 0, 0}, 0x80000000},
        {{PROBE_OP_IDENTITY, 0x00000000, 0, 0}, 0x00000000},
        {{PROBE_OP_IDENTITY, 0x00000001, 0, 0}, 0x00000000},
        {{PROBE_OP_FROM_INT, 0xff000001, 0, 0}, 0xcb7fffff},
        {{PROBE_OP_ADD, 0x00800000, 0x007fffff, 0}, 0x00800000},
        {{PROBE_OP_MUL, 0x80800000, 0x3f000000, 0}, 0x80000000},
        {{PROBE_OP_MUL, 0x3f7ff800, 0x00800400, 0}, 0x00800000},
        {{PROBE_OP_MUL, 0x3f7fffff, 0x00800000, 0}, 0x00000000},
    };
    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(*KNOWN); i++) {
        if (probe_cases_expect(&KNOWN[i].set) != KNOWN[i].bits)
            fail_msg("case %zu: found %08x, expected %08x", i, probe_cases_expect(&KNOWN[i].set),
                     KNOWN[i].bits);
    }
}

static void test_device(void **state)
{
    static struct probe_result result, again;
    char reason[256];
    assert_int_equal(probe_run(*state, &result), STATUS_OK);
    assert_in_range(result.count, 60, PROBE_CASES_MAX);
    bool admitted = probe_admits(&result, reason, sizeof(reason));
    print_message("%s: %s%s\n", gpu_get_info(*state)->name,
                  admitted ? "admitted" : "refused: ", reason);
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

static void test_judgement(void **state)
{
    (void)state;
    char reason[256];
    struct probe_result result = {.count = 3};
    for (size_t i = 0; i < 3; i++)
        result.cases[i] = (struct probe_case){.name = "x", .tried = 1, .ok = true};
    assert_true(probe_admits(&result, reason, sizeof(reason)));
    assert_string_equal(reason, "");
    for (enum probe_class class = 0; class < PROBE_CLASS_COUNT; class ++) {
        bool tolerated = class == PROBE_DENORMAL || class == PROBE_TININESS;
        result.cases[1].ok = false;
        result.cases[1].class = class;
        assert_int_equal(probe_admits(&result, reason, sizeof(reason)), tolerated);
        assert_non_null(strstr(reason, probe_class_name(class)));
        /* a tolerated difference before it does not hide it */
        result.cases[0].ok = false;
        result.cases[0].class = PROBE_DENORMAL;
        assert_int_equal(probe_admits(&result, reason, sizeof(reason)), tolerated);
        result.cases[0].ok = true;
    }
    assert_int_equal(probe_admits(&result, NULL, 0), true);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expected),
        cmocka_unit_test(test_device),
        cmocka_unit_test(test_judgement),
    };
    return gpu_driver_tests(tests, sizeof(tests) / sizeof(*tests));
}

int main(void)
{
    return gpu_driver_main(run);
}
