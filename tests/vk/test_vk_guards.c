/* SPDX-License-Identifier: MIT */
/* Guards on every device: they count the Inf and NaN of an output row and its values outside a
 * range, after the hooks, as many as a watcher of the scalar form sees; later ops see what a range
 * leaves. */
#include <math.h>

#include "shared/order.h"
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

/* Infinities and NaN at places of every kind of op, half of the columns with logits. */
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

/* A guard at every site of some columns. */
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
                                       i % 2 ? VK_TESTING_ALL : COLUMN_HIDDEN);
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
        /* a hidden row's logits are computed if they are guarded, as if they were watched */
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

/* The row of a node as watchers see it, at every column. */
struct rows {
    const struct node *node;
    float *values; /* (PROMPT, room) */
    uint32_t room, count[PROMPT];
};

static void keep(void *user, const struct node *node, uint32_t column, const float *values,
                 uint32_t n)
{
    struct rows *rows = user;
    if (node != rows->node)
        return;
    assert_true(n <= rows->room);
    memcpy(rows->values + (size_t)column * rows->room, values, n * sizeof(*values));
    rows->count[column] = n;
}

static bool keyed(const struct node *node)
{
    return node->out == REG_S || node->out == REG_P;
}

/* Values of one line of a row. */
static uint32_t column_keys(const struct rows *rows, uint32_t column)
{
    return keyed(rows->node) ? column + 1 : rows->node->rows;
}

/* The verdict on a row as kept, and what a guard leaves of it: in plain comparisons. */
static void apply(const struct guard *g, const struct rows *rows, struct guard *out, float *left)
{
    const float *row = rows->values + (size_t)g->column * rows->room;
    const uint32_t n = rows->count[g->column], width = column_keys(rows, g->column);
    *out = *g;
    memset(out->verdict, 0, sizeof(out->verdict));
    for (uint32_t i = 0; i < n; i++) {
        const float x = row[i];
        const bool seen =
            !keyed(rows->node) || i % width >= order_first_key(g->column, rows->node->window);
        const bool outside = seen && !(x >= g->low && x <= g->high);
        left[i] = x;
        if (!outside)
            continue;
        if (out->verdict[0]++ == 0)
            out->verdict[1] = i;
        const float from = x != x ? 0 : x;
        if (g->action == GUARD_ZERO)
            left[i] = 0;
        else if (g->action == GUARD_CLIP)
            left[i] = from < g->low ? g->low : from > g->high ? g->high : from;
    }
}

/* Bounds of some values of the node's rows, sometimes of one value, 0 or an infinity. */
static void draw_range(const struct rows *rows, struct guard *g, struct rng *rng)
{
    float bound[2];
    for (int i = 0; i < 2; i++) {
        const uint32_t column = (uint32_t)rng_below(rng, PROMPT);
        const uint32_t n = rows->count[column];
        bound[i] = n ? rows->values[(size_t)column * rows->room + rng_below(rng, n)] : 1;
        bound[i] = rng_below(rng, 6) == 0 ? 0 : bound[i] != bound[i] ? INFINITY : bound[i];
    }
    g->low = bound[0] < bound[1] ? bound[0] : bound[1];
    g->high = bound[0] < bound[1] ? bound[1] : bound[0];
}

/* One node's guards on one device: verdicts, rows left, and what later ops made of them. */
static void check_range(struct executor *ex, struct pass pass, const struct rows *before,
                        struct column_result *out)
{
    struct rows after = {
        before->node, malloc(PROMPT * before->room * sizeof(float)), before->room, {0}};
    float *left = malloc(before->room * sizeof(*left));
    struct column_result watched[PROMPT];
    struct guard expected;
    assert_non_null(after.values);
    assert_non_null(left);
    pass.watch = keep;
    pass.watch_user = &after;
    assert_int_equal(executor_pass(ex, &pass, watched), STATUS_OK);
    for (uint32_t i = 0; i < pass.n_guards; i++) {
        const uint32_t column = pass.guards[i].column;
        apply(&pass.guards[i], before, &expected, left);
        assert_memory_equal(pass.guards[i].verdict, expected.verdict, sizeof(expected.verdict));
        vk_testing_equal_rows(left, after.values + (size_t)column * after.room,
                              before->count[column], before->node->site, column);
    }
    pass.watch = NULL; /* last, since a pass ends what another one's results point to */
    assert_int_equal(executor_pass(ex, &pass, out), STATUS_OK);
    for (uint32_t i = 0; i < pass.n_guards; i++) {
        apply(&pass.guards[i], before, &expected, left);
        assert_memory_equal(pass.guards[i].verdict, expected.verdict, sizeof(expected.verdict));
    }
    for (uint32_t i = 0; i < PROMPT; i++)
        assert_true(i % 2 == 0 ||
                    (watched[i].hash == out[i].hash && watched[i].token == out[i].token));
    free(after.values);
    free(left);
}

/* A range at every third node, each alone: hooks before it bring infinities and NaN. */
static void ranges_of(struct vk_testing *t, const struct column *columns, uint32_t act)
{
    struct rng rng;
    const struct graph *graph = &t->model->graph;
    struct executor *const devices[] = {t->cpu, t->vk};
    uint32_t changed = 0;
    rng_init(&rng, 11, act);
    for (uint32_t node = act % 3; node < graph->count; node += 3) {
        struct hook hooks[FAULTS];
        struct guard guards[PROMPT];
        struct column_result plain[PROMPT], results[2][PROMPT];
        struct rows rows = {.node = &graph->node[node]};
        struct pass pass = {.columns = columns,
                            .n_columns = PROMPT,
                            .hooks = hooks,
                            .n_hooks = FAULTS,
                            .watch = keep,
                            .watch_user = &rows};
        if (rows.node->op == OP_STORE)
            continue;
        rows.room = keyed(rows.node) ? rows.node->rows * PROMPT : rows.node->rows;
        rows.values = calloc((size_t)PROMPT * rows.room, sizeof(float));
        assert_non_null(rows.values);
        draw(t, hooks, &rng);
        assert_int_equal(executor_pass(t->cpu, &pass, plain), STATUS_OK);
        pass.watch = NULL;
        pass.guards = guards;
        for (uint32_t column = node % 2; column < PROMPT; column += 1 + node % 4) {
            struct guard *g = &guards[pass.n_guards++];
            *g = (struct guard){.node = node,
                                .column = column,
                                .kind = GUARD_RANGE,
                                .action = (enum guard_action)rng_below(&rng, 3)};
            draw_range(&rows, g, &rng);
        }
        for (int d = 0; d < 2; d++)
            check_range(devices[d], pass, &rows, results[d]);
        vk_testing_equal(t, &pass, results[0], results[1], rows.node->site);
        for (uint32_t i = 0; i < PROMPT; i++)
            changed += results[0][i].hash != plain[i].hash;
        free(rows.values);
    }
    assert_true(changed > 0);
}

static void range_model(const char *name, enum storage act, enum storage kv)
{
    struct vk_testing t;
    struct column columns[PROMPT];
    struct rng rng;
    vk_testing_open(&t, vk_testing_tiny(name),
                    (struct executor_params){
                        .act = act, .kv = kv, .positions = 64, .branches = 1, .columns = PROMPT});
    const uint32_t branch = vk_testing_branch(&t);
    rng_init(&rng, 6, act);
    for (uint32_t i = 0; i < PROMPT; i++)
        columns[i] = vk_testing_column(&t, branch, i, vk_testing_token(&t, &rng),
                                       i % 2 ? VK_TESTING_ALL : COLUMN_HIDDEN);
    ranges_of(&t, columns, act);
    vk_testing_close(&t);
}

static void test_ranges(void **state)
{
    (void)state;
    range_model("tiny-llama-q4_k", STORAGE_F32, STORAGE_F32);
    range_model("tiny-qwen2", STORAGE_F16, STORAGE_BF16);
    range_model("tiny-gemma3", STORAGE_BF16, STORAGE_F16);
}

/* Bounds out of order, or no numbers, are a broken promise. */
static void test_refused(void **state)
{
    static const float bounds[][2] = {{1, -1}, {NAN, 1}, {0, NAN}};
    struct vk_testing t;
    struct column_result result;
    (void)state;
    vk_testing_open(&t, vk_testing_tiny("tiny-llama-q4_k"),
                    (struct executor_params){.positions = 32, .branches = 1, .columns = 1});
    const struct column column = vk_testing_column(&t, vk_testing_branch(&t), 0, 1, 0);
    for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
        struct guard guard = {.kind = GUARD_RANGE, .low = bounds[i][0], .high = bounds[i][1]};
        const struct pass pass = {
            .columns = &column, .n_columns = 1, .guards = &guard, .n_guards = 1};
        assert_int_equal(executor_pass(t.cpu, &pass, &result), STATUS_INTERNAL);
        assert_int_equal(executor_pass(t.vk, &pass, &result), STATUS_INTERNAL);
    }
    vk_testing_close(&t);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts), cmocka_unit_test(test_ranges),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests_name("guards", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    return vk_testing_main(argv, run_all);
}
