/* SPDX-License-Identifier: MIT */
/* The operations of a mixture of experts, and refusals of tensors that are none of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "graph_built.h"

static void check_experts(const struct built *t, const char *site, enum reg in, enum reg out)
{
    const struct node *n = at(t, site);
    const bool down = in == REG_A;

    check_flow(n, OP_EXPERTS, in, REG_E, out);
    assert_int_equal(n->groups, TINY_USED);
    assert_int_equal(n->width, down ? TINY_FF : TINY_EMBD);
    assert_int_equal(n->rows, TINY_USED * (down ? TINY_EMBD : TINY_FF));
    assert_int_equal(n->in_step, down ? TINY_FF : 0);
    assert_int_equal(n->weight->n_dims, 2);
    assert_int_equal(n->weight->dim[1], TINY_EXPERTS * (down ? TINY_EMBD : TINY_FF));
}

/* A router, its choice and weights, the matrices of all experts as one, their sum; after it the
 * expert that all tokens use. */
static void test_experts(void **state)
{
    static const char *const archs[] = {"llama", "qwen2moe", "qwen3moe"};
    static const uint32_t counts[] = {22, 29, 24};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct built t = {0};
        char key[64];
        builder_init(&t.b);
        snprintf(key, sizeof(key), "%s.expert_count", archs[i]);
        builder_key_u32(&t.b, key, TINY_EXPERTS);
        assert_int_equal(build(&t, archs[i]), STATUS_OK);
        assert_int_equal(t.graph.layer_begin[1] - t.graph.layer_begin[0], counts[i]);
        check_flow(at(&t, "blk.1.ffn_gate_inp"), OP_LINEAR, REG_N, REG_NONE, REG_R);
        check_flow(at(&t, "blk.1.ffn_choice"), OP_CHOOSE, REG_R, REG_NONE, REG_E);
        check_flow(at(&t, "blk.1.ffn_weights"), OP_ROUTE, REG_R, REG_E, REG_W);
        assert_int_equal(at(&t, "blk.1.ffn_weights")->width, i == 1 ? TINY_EXPERTS : TINY_USED);
        check_experts(&t, "blk.1.ffn_gate_exps", REG_N, REG_G);
        check_experts(&t, "blk.1.ffn_up_exps", REG_N, REG_U);
        check_flow(at(&t, "blk.1.ffn_act_exps"), OP_GATE, REG_G, REG_U, REG_A);
        check_experts(&t, "blk.1.ffn_down_exps", REG_A, REG_D);
        check_flow(at(&t, "blk.1.ffn_mix"), OP_MIX, REG_D, REG_W, REG_T);
        assert_int_equal(graph_find(&t.graph, "blk.1.ffn_shexp") != NULL, i == 1);
        if (i == 1) {
            check_flow(at(&t, "blk.1.ffn_gate_inp_shexp"), OP_LINEAR, REG_N, REG_NONE, REG_M);
            check_flow(at(&t, "blk.1.ffn_down_shexp"), OP_LINEAR, REG_A, REG_NONE, REG_D);
            check_flow(at(&t, "blk.1.ffn_shexp"), OP_SHARE, REG_D, REG_M, REG_D);
            check_flow(at(&t, "blk.1.ffn_shexp_sum"), OP_ADD, REG_T, REG_D, REG_T);
        }
        check_flow(at(&t, "blk.1.ffn_residual"), OP_ADD, REG_X, REG_T, REG_X);
        finish(&t);
    }
}

/* A tensor of experts has three dimensions, whole tiles on both sides, and no dense one beside. */
static void test_bad_shapes(void **state)
{
    static const struct {
        uint64_t dims[3];
        uint32_t n_dims;
        const char *words;
    } cases[] = {{{TINY_EMBD, TINY_FF * TINY_EXPERTS}, 2, "(32, 256, 1, 1), expected (32, 64, 4)"},
                 {{TINY_EMBD, TINY_FF, TINY_EXPERTS + 1}, 3, "(32, 64, 5, 1)"},
                 {{TINY_FF, TINY_EMBD, TINY_EXPERTS}, 3, "(64, 32, 4, 1)"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct built t = {0};
        builder_init(&t.b);
        builder_tensor_of(&t.b, "blk.1.ffn_up_exps.weight", QUANT_F32, cases[i].dims,
                          cases[i].n_dims);
        assert_int_equal(build(&t, "qwen3moe"), STATUS_INPUT);
        assert_non_null(strstr(log_last_error(), "blk.1.ffn_up_exps.weight"));
        assert_non_null(strstr(log_last_error(), cases[i].words));
        finish(&t);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *omitted, *added, *words;
    } cases[] = {{"blk.1.ffn_up_exps.weight", NULL, "found nothing"},
                 {"blk.0.ffn_gate_inp.weight", NULL, "found nothing"},
                 {"blk.0.ffn_gate_inp_shexp.weight", NULL, "found nothing"},
                 {NULL, "blk.0.ffn_gate.weight", "does not use"},
                 {NULL, "blk.0.ffn_gate_exps.bias", "does not use"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct built t = {0};
        builder_init(&t.b);
        if (cases[i].omitted)
            builder_omit(&t.b, cases[i].omitted);
        else
            builder_tensor(&t.b, cases[i].added, QUANT_F32, TINY_EMBD, TINY_FF);
        assert_int_equal(build(&t, "qwen2moe"), STATUS_INPUT);
        assert_non_null(strstr(log_last_error(), cases[i].words));
        finish(&t);
    }
    struct built t = {0};
    builder_init(&t.b);
    builder_key_u32(&t.b, "qwen3moe.expert_feed_forward_length", 48);
    assert_int_equal(build(&t, "qwen3moe"), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "width 48"));
    finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_experts),
        cmocka_unit_test(test_bad_shapes),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
