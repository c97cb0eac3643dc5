/* SPDX-License-Identifier: MIT */
/* Faults in accumulators: what the point means in each form of a block, spelled out. */
#include "hooks.h"

#include "model/sum_order.h"

/* t of a block from its codes and x, by the forms of NUMERICS.md 3. */
static float block_value(enum quant type, const struct quant_block *block, const float *x)
{
    const bool half = type == QUANT_Q2_K || type == QUANT_Q3_K || type == QUANT_Q6_K;
    struct order terms, low;
    float t[2], sum_x;

    for (uint32_t h = 0; h < (half ? 2 : 1); h++) {
        order_open(&terms);
        order_open(&low);
        for (uint32_t i = 16 * h; i < (half ? 16 * h + 16 : 32); i++) {
            order_term(&terms, i, block->code[i] * x[i]);
            order_term(&low, i, x[i]);
        }
        t[h] = order_join(&terms);
        sum_x = order_join(&low);
        if (quant_form(type) != QUANT_FORM_PLAIN)
            t[h] = block->scale[h] * t[h];
        if (quant_field_width(type, QUANT_FIELD_MIN) > 0)
            t[h] = t[h] + block->min[h] * sum_x;
    }
    return half ? t[0] + t[1] : t[0];
}

/* Running partial b mod 16 right after block b, with scale and minimum, spelled out for a LINEAR of
 * each form; 16 blocks, so that each is a leaf of the tree. */
static void accumulators_of(const char *name)
{
    struct model *of = runs_model(name);
    if (!of)
        skip();
    struct executor *ex = hooks_executor(of, (struct runs_kind){.threads = 2});
    const struct node *node = graph_find(&of->graph, "blk.0.ffn_down");
    const struct node *act = graph_find(&of->graph, "blk.0.ffn_act");
    struct hooks_run in = {.node = act, .position = 9}, clean = {.node = node, .position = 9};
    const uint8_t *row = node->weight->data + 3 * quant_row_bytes(node->weight->type, node->width);

    hooks_pass(ex, NULL, 0, &in);
    hooks_pass(ex, NULL, 0, &clean);
    assert_int_equal(node->width % 32, 0);
    for (uint32_t at = 0; at < node->width / 32; at++) {
        struct hook hook = hooks_make(ex, node->site, 9, HOOK_ACCUMULATOR,
                                      (struct hook_data){HOOKS_FLIP(1u << 22), .row = 3, .k = at});
        struct hooks_run run = {.node = node, .position = 9};
        struct order sum;
        hooks_pass(ex, &hook, 1, &run);
        order_begin(&sum);
        for (uint32_t b = 0; b < node->width / 32; b++) {
            float *partial = &sum.partial[b % 16];
            struct quant_block block;
            quant_decode(node->weight->type, row, node->width, b, &block);
            *partial = *partial + block_value(node->weight->type, &block, &in.row[32 * b]);
            if (b != at)
                continue;
            assert_int_equal(hook.data.count, 1);
            assert_int_equal(hook.data.before, lang_bits(*partial));
            *partial = lang_float(lang_bits(*partial) ^ 1u << 22);
        }
        assert_int_equal(lang_bits(run.row[3]), lang_bits(order_end(&sum)));
        run.row[3] = clean.row[3];
        forms_equal(run.row, clean.row, clean.count, "other rows");
    }
    executor_destroy(&ex);
    model_close(&of);
}

static void test_accumulators_of_linear(void **state)
{
    (void)state;
    accumulators_of("tiny-llama-f16");
    accumulators_of("tiny-llama-q8_0");
    accumulators_of("tiny-llama-q4_1");
    accumulators_of("tiny-llama-q4_k");
    accumulators_of("tiny-llama-q6_k");
    accumulators_of("tiny-llama-q2_k");
    accumulators_of("tiny-llama-iq4_xs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accumulators_of_linear),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
