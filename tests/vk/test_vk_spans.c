/* SPDX-License-Identifier: MIT */
/* K and V as stored: what guards of a STORE say of the registers is what is stored, rows and sums
 * are the same on every device, and what is written is read. */
#include "model/executor_kv.h"
#include "vk_testing.h"

enum { PROMPT = 45, NODES_MOST = 64 }; /* two pages */

struct rows {
    uint32_t row; /* bytes */
    uint8_t *bytes;
};

static struct kv_span span_of(uint32_t branch, uint32_t plane, uint32_t position, uint32_t n)
{
    return (struct kv_span){.branch = branch,
                            .layer = plane / 2,
                            .value = plane % 2 != 0,
                            .position = position,
                            .n = n};
}

/* All rows of a branch, plane after plane, in one call. */
static struct rows read_all(struct executor *ex, uint32_t branch)
{
    const uint32_t planes = 2 * ex->model->hp.n_layers;
    struct rows out = {.row = executor_kv_row(ex)};
    struct kv_span *spans = calloc(2 * (size_t)planes, sizeof(*spans));
    out.bytes = calloc((size_t)planes * PROMPT, out.row);
    assert_non_null(spans);
    assert_non_null(out.bytes);
    for (uint32_t i = 0; i < planes; i++) {
        spans[2 * i] = span_of(branch, i, 0, KV_PAGE_POSITIONS);
        spans[2 * i + 1] = span_of(branch, i, KV_PAGE_POSITIONS, PROMPT - KV_PAGE_POSITIONS);
    }
    assert_int_equal(executor_kv_read(ex, spans, 2 * planes, out.bytes), STATUS_OK);
    free(spans);
    return out;
}

static const uint8_t *row_at(const struct rows *rows, uint32_t plane, uint32_t position)
{
    return rows->bytes + ((size_t)plane * PROMPT + position) * rows->row;
}

/* The prompt once more, with guards; verdicts are sums of the rows that are stored. */
static void run_prompt(struct executor *ex, struct pass pass, struct guard *guards,
                       const char *device)
{
    struct column_result results[PROMPT];
    uint32_t n = 0;
    for (uint32_t node = 0; node < ex->model->graph.count; node++) {
        for (uint32_t column = 0; column < PROMPT; column++) {
            if (ex->model->graph.node[node].op == OP_STORE)
                guards[n++] = (struct guard){.node = node, .column = column, .kind = GUARD_STORED};
        }
    }
    pass.guards = guards;
    pass.n_guards = n;
    assert_int_equal(executor_pass(ex, &pass, results), STATUS_OK);
    struct rows rows = read_all(ex, pass.columns[0].branch);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t layer = ex->model->graph.node[guards[i].node].layer;
        for (uint32_t value = 0; value < 2; value++) {
            const struct kv_sums sums = executor_kv_sum_row(
                ex, row_at(&rows, 2 * layer + value, guards[i].column), UINT32_MAX);
            if (sums.weighted != guards[i].verdict[2 * value] ||
                sums.mixed != guards[i].verdict[2 * value + 1])
                fail_msg("%s: layer %u, column %u, %s: other sums than what is stored", device,
                         layer, guards[i].column, value ? "V" : "K");
        }
    }
    free(rows.bytes);
}

/* Sums of random spans, layers rising, with any mask; a flipped bit changes those that see it. */
static void run_sums(struct executor *ex, uint32_t branch, struct rng *rng, const char *device)
{
    const uint32_t planes = 2 * ex->model->hp.n_layers;
    struct rows rows = read_all(ex, branch);
    for (uint32_t round = 0; round < 8; round++) {
        struct kv_check checks[NODES_MOST];
        struct kv_sums found[NODES_MOST];
        uint32_t n = 0;
        for (uint32_t plane = 0; plane < planes; plane++) {
            const uint32_t page = (uint32_t)rng_below(rng, 2) * KV_PAGE_POSITIONS;
            const uint32_t most = page ? PROMPT - KV_PAGE_POSITIONS : KV_PAGE_POSITIONS;
            const uint32_t first = (uint32_t)rng_below(rng, most);
            assert_true(n < NODES_MOST);
            checks[n++] = (struct kv_check){
                span_of(branch, plane, page + first, 1 + (uint32_t)rng_below(rng, most - first)),
                round % 2 ? UINT32_MAX : rng_u32(rng)};
        }
        assert_int_equal(executor_kv_sums(ex, checks, n, found), STATUS_OK);
        for (uint32_t i = 0; i < n; i++) {
            const struct kv_span *span = &checks[i].span;
            struct kv_sums all = {0};
            for (uint32_t k = span->position; k < span->position + span->n; k++) {
                const uint32_t plane = 2 * span->layer + span->value;
                const struct kv_sums one = executor_kv_place(
                    executor_kv_sum_row(ex, row_at(&rows, plane, k), checks[i].mask), rows.row, k);
                all.sum += one.sum;
                all.weighted += one.weighted;
                all.mixed += one.mixed;
            }
            if (all.sum != found[i].sum || all.weighted != found[i].weighted ||
                all.mixed != found[i].mixed)
                fail_msg("%s: layer %u %s positions %u to %u: other sums", device, span->layer,
                         span->value ? "V" : "K", span->position, span->position + span->n - 1);
        }
    }
    free(rows.bytes);
}

/* What is written is read, in this branch alone; an edit of one bit shows in the sums. */
static void run_writes(struct executor *ex, uint32_t branch, struct rng *rng)
{
    const uint32_t planes = 2 * ex->model->hp.n_layers, width = storage_bits(ex->kv_storage);
    uint32_t other;
    struct rows rows = read_all(ex, branch);
    assert_int_equal(kv_branch(ex->kv, &other), STATUS_OK);
    kv_share(ex->kv, &(struct kv_share){.from = branch,
                                        .to = other,
                                        .layer_count = ex->model->hp.n_layers,
                                        .positions = PROMPT});
    for (uint32_t round = 0; round < 8; round++) {
        const uint32_t plane = (uint32_t)rng_below(rng, planes);
        const struct kv_span span = span_of(other, plane, (uint32_t)rng_below(rng, PROMPT), 1);
        const struct kv_check check = {span, UINT32_MAX};
        struct kv_sums before, after;
        uint8_t *row = rows.bytes + ((size_t)plane * PROMPT + span.position) * rows.row;
        for (uint32_t i = 0; i < rows.row; i++)
            row[i] = (uint8_t)rng_u32(rng);
        assert_int_equal(executor_kv_write(ex, &span, row), STATUS_OK);
        assert_int_equal(executor_kv_sums(ex, &check, 1, &before), STATUS_OK);
        const struct kv_site site = {.branch = other,
                                     .layer = span.layer,
                                     .position = span.position,
                                     .value = span.value,
                                     .feature = (uint32_t)rng_below(rng, rows.row * 8 / width)};
        struct hook_data data = {.kind = KIND_FLIP, .mask = 1u << rng_below(rng, width)};
        assert_int_equal(executor_edit_kv(ex, &site, &data), STATUS_OK);
        assert_int_equal(executor_kv_sums(ex, &check, 1, &after), STATUS_OK);
        assert_true(before.sum != after.sum);
        assert_int_equal(executor_kv_write(ex, &span, row), STATUS_OK);
    }
    struct rows found = read_all(ex, other), kept = read_all(ex, branch);
    assert_memory_equal(found.bytes, rows.bytes, (size_t)planes * PROMPT * rows.row);
    assert_memory_not_equal(kept.bytes, rows.bytes, (size_t)planes * PROMPT * rows.row);
    free(rows.bytes);
    free(found.bytes);
    free(kept.bytes);
    kv_release(ex->kv, other);
}

/* One and two flips always show in a row, and so do patterns of flips that sums with rising weights
 * do not see: bits of equal worth in neighbouring elements. */
static void run_patterns(struct executor *ex, struct rng *rng)
{
    const uint32_t bytes = executor_kv_row(ex), step = storage_bits(ex->kv_storage) / 8;
    uint8_t row[4096];
    assert_true(bytes >= 8 * step && bytes <= sizeof(row));
    for (uint32_t round = 0; round < 3000; round++) {
        const uint32_t n = round % 3 == 0 ? 8 : round % 3;
        const uint32_t bit = (uint32_t)rng_below(rng, 8 * step);
        const uint32_t first = (uint32_t)rng_below(rng, bytes / step - 7);
        uint32_t other = 0;
        for (uint32_t i = 0; i < bytes; i++)
            row[i] = (uint8_t)rng_u32(rng);
        const struct kv_sums before = executor_kv_sum_row(ex, row, UINT32_MAX);
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t at = n == 2 ? (uint32_t)rng_below(rng, bytes / step) : first + i;
            if (n == 2 && i == 1 && at == other)
                continue;
            other = at;
            row[at * step + bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        const struct kv_sums after = executor_kv_sum_row(ex, row, UINT32_MAX);
        assert_true(before.weighted != after.weighted || before.mixed != after.mixed);
    }
}

static void run_refused(struct executor *ex, uint32_t branch)
{
    const struct kv_span bad[] = {span_of(branch, 0, KV_PAGE_POSITIONS - 1, 2),
                                  span_of(branch, 0, 2 * KV_PAGE_POSITIONS, 1),
                                  span_of(branch, 2 * ex->model->hp.n_layers, 0, 1),
                                  span_of(branch + 1, 0, 0, 1), span_of(branch, 0, 0, 0)};
    static uint8_t room[65536];
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(executor_kv_read(ex, &bad[i], 1, room), STATUS_USAGE);
        assert_int_equal(executor_kv_write(ex, &bad[i], room), STATUS_USAGE);
    }
}

static void run_model(const char *name, enum storage act, enum storage kv)
{
    static struct guard guards[2][NODES_MOST * PROMPT];
    struct executor_params params = {
        .act = act, .kv = kv, .positions = 96, .branches = 2, .columns = PROMPT};
    struct column columns[PROMPT];
    struct executor *fast = NULL;
    struct vk_testing t;
    struct rng rng;
    uint32_t branch;
    vk_testing_open(&t, vk_testing_tiny(name), params);
    params.model = t.model;
    assert_int_equal(cpu_create(&fast, CPU_AUTO, &params), STATUS_OK);
    assert_int_equal(kv_branch(fast->kv, &branch), STATUS_OK);
    assert_int_equal(branch, vk_testing_branch(&t));
    rng_init(&rng, 11, act);
    for (uint32_t i = 0; i < PROMPT; i++)
        columns[i] = vk_testing_column(&t, branch, i, vk_testing_token(&t, &rng),
                                       i % 7 == 3 ? VK_TESTING_ALL : 0);
    const struct pass pass = {.columns = columns, .n_columns = PROMPT};
    struct executor *const all[] = {t.cpu, fast, t.vk};
    static const char *const names[] = {"cpu:scalar", "cpu", "vk"};
    for (int i = 0; i < 3; i++) {
        memset(guards[i > 0], 0, sizeof(guards[0]));
        run_prompt(all[i], pass, guards[i > 0], names[i]);
        assert_memory_equal(guards[0], guards[i > 0], sizeof(guards[0]));
        rng_init(&rng, 3, kv);
        run_sums(all[i], branch, &rng, names[i]);
        run_writes(all[i], branch, &rng);
        run_refused(all[i], branch);
    }
    run_patterns(t.cpu, &rng);
    executor_destroy(&fast);
    vk_testing_close(&t);
}

static void test_spans(void **state)
{
    (void)state;
    run_model("tiny-llama-q4_k", STORAGE_F32, STORAGE_F32);
    run_model("tiny-qwen2", STORAGE_F16, STORAGE_BF16);
    run_model("tiny-gemma3", STORAGE_BF16, STORAGE_F16);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spans)};
    return cmocka_run_group_tests_name("spans", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    return vk_testing_main(argv, run_all);
}
