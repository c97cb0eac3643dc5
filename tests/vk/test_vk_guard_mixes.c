/* SPDX-License-Identifier: MIT */
/* Guards of all kinds in random passes, of a column as in decoding and of many: the verdicts and
 * bits of the scalar CPU form on every device, whatever threads, rows that registers have to spare,
 * and ops that share a dispatch. */
#include "model/executor_abft.h"
#include "model/op.h"
#include "vk_testing.h"

enum { POSITIONS = 256, COLUMNS = 24, GUARDS = 400, FAULTS = 3, PASSES = 14, OTHERS = 3 };

struct bench {
    struct vk_testing t;
    struct executor *other[OTHERS]; /* Vulkan, and vector forms of the CPU */
    struct rng rng;
    uint32_t branch, position; /* of the next column */
    struct column columns[COLUMNS];
    struct guard guards[GUARDS];
    struct hook hooks[FAULTS];
    uint32_t found[GUARD_KINDS];
};

static uint32_t below(struct bench *b, uint32_t n)
{
    return (uint32_t)rng_below(&b->rng, n);
}

static uint32_t count_layers(const struct bench *b)
{
    return b->t.model->hp.n_layers;
}

/* Columns that go on from tokens, then some that start where residuals were kept (`saves`: keeps
 * those of all), at positions that exist. */
static void draw_columns(struct bench *b, uint32_t n, bool saves)
{
    const uint32_t fresh = saves ? n : below(b, n + 1);
    uint32_t start = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct column *c = &b->columns[i];
        *c = vk_testing_column(&b->t, b->branch, i < fresh ? b->position++ : i,
                               vk_testing_token(&b->t, &b->rng), below(b, 2) ? VK_TESTING_ALL : 0);
        c->save = saves ? i : EXECUTOR_NONE;
        if (i < fresh)
            continue;
        start += below(b, 2) * below(b, count_layers(b) + 1 - start);
        c->checkpoint = i;
        c->start_layer = start;
    }
}

/* A guard that suits the node; false: this one does not. `reads`: it changes nothing. */
static bool draw_guard(struct bench *b, struct guard *g, uint32_t n_columns, bool reads)
{
    const struct graph *graph = &b->t.model->graph;
    *g = (struct guard){.node = below(b, graph->count),
                        .column = below(b, n_columns),
                        .kind = (enum guard_kind)below(b, GUARD_KINDS),
                        .action = (enum guard_action)(reads || below(b, 4) ? 0 : below(b, 3)),
                        .low = -0.5f,
                        .high = (float)below(b, 40) / 8,
                        .factor = 1};
    const struct node *node = &graph->node[g->node];
    if (reads && guard_evaluation(g->kind))
        return false;
    return g->kind == GUARD_STORED ? node->op == OP_STORE
           : g->kind == GUARD_ABFT ? node->op == OP_LINEAR
                                   : node->op != OP_STORE;
}

/* No two guards of a kind at one node and column. */
static uint32_t draw_guards(struct bench *b, uint32_t n, uint32_t n_columns)
{
    const bool reads = below(b, 2);
    uint32_t made = 0;
    for (uint32_t i = 0; i < 4 * n && made < n; i++) {
        struct guard *g = &b->guards[made];
        bool good = draw_guard(b, g, n_columns, reads);
        for (uint32_t j = 0; j < made; j++)
            good &= b->guards[j].node != g->node || b->guards[j].column != g->column ||
                    b->guards[j].kind != g->kind;
        made += good;
    }
    return made;
}

/* A fault in the second evaluation of a guard; false: it has none. */
static bool draw_second(struct bench *b, struct hook *hook, uint32_t n_guards)
{
    const struct guard *g = &b->guards[below(b, n_guards + (n_guards == 0))];
    if (n_guards == 0 || guard_evaluation(g->kind) == 0)
        return false;
    hook->node = g->node;
    hook->column = g->column;
    hook->evaluation = guard_evaluation(g->kind);
    hook->data.row = below(b, b->t.model->graph.node[g->node].rows);
    hook->data.key = b->columns[g->column].position;
    return true;
}

static void draw_hooks(struct bench *b, uint32_t n, uint32_t n_columns, uint32_t n_guards)
{
    const struct graph *graph = &b->t.model->graph;
    for (uint32_t i = 0; i < n; i++) {
        const struct node *node;
        do
            node = &graph->node[below(b, graph->count)];
        while (node->op == OP_STORE);
        const uint32_t column = below(b, n_columns);
        b->hooks[i] = (struct hook){.node = (uint32_t)(node - graph->node),
                                    .column = column,
                                    .point = HOOK_OUT,
                                    .data = {.kind = KIND_FLIP,
                                             .mask = 1u << below(b, 31),
                                             .key = b->columns[column].position,
                                             .row = below(b, node->rows)}};
        for (int tries = 0; below(b, 2) && tries < 8; tries++) {
            if (draw_second(b, &b->hooks[i], n_guards))
                break;
        }
    }
}

/* The pass on a device beside what the scalar form found (`a`; the pass's own guards). */
static void check_device(struct bench *b, int device, struct pass pass,
                         const struct column_result *a)
{
    static struct guard found[GUARDS];
    struct column_result c[COLUMNS];
    struct hook hooks[FAULTS];
    const char *model = gguf_path(b->t.model->gguf);

    memcpy(found, pass.guards, pass.n_guards * sizeof(*found));
    memcpy(hooks, pass.hooks, pass.n_hooks * sizeof(*hooks));
    pass.guards = found;
    pass.hooks = hooks;
    assert_int_equal(executor_pass(b->other[device], &pass, c), STATUS_OK);
    for (uint32_t i = 0; i < pass.n_guards; i++) {
        const uint32_t *x = b->guards[i].verdict, *y = found[i].verdict;
        if (memcmp(x, y, sizeof(found->verdict)) != 0)
            fail_msg("%s, device %d, %s, column %u of %u, kind %d, action %d: cpu:scalar %u %u "
                     "%08x %08x, found %u %u %08x %08x",
                     model, device, b->t.model->graph.node[found[i].node].site, found[i].column,
                     pass.n_columns, (int)found[i].kind, (int)found[i].action, x[0], x[1], x[2],
                     x[3], y[0], y[1], y[2], y[3]);
    }
    vk_testing_equal(&b->t, &pass, a, c, model);
}

static void check_pass(struct bench *b, struct pass pass)
{
    struct column_result results[COLUMNS];
    struct hook hooks[FAULTS];

    memcpy(hooks, pass.hooks, pass.n_hooks * sizeof(*hooks));
    assert_int_equal(executor_pass(b->t.cpu, &pass, results), STATUS_OK);
    pass.hooks = hooks;
    for (uint32_t i = 0; i < pass.n_guards; i++)
        b->found[b->guards[i].kind] += b->guards[i].verdict[0] != 0;
    for (int device = 0; device < OTHERS; device++)
        check_device(b, device, pass, results);
}

struct shape {
    const char *name;
    enum storage act, kv;
    uint32_t columns; /* of the executor */
    bool separate;
};

/* Executors with tables of check sums, whose branches have one number. */
static void open_bench(struct bench *b, const struct shape *shape)
{
    const enum cpu_form second = cpu_form_available(CPU_AVX2) ? CPU_AVX2 : CPU_AUTO;
    struct executor_params params = {.act = shape->act,
                                     .kv = shape->kv,
                                     .positions = POSITIONS,
                                     .branches = 1,
                                     .columns = shape->columns,
                                     .checkpoints = COLUMNS,
                                     .separate = shape->separate};
    vk_testing_open(&b->t, vk_testing_tiny(shape->name), params);
    b->branch = vk_testing_branch(&b->t);
    params.model = b->t.model;
    params.threads = 3;
    b->other[0] = b->t.vk;
    assert_int_equal(cpu_create(&b->other[1], CPU_AUTO, &params), STATUS_OK);
    params.threads = 1;
    assert_int_equal(cpu_create(&b->other[2], second, &params), STATUS_OK);
    uint32_t nodes[256];
    const uint32_t n = b->t.model->graph.count;
    assert_true(n <= 256);
    for (uint32_t i = 0; i < n; i++)
        nodes[i] = i;
    assert_int_equal(executor_abft_make(b->t.cpu, nodes, n), STATUS_OK);
    for (int i = 0; i < OTHERS; i++) {
        uint32_t own = b->branch;
        if (i > 0)
            assert_int_equal(kv_branch(b->other[i]->kv, &own), STATUS_OK);
        assert_int_equal(own, b->branch);
        assert_int_equal(executor_abft_make(b->other[i], nodes, n), STATUS_OK);
    }
}

static void run_shape(const struct shape *shape, uint64_t id)
{
    static struct bench b;
    memset(&b, 0, sizeof(b));
    rng_init(&b.rng, 21, id);
    open_bench(&b, shape);
    for (uint32_t i = 0; i < PASSES; i++) {
        const uint32_t most = shape->columns < COLUMNS ? shape->columns : COLUMNS;
        const uint32_t n = i == 0 ? most : i % 3 ? 1 : 1 + below(&b, most);
        struct pass pass = {.columns = b.columns,
                            .n_columns = n,
                            .guards = b.guards,
                            .hooks = b.hooks,
                            .n_hooks = i % 2 ? 1 + below(&b, FAULTS) : 0};
        draw_columns(&b, n, i == 0);
        pass.n_guards = draw_guards(&b, n == 1 ? 100 : below(&b, GUARDS), n);
        draw_hooks(&b, pass.n_hooks, n, pass.n_guards);
        check_pass(&b, pass);
    }
    assert_true(b.found[GUARD_RANGE] > 0 && b.found[GUARD_STORED] > 0);
    executor_destroy(&b.other[1]);
    executor_destroy(&b.other[2]);
    vk_testing_close(&b.t);
}

static void test_mixes(void **state)
{
    static const struct shape shapes[] = {
        {"tiny-llama-q4_k", STORAGE_F32, STORAGE_F32, 64, false},
        {"tiny-llama-q4_k", STORAGE_F32, STORAGE_F16, 4, true},
        {"tiny-qwen2", STORAGE_F16, STORAGE_BF16, 24, false},
        {"tiny-qwen2", STORAGE_F32, STORAGE_F32, 2, false},
        {"tiny-gemma3", STORAGE_F16, STORAGE_F32, 24, false},
        {"tiny-gemma3", STORAGE_BF16, STORAGE_F16, 64, true},
        {"tiny-gemma3", STORAGE_F32, STORAGE_F32, 1, false},
        {"tiny-qwen2moe", STORAGE_F16, STORAGE_F32, 24, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
        run_shape(&shapes[i], i);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mixes)};
    return cmocka_run_group_tests_name("guard mixes", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    return vk_testing_main(argv, run_all);
}
