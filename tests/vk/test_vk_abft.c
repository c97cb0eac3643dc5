/* SPDX-License-Identifier: MIT */
/* Check sums of linear ops in passes: the same verdicts on every device, whatever threads; no alarm
 * unless an evaluation of the op itself is faulted, whatever its inputs; and those that are. */
#include "vk_testing.h"

#include "model/executor_abft.h"
#include "model/op.h"

enum { PROMPT = 37, HOOKS = 6 };

struct devices {
    struct vk_testing t;
    struct executor *fast[3]; /* CPU: all threads, one, AVX2 or the best form with three */
    struct column columns[PROMPT];
    uint32_t *nodes, n_nodes; /* LINEAR */
    struct guard *guards;
    uint32_t n_guards;
};

static void open_devices(struct devices *d, const char *name, enum storage act, struct rng *rng)
{
    struct executor_params params = {
        .act = act, .kv = STORAGE_F32, .positions = 64, .branches = 1, .columns = PROMPT};
    const enum cpu_form second = cpu_form_available(CPU_AVX2) ? CPU_AVX2 : CPU_AUTO;
    uint32_t branch;

    vk_testing_open(&d->t, vk_testing_tiny(name), params);
    params.model = d->t.model;
    assert_int_equal(cpu_create(&d->fast[0], CPU_AUTO, &params), STATUS_OK);
    params.threads = 1;
    assert_int_equal(cpu_create(&d->fast[1], CPU_AUTO, &params), STATUS_OK);
    params.threads = 3;
    assert_int_equal(cpu_create(&d->fast[2], second, &params), STATUS_OK);
    branch = vk_testing_branch(&d->t);
    const struct graph *graph = &d->t.model->graph;
    d->nodes = calloc(graph->count, sizeof(*d->nodes));
    for (uint32_t i = 0; i < graph->count; i++) {
        if (graph->node[i].op == OP_LINEAR)
            d->nodes[d->n_nodes++] = i;
    }
    struct executor *const all[] = {d->t.cpu, d->t.vk, d->fast[0], d->fast[1], d->fast[2]};
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t own = branch;
        if (i >= 2)
            assert_int_equal(kv_branch(all[i]->kv, &own), STATUS_OK);
        assert_int_equal(own, branch);
        /* in two steps: tables may come later */
        assert_int_equal(executor_abft_make(all[i], d->nodes, d->n_nodes / 2), STATUS_OK);
        assert_int_equal(executor_abft_make(all[i], d->nodes, d->n_nodes), STATUS_OK);
    }
    for (uint32_t i = 0; i < PROMPT; i++)
        d->columns[i] = vk_testing_column(&d->t, branch, i, vk_testing_token(&d->t, rng),
                                          i % 2 ? VK_TESTING_ALL : 0);
    d->guards = calloc((size_t)d->n_nodes * PROMPT, sizeof(*d->guards));
    for (uint32_t column = 0; column < PROMPT; column++) {
        for (uint32_t i = column % 3; i < d->n_nodes; i += 1 + column % 2)
            d->guards[d->n_guards++] = (struct guard){
                .node = d->nodes[i], .column = column, .kind = GUARD_ABFT, .factor = 1};
    }
}

static void close_devices(struct devices *d)
{
    for (uint32_t i = 0; i < 3; i++)
        executor_destroy(&d->fast[i]);
    vk_testing_close(&d->t);
    free(d->nodes);
    free(d->guards);
}

/* Runs the pass on all devices, whose verdicts must agree; they stay in d->guards. */
static void run(struct devices *d, struct hook *hooks, uint32_t n_hooks)
{
    struct executor *const others[] = {d->fast[0], d->fast[1], d->fast[2], d->t.vk};
    const size_t size = d->n_guards * sizeof(*d->guards);
    struct guard *found = malloc(size);
    struct column_result results[PROMPT];
    struct pass pass = {.columns = d->columns,
                        .n_columns = PROMPT,
                        .guards = d->guards,
                        .n_guards = d->n_guards,
                        .hooks = hooks,
                        .n_hooks = n_hooks};

    assert_int_equal(executor_pass(d->t.cpu, &pass, results), STATUS_OK);
    pass.guards = found;
    for (uint32_t i = 0; i < 4; i++) {
        memcpy(found, d->guards, size);
        assert_int_equal(executor_pass(others[i], &pass, results), STATUS_OK);
        for (uint32_t j = 0; j < d->n_guards; j++) {
            const uint32_t *a = d->guards[j].verdict, *b = found[j].verdict;
            if (memcmp(a, b, sizeof(found->verdict)) != 0)
                fail_msg("device %u, %s, column %u: found %u %08x %08x %08x, expected %u %08x %08x "
                         "%08x",
                         i, d->t.model->graph.node[found[j].node].site, found[j].column, b[0], b[1],
                         b[2], b[3], a[0], a[1], a[2], a[3]);
        }
    }
    free(found);
}

static uint32_t alarms(const struct devices *d)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->n_guards; i++)
        n += d->guards[i].verdict[0] != 0;
    return n;
}

static const struct node *any_node(const struct devices *d, struct rng *rng, bool linear)
{
    const struct graph *graph = &d->t.model->graph;
    const struct node *node;
    do
        node = &graph->node[rng_below(rng, graph->count)];
    while (node->op == OP_STORE || (node->op == OP_LINEAR) != linear);
    return node;
}

/* Random bits in all outputs of ops that are not checked, so that linear ops read denormals, Inf,
 * NaN and numbers of all sizes. */
static void draw_inputs(const struct devices *d, struct hook *hooks, struct rng *rng)
{
    static const uint32_t masks[] = {0xffffffff, 0x807fffff, 0xffffffff, 0x7f800000, 0x88000000};
    for (uint32_t i = 0; i < HOOKS; i++) {
        const struct node *node = any_node(d, rng, false);
        hooks[i] = (struct hook){.node = (uint32_t)(node - d->t.model->graph.node),
                                 .column = (uint32_t)rng_below(rng, PROMPT),
                                 .point = HOOK_OUT,
                                 .data = {.kind = KIND_RANDOM,
                                          .mask = masks[rng_below(rng, 5)],
                                          .seed0 = rng_u32(rng),
                                          .seed1 = rng_u32(rng),
                                          .rows = 1 + (uint32_t)rng_below(rng, node->rows)}};
        hooks[i].data.key = hooks[i].column;
    }
}

/* A fault in an evaluation of a linear op, or in a part of it. */
static void draw_fault(const struct devices *d, struct hook *hook, struct rng *rng)
{
    static const uint32_t points[] = {HOOK_OPERAND, HOOK_PARTIAL, HOOK_ACCUMULATOR, HOOK_OUT};
    const struct guard *guard = &d->guards[rng_below(rng, d->n_guards)];
    const struct node *node = &d->t.model->graph.node[guard->node];
    const uint32_t point = points[rng_below(rng, 4)];
    struct op_point at;

    assert_true(op_point(&at, node, point));
    *hook = (struct hook){.node = guard->node,
                          .column = guard->column,
                          .point = point,
                          .data = {.kind = KIND_FLIP, .mask = 1u << 30}};
    if (at.ks)
        hook->data.k = (uint32_t)rng_below(rng, at.ks);
    if (at.shared)
        hook->data.readers = node->rows;
    else
        hook->data.row = (uint32_t)rng_below(rng, node->rows);
}

/* A bit of what some guards found, flipped where it lies: the same verdict on all devices. */
static void run_flips(struct devices *d, uint64_t seed)
{
    struct rng rng;

    rng_init(&rng, seed, 1);
    for (uint32_t i = 0; i < d->n_guards; i++) {
        const uint32_t words = guard_words(&d->guards[i], d->t.cpu->abft);
        d->guards[i].flip = i % 7 ? 0 : 1 + (uint32_t)rng_below(&rng, 32 * words);
    }
    run(d, NULL, 0);
    assert_true(alarms(d) > 0 && alarms(d) < d->n_guards / 7);
    for (uint32_t i = 0; i < d->n_guards; i++)
        d->guards[i].flip = 0;
}

static void run_model(const char *name, enum storage act, uint64_t seed)
{
    struct devices d = {0};
    struct hook hooks[HOOKS];
    struct rng rng;
    uint32_t found = 0, wanted = 0;

    rng_init(&rng, seed, act);
    open_devices(&d, name, act, &rng);
    run(&d, NULL, 0);
    assert_int_equal(alarms(&d), 0);
    run_flips(&d, seed);
    for (uint32_t round = 0; round < 6; round++) {
        draw_inputs(&d, hooks, &rng);
        run(&d, hooks, HOOKS);
        if (alarms(&d) != 0)
            fail_msg("%s, act %d: %u clean alarms in round %u", name, (int)act, alarms(&d), round);
    }
    for (uint32_t round = 0; round < 12; round++) {
        struct hook fault;
        draw_fault(&d, &fault, &rng);
        run(&d, &fault, 1);
        for (uint32_t i = 0; i < d.n_guards; i++) {
            if (d.guards[i].node == fault.node && d.guards[i].column == fault.column)
                found += d.guards[i].verdict[0] != 0;
            else
                assert_int_equal(d.guards[i].verdict[0], 0);
        }
        wanted++;
    }
    printf("%s, act %d: %u of %u found\n", name, (int)act, found, wanted);
    assert_true(2 * found >
                wanted); /* a factor of 2^128 or 2^-128: unseen where it makes values small */
    close_devices(&d);
}

static void test_models(void **state)
{
    (void)state;
    run_model("tiny-llama-q4_k", STORAGE_F32, 1);
    run_model("tiny-qwen2", STORAGE_F16, 2);
    run_model("tiny-gemma3", STORAGE_BF16, 3);
    run_model("tiny-llama-q6_k", STORAGE_F16, 4);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_models)};
    return cmocka_run_group_tests_name("abft", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    return vk_testing_main(argv, run_all);
}
