/* SPDX-License-Identifier: MIT */
/* Simulated devices with another arithmetic of floats; and what any wrong word leads to. */
#include "probe_device.h"

#include <math.h>

#define FTZ (1u << 15)
#define DAZ (1u << 6)
#define DOWN (1u << 13)
#define UP (2u << 13)
#define TO_ZERO (3u << 13)

/* --- contraction --- */

static uint32_t fuse(const struct probe_operands *s, bool subtract_c, bool negate_product)
{
    const float a = probe_device_float(negate_product ? s->a ^ NM_SIGN : s->a);
    return nm_canon(lang_bits(
        fmaf(a, probe_device_float(s->b), probe_device_float(subtract_c ? s->c ^ NM_SIGN : s->c))));
}

static uint32_t fuse_add(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_MUL_ADD ? fuse(s, false, false) : right;
}

static uint32_t fuse_sub(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_MUL_SUB ? fuse(s, true, false) : right;
}

static uint32_t fuse_negated(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_SUB_MUL ? fuse(s, false, true) : right;
}

static uint32_t fuse_chain(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_CHAIN ? fuse(s, false, false) : right;
}

static uint32_t fuse_term(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_ABSENT && (s->b & 1) != 0 ? fuse(s, false, false) : right;
}

static uint32_t fuse_all(const struct probe_operands *s, uint32_t right)
{
    return fuse_add(s, fuse_sub(s, fuse_negated(s, fuse_chain(s, fuse_term(s, right)))));
}

/* --- order --- */

static uint32_t right_first(const struct probe_operands *s, uint32_t right)
{
    volatile float t = probe_device_float(s->b) + probe_device_float(s->c);
    return s->op == PROBE_OP_ADD_ADD ? nm_canon(lang_bits(probe_device_float(s->a) + t)) : right;
}

static uint32_t middle_first(const struct probe_operands *s, uint32_t right)
{
    volatile float t = probe_device_float(s->a) + probe_device_float(s->c);
    return s->op == PROBE_OP_ADD_ADD ? nm_canon(lang_bits(t + probe_device_float(s->b))) : right;
}

static uint32_t join_in_turn(const struct probe_operands *s, uint32_t right)
{
    volatile float t = probe_device_float(s->a) + probe_device_float(s->b);
    t = t + probe_device_float(s->c);
    return s->op == PROBE_OP_JOIN ? nm_canon(lang_bits(t + probe_device_float(s->a))) : right;
}

static uint32_t factor(const struct probe_operands *s, uint32_t right)
{
    volatile float t = probe_device_float(s->b) + probe_device_float(s->c);
    return s->op == PROBE_OP_FACTOR ? nm_canon(lang_bits(probe_device_float(s->a) * t)) : right;
}

static uint32_t fold_integer(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_INTEGER ? s->a : right;
}

/* --- rounding --- */

/* The nearest float, ties away from zero; operations whose exact value a double holds. */
static uint32_t away(const struct probe_operands *s, uint32_t right)
{
    const double a = probe_device_float(s->a), b = probe_device_float(s->b);
    const double exact = s->op == PROBE_OP_ADD ? a + b : s->op == PROBE_OP_SUB ? a - b : a * b;
    const float near = (float)exact;
    const float next = nextafterf(near, exact < 0 ? -INFINITY : INFINITY);
    const bool tie = fabs(exact - (double)near) == fabs((double)next - exact);
    if (s->op > PROBE_OP_MUL || !isfinite(near) || !isfinite(next))
        return right;
    return tie && fabs((double)next) > fabs(exact) ? lang_bits(next) : right;
}

/* --- zeros, denormals, NaN and Inf --- */

static uint32_t no_sign(const struct probe_operands *s, uint32_t right)
{
    const bool computes = s->op < PROBE_OP_MOVE;
    return computes && right == NM_SIGN ? 0 : right;
}

/* Literal -0.0 read as +0.0. */
static uint32_t plus_zero(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_IDENTITY && s->a == NM_SIGN ? 0 : right;
}

static uint32_t minus_zero_sum(const struct probe_operands *s, uint32_t right)
{
    return (s->op == PROBE_OP_ADD || s->op == PROBE_OP_SUB) && right == 0 ? NM_SIGN : right;
}

/* Flushes, but to +0. */
static uint32_t flush_to_plus(const struct probe_operands *s, uint32_t right)
{
    const bool zeros = (s->a & 0x7fffffff) == 0 || (s->b & 0x7fffffff) == 0;
    const bool tiny = s->op == PROBE_OP_MUL && right == NM_SIGN && !zeros &&
                      !probe_device_denormal(s->a) && !probe_device_denormal(s->b);
    return tiny ? 0 : right;
}

static uint32_t nan_is_zero(const struct probe_operands *s, uint32_t right)
{
    return s->op < PROBE_OP_MOVE && right == NM_NAN ? 0 : right;
}

static uint32_t nan_is_inf(const struct probe_operands *s, uint32_t right)
{
    return s->op < PROBE_OP_MOVE && right == NM_NAN ? NM_INF : right;
}

/* As shaders of old: 0 * anything is 0. */
static uint32_t zero_times(const struct probe_operands *s, uint32_t right)
{
    const bool zero = (s->a & 0x7fffffff) == 0 || (s->b & 0x7fffffff) == 0;
    return s->op == PROBE_OP_MUL && zero ? 0 : right;
}

/* max(x, NaN) and the like: a NaN operand is ignored. */
static uint32_t nan_ignored(const struct probe_operands *s, uint32_t right)
{
    const bool add = s->op == PROBE_OP_ADD && right == NM_NAN;
    return add && nm_is_nan(s->a) ? s->b : add && nm_is_nan(s->b) ? s->a : right;
}

static uint32_t no_inf(const struct probe_operands *s, uint32_t right)
{
    const bool computes = s->op < PROBE_OP_MOVE;
    return computes && (right & 0x7fffffff) == NM_INF ? right - 1 : right;
}

static uint32_t before_rounding(const struct probe_operands *s, uint32_t right)
{
    const double exact = (double)probe_device_float(s->a) * probe_device_float(s->b);
    const bool tiny = s->op == PROBE_OP_MUL && fabs(exact) < 0x1p-126 && fabs(exact) > 0;
    return tiny ? right & NM_SIGN : right;
}

/* As Mesa's lavapipe does. */
static uint32_t literal(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_IDENTITY && probe_device_denormal(s->a) ? s->a : right;
}

static const struct probe_device DEVICES[] = {
    {.what = "keeps denormals",
     PROBE_OPERAND,
     .control = FTZ | DAZ,
     .also = {PROBE_RESULT, PROBE_LITERAL, PROBE_TININESS}},
    {.what = "flushes results only", PROBE_OPERAND, .control = DAZ},
    {.what = "flushes operands only", PROBE_RESULT, .control = FTZ, .also = {PROBE_TININESS}},
    {.what = "flushes to +0", PROBE_RESULT, .edit = flush_to_plus, .also = {PROBE_TININESS}},
    {.what = "rounds to zero", .class = PROBE_ROUNDING, .control = TO_ZERO, .any = true},
    {.what = "rounds down", .class = PROBE_ROUNDING, .control = DOWN, .any = true},
    {.what = "rounds up", .class = PROBE_ROUNDING, .control = UP, .any = true},
    {.what = "rounds ties away", PROBE_ROUNDING, .edit = away, .also = {PROBE_RESULT}},
    {.what = "fuses everything", PROBE_CONTRACTION, .edit = fuse_all},
    {.what = "fuses a * b + c", PROBE_CONTRACTION, .edit = fuse_add},
    {.what = "fuses a * b - c", PROBE_CONTRACTION, .edit = fuse_sub},
    {.what = "fuses c - a * b", PROBE_CONTRACTION, .edit = fuse_negated},
    {.what = "fuses a chain", PROBE_CONTRACTION, .edit = fuse_chain},
    {.what = "fuses through a select", PROBE_CONTRACTION, .edit = fuse_term},
    {.what = "a + (b + c)", PROBE_ORDER, .edit = right_first},
    {.what = "(a + c) + b", PROBE_ORDER, .edit = middle_first},
    {.what = "joins in turn", PROBE_ORDER, .edit = join_in_turn},
    {.what = "factors out", PROBE_ORDER, .edit = factor},
    {.what = "folds x + C - C", PROBE_ORDER, .edit = fold_integer},
    {.what = "no sign of zero", PROBE_ZERO, .edit = no_sign, .any = true},
    {.what = "literal -0 is +0", PROBE_ZERO, .edit = plus_zero},
    {.what = "x - x is -0", PROBE_ZERO, .edit = minus_zero_sum, .any = true},
    {.what = "NaN is 0", PROBE_SPECIAL, .edit = nan_is_zero, .any = true},
    {.what = "NaN is Inf", PROBE_SPECIAL, .edit = nan_is_inf, .any = true},
    {.what = "0 * x is 0", PROBE_SPECIAL, .edit = zero_times, .any = true},
    {.what = "ignores NaN", PROBE_SPECIAL, .edit = nan_ignored},
    {.what = "saturates", PROBE_ROUNDING, .edit = no_inf, .any = true},
    {.what = "flushes before rounding", PROBE_TININESS, .edit = before_rounding},
    {.what = "literal -0.0 + denormal", PROBE_LITERAL, .edit = literal},
};

static void test_devices(void **state)
{
    (void)state;
    probe_device_test(DEVICES, sizeof(DEVICES) / sizeof(*DEVICES),
                      1u << PROBE_ROUNDING | 1u << PROBE_SPECIAL | 1u << PROBE_ZERO |
                          1u << PROBE_OPERAND | 1u << PROBE_RESULT | 1u << PROBE_CONTRACTION |
                          1u << PROBE_ORDER | 1u << PROBE_LITERAL | 1u << PROBE_TININESS);
}

/* A right device, with NaN of any sign and payload, differs in nothing. */
static void test_right(void **state)
{
    (void)state;
    static struct probe_device_bench b;
    probe_device_open(&b, 0);
    for (size_t i = 0; i < b.work.count; i++) {
        if (probe_expect_is_float(b.work.sets[i].op) && nm_is_nan(b.work.device[i]))
            b.work.device[i] = i % 2 ? 0xffffffffu : 0x7f800001u;
    }
    probe_work_compare(&b.work, &b.result);
    assert_true(probe_admits(&b.result, NULL));
    for (size_t i = 0; i < b.result.count; i++)
        assert_true(b.result.cases[i].ok);
    probe_work_finish(&b.work);
}

/* Each word that invocations make together, lost, late or doubled. */
static void test_together(void **state)
{
    (void)state;
    static struct probe_device_bench b;
    char reason[PROBE_REASON_SIZE];
    probe_device_open(&b, 0);
    for (size_t at = b.work.count; at < b.work.words; at++) {
        const uint32_t right = b.work.device[at];
        const uint32_t wrong[] = {0, right - 1, right + 1, right * 2};
        for (size_t k = 0; k < sizeof(wrong) / sizeof(*wrong); k++) {
            b.work.device[at] = wrong[k];
            probe_work_compare(&b.work, &b.result);
            assert_false(probe_admits(&b.result, reason));
            assert_int_equal(b.result.differ[PROBE_GROUP_WORK], 1);
            assert_ptr_equal(strstr(reason, probe_class_trait(PROBE_GROUP_WORK)), reason);
        }
        b.work.device[at] = right;
    }
    probe_work_finish(&b.work);
}

/* Whatever word of whatever case is wrong, the device is refused or the case is one of those that
 * may differ. */
static void test_every_word(void **state)
{
    (void)state;
    static struct probe_device_bench b;
    probe_device_open(&b, 0);
    for (size_t i = 0, at = 0; i < b.result.count; at += b.result.cases[i++].tried) {
        for (uint32_t k = 0; k < b.result.cases[i].tried; k += 1 + b.result.cases[i].tried / 3) {
            b.work.device[at + k] ^= 1;
            probe_work_compare(&b.work, &b.result);
            const struct probe_case *c = &b.result.cases[i];
            /* A NaN's payload does not count. */
            assert_int_equal(c->ok, nm_is_nan(b.work.expected[at + k]) && at + k < b.work.count &&
                                        probe_expect_is_float(b.work.sets[at + k].op));
            assert_int_equal(probe_admits(&b.result, NULL),
                             c->ok || probe_class_may_differ(c->class));
            b.work.device[at + k] ^= 1;
        }
    }
    probe_work_finish(&b.work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_right),
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_every_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
