/* SPDX-License-Identifier: MIT */
/* Faults in rows: fields, values, places, classes; and faults as JSON and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault_text.h"
#include "inject/campaign/campaign_row.h"
#include "inject/space/fault_bits.h"
#include "tiny_model.h"

#define N_PROMPT 6
#define POSITIONS 14

static struct model *model;

static struct fault_bounds bounds_of(enum storage act, enum storage kv)
{
    return (struct fault_bounds){
        .model = model, .act = act, .kv = kv, .n_prompt = N_PROMPT, .positions = POSITIONS};
}

static void make(struct trial_row *row, struct arena *arena, const struct fault_bounds *bounds,
                 struct fault *fault, struct record *record)
{
    const struct campaign_row_context context = {.bounds = *bounds, .golden_len = 8};
    const struct sample_draw draw = {.trial = 41,
                                     .role = ROLE_TRIAL,
                                     .item = 2,
                                     .stratum = 3,
                                     .weight = 0.25,
                                     .draw_prob = 1e-6,
                                     .stage = STAGE_DECODE,
                                     .fault = fault,
                                     .n_faults = 1};
    record->fault = *fault;
    record->faults = fault;
    record->n_faults = 1;
    record->first_diff = record->healed_at = record->nan_step = EXECUTOR_NONE;
    record->activations = record->expected_activations = 1;
    assert_int_equal(campaign_row_make(row, arena, &context, &draw, record), STATUS_OK);
}

static void test_output_of_an_op(void **state)
{
    struct arena arena = {0};
    struct trial_row row;
    struct record record = {.before = 0x3f800000,
                            .after = 0x7f800000,
                            .outcome = OUTCOME_MASKED_TOKENS,
                            .faulty_len = 8,
                            .flags = 1u << FLAG_NAN_LOGITS | 1u << FLAG_REPETITION,
                            .hashed = true,
                            .hash = 0xabc,
                            .kl = NAN,
                            .logp_sum = -0.5};
    const struct fault_bounds bounds = bounds_of(STORAGE_F32, STORAGE_F32);
    (void)state;
    struct fault fault =
        fault_text_one(&arena, &bounds,
                       "{\"site\":\"blk.0.attn_q\",\"point\":\"out\",\"kind\":\"flip\","
                       "\"bit\":30,\"row\":5,\"step\":3}");
    make(&row, &arena, &bounds, &fault, &record);
    assert_int_equal(row.trial, 41);
    assert_null(row.control);
    assert_string_equal(row.arm, "none");
    assert_string_equal(row.place, "op");
    assert_string_equal(row.site, "blk.0.attn_q");
    assert_string_equal(row.op, "linear");
    assert_string_equal(row.point, "out");
    assert_null(row.readers);
    assert_int_equal(row.layer, 0);
    assert_int_equal(row.row, 5);
    assert_int_equal(row.rows, 1);
    assert_true(row.k == TRIAL_ROW_NULL && row.key == TRIAL_ROW_NULL &&
                row.byte_offset == TRIAL_ROW_NULL);
    assert_int_equal(row.position, N_PROMPT - 1 + 3);
    assert_int_equal(row.step, 3);
    assert_int_equal(row.positions, 1);
    assert_int_equal(row.bit, 30);
    assert_int_equal(row.mask, 1u << 30);
    assert_string_equal(row.bit_field, "exponent");
    assert_string_equal(row.dir, "0>1");
    assert_true(row.before_value == 1 && isinf(row.after_value) && isinf(row.rel_change));
    assert_string_equal(row.outcome, "masked_tokens");
    assert_null(row.due_reason);
    assert_string_equal(row.flags, "repetition+nan_logits");
    assert_string_equal(row.hash, "0000000000000abc");
    assert_true(isnan(row.kl) && row.logp_sum == -0.5);
    assert_true(row.first_diff == TRIAL_ROW_NULL && !row.faulty_text && !row.deviation);
    assert_true(row.golden_len == 8 && row.faulty_len == 8);
    arena_finish(&arena);
}

/* A stored weight: its byte in the tensor, the class of its field, whatever the block. */
static void test_stored_weight(void **state)
{
    static const struct {
        const char *field;
        uint32_t bit, block_byte; /* of element k = 40: second block, element 8 */
    } cases[] = {{"code", 2, 4 + 8}, {"scale", 9, 1}, {"min", 3, 2}};
    const struct fault_bounds bounds = bounds_of(STORAGE_F32, STORAGE_F32);
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct arena arena = {0};
        char text[256];
        struct trial_row row;
        struct record record = {.before = 1, .after = 0, .outcome = OUTCOME_MASKED_BITEXACT};
        snprintf(text, sizeof(text),
                 "{\"site\":\"blk.0.attn_q.weight\",\"kind\":\"flip\",\"bit\":%u,\"row\":7,"
                 "\"k\":40,\"field\":\"%s\",\"position\":0}",
                 cases[i].bit, cases[i].field);
        struct fault fault = fault_text_one(&arena, &bounds, text);
        make(&row, &arena, &bounds, &fault, &record);
        const uint64_t row_bytes = quant_row_bytes(fault.tensor->type, fault.tensor->dim[0]);
        assert_int_equal(fault.tensor->type, QUANT_Q4_1);
        assert_string_equal(row.place, "weight");
        assert_string_equal(row.bit_field, cases[i].field);
        assert_null(row.op);
        assert_string_equal(row.duration, "persistent");
        assert_true(row.step == TRIAL_ROW_NULL && row.positions == TRIAL_ROW_NULL);
        assert_int_equal(row.k, 40);
        assert_int_equal(row.byte_offset, 7 * row_bytes + 20 + cases[i].block_byte);
        assert_string_equal(row.dir, "1>0");
        assert_true(row.after_value == 0);
        assert_true(row.before_value == (i == 0 ? 1 : 0x1p-24)); /* an integer, an f16 denormal */
        arena_finish(&arena);
    }
}

static void test_values_and_classes(void **state)
{
    const struct fault_bits f32 = {32, true, STORAGE_F32, NULL};
    const struct fault_bits f16 = {16, true, STORAGE_F16, NULL};
    const struct fault_bits bf16 = {16, true, STORAGE_BF16, NULL};
    const struct fault_bits integer = {32, false, STORAGE_F32, NULL};
    const struct fault_bits scale = {16, true, STORAGE_F16, "scale"};
    (void)state;
    assert_true(fault_bits_value(&f32, 0x00000001) == 0x1p-149); /* not flushed */
    assert_true(fault_bits_value(&f32, 0xc0490fdb) == (double)-3.14159274f);
    assert_true(isnan(fault_bits_value(&f32, 0x7fc00000)));
    assert_true(fault_bits_value(&f32, 0xff800000) == -HUGE_VAL);
    assert_true(fault_bits_value(&f16, 0x3c01) == 1 + 0x1p-10);
    assert_true(fault_bits_value(&f16, 0x8001) == -0x1p-24);
    assert_true(fault_bits_value(&bf16, 0x3f81) == 1 + 0x1p-7);
    assert_true(fault_bits_value(&integer, 0xffffffff) == 4294967295.0);
    assert_string_equal(fault_bits_field(&f32, 1u << 31), "sign");
    assert_string_equal(fault_bits_field(&f32, 1u << 23), "exponent");
    assert_string_equal(fault_bits_field(&f32, 1u << 22), "mantissa");
    assert_string_equal(fault_bits_field(&f16, 1u << 15), "sign");
    assert_string_equal(fault_bits_field(&f16, 1u << 10), "exponent");
    assert_string_equal(fault_bits_field(&f16, 1u << 9), "mantissa");
    assert_string_equal(fault_bits_field(&bf16, 1u << 7), "exponent");
    assert_string_equal(fault_bits_field(&bf16, 1u << 6), "mantissa");
    assert_string_equal(fault_bits_field(&f32, 3u << 30), "mixed");
    assert_string_equal(fault_bits_field(&integer, 5), "integer");
    assert_string_equal(fault_bits_field(&scale, 1u << 15), "scale");
    assert_null(fault_bits_field(&f32, 0));
    assert_string_equal(fault_bits_direction(1, 3), "0>1");
    assert_string_equal(fault_bits_direction(3, 1), "1>0");
    assert_string_equal(fault_bits_direction(1, 2), "mixed");
    assert_null(fault_bits_direction(7, 7));
}

/* A trial without a record: what was drawn is known, nothing else. */
static void test_due(void **state)
{
    struct arena arena = {0};
    struct trial_row row;
    const struct fault_bounds bounds = bounds_of(STORAGE_F32, STORAGE_F16);
    (void)state;
    struct fault fault =
        fault_text_one(&arena, &bounds,
                       "{\"site\":\"blk.0.kv_v\",\"kind\":\"stuck_at_1\",\"mask\":\"0x7c00\","
                       "\"k\":3,\"key\":1,\"position\":4}");
    const struct campaign_row_context context = {.bounds = bounds, .golden_len = 8};
    const struct sample_draw draw = {
        .trial = 9, .role = ROLE_NAIVE, .stage = STAGE_PREFILL, .fault = &fault, .n_faults = 1};
    assert_int_equal(campaign_row_due(&row, &arena, &context, &draw, DUE_RUNAWAY), STATUS_OK);
    assert_string_equal(row.outcome, "due");
    assert_string_equal(row.due_reason, "runaway");
    assert_string_equal(row.control, "naive");
    assert_string_equal(row.site, "blk.0.kv_v");
    assert_string_equal(row.bit_field, "exponent");
    assert_true(row.k == 3 && row.key == 1 && row.row == TRIAL_ROW_NULL);
    assert_true(row.before == TRIAL_ROW_NULL && row.activations == TRIAL_ROW_NULL &&
                isnan(row.before_value));
    arena_finish(&arena);
}

/* What the database keeps of further faults can be read as a fault file. */
static void test_json_and_back(void **state)
{
    static const char *const texts[] = {
        "{\"site\":\"blk.0.attn_q\",\"point\":\"partial\",\"kind\":\"random\",\"row\":5,\"k\":7,"
        "\"step\":3,\"seed\":5,\"trial\":99}",
        "{\"site\":\"blk.0.ffn_down\",\"point\":\"out\",\"kind\":\"scale\",\"value\":-1.5,"
        "\"granularity\":\"vector\",\"step\":2}",
        "{\"site\":\"blk.0.ffn_up\",\"point\":\"out\",\"kind\":\"clamp\",\"low\":-1,\"high\":1,"
        "\"row\":3,\"granularity\":\"feature\",\"stage\":\"decode\"}",
        "{\"site\":\"blk.0.attn_k\",\"point\":\"weight\",\"kind\":\"flip\",\"bit\":1,\"row\":2,"
        "\"k\":33,\"field\":\"code\",\"readers\":\"stage\",\"stage\":\"decode\"}",
        "{\"site\":\"blk.0.attn_q.weight\",\"kind\":\"stuck_at_0\",\"bits\":[1,2],\"row\":1,"
        "\"k\":5,\"field\":\"scale\",\"position\":2}",
        "{\"site\":\"blk.0.kv_k\",\"kind\":\"set\",\"value\":\"0x3c00\",\"k\":3,\"key\":1,"
        "\"position\":4}",
        "{\"site\":\"blk.0.ffn_gate\",\"point\":\"out\",\"kind\":\"flip\",\"bit\":3,\"row\":1,"
        "\"duration\":\"intermittent\",\"rate\":0.25,\"positions\":5,\"position\":1}",
    };
    const struct fault_bounds bounds = bounds_of(STORAGE_F32, STORAGE_F32);
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct arena arena = {0};
        const char *json = NULL;
        const struct fault a = fault_text_one(&arena, &bounds, texts[i]);
        assert_int_equal(fault_put_text(&json, &arena, &a), STATUS_OK);
        print_message("%s\n", json);
        const struct fault b = fault_text_one(&arena, &bounds, json);
        assert_int_equal(a.place, b.place);
        assert_int_equal(a.node, b.node);
        assert_int_equal(a.point, b.point);
        assert_int_equal(a.field, b.field);
        assert_int_equal(a.kind, b.kind);
        assert_int_equal(a.mask, b.mask);
        assert_int_equal(a.value, b.value);
        assert_true(a.low == b.low && a.high == b.high && a.from == b.from && a.rate == b.rate);
        assert_int_equal(a.position, b.position);
        assert_int_equal(a.position_count, b.position_count);
        assert_true(a.row == b.row && a.k == b.k && a.key == b.key);
        assert_int_equal(a.row_count, b.row_count);
        assert_int_equal(a.k_count, b.k_count);
        assert_int_equal(a.key_count, b.key_count);
        assert_true(a.key_low == b.key_low && a.key_high == b.key_high);
        assert_int_equal(a.duration, b.duration);
        arena_finish(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_of_an_op),    cmocka_unit_test(test_stored_weight),
        cmocka_unit_test(test_values_and_classes), cmocka_unit_test(test_due),
        cmocka_unit_test(test_json_and_back),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
