/* SPDX-License-Identifier: MIT */
/* Guards count the Inf and NaN of an output row, after the hooks, on every device: as many as a
 * watcher of the scalar form sees. */
#include "vk_testing.h"

enum { PROMPT = 37, NODES_MOST = 256, FAULTS = 6 }; /* two pages; beyond tiny-gemma3's window */

struct counts {
    const struct graph *graph;
    uint32_t n[NODES_MOST][PROMPT];
};

static void count(void *user, const struct node *node, uint32_t column, const float *values,
                  uint32_t n)
{
    struct counts *counts = user;
    for (uint32_t i = 0; i < n; i++)
        counts->n[node - counts->graph->node][column] += (lang_bits(values[i]) & NM_INF) == NM_INF;
}

/* Infinities and NaN at places of every kind of op, half of the columns with outputs. */
static void draw(const struct vk_testing *t, struct hook *hooks, struct rng *rng)
{
    static const uint32_t bits[] = {0x7f800000, 0xff800000, 0x7fc00000, 0x7f000000};
    for (uint32_t i = 0; i < FAULTS; i++) {
        const struct node *node;
        do
            node = &t->model->graph.node[rng_below(rng, t->model->graph.count)];
        while (node->op == OP_STORE);
        hooks[i] = (struct hook){.node = (uint32_t)(node - t->model->graph.node),
                                 .column = (uint32_t)rng_below(rng, PROMPT),
                                 .point = HOOK_OUT,
                                 .data = {.kind = KIND_SET,
                                          .value = bits[rng_below(rng, 4)],
                                          .row = (uint32_t)rng_below(rng, node->rows)}};
        hooks[i].data.key = hooks[i].column; /* its own position: every window has it */
    }
}

/* A guard at every site of some columns; those with no outputs do not reach the last nodes. */
static uint32_t place(const struct vk_testing *t, struct guard *guards)
{
    uint32_t n = 0;
    for (uint32_t node = 0; node < t->model->graph.count; node++) {
        for (uint32_t column = node % 5; column < PROMPT; column += 5) {
            if (t->model->graph.node[node].op != OP_STORE)
                guards[n++] = (struct guard){.node = node, .column = column, .verdict = {99}};
        }
    }
    return n;
}

static uint32_t check(struct executor *ex, struct pass pass, const struct counts *expected,
                      const char *device)
{
    struct column_result results[PROMPT];
    uint32_t wrong = 0;
    assert_int_equal(executor_pass(ex, &pass, results), STATUS_OK);
    for (uint32_t i = 0; i < pass.n_guards; i++) {
        const struct guard *g = &pass.guards[i];
        if (g->verdict[0] != expected->n[g->node][g->column])
            fail_msg("%s: %s, column %u: found %u values that are not finite, expected %u", device,
                     expected->graph->node[g->node].site, g->column, g->verdict[0],
                     expected->n[g->node][g->column]);
        wrong += g->verdict[0];
    }
    return wrong;
}

static void run_model(const char *name, enum storage act, enum storage kv)
{
    static struct guard guards[GUARD_MOST];
    static struct counts expected;
    struct vk_testing t;
    struct column columns[PROMPT];
    struct column_result results[PROMPT];
    struct executor_params params = {
        .act = act, .kv = kv, .positions = 64, .branches = 1, .columns = PROMPT};
    struct executor *fast = NULL;
    struct rng rng;
    uint32_t wrong = 0, branch;
    vk_testing_open(&t, vk_testing_tiny(name), params);
    params.model = t.model;
    assert_int_equal(cpu_create(&fast, CPU_AUTO, &params), STATUS_OK);
    assert_int_equal(kv_branch(fast->kv, &branch), STATUS_OK);
    assert_int_equal(branch, vk_testing_branch(&t));
    assert_true(t.model->graph.count <= NODES_MOST);
    rng_init(&rng, 5, act);
    for (uint32_t i = 0; i < PROMPT; i++)
        columns[i] = vk_testing_column(&t, branch, i, vk_testing_token(&t, &rng),
                                       i % 2 ? VK_TESTING_ALL : 0);
    for (uint32_t round = 0; round < 6; round++) {
        struct hook hooks[FAULTS];
        struct pass pass = {.columns = columns,
                            .n_columns = PROMPT,
                            .hooks = hooks,
                            .n_hooks = round == 0 ? 0 : FAULTS,
                            .watch = count,
                            .watch_user = &expected};
        draw(&t, hooks, &rng);
        memset(&expected, 0, sizeof(expected));
        expected.graph = &t.model->graph;
        assert_int_equal(executor_pass(t.cpu, &pass, results), STATUS_OK);
        pass.watch = NULL;
        pass.guards = guards;
        pass.n_guards = place(&t, guards);
        /* columns that stop after their last K/V store go on if they are guarded: later nodes are
         * the same, and so are the counts */
        wrong += check(t.cpu, pass, &expected, "cpu:scalar");
        wrong += check(fast, pass, &expected, "cpu");
        wrong += check(t.vk, pass, &expected, "vk");
    }
    assert_true(wrong > 0);
    executor_destroy(&fast);
    vk_testing_close(&t);
}

static void test_counts(void **state)
{
    (void)state;
    run_model("tiny-llama-q4_k", STORAGE_F32, STORAGE_F32);
    run_model("tiny-qwen2", STORAGE_F16, STORAGE_BF16);
    run_model("tiny-gemma3", STORAGE_BF16, STORAGE_F16);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts)};
    return cmocka_run_group_tests_name("guards", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    return vk_testing_main(argv, run_all);
}
