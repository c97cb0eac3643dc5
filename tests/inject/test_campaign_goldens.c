/* SPDX-License-Identifier: MIT */
/* Golden runs of many items together, and those whose tokens are known, equal single ones bit for
 * bit: tokens, hashes, log-likelihoods, and all that trials start from. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <math.h>

#include "campaign_bench.h"

#include "inject/campaign/campaign_goldens.h"

/* Prompts, texts with stop strings, and choices, with one context and with several. */
static char *plan_text(struct arena *arena, const char *decoding, const char *record)
{
    return arena_printf(
        arena,
        "{\"model\":\"tiny\",\"decoding\":{%s},\"record\":\"%s\",\"prompts\":[{\"ids\":[%s]},"
        "{\"ids\":[[5,6,7,8]],\"n\":1},{\"ids\":[[1]],\"n\":19}],\"items\":{\"list\":["
        "{\"task\":\"pick\",\"kind\":\"choices\",\"metric\":\"acc\",\"prompt\":\"abc def ghi\","
        "\"choices\":[[\" one\"],[\" two three\"],[\" four\"]],\"gold\":1},"
        "{\"task\":\"say\",\"kind\":\"generation\",\"metric\":\"exact_match\",\"rule\":"
        "\"first_line\",\"prompt\":\"hello hello hello hello hello\",\"target\":\"x\",\"n\":23,"
        "\"stop\":[\"a\",\"\\n\"],\"format\":\"plain\"},"
        "{\"task\":\"fill\",\"kind\":\"choices\",\"metric\":\"acc_norm\",\"prompt\":\"\","
        "\"choices\":[[\"the cat\",\" sat on it\"],[\"the doggy\",\" sat on it\"]],\"gold\":1},"
        "{\"task\":\"letter\",\"kind\":\"choices\",\"metric\":\"acc\",\"prompt\":\"which? \","
        "\"choices\":[[\"A\"],[\"B\"],[\"C\"],[\"D\"]],\"gold\":1}]},"
        "\"population\":\"ops\",\"sampling\":{\"trials\":20}}",
        decoding, record, bench_prompts);
}

/* A campaign's items on one executor. */
struct scene {
    struct bench *bench;
    struct campaign_item *item;
    struct campaign_world world;
    struct executor *ex;
    struct golden_shape shape;
    struct arena arena;
    struct campaign_golden told[16];
    uint32_t n_told;
};

static void begin(struct scene *s, const char *decoding, const char *record,
                  const struct bench_device *device)
{
    *s = (struct scene){.n_told = 0};
    s->bench = bench_begin_plan(plan_text(&s->arena, decoding, record));
    struct bench *b = s->bench;
    assert_int_equal(campaign_items_make(&s->item, &s->arena, &b->plan, b->model), STATUS_OK);
    s->world = (struct campaign_world){.setup = &b->params.setup, .item = s->item};
    s->shape = campaign_items_shape(s->item, &b->plan);
    struct executor_params needs = {.model = b->model, .threads = 1};
    golden_needs(&needs, &s->shape);
    assert_int_equal(campaign_goldens_needs(&needs, &s->world), STATUS_OK);
    assert_int_equal(device->vulkan ? vk_create(&s->ex, device->gpu, &needs)
                                    : cpu_create(&s->ex, device->form, &needs),
                     STATUS_OK);
}

static void end(struct scene *s)
{
    executor_destroy(&s->ex);
    bench_end(s->bench);
    arena_finish(&s->arena);
}

static enum status take(void *user, uint32_t item, struct campaign_golden *golden)
{
    struct scene *s = user;
    struct campaign_golden *out = &s->told[item];
    int32_t *tokens = arena_array(&s->arena, golden->n_tokens, sizeof(*tokens));
    double *logp = arena_array(&s->arena, golden->n_choices + 1, sizeof(*logp));
    assert_int_equal(out->n_tokens, 0); /* each once */
    *out = *golden;
    if (golden->tokens)
        out->tokens = memcpy(tokens, golden->tokens, golden->n_tokens * sizeof(*tokens));
    if (golden->n_choices > 0)
        out->logp = memcpy(logp, golden->logp, golden->n_choices * sizeof(*logp));
    s->n_told++;
    return STATUS_OK;
}

static struct golden_params params_of(const struct scene *s, uint32_t index)
{
    const struct campaign_item *item = &s->item[index];
    const struct plan *plan = &s->bench->plan;
    return (struct golden_params){.generate = {.ex = s->ex,
                                               .ids = item->input.ids,
                                               .n_ids = item->input.n_ids,
                                               .rules = campaign_goldens_rules(plan, item),
                                               .save_position = EXECUTOR_NONE},
                                  .choice = item->choice,
                                  .n_choices = item->input.choices.n_choices,
                                  .n_shared = item->input.choices.n_shared,
                                  .reference =
                                      item->question ? item->question->item.gold : EXECUTOR_NONE,
                                  .shape = s->shape,
                                  .level = (enum record_level)plan->record};
}

static void expect_told(const struct campaign_golden *found, const struct golden *expected)
{
    assert_int_equal(found->n_tokens, golden_tokens(expected));
    assert_true(found->hash == golden_hash(expected));
    assert_int_equal(found->n_choices, expected->n_choices);
    assert_int_equal(found->chosen, expected->chosen);
    for (uint32_t i = 0; i < found->n_choices; i++)
        assert_true(found->logp[i] == expected->choice[i].logp);
    if (!golden_is_choice(expected))
        assert_memory_equal(found->tokens, expected->run.tokens, found->n_tokens * sizeof(int32_t));
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

/* All that trials start from, of two generations. */
static void expect_same(const struct golden *found, const struct golden *expected)
{
    const struct generation *a = &found->run, *b = &expected->run;
    const struct hparams *hp = &found->params.ex->model->hp;
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_memory_equal(a->tokens, b->tokens, a->n_tokens * sizeof(int32_t));
    assert_true(a->hash == b->hash);
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->redone, b->redone);
    assert_int_equal(found->n_evaluated, expected->n_evaluated);
    assert_int_equal(found->kept_first, expected->kept_first);
    for (uint32_t i = 0; i < a->n_tokens; i++) {
        assert_true(a->step[i].hash == b->step[i].hash && a->step[i].finite == b->step[i].finite);
        assert_int_equal(a->step[i].verdict, b->step[i].verdict);
        assert_true(same_bits(found->step[i].margin, expected->step[i].margin));
        assert_true(same_bits(found->step[i].logsumexp, expected->step[i].logsumexp));
        assert_int_equal(!found->step[i].logits, !expected->step[i].logits);
        if (found->step[i].logits)
            assert_memory_equal(found->step[i].logits, expected->step[i].logits,
                                hp->n_vocab * sizeof(float));
    }
    assert_int_equal(!found->residual_hash, !expected->residual_hash);
    if (found->residual_hash)
        assert_memory_equal(found->residual_hash, expected->residual_hash,
                            (size_t)found->n_evaluated * (hp->n_layers + 1) * sizeof(uint64_t));
}

static uint64_t dispatches(const struct scene *s)
{
    struct executor_info info;
    executor_info(s->ex, &info);
    return info.dispatches;
}

/* The golden run of an item with these tokens known, held against one without. Returns whether it
 * took less. */
static bool expect_known(const struct scene *s, uint32_t index, const int32_t *known, uint32_t n)
{
    struct golden_params params = params_of(s, index);
    struct arena arena = {0};
    struct golden found, expected;
    const uint64_t start = dispatches(s);
    assert_int_equal(golden_run(&expected, &arena, &params), STATUS_OK);
    golden_release(&expected);
    const uint64_t middle = dispatches(s);
    params.known = known;
    params.n_known = n;
    assert_int_equal(golden_run(&found, &arena, &params), STATUS_OK);
    expect_same(&found, &expected);
    golden_release(&found);
    arena_finish(&arena);
    return dispatches(s) - middle < middle - start;
}

/* The right tokens and wrong ones: one changed, too few, too many, those of another item. */
static void try_known(struct scene *s, uint32_t index)
{
    const struct campaign_golden *own = &s->told[index];
    int32_t tokens[64];
    memcpy(tokens, own->tokens, own->n_tokens * sizeof(*tokens));
    const bool less = expect_known(s, index, tokens, own->n_tokens);
    assert_true(less || own->n_tokens < 4);
    expect_known(s, index, tokens, own->n_tokens / 2);
    for (uint32_t at = 0; at < own->n_tokens; at += 5) {
        tokens[at] ^= 1;
        expect_known(s, index, tokens, own->n_tokens);
        tokens[at] ^= 1;
    }
    tokens[own->n_tokens] = 7;
    expect_known(s, index, tokens, own->n_tokens + 1);
    expect_known(s, index, s->told[0].tokens, s->told[0].n_tokens);
}

static const char *const DECODING[] = {"\"n\":11", "\"n\":11,\"stop\":\"none\"",
                                       "\"n\":17,\"temp\":0.9,\"top_k\":20,\"seed\":3"};
static const char *const RECORD[] = {"full", "summary", "outcome"};

static void run_on(const struct bench_device *device)
{
    for (uint32_t i = 0; i < sizeof(DECODING) / sizeof(*DECODING); i++) {
        struct scene s;
        begin(&s, DECODING[i], RECORD[i], device);
        const uint32_t n = s.bench->plan.n_items, pages = kv_pages_free(s.ex->kv, 0);
        s.item[1].known = true; /* and so not run again */
        const struct campaign_goldens_params params = {
            .world = &s.world, .ex = s.ex, .done = take, .user = &s};
        assert_int_equal(campaign_goldens_run(&params), STATUS_OK);
        assert_int_equal(s.n_told, n - 1);
        assert_int_equal(s.told[1].n_tokens, 0);
        assert_int_equal(kv_pages_free(s.ex->kv, 0), pages);
        for (uint32_t k = 0; k < n; k++) {
            const struct golden_params single = params_of(&s, k);
            struct arena arena = {0};
            struct golden golden;
            assert_int_equal(golden_run(&golden, &arena, &single), STATUS_OK);
            if (k != 1)
                expect_told(&s.told[k], &golden);
            golden_release(&golden);
            arena_finish(&arena);
            if (s.told[k].tokens)
                try_known(&s, k);
            assert_int_equal(kv_pages_free(s.ex->kv, 0), pages);
        }
        end(&s);
    }
}

static void test_same(void **state)
{
    struct bench_device device[] = {{.form = CPU_AUTO}, {.form = CPU_SCALAR}, {.vulkan = true}};
    (void)state;
    if (gpu_open(&device[2].gpu, NULL))
        print_message("no Vulkan device: the CPU alone\n");
    for (uint32_t i = 0; i < 3; i++) {
        if (!device[i].vulkan || device[i].gpu)
            run_on(&device[i]);
    }
    gpu_close(&device[2].gpu);
}

static enum status look_back(void *user, void *state, const struct decode_view *view,
                             struct decode_verdict *out)
{
    uint32_t *n = state;
    (void)user;
    if (view->token == DECODE_NO_TOKEN)
        return STATUS_OK;
    out->word = ++*n + view->position;
    out->back = *n == 5 || *n == 9 ? 3 : 0;
    return STATUS_OK;
}

/* A check sees every step, so known tokens do not help it. */
static void test_check(void **state)
{
    const struct decode_check check = {
        .look = look_back, .state = sizeof(uint32_t), .most_back = 6};
    const struct bench_device device = {.form = CPU_AUTO};
    struct scene s;
    struct golden found, expected;
    (void)state;
    begin(&s, DECODING[1], "full", &device);
    struct golden_params params = params_of(&s, 2);
    params.generate.rules.check = &check;
    assert_int_equal(golden_run(&expected, &s.arena, &params), STATUS_OK);
    assert_int_equal(expected.run.redone, 6);
    golden_release(&expected);
    params.known = expected.run.tokens;
    params.n_known = expected.run.n_tokens;
    assert_int_equal(golden_run(&found, &s.arena, &params), STATUS_OK);
    expect_same(&found, &expected);
    golden_release(&found);
    end(&s);
}

/* A flushed value marks the item that flushed it, not those that ran beside it. */
static void test_underflow(void **state)
{
    struct arena arena = {0};
    struct bench *b = bench_begin(",\"sampling\":{\"trials\":10}");
    struct store *store;
    struct store_item *item;
    uint32_t n;
    (void)state;
    b->scene->flushes = 140; /* of the second prompt alone */
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    assert_int_equal(b->goldens, 3);
    assert_int_equal(store_open(&store, b->path), STATUS_OK);
    assert_int_equal(store_read_items(store, &arena, &item, &n), STATUS_OK);
    store_destroy(&store);
    assert_int_equal(n, 3);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(item[i].underflow, i == 1);
    bench_end(b);
    arena_finish(&arena);
}

/* A worker that dies among golden runs costs those that were not told, and no more. */
static void test_crash(void **state)
{
    struct arena arena = {0};
    struct text expected = {0};
    char *const plan = plan_text(&arena, DECODING[1], RECORD[1]);
    (void)state;
    struct bench *whole = bench_begin_plan(plan);
    assert_int_equal(campaign_run(&whole->params), STATUS_OK);
    bench_rows(&expected, whole->path);
    bench_end(whole);
    for (long after = 0; after < 24; after += 6) {
        struct bench *b = bench_begin_plan(plan);
        b->scene->harm = BENCH_ABORT;
        b->scene->after = after;
        b->scene->times = 1;
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        assert_int_equal(b->goldens, b->plan.n_items);
        assert_int_equal(b->failed, 1);
        bench_expect_rows(b, &expected);
        bench_end(b);
    }
    text_finish(&expected);
    arena_finish(&arena);
}

/* How many golden runs lie beside the database; false: none do. */
static bool kept_beside(const struct bench *b, uint32_t *out)
{
    struct arena arena = {0};
    struct store_item *item;
    struct store *store;
    char path[160];
    snprintf(path, sizeof(path), "%s-golden", b->path);
    if (access(path, F_OK) != 0)
        return false;
    assert_int_equal(store_open(&store, path), STATUS_OK);
    assert_int_equal(store_read_items(store, &arena, &item, out), STATUS_OK);
    store_destroy(&store);
    arena_finish(&arena);
    return true;
}

/* Golden runs are kept when a campaign is interrupted or fails before there is a database; the next
 * call makes the others alone and leaves nothing beside it. Those of another plan are not taken. */
static void test_interrupted(void **state)
{
    struct arena arena = {0};
    struct text expected = {0};
    char *const plan = plan_text(&arena, DECODING[1], RECORD[1]);
    uint32_t kept = 0;
    (void)state;
    struct bench *whole = bench_begin_plan(plan);
    assert_int_equal(campaign_run(&whole->params), STATUS_OK);
    assert_false(kept_beside(whole, &kept));
    bench_rows(&expected, whole->path);
    bench_end(whole);
    for (uint32_t after = 1; after < 8; after += 3) {
        struct bench *b = bench_begin_plan(plan);
        b->stop_after_goldens = after;
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        const uint32_t made = b->goldens;
        assert_true(made >= after && kept_beside(b, &kept) && kept == made);
        struct bench *other = bench_begin_plan(plan_text(&arena, DECODING[0], RECORD[0]));
        if (after == 1) {
            other->params.database = b->path;
            assert_int_equal(campaign_run(&other->params), STATUS_OK);
            assert_int_equal(other->goldens, other->plan.n_items);
            assert_false(kept_beside(b, &kept));
        } else {
            b->stop = 0;
            b->stop_after_goldens = 0;
            assert_int_equal(campaign_run(&b->params), STATUS_OK);
            assert_int_equal(b->goldens, b->plan.n_items); /* of both calls */
            assert_false(kept_beside(b, &kept));
            bench_expect_rows(b, &expected);
        }
        bench_end(other);
        bench_end(b);
    }
    text_finish(&expected);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same), cmocka_unit_test(test_check), cmocka_unit_test(test_underflow),
        cmocka_unit_test(test_crash), cmocka_unit_test(test_interrupted)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
