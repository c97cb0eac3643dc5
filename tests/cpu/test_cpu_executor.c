/* SPDX-License-Identifier: MIT */
/* One result whatever the form, the threads, the split into passes, the branch or the start layer.
 */
#include "runs.h"

enum { N = 70 };

static const char *const models[] = {"tiny-gemma3",     "tiny-qwen2",      "tiny-llama-q4_1",
                                     "tiny-llama-q6_k", "tiny-llama-q2_k", "tiny-qwen3moe"};

static void hashes_of(const struct model *model, struct runs_kind kind, uint32_t split,
                      uint64_t hashes[N])
{
    struct executor *ex = runs_executor(model, kind);
    runs_tokens(ex, (struct runs_span){runs_branch(ex), 0, N, split}, hashes);
    executor_destroy(&ex);
    assert_null(ex);
}

static void test_forms_threads_splits(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof(models) / sizeof(*models); m++) {
        struct model *model = runs_model(models[m]);
        for (int storage = 0; storage < 9; storage++) {
            struct runs_kind kind = {CPU_SCALAR, (enum storage)(storage / 3),
                                     (enum storage)(storage % 3), 1};
            uint64_t expected[N], found[N];
            hashes_of(model, kind, 33, expected);
            for (enum cpu_form form = CPU_AUTO; form < CPU_FORMS; form++) {
                if (!cpu_form_available(form))
                    continue;
                kind.form = form;
                for (kind.threads = 1; kind.threads <= 3; kind.threads++) {
                    const uint32_t split = kind.threads == 1 ? 1 : kind.threads == 2 ? 40 : 7;
                    hashes_of(model, kind, split, found);
                    assert_memory_equal(found, expected, sizeof(found));
                }
            }
        }
        model_close(&model);
    }
}

/* Weights stay in the file where they do not fit into memory; a form that is named stays. */
static void test_memory_chooses(void **state)
{
    (void)state;
    const enum cpu_form best = cpu_form_choose(CPU_AUTO, 100, 100);
    assert_false(best == CPU_AUTO || best == CPU_MAPPED);
    assert_true(cpu_form_available(best));
    assert_int_equal(cpu_form_choose(CPU_AUTO, 101, 100), best == CPU_SCALAR ? best : CPU_MAPPED);
    assert_int_equal(cpu_form_choose(CPU_AUTO, 1, UINT64_MAX), best);
    for (enum cpu_form form = CPU_SCALAR; form < CPU_FORMS; form++)
        assert_int_equal(cpu_form_choose(form, 101, 100), form);
}

/* What the mapped form holds for itself is no part of the weights. */
static void test_mapped_holds_no_weights(void **state)
{
    (void)state;
    struct model *model = runs_model("tiny-llama-q4_1");
    struct executor_info packed, mapped;
    struct executor *ex = runs_executor(model, (struct runs_kind){.form = CPU_AUTO, .threads = 1});
    executor_info(ex, &packed);
    executor_destroy(&ex);
    ex = runs_executor(model, (struct runs_kind){.form = CPU_MAPPED, .threads = 1});
    executor_info(ex, &mapped);
    executor_destroy(&ex);
    model_close(&model);
    assert_true(packed.total_bytes > mapped.total_bytes + packed.weight_bytes / 2);
}

/* Columns without outputs, and rows kept or not, change no bit. */
static void test_outputs_do_not_matter(void **state)
{
    (void)state;
    struct model *model = runs_model("tiny-gemma3");
    struct executor *ex = runs_executor(model, (struct runs_kind){.threads = 2});
    struct column columns[RUNS_COLUMNS];
    struct column_result results[RUNS_COLUMNS];
    uint64_t expected[N];
    const uint32_t a = runs_branch(ex), b = runs_branch(ex);

    runs_tokens(ex, (struct runs_span){a, 0, N, 40}, expected);
    for (uint32_t done = 0; done < N; done += 35) {
        for (uint32_t i = 0; i < 35; i++) {
            static const uint32_t outputs[] = {0, COLUMN_HASH,  0, COLUMN_LOGITS | COLUMN_HASH,
                                               0, COLUMN_ARGMAX};
            columns[i] = runs_column(ex, b, done + i);
            columns[i].outputs = outputs[i % 6];
        }
        runs_pass(ex, columns, 35, results);
        for (uint32_t i = 0; i < 35; i++) {
            const uint32_t outputs = columns[i].outputs;
            if (outputs & COLUMN_HASH)
                assert_true(results[i].hash == expected[done + i]);
            assert_int_equal(results[i].logits != NULL, (outputs & COLUMN_LOGITS) != 0);
            if (!(outputs & COLUMN_LOGITS))
                continue;
            struct cpu_digest d = {.bits = NM_NAN, .finite = true};
            cpu_logits_scalar(results[i].logits, 0, model->hp.n_vocab, &d);
            assert_true(((uint64_t)d.high << 32 | d.low) == results[i].hash);
        }
    }
    executor_destroy(&ex);
    model_close(&model);
}

/* Golden state with the residuals of each position saved in the row of that index. */
static void run_golden(struct executor *ex, uint32_t branch, uint64_t *hashes)
{
    struct column columns[RUNS_COLUMNS];
    struct column_result results[RUNS_COLUMNS];

    for (uint32_t done = 0; done < N; done += 35) {
        for (uint32_t i = 0; i < 35; i++) {
            columns[i] = runs_column(ex, branch, done + i);
            columns[i].save = done + i;
        }
        runs_pass(ex, columns, 35, results);
        for (uint32_t i = 0; i < 35; i++)
            hashes[done + i] = results[i].hash;
    }
}

/* A branch that shares golden pages below `layer` of all positions, and those before `at`. */
static uint32_t fork_at(struct executor *ex, uint32_t golden, uint32_t layer, uint32_t at)
{
    const uint32_t branch = runs_branch(ex), n = ex->model->hp.n_layers;

    if (layer > 0)
        kv_share(ex->kv, &(struct kv_share){golden, branch, 0, layer, N});
    if (layer < n)
        kv_share(ex->kv, &(struct kv_share){golden, branch, layer, n - layer, at});
    return branch;
}

/* Forks at every layer and some positions: later columns start from their checkpoints. */
static void fork_everywhere(struct executor *ex, uint32_t golden, const uint64_t *expected)
{
    struct column columns[RUNS_COLUMNS];
    struct column_result results[RUNS_COLUMNS];

    for (uint32_t layer = 0; layer <= ex->model->hp.n_layers; layer++) {
        for (uint32_t at = 31; at < N; at += 9) {
            const uint32_t branch = fork_at(ex, golden, layer, at);
            for (uint32_t i = 0; at + i < N; i++) {
                columns[i] = runs_column(ex, branch, at + i);
                columns[i].start_layer = layer;
                columns[i].checkpoint = at + i;
            }
            runs_pass(ex, columns, N - at, results);
            for (uint32_t i = 0; at + i < N; i++)
                assert_true(results[i].hash == expected[at + i]);
            kv_release(ex->kv, branch);
        }
    }
}

static void test_forks_at_every_layer(void **state)
{
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        struct model *model = runs_model(models[m]);
        for (enum storage act = 0; act < STORAGE_COUNT; act++) {
            struct executor *ex =
                runs_executor(model, (struct runs_kind){.act = act, .kv = act, .threads = 2});
            uint64_t expected[N], again[N];
            const uint32_t golden = runs_branch(ex), fresh = runs_branch(ex);
            run_golden(ex, golden, expected);
            runs_tokens(ex, (struct runs_span){fresh, 0, N, 11}, again);
            assert_memory_equal(again, expected, sizeof(again));
            kv_release(ex->kv, fresh);
            fork_everywhere(ex, golden, expected);
            executor_destroy(&ex);
        }
        model_close(&model);
    }
}

/* Columns of several branches and start layers side by side, and one that ends early. */
static void test_mixed_pass(void **state)
{
    (void)state;
    struct model *model = runs_model("tiny-gemma3");
    struct executor *ex = runs_executor(model, (struct runs_kind){.threads = 2});
    const uint32_t n = model->hp.n_layers;
    uint64_t expected[N];
    struct column_result results[8];
    const uint32_t golden = runs_branch(ex);

    run_golden(ex, golden, expected);
    const uint32_t a = fork_at(ex, golden, 0, 40), b = fork_at(ex, golden, 2, 50);
    const uint32_t c = fork_at(ex, golden, n, 60);
    struct column columns[8];
    for (uint32_t i = 0; i < 8; i++)
        columns[i] = runs_column(ex, a, 40 + i);
    columns[2] = runs_column(ex, b, 50);
    columns[3] = runs_column(ex, b, 51);
    columns[2].start_layer = columns[3].start_layer = 2;
    columns[2].checkpoint = 50;
    columns[3].checkpoint = 51;
    columns[4] = runs_column(ex, c, 60);
    columns[4].start_layer = n;
    columns[4].checkpoint = 60;
    runs_pass(ex, columns, 5, results);
    assert_true(results[0].hash == expected[40] && results[1].hash == expected[41]);
    assert_true(results[2].hash == expected[50] && results[3].hash == expected[51]);
    assert_true(results[4].hash == expected[60]);

    /* up to layer 3 with the residual saved, then the rest */
    columns[0] = runs_column(ex, a, 42);
    columns[1] = runs_column(ex, a, 43);
    columns[0].end_layer = columns[1].end_layer = 3;
    columns[0].outputs = columns[1].outputs = 0;
    columns[0].save = N;
    columns[1].save = N + 1;
    runs_pass(ex, columns, 2, results);
    for (uint32_t i = 0; i < 2; i++) {
        columns[i].start_layer = 3;
        columns[i].end_layer = n;
        columns[i].checkpoint = N + i;
        columns[i].save = EXECUTOR_NONE;
        columns[i].outputs = COLUMN_HASH;
    }
    runs_pass(ex, columns, 2, results);
    assert_true(results[0].hash == expected[42] && results[1].hash == expected[43]);
    executor_destroy(&ex);
    model_close(&model);
}

struct watched {
    uint32_t calls, values;
    float last_residual[2048];
};

static void watch(void *user, const struct node *node, uint32_t column, const float *values,
                  uint32_t count)
{
    struct watched *w = user;
    w->calls++;
    w->values += count;
    if (node->out == REG_X && column == 1)
        memcpy(w->last_residual, values, count * sizeof(float));
}

static void test_watch_and_checkpoints(void **state)
{
    (void)state;
    struct model *model = runs_model("tiny-gemma3");
    struct executor *ex = runs_executor(model, (struct runs_kind){.threads = 2});
    const uint32_t branch = runs_branch(ex), n = model->hp.n_layers;
    struct watched w = {0};
    struct column columns[2] = {runs_column(ex, branch, 0), runs_column(ex, branch, 1)};
    struct column_result results[2];
    float saved[2048];
    uint64_t expected[2];

    runs_tokens(ex, (struct runs_span){branch, 0, 2, 2}, expected);
    columns[1].save = 5;
    const struct pass pass = {.columns = columns, .n_columns = 2, .watch = watch, .watch_user = &w};
    assert_int_equal(executor_pass(ex, &pass, results), STATUS_OK);
    assert_true(results[0].hash == expected[0] && results[1].hash == expected[1]);
    assert_int_equal(w.calls, 2 * model->graph.count); /* every node, for both columns */
    assert_int_equal(executor_read_checkpoint(ex, 5, n, saved), STATUS_OK);
    forms_equal(saved, w.last_residual, model->hp.n_embd, "last residual");
    executor_destroy(&ex);
    model_close(&model);
}

static void test_refused_passes(void **state)
{
    (void)state;
    struct model *model = runs_model("tiny-llama-q4_1");
    struct executor *ex = runs_executor(model, (struct runs_kind){.threads = 1});
    const uint32_t branch = runs_branch(ex), n = model->hp.n_layers;
    const struct column good = runs_column(ex, branch, 0);
    struct column_result results[2];
    struct {
        struct column c[2];
        uint32_t n;
    } bad[16];
    uint32_t count = 0;

#define BAD(change)                                                                                \
    do {                                                                                           \
        struct column *c = bad[count].c;                                                           \
        c[0] = c[1] = good;                                                                        \
        c[1].position = 1;                                                                         \
        bad[count].n = 2;                                                                          \
        change;                                                                                    \
        count++;                                                                                   \
    } while (0)
    BAD(c[0].branch = branch + 1);
    BAD(c[0].position = RUNS_POSITIONS);
    BAD(c[0].token = -1);
    BAD(c[0].token = (int32_t)model->hp.n_vocab);
    BAD(c[0].start_layer = n);
    BAD(c[0].end_layer = 0);
    BAD(c[0].end_layer = n + 1);
    BAD(c[0].outputs = COLUMN_ANY + 1);
    BAD(c[0].save = RUNS_ROWS);
    BAD(c[0].checkpoint = RUNS_ROWS);
    BAD(c[1].position = 0);
    BAD(c[0].save = c[1].save = 3);
    BAD(c[0].start_layer = n; c[0].checkpoint = 0);
    BAD((c[0].position = 40, bad[count].n = 1)); /* nothing stored before */
    BAD(bad[count].n = 0);
#undef BAD
    for (uint32_t i = 0; i < count; i++) {
        const struct pass pass = {.columns = bad[i].c, .n_columns = bad[i].n};
        if (executor_pass(ex, &pass, results) != STATUS_USAGE)
            fail_msg("case %u was not refused", i);
    }
    runs_pass(ex, &good, 1, results);
    executor_destroy(&ex);
    model_close(&model);
}

static void test_create_refuses(void **state)
{
    (void)state;
    struct executor *ex;
    struct model *model = runs_model("tiny-llama-q4_1");
    const struct executor_params params = {.model = model, .positions = 8, .branches = 1};
    if (!cpu_form_available(CPU_AVX512)) {
        assert_int_equal(cpu_create(&ex, CPU_AVX512, &params), STATUS_DEVICE);
        assert_null(ex);
    }
    model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_threads_splits),
        cmocka_unit_test(test_outputs_do_not_matter),
        cmocka_unit_test(test_forks_at_every_layer),
        cmocka_unit_test(test_mixed_pass),
        cmocka_unit_test(test_watch_and_checkpoints),
        cmocka_unit_test(test_refused_passes),
        cmocka_unit_test(test_create_refuses),
        cmocka_unit_test(test_memory_chooses),
        cmocka_unit_test(test_mapped_holds_no_weights),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
