/* SPDX-License-Identifier: MIT */
/* Simulated devices with other integers, moves, selects, conversions, storage or functions. */
#include "probe_device.h"

#include <math.h>

/* --- selects, moves, conversion, storage --- */

static uint32_t blend(const struct probe_operands *s, uint32_t right)
{
    volatile float product = probe_device_float(s->a) * probe_device_float(s->b),
                   on = (s->b & 1) != 0 ? 1.0f : 0.0f;
    volatile float term = product * on;
    return s->op == PROBE_OP_ABSENT ? nm_canon(lang_bits(probe_device_float(s->c) + term)) : right;
}

static uint32_t move_flushes(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_MOVE ? nm_flush(right) : right;
}

static uint32_t move_no_sign(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_MOVE && right == NM_SIGN ? 0 : right;
}

static uint32_t unsigned_int(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_FROM_INT ? lang_bits((float)s->a) : right;
}

static uint32_t half_int(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_FROM_INT
               ? nm_round(probe_device_float(right), NM_F16) == probe_device_float(right)
                     ? right
                     : right & ~0x1fffu
               : right;
}

static uint32_t minus_zero_int(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_FROM_UINT && s->a == 0 ? NM_SIGN : right;
}

static uint32_t f16_cuts(const struct probe_operands *s, uint32_t right)
{
    const bool normal = (s->a & 0x7fffffff) >= 0x38800000 && (s->a & 0x7fffffff) < 0x477ff000;
    return s->op == PROBE_OP_STORE_F16 && normal ? nm_store(s->a & ~0x1fffu, NM_F16) : right;
}

static uint32_t f16_tie_away(const struct probe_operands *s, uint32_t right)
{
    const bool tie = (s->a & 0x1fff) == 0x1000 && (s->a & 0x7fffffff) >= 0x38800000;
    const bool finite = (right & 0x7fff) < 0x7bff;
    return s->op == PROBE_OP_STORE_F16 && tie && finite ? nm_store(s->a + 1, NM_F16) : right;
}

static uint32_t f16_flushes(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_STORE_F16 && (right & 0x7c00) == 0 ? right & 0x8000 : right;
}

static uint32_t f16_saturates(const struct probe_operands *s, uint32_t right)
{
    const bool finite = (s->a & 0x7fffffff) < NM_INF;
    return s->op == PROBE_OP_STORE_F16 && finite && (right & 0x7fff) == 0x7c00 ? right - 1 : right;
}

static uint32_t f16_load_flushes(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_LOAD_F16 && (s->a & 0x7c00) == 0 ? right & NM_SIGN : right;
}

static uint32_t bf16_cuts(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_STORE_BF16 && !nm_is_nan(s->a) ? nm_flush(s->a) >> 16 : right;
}

static uint32_t bf16_keeps(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_STORE_BF16 && probe_device_denormal(s->a) ? s->a >> 16 : right;
}

static uint32_t f32_keeps(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_STORE_F32 && probe_device_denormal(s->a) ? s->a : right;
}

/* --- functions: the builtin of a driver in the place of ours --- */

static uint32_t builtin(const struct probe_operands *s, uint32_t op, double value, uint32_t right)
{
    const bool normal = isfinite(value) && fabs(value) > 0x1p-126;
    return s->op == op && normal ? lang_bits((float)value) : right;
}

static uint32_t builtin_rcp(const struct probe_operands *s, uint32_t right)
{
    return builtin(s, PROBE_OP_RCP, 1 / (double)probe_device_float(s->a), right);
}

static uint32_t builtin_rsqrt(const struct probe_operands *s, uint32_t right)
{
    return builtin(s, PROBE_OP_RSQRT, 1 / sqrt((double)probe_device_float(s->a)), right);
}

static uint32_t builtin_exp(const struct probe_operands *s, uint32_t right)
{
    return builtin(s, PROBE_OP_EXP, exp((double)probe_device_float(s->a)), right);
}

static uint32_t builtin_sigmoid(const struct probe_operands *s, uint32_t right)
{
    return builtin(s, PROBE_OP_SIGMOID, 1 / (1 + exp(-(double)probe_device_float(s->a))), right);
}

static uint32_t builtin_silu(const struct probe_operands *s, uint32_t right)
{
    return builtin(s, PROBE_OP_SILU,
                   probe_device_float(s->a) / (1 + exp(-(double)probe_device_float(s->a))), right);
}

static uint32_t builtin_gelu(const struct probe_operands *s, uint32_t right)
{
    const double x = probe_device_float(s->a);
    return builtin(s, PROBE_OP_GELU, x / (1 + exp(-1.5957691216 * (x + 0.044715 * x * x * x))),
                   right);
}

/* --- integers --- */

static uint32_t mul24(const struct probe_operands *s, uint32_t right)
{
    const struct probe_operands low = {s->op, s->a & 0xffffff, s->b & 0xffffff, s->c};
    return s->op == PROBE_OP_MIX ? probe_expect(&low) : right;
}

static uint32_t quotient_by_float(const struct probe_operands *s, uint32_t right)
{
    const uint32_t b = s->b + (s->b == 0);
    const float q = (float)s->a / (float)b;
    const uint32_t whole = q < 4294967040.0f ? (uint32_t)q : 0xffffff00u;
    return s->op == PROBE_OP_DIVIDE ? whole ^ (s->a - whole * b) * 0x9e3779b1u : right;
}

static uint32_t half_down(const struct probe_operands *s, uint32_t right)
{
    const uint32_t half = (uint32_t)((int32_t)s->a >> 1);
    return s->op == PROBE_OP_SIGNED ? half ^ (s->a - s->b) * 0x9e3779b1u : right;
}

static uint32_t signed_shift(const struct probe_operands *s, uint32_t right)
{
    const uint32_t down = (uint32_t)((int32_t)s->a >> (s->b & 31));
    return s->op == PROBE_OP_SHIFT ? s->a << (s->b & 31) ^ down * 0x9e3779b1u : right;
}

static uint32_t signed_compare(const struct probe_operands *s, uint32_t right)
{
    const int32_t a = (int32_t)s->a, b = (int32_t)s->b;
    const uint32_t least = (uint32_t)(a < b ? a : b), most = (uint32_t)(a < b ? b : a);
    return s->op == PROBE_OP_COMPARE ? least ^ most * 0x9e3779b1u ^ (a < b ? 3 : 0) : right;
}

static uint32_t float_compare(const struct probe_operands *s, uint32_t right)
{
    return s->op == PROBE_OP_KEY && s->a == NM_SIGN ? right + 1 : right;
}

static uint32_t no_carry(const struct probe_operands *s, uint32_t right)
{
    const uint64_t product = (uint64_t)s->a * s->b;
    const uint32_t high = (uint32_t)(product >> 32), low = (uint32_t)product;
    return s->op == PROBE_OP_WIDE ? (s->a + s->b) ^ high * 0x9e3779b1u ^ low * 0x85ebca77u : right;
}

static uint32_t no_high(const struct probe_operands *s, uint32_t right)
{
    const uint32_t sum = s->a + s->b, carry = sum < s->a ? 1 : 0;
    return s->op == PROBE_OP_WIDE ? (sum + carry) ^ (s->a * s->b) * 0x85ebca77u : right;
}

static const struct probe_device DEVICES[] = {
    {.what = "a select that multiplies", PROBE_ABSENT, .edit = blend},
    {.what = "moves flush", PROBE_MOVE, .edit = move_flushes},
    {.what = "moves lose the sign", PROBE_MOVE, .edit = move_no_sign},
    {.what = "converts unsigned", PROBE_CONVERT, .edit = unsigned_int},
    {.what = "converts by f16", PROBE_CONVERT, .edit = half_int},
    {.what = "converts 0 to -0", PROBE_CONVERT, .edit = minus_zero_int},
    {.what = "f16 is cut", PROBE_STORAGE, .edit = f16_cuts},
    {.what = "f16 ties away", PROBE_STORAGE, .edit = f16_tie_away},
    {.what = "f16 flushes", PROBE_STORAGE, .edit = f16_flushes},
    {.what = "f16 saturates", PROBE_STORAGE, .edit = f16_saturates},
    {.what = "f16 is read flushed", PROBE_STORAGE, .edit = f16_load_flushes},
    {.what = "bf16 is cut", PROBE_STORAGE, .edit = bf16_cuts},
    {.what = "bf16 keeps denormals", PROBE_STORAGE, .edit = bf16_keeps},
    {.what = "f32 keeps denormals", PROBE_STORAGE, .edit = f32_keeps},
    {.what = "own 1 / x", PROBE_FUNCTION, .edit = builtin_rcp},
    {.what = "own rsqrt", PROBE_FUNCTION, .edit = builtin_rsqrt},
    {.what = "own exp", PROBE_FUNCTION, .edit = builtin_exp},
    {.what = "own sigmoid", PROBE_FUNCTION, .edit = builtin_sigmoid},
    {.what = "own SiLU", PROBE_FUNCTION, .edit = builtin_silu},
    {.what = "own GELU", PROBE_FUNCTION, .edit = builtin_gelu},
    {.what = "products of 24 bits", PROBE_INTEGER, .edit = mul24},
    {.what = "divides as floats", PROBE_INTEGER, .edit = quotient_by_float},
    {.what = "halves downwards", PROBE_INTEGER, .edit = half_down},
    {.what = "shifts signed", PROBE_INTEGER, .edit = signed_shift},
    {.what = "compares signed", PROBE_INTEGER, .edit = signed_compare},
    {.what = "keys by floats", PROBE_INTEGER, .edit = float_compare},
    {.what = "no carry", PROBE_INTEGER, .edit = no_carry},
    {.what = "no high word", PROBE_INTEGER, .edit = no_high},
};

static void test_devices(void **state)
{
    (void)state;
    probe_device_test(DEVICES, sizeof(DEVICES) / sizeof(*DEVICES),
                      1u << PROBE_INTEGER | 1u << PROBE_MOVE | 1u << PROBE_ABSENT |
                          1u << PROBE_CONVERT | 1u << PROBE_STORAGE | 1u << PROBE_FUNCTION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_devices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
