/* SPDX-License-Identifier: MIT */
/* Every trial of a shard is given out until it is done, once; controls come after their
 * originals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "inject/campaign/campaign_queue.h"

#define TRIALS 6000
#define ITEMS 7
#define WORKERS 3 /* and the reference */

struct test {
    uint8_t done[TRIALS / 8 + 1];
    bool finished[TRIALS], shadowed[TRIALS], held[TRIALS];
    uint32_t runs, shadows, controls, switches;
    unsigned seed;
};

/* Every 50th is a naive rerun, every 50th a CPU rerun of some trial, before or after it. */
static enum status describe(void *user, uint64_t id, struct campaign_queue_trial *out)
{
    (void)user;
    const uint64_t draw = hash_mix64(id);
    *out = (struct campaign_queue_trial){.way = CAMPAIGN_WAY_FAST, .item = draw % ITEMS};
    if (id % 50 > 1)
        return STATUS_OK;
    uint64_t original = draw % TRIALS;
    while (original % 50 < 2)
        original = (original + 1) % TRIALS;
    out->way = id % 50 == 0 ? CAMPAIGN_WAY_NAIVE : CAMPAIGN_WAY_CPU;
    out->original = original;
    out->item = hash_mix64(original) % ITEMS;
    return STATUS_OK;
}

static void check_batch(struct test *t, const struct campaign_queue_params *params,
                        const struct campaign_batch *batch)
{
    assert_true(batch->count <= CAMPAIGN_BATCH_MAX);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct campaign_queue_trial trial;
        const uint64_t id = batch->id[i];
        assert_int_equal(describe(NULL, id, &trial), STATUS_OK);
        assert_int_equal(trial.item, batch->item);
        if (batch->work == CAMPAIGN_WAY_SHADOW) {
            assert_int_equal(trial.way, CAMPAIGN_WAY_FAST);
            continue;
        }
        assert_int_equal(trial.way, batch->work);
        assert_int_equal(id % params->shards, params->shard);
        assert_false(t->finished[id] || t->held[id]);
        if (trial.way != CAMPAIGN_WAY_FAST)
            assert_true(t->finished[trial.original] || t->shadowed[trial.original]);
        t->held[id] = true;
    }
}

static void finish(struct test *t, struct campaign_queue *q, const struct campaign_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const uint64_t id = batch->id[i];
        assert_int_equal(campaign_queue_done(q, (enum campaign_way)batch->work, id), STATUS_OK);
        if (batch->work == CAMPAIGN_WAY_SHADOW) {
            t->shadowed[id] = true;
            t->shadows++;
            continue;
        }
        t->held[id] = false;
        t->finished[id] = true;
        t->done[id / 8] |= (uint8_t)(1u << (id % 8));
        t->runs++;
        t->controls += batch->work != CAMPAIGN_WAY_FAST;
    }
}

static void return_batch(struct test *t, struct campaign_queue *q,
                         const struct campaign_batch *batch)
{
    for (uint32_t i = 0; i < batch->count && batch->work != CAMPAIGN_WAY_SHADOW; i++)
        t->held[batch->id[i]] = false;
    assert_int_equal(campaign_queue_give_back(q, batch), STATUS_OK);
}

/* Workers ask, answer, and now and then return a batch, in random order, until nothing is left. */
static void run(struct test *t, const struct campaign_queue_params *params)
{
    struct campaign_queue *q = NULL;
    static struct campaign_batch held[WORKERS + 1];
    uint32_t item[WORKERS + 1];
    assert_int_equal(campaign_queue_create(&q, params), STATUS_OK);
    for (int w = 0; w <= WORKERS; w++) {
        held[w].count = 0;
        item[w] = CAMPAIGN_QUEUE_NO_ITEM;
    }
    const uint64_t target = campaign_queue_target(q);
    for (int idle = 0; idle < 200; idle++) {
        const int w = rand_r(&t->seed) % (WORKERS + 1);
        struct campaign_queue_asker asker = {.item = item[w], .most = 1 + rand_r(&t->seed) % 40u};
        for (int way = CAMPAIGN_WAY_FAST; way < CAMPAIGN_WAY_COUNT; way++)
            asker.takes[way] = (way == CAMPAIGN_WAY_CPU) == (w == WORKERS);
        if (held[w].count > 0) {
            idle = 0;
            if (rand_r(&t->seed) % 8 == 0)
                return_batch(t, q, &held[w]);
            else
                finish(t, q, &held[w]);
            held[w].count = 0;
            continue;
        }
        assert_int_equal(campaign_queue_next(q, &asker, &held[w]), STATUS_OK);
        check_batch(t, params, &held[w]);
        if (held[w].count > 0) {
            t->switches += item[w] != held[w].item;
            item[w] = held[w].item;
        }
    }
    assert_int_equal(t->runs, target);
    assert_int_equal(campaign_queue_left(q), 0);
    campaign_queue_destroy(&q);
    assert_null(q);
}

static struct campaign_queue_params params_of(struct test *t)
{
    return (struct campaign_queue_params){.describe = describe,
                                          .n_items = ITEMS,
                                          .trials = TRIALS,
                                          .shards = 1,
                                          .done = t->done,
                                          .window = 50};
}

static void test_whole(void **state)
{
    (void)state;
    struct test *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->seed = 1;
    const struct campaign_queue_params params = params_of(t);
    run(t, &params);
    for (uint32_t id = 0; id < TRIALS; id++)
        assert_true(t->finished[id]);
    assert_int_equal(t->controls, TRIALS / 25);
    assert_int_equal(t->shadows, 0);
    /* A window of 50 for each item: about 17 of them, in each of which each item is met by some. */
    print_message("%u switches of item\n", t->switches);
    assert_true(t->switches < 17 * ITEMS * 4);
    free(t);
}

/* Shards are disjoint and together all; originals of other shards are shadowed. */
static void test_shards(void **state)
{
    (void)state;
    uint32_t runs = 0, shadows = 0;
    for (uint32_t shard = 0; shard < 3; shard++) {
        struct test *t = calloc(1, sizeof(*t));
        assert_non_null(t);
        t->seed = 2 + shard;
        struct campaign_queue_params params = params_of(t);
        params.shard = shard;
        params.shards = 3;
        run(t, &params);
        for (uint32_t id = 0; id < TRIALS; id++)
            assert_int_equal(t->finished[id], id % 3 == shard);
        runs += t->runs;
        shadows += t->shadows;
        free(t);
    }
    assert_int_equal(runs, TRIALS);
    assert_in_range(shadows, TRIALS / 25 / 2, TRIALS / 25);
}

/* Calls with a limit do the lowest ids, controls included, and go on where the last one ended. */
static void test_limit(void **state)
{
    (void)state;
    struct test *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->seed = 9;
    struct campaign_queue_params params = params_of(t);
    params.limit = 701;
    for (uint32_t call = 1; call <= 9; call++) {
        t->runs = 0;
        run(t, &params);
        const uint32_t end = call * 701 < TRIALS ? call * 701 : TRIALS;
        for (uint32_t id = 0; id < TRIALS; id++)
            assert_int_equal(t->finished[id], id < end);
    }
    assert_true(t->shadows > 0);
    free(t);
}

/* In a campaign with looks, all before a look is done before anything after it starts, with one
 * worker. */
static void test_looks(void **state)
{
    static const uint64_t looks[] = {601, 1200, 1201, TRIALS};
    struct test *t = calloc(1, sizeof(*t));
    struct campaign_queue *q = NULL;
    struct campaign_queue_asker asker = {.item = CAMPAIGN_QUEUE_NO_ITEM, .most = 40};
    static struct campaign_batch batch;
    uint64_t highest = 0;
    (void)state;
    assert_non_null(t);
    struct campaign_queue_params params = params_of(t);
    params.window = 0;
    params.look = looks;
    params.n_looks = sizeof(looks) / sizeof(*looks);
    for (int way = CAMPAIGN_WAY_FAST; way < CAMPAIGN_WAY_COUNT; way++)
        asker.takes[way] = true;
    assert_int_equal(campaign_queue_create(&q, &params), STATUS_OK);
    for (;;) {
        assert_int_equal(campaign_queue_next(q, &asker, &batch), STATUS_OK);
        if (!batch.any)
            break;
        check_batch(t, &params, &batch);
        for (uint32_t i = 0; i < batch.count; i++)
            highest = batch.id[i] > highest ? batch.id[i] : highest;
        for (size_t k = 0; k + 1 < sizeof(looks) / sizeof(*looks); k++) {
            /* a control may wait for a trial after the look */
            const bool passed = highest >= looks[k];
            if (passed && campaign_queue_leading(q) < looks[k])
                assert_true(campaign_queue_leading(q) % 50 < 2);
        }
        finish(t, q, &batch);
        asker.item = batch.item;
    }
    assert_int_equal(campaign_queue_leading(q), TRIALS);
    campaign_queue_destroy(&q);
    free(t);
}

/* Items in the order asked for, each whole before the next. */
static void test_order_of_items(void **state)
{
    static const uint32_t order[ITEMS] = {3, 0, 6, 1, 5, 2, 4};
    struct test *t = calloc(1, sizeof(*t));
    struct campaign_queue *q = NULL;
    struct campaign_queue_asker asker = {
        .takes = {[CAMPAIGN_WAY_FAST] = true}, .item = CAMPAIGN_QUEUE_NO_ITEM, .most = 100};
    static struct campaign_batch batch;
    uint32_t found[ITEMS], n = 0;
    (void)state;
    assert_non_null(t);
    struct campaign_queue_params params = params_of(t);
    params.window = UINT32_MAX;
    params.order = order;
    assert_int_equal(campaign_queue_create(&q, &params), STATUS_OK);
    for (;;) {
        assert_int_equal(campaign_queue_next(q, &asker, &batch), STATUS_OK);
        if (!batch.any)
            break;
        if (asker.item != batch.item) {
            assert_true(n < ITEMS);
            found[n++] = batch.item;
        }
        check_batch(t, &params, &batch);
        finish(t, q, &batch);
        asker.item = batch.item;
    }
    assert_int_equal(n, ITEMS);
    assert_memory_equal(found, order, sizeof(order));
    campaign_queue_destroy(&q);
    free(t);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    struct test *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    struct campaign_queue_params params = params_of(t);
    memset(t->done, 0xff, sizeof(t->done));
    run(t, &params);
    assert_int_equal(t->runs, 0);
    params.trials = 0;
    run(t, &params);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_shards),
        cmocka_unit_test(test_limit),          cmocka_unit_test(test_looks),
        cmocka_unit_test(test_order_of_items), cmocka_unit_test(test_nothing_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
