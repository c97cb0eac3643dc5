/* SPDX-License-Identifier: MIT */
/* Second evaluations on every device: a clean pass has none that differ and keeps its bits; a fault
 * in either evaluation shows as the words it changed; the same fault in both does not, and rotated
 * it shows where each of them struck. */
#include "model/op.h"
#include "vk_testing.h"

enum { PROMPT = 33, FORMS = 3 }; /* two pages */

struct bench {
    struct vk_testing t;
    struct executor *fast; /* the CPU's best form, two threads */
    struct column columns[PROMPT];
};

static struct executor *device(const struct bench *b, int i)
{
    return i == 0 ? b->t.cpu : i == 1 ? b->fast : b->t.vk;
}

static void open_bench(struct bench *b, const char *name, enum storage act, enum storage kv)
{
    struct executor_params params = {
        .act = act, .kv = kv, .positions = 64, .branches = 1, .columns = PROMPT, .threads = 2};
    struct rng rng;
    uint32_t branch;
    vk_testing_open(&b->t, vk_testing_tiny(name), params);
    params.model = b->t.model;
    assert_int_equal(cpu_create(&b->fast, CPU_AUTO, &params), STATUS_OK);
    assert_int_equal(kv_branch(b->fast->kv, &branch), STATUS_OK);
    assert_int_equal(branch, vk_testing_branch(&b->t));
    rng_init(&rng, 8, act);
    for (uint32_t i = 0; i < PROMPT; i++)
        b->columns[i] = vk_testing_column(&b->t, branch, i, vk_testing_token(&b->t, &rng),
                                          i % 3 ? VK_TESTING_ALL : 0);
}

static void close_bench(struct bench *b)
{
    executor_destroy(&b->fast);
    vk_testing_close(&b->t);
}

/* Both kinds at every site of some columns, where they are together at a node too. */
static uint32_t place(const struct bench *b, struct guard *guards, uint32_t n_columns)
{
    uint32_t n = 0;
    for (uint32_t node = 0; node < b->t.model->graph.count; node++) {
        for (uint32_t column = node % 3; column < n_columns; column += 1 + node % 3) {
            if (b->t.model->graph.node[node].op == OP_STORE)
                continue;
            guards[n++] = (struct guard){
                .node = node, .column = column, .kind = column % 2 ? GUARD_TWIN : GUARD_ROTATED};
        }
    }
    return n;
}

static void same_results(const struct column_result *a, const struct column_result *b, uint32_t n,
                         const char *what)
{
    for (uint32_t i = 0; i < n; i++) {
        if (a[i].hash != b[i].hash || a[i].token != b[i].token)
            fail_msg("%s: column %u: other bits", what, i);
    }
}

/* Whole prompts, and single columns as in decoding. */
static void test_clean(void **state)
{
    static const char *const files[FORMS] = {"tiny-llama-q4_k", "tiny-qwen2", "tiny-gemma3"};
    static const enum storage act[FORMS] = {STORAGE_F32, STORAGE_F16, STORAGE_BF16};
    static struct guard guards[GUARD_MOST];
    (void)state;
    for (int m = 0; m < FORMS; m++) {
        struct bench b;
        open_bench(&b, files[m], act[m], act[FORMS - 1 - m]);
        for (uint32_t n = PROMPT; n > 0; n = n == PROMPT ? 1 : 0) {
            struct column_result plain[PROMPT], twice[PROMPT];
            struct pass pass = {.columns = b.columns, .n_columns = n};
            assert_int_equal(executor_pass(b.t.cpu, &pass, plain), STATUS_OK);
            pass.guards = guards;
            pass.n_guards = place(&b, guards, n);
            for (int d = 0; d < FORMS; d++) {
                assert_int_equal(executor_pass(device(&b, d), &pass, twice), STATUS_OK);
                same_results(plain, twice, n, files[m]);
                for (uint32_t i = 0; i < pass.n_guards; i++) {
                    if (guards[i].verdict[0] != 0)
                        fail_msg("%s: %s, column %u, device %d: %u words differ", files[m],
                                 b.t.model->graph.node[guards[i].node].site, guards[i].column, d,
                                 guards[i].verdict[0]);
                }
            }
        }
        close_bench(&b);
    }
}

/* The row of a node in the last column. */
struct row {
    const struct node *node;
    float *values;
    uint32_t n;
};

static void keep(void *user, const struct node *node, uint32_t column, const float *values,
                 uint32_t n)
{
    struct row *row = user;
    if (node != row->node || column != PROMPT - 1)
        return;
    memcpy(row->values, values, n * sizeof(*values));
    row->n = n;
}

/* Words that differ, and the first of them. */
static void compare(const struct row *a, const struct row *b, uint32_t out[2])
{
    out[0] = out[1] = 0;
    for (uint32_t i = 0; i < a->n; i++) {
        if (nm_canon(lang_bits(a->values[i])) == nm_canon(lang_bits(b->values[i])))
            continue;
        if (out[0]++ == 0)
            out[1] = i;
    }
}

/* A fault at a node of the last column: a point and box of its own. */
static struct hook draw(const struct bench *b, uint32_t node, struct rng *rng)
{
    static const uint32_t points[] = {HOOK_OUT, HOOK_MEM, HOOK_OPERAND, HOOK_PARTIAL};
    const struct node *n = &b->t.model->graph.node[node];
    struct hook hook = {.node = node, .column = PROMPT - 1, .data = {.kind = KIND_FLIP}};
    struct op_point at;
    do
        hook.point = points[rng_below(rng, 4)];
    while (!op_point(&at, n, hook.point));
    hook.data.mask = hook.point == HOOK_MEM ? 0x4000 : 0x20000000;
    hook.data.row = at.rows ? (uint32_t)rng_below(rng, at.rows) : 0;
    hook.data.k = at.ks ? (uint32_t)rng_below(rng, at.ks) : 0;
    hook.data.key = at.keyed ? PROMPT - 1 : 0;
    return hook;
}

static void run_row(struct executor *ex, const struct bench *b, struct hook *hooks, uint32_t n,
                    struct row *row)
{
    struct column_result out[PROMPT];
    const struct pass pass = {.columns = b->columns,
                              .n_columns = PROMPT,
                              .hooks = hooks,
                              .n_hooks = n,
                              .watch = keep,
                              .watch_user = row};
    assert_int_equal(executor_pass(ex, &pass, out), STATUS_OK);
}

/* Faults of one node: `first` in the op's own evaluation, `twin` in the second (null: none). */
struct strike {
    const struct hook *first, *twin;
    enum guard_kind kind;
};

static void strike(const struct bench *b, int d, const struct strike *s, uint32_t out[2])
{
    struct hook hooks[2];
    struct column_result results[PROMPT];
    const struct hook *any = s->first ? s->first : s->twin;
    struct guard guard = {.node = any->node, .column = PROMPT - 1, .kind = s->kind};
    struct pass pass = {.columns = b->columns,
                        .n_columns = PROMPT,
                        .hooks = hooks,
                        .guards = &guard,
                        .n_guards = 1};
    if (s->first)
        hooks[pass.n_hooks++] = *s->first;
    if (s->twin) {
        hooks[pass.n_hooks] = *s->twin;
        hooks[pass.n_hooks++].evaluation = guard_evaluation(s->kind);
    }
    assert_int_equal(executor_pass(device(b, d), &pass, results), STATUS_OK);
    for (uint32_t i = 0; i < pass.n_hooks; i++)
        assert_true(hooks[i].data.count > 0);
    memcpy(out, guard.verdict, 2 * sizeof(*out));
}

static void expect(const uint32_t found[2], const uint32_t expected[2], const char *what)
{
    if (found[0] != expected[0] || found[1] != expected[1])
        fail_msg("%s: found %u words that differ from %u on, expected %u from %u on", what,
                 found[0], found[1], expected[0], expected[1]);
}

static void faults_of(const struct bench *b, uint32_t node, struct rng *rng)
{
    static const uint32_t none[2];
    const struct node *n = &b->t.model->graph.node[node];
    const size_t room = (size_t)n->rows * PROMPT;
    struct hook a = draw(b, node, rng), c = draw(b, node, rng);
    struct row clean = {n, calloc(room, sizeof(float)), 0}, by_a = clean, by_c = clean;
    uint32_t differ[3][2], found[2];
    by_a.values = calloc(room, sizeof(float));
    by_c.values = calloc(room, sizeof(float));
    assert_true(clean.values && by_a.values && by_c.values);
    run_row(b->t.cpu, b, NULL, 0, &clean);
    run_row(b->t.cpu, b, &a, 1, &by_a);
    run_row(b->t.cpu, b, &c, 1, &by_c);
    compare(&clean, &by_a, differ[0]);
    compare(&clean, &by_c, differ[1]);
    compare(&by_a, &by_c, differ[2]);
    for (int d = 0; d < FORMS; d++) {
        for (enum guard_kind kind = GUARD_TWIN; kind <= GUARD_ROTATED; kind++) {
            strike(b, d, &(struct strike){&a, NULL, kind}, found);
            expect(found, differ[0], n->site);
            strike(b, d, &(struct strike){NULL, &c, kind}, found);
            expect(found, differ[1], n->site);
            strike(b, d, &(struct strike){&a, &c, kind}, found);
            expect(found, differ[2], n->site);
            strike(b, d, &(struct strike){&a, &a, kind}, found);
            expect(found, none, n->site);
        }
    }
    free(clean.values);
    free(by_a.values);
    free(by_c.values);
}

static void test_faults(void **state)
{
    static const char *const files[FORMS] = {"tiny-llama-q4_k", "tiny-qwen2", "tiny-gemma3"};
    static const enum storage act[FORMS] = {STORAGE_F32, STORAGE_F16, STORAGE_BF16};
    (void)state;
    for (int m = 0; m < FORMS; m++) {
        struct bench b;
        struct rng rng;
        open_bench(&b, files[m], act[m], act[m]);
        b.columns[PROMPT - 1].outputs = VK_TESTING_ALL;
        rng_init(&rng, 9, (uint64_t)m);
        /* some of every kind of op */
        for (uint32_t node = (uint32_t)m; node < b.t.model->graph.count;
             node += 2 + 2 * (uint32_t)m) {
            if (b.t.model->graph.node[node].op != OP_STORE)
                faults_of(&b, node, &rng);
        }
        close_bench(&b);
    }
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clean), cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests_name("twins", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    return vk_testing_main(argv, run_all);
}
