/* SPDX-License-Identifier: MIT */
/* Columns started where fault_reach says give the logits and the proof of columns started at 0. */
#include "base/rng.h"
#include "inject/space/fault_reach.h"
#include "inject/space/site.h"
#include "inject/space/widen.h"
#include "space_bench.h"

enum { N = SPACE_POSITIONS - 1, ROUNDS = 250 };

static struct model *model;
static struct executor *ex;
static struct fault_bounds bounds;
static struct site *sites;
static uint32_t n_sites;
static int32_t tokens[N];
static uint64_t golden_hash[N];
static uint32_t golden_branch;

static uint32_t below(struct rng *rng, uint32_t n)
{
    return (uint32_t)rng_below(rng, n);
}

/* Draws any place, point, kind, granularity and duration; false if fault_check refuses them. */
static bool draw(struct rng *rng, struct fault *out)
{
    const struct site *site = &sites[below(rng, n_sites)];
    const struct widen w = {0};
    *out = (struct fault){0};
    assert_true(fault_find(out, model, site->name));
    if (out->place == PLACE_CONTROL && out->control == CONTROL_SAMPLER)
        return false; /* no column shows it */
    do
        out->point = HOOK_OPERAND + below(rng, HOOK_LAST);
    while (!(site->points >> out->point & 1));
    const bool memory = out->place != PLACE_OP && out->place != PLACE_CONTROL;
    out->kind = (enum kind)below(rng, KIND_COUNT);
    out->position = below(rng, N);
    out->duration = memory ? DURATION_PERSISTENT : (enum duration)below(rng, 3);
    out->rate = out->duration == DURATION_INTERMITTENT ? 1u << (24 + below(rng, 8)) : 0;
    out->granularity = (enum granularity)below(rng, below(rng, 2) ? 1 : GRANULARITY_COUNT);
    out->readers = out->point == HOOK_OPERAND ? READERS_ALL : (enum readers)below(rng, 3);
    out->row = below(rng, site->node ? site->node->rows : 40);
    out->k = below(rng, 40) % (site->node && site->node->width ? site->node->width : 40);
    out->key = below(rng, out->position + 1);
    out->mask = 1u << below(rng, 31);
    out->value = out->kind == KIND_SET ? below(rng, 14) : lang_bits(1.5f);
    out->low = lang_bits(-0.01f);
    out->high = lang_bits(0.02f);
    out->from = below(rng, 9);
    out->only_mask = below(rng, 4) ? 0 : 1;
    out->key_high = below(rng, 1000);
    widen_fault(out, &bounds, &w, (enum stage)below(rng, STAGE_COUNT));
    if (memory && below(rng, 2))
        out->position_count = 1 + below(rng, 4);
    if (!fault_axes(out, &bounds).key)
        out->key = 0, out->key_count = 1;
    if (fault_check(out, &bounds, "drawn") == STATUS_OK)
        return true;
    out->k = out->row = 0;
    widen_fault(out, &bounds, &w, (enum stage)below(rng, STAGE_COUNT));
    return fault_check(out, &bounds, "drawn") == STATUS_OK;
}

/* Results of a trial's run. */
struct shown {
    struct tap_proof proof[2];
    uint64_t hash[N];
    bool due;
};

/* The columns of one pass from `position` on: golden's tokens, from where `start` says. */
static uint32_t columns_from(struct column columns[N], uint32_t branch, uint32_t position,
                             uint32_t most, const uint32_t *start)
{
    uint32_t m = 0;
    while (m < most && (!start || start[position + m] != FAULT_REACH_NONE)) {
        const uint32_t p = position + m, layer = start ? start[p] : 0;
        columns[m++] = (struct column){.branch = branch,
                                       .position = p,
                                       .token = tokens[p],
                                       .checkpoint = layer == 0 ? EXECUTOR_NONE : p,
                                       .start_layer = layer,
                                       .end_layer = model->hp.n_layers,
                                       .save = EXECUTOR_NONE,
                                       .outputs = p + 1 >= SPACE_PROMPT ? COLUMN_HASH : 0};
    }
    return m;
}

/* Whole (start null), or only the columns whose start is not FAULT_REACH_NONE. */
static void run(const struct fault *faults, uint32_t n, const uint32_t *start, struct shown *out)
{
    struct tap_fault tapped[2];
    struct tap tap;
    struct tap_pass *pass;
    uint32_t branch;
    for (uint32_t i = 0; i < n; i++)
        fault_tap(&faults[i], &bounds, &tapped[i]);
    assert_int_equal(tap_init(&tap, tapped, n, ex), STATUS_OK);
    assert_int_equal(tap_open(&pass, ex), STATUS_OK);
    assert_int_equal(kv_branch(ex->kv, &branch), STATUS_OK);
    if (start)
        kv_share(ex->kv, &(struct kv_share){golden_branch, branch, 0, model->hp.n_layers, N});
    memcpy(out->hash, golden_hash, sizeof(golden_hash));
    for (uint32_t position = 0; position < N && !tap.due;) {
        struct column columns[N];
        struct column_result results[N];
        if (start && start[position] == FAULT_REACH_NONE) {
            assert_int_equal(tap_strike(&tap, ex, branch, position), STATUS_OK);
            position++;
            continue;
        }
        const uint32_t m =
            columns_from(columns, branch, position, tap_split(&tap, position, N - position), start);
        tap_begin(pass);
        assert_int_equal(tap_add(pass, &tap, columns, m, results), STATUS_OK);
        if (tap.due)
            break;
        assert_int_equal(tap_go(pass, NULL, NULL), STATUS_OK);
        for (uint32_t i = 0; i < m; i++)
            out->hash[position + i] = results[i].hash;
        position += m;
    }
    out->due = tap.due;
    for (uint32_t i = 0; i < n; i++)
        out->proof[i] = tap_proof(&tap, i);
    tap_close(&pass);
    kv_release(ex->kv, branch);
    assert_int_equal(tap_finish(&tap, ex), STATUS_OK);
}

static void golden(void)
{
    struct column columns[N];
    struct column_result results[N];
    struct rng rng;
    rng_init(&rng, 5, 5);
    assert_int_equal(kv_branch(ex->kv, &golden_branch), STATUS_OK);
    for (uint32_t p = 0; p < N; p++) {
        tokens[p] = (int32_t)below(&rng, model->hp.n_vocab);
        columns[p] = (struct column){.branch = golden_branch,
                                     .position = p,
                                     .token = tokens[p],
                                     .checkpoint = EXECUTOR_NONE,
                                     .end_layer = model->hp.n_layers,
                                     .save = p,
                                     .outputs = p + 1 >= SPACE_PROMPT ? COLUMN_HASH : 0};
    }
    const struct pass pass = {.columns = columns, .n_columns = N};
    assert_int_equal(executor_pass(ex, &pass, results), STATUS_OK);
    for (uint32_t p = 0; p < N; p++)
        golden_hash[p] = results[p].hash;
}

static void open_model(const char *file, struct arena *arena)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s.gguf", VKFI_TINY, file);
    assert_int_equal(model_open(&model, path), STATUS_OK);
    bounds = (struct fault_bounds){
        .model = model, .n_prompt = SPACE_PROMPT, .positions = SPACE_POSITIONS};
    const struct executor_params params = {.model = model,
                                           .positions = SPACE_POSITIONS,
                                           .branches = 3,
                                           .columns = N,
                                           .checkpoints = N,
                                           .threads = 1};
    assert_int_equal(cpu_create(&ex, CPU_AUTO, &params), STATUS_OK);
    assert_int_equal(
        site_list(&sites, &n_sites, arena, &(struct site_shape){.model = model, .positions = N}),
        STATUS_OK);
    golden();
}

/* Coverage of a model's trials. */
struct coverage {
    uint32_t places[PLACE_COUNT], kinds[KIND_COUNT], changed, due;
    uint64_t layers;
};

static void compare(const struct fault *f, const struct shown *whole, const struct shown *forked,
                    uint32_t i)
{
    const bool same = memcmp(whole->hash, forked->hash, sizeof(whole->hash)) == 0;
    char site[FAULT_SITE_TEXT];
    fault_site(f, site);
    if (memcmp(&whole->proof[i], &forked->proof[i], sizeof(whole->proof[i])) == 0 &&
        whole->due == forked->due && (same || whole->due))
        return;
    fail_msg("%s, %s, %s, %s, position %u + %u, row %u k %u key %u: %lu fired whole, %lu forked; "
             "logits %s",
             site, kinds_text(KINDS_POINT, f->point), kinds_text(KINDS_KIND, f->kind),
             kinds_text(KINDS_GRANULARITY, f->granularity), f->position, f->position_count, f->row,
             f->k, f->key, (unsigned long)whole->proof[i].count,
             (unsigned long)forked->proof[i].count, same ? "agree" : "differ");
}

static void run_trial(const struct fault *faults, uint32_t n, struct coverage *c)
{
    const struct fault_reach reach = {
        .faults = faults, .n_faults = n, .bounds = &bounds, .tokens = tokens, .n_evaluated = N};
    struct shown whole, forked;
    uint32_t start[N];
    fault_reach(&reach, start);
    run(faults, n, NULL, &whole);
    run(faults, n, start, &forked);
    for (uint32_t i = 0; i < n; i++) {
        compare(&faults[i], &whole, &forked, i);
        c->places[faults[i].place]++;
        c->kinds[faults[i].kind]++;
    }
    for (uint32_t p = 0; p < N; p++)
        c->layers += start[p] != FAULT_REACH_NONE ? model->hp.n_layers - start[p] : 0;
    c->changed += memcmp(whole.hash, golden_hash, sizeof(golden_hash)) != 0;
    c->due += whole.due;
}

static void run_model(const char *file)
{
    struct arena arena = {0};
    struct coverage c = {0};
    struct rng rng;
    open_model(file, &arena);
    rng_init(&rng, 77, 1);
    for (uint32_t round = 0; round < ROUNDS;) {
        struct fault faults[2];
        const uint32_t n = 1 + below(&rng, 2);
        bool good = true;
        for (uint32_t i = 0; i < n; i++)
            good = good && draw(&rng, &faults[i]);
        if (!good)
            continue;
        run_trial(faults, n, &c);
        round++;
    }
    for (int place = 0; place < PLACE_COUNT; place++)
        assert_true(c.places[place] > 0);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        assert_true(c.kinds[kind] > 0);
    print_message("%s: %u trials, %u changed logits, %u due, %.0f %% of the layers\n", file, ROUNDS,
                  c.changed, c.due,
                  100.0 * (double)c.layers / (double)(ROUNDS * N * model->hp.n_layers));
    kv_release(ex->kv, golden_branch);
    executor_destroy(&ex);
    model_close(&model);
    arena_finish(&arena);
}

static void test_reach_gemma3(void **state)
{
    (void)state;
    run_model("tiny-gemma3");
}

static void test_reach_llama(void **state)
{
    (void)state;
    run_model("tiny-llama-q4_1");
}

static void test_reach_qwen2(void **state)
{
    (void)state;
    run_model("tiny-qwen2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reach_gemma3),
        cmocka_unit_test(test_reach_llama),
        cmocka_unit_test(test_reach_qwen2),
    };
    return space_main(tests, sizeof(tests) / sizeof(*tests));
}
