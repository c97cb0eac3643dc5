/* SPDX-License-Identifier: MIT */
/* A campaign that goes on with more waves in its database has the rows of one that had them from
 * the start, in one process or in shards; plans that do not start with its waves are refused. */
#include "campaign_bench.h"

#include "inject/store/store_merge.h"

#define WAVES(waves)                                                                               \
    ",\"sampling\":{\"trials\":40" waves "},\"seed\":5,\"controls\":{\"dry\":0.05,"                \
    "\"sentinel\":0.05,\"naive\":0.05,\"cpu\":0.05}"

/* The campaign of one plan in the database of another bench. */
static enum status go_on(const struct bench *at, const char *more, struct campaign_shard shard)
{
    struct bench *b = bench_begin(more);
    b->params.database = at->path;
    b->params.shard = shard;
    const enum status st = campaign_run(&b->params);
    bench_end(b);
    return st;
}

static const struct campaign_shard WHOLE = {.count = 1};

static void test_goes_on(void **state)
{
    struct text whole = {0}, first = {0};
    struct store *store;
    uint64_t begin[4];
    (void)state;
    bench_reference(&first, WAVES(""));
    bench_reference(&whole, WAVES(",\"waves\":[20,15]"));
    struct bench *b = bench_begin(WAVES(""));
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &first);
    assert_int_equal(go_on(b, WAVES(",\"waves\":[20]"), WHOLE), STATUS_OK);
    /* the shorter plan, and another second wave, are of another campaign now */
    assert_int_equal(go_on(b, WAVES(""), WHOLE), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "found the waves '20@"));
    assert_int_equal(go_on(b, WAVES(",\"waves\":[21]"), WHOLE), STATUS_INPUT);
    assert_int_equal(go_on(b, WAVES(",\"waves\":[2]"), WHOLE), STATUS_INPUT);
    assert_int_equal(go_on(b, WAVES(",\"waves\":[20,15]"), WHOLE), STATUS_OK);
    assert_int_equal(go_on(b, WAVES(",\"waves\":[20,15]"), WHOLE), STATUS_OK); /* nothing is left */
    bench_expect_rows(b, &whole);
    assert_int_equal(store_open(&store, b->path), STATUS_OK);
    assert_int_equal(store_waves_ids(store_identity(store), begin, 4), 2);
    assert_true(begin[0] < begin[1] && begin[1] < store_identity(store)->trials);
    assert_non_null(strstr(store_identity(store)->plan, "\"waves\""));
    store_destroy(&store);
    bench_end(b);
    text_finish(&whole);
    text_finish(&first);
}

/* A campaign is killed at any moment while it is extended. */
static void test_killed(void **state)
{
    struct text whole = {0};
    unsigned seed = 11;
    (void)state;
    bench_reference(&whole, WAVES(",\"waves\":[30]"));
    struct bench *b = bench_begin(WAVES(""));
    struct bench *more = bench_begin(WAVES(",\"waves\":[30]"));
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    more->params.database = b->path;
    bench_kill(more, &seed, (struct bench_patience){20, 200, 60});
    bench_expect_rows(b, &whole);
    bench_end(more);
    bench_end(b);
    text_finish(&whole);
}

static void test_shards(void **state)
{
    struct text whole = {0};
    struct bench *b[2];
    const char *paths[2];
    struct store_merge_result result;
    (void)state;
    bench_reference(&whole, WAVES(",\"waves\":[20]"));
    for (uint32_t i = 0; i < 2; i++) {
        b[i] = bench_begin(WAVES(""));
        b[i]->params.shard = (struct campaign_shard){i, 2, "--shard"};
        assert_int_equal(campaign_run(&b[i]->params), STATUS_OK);
        paths[i] = b[i]->path;
    }
    struct bench *out = bench_begin(WAVES(",\"waves\":[20]"));
    const struct store_merge_params params = {
        .paths = paths, .n_paths = 2, .out = out->path, .complete = true};
    assert_int_equal(go_on(b[0], WAVES(",\"waves\":[20]"), b[0]->params.shard), STATUS_OK);
    assert_int_equal(store_merge(&params, &result), STATUS_INPUT); /* one of them is not extended */
    assert_non_null(strstr(log_last_error(), "or not everywhere"));
    assert_int_equal(go_on(b[1], WAVES(",\"waves\":[20]"), b[1]->params.shard), STATUS_OK);
    assert_int_equal(store_merge(&params, &result), STATUS_OK);
    bench_expect_rows(out, &whole);
    bench_end(out);
    bench_end(b[0]);
    bench_end(b[1]);
    text_finish(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_shards),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
