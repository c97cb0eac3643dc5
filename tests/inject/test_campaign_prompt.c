/* SPDX-License-Identifier: MIT */
/* A campaign is one of token ids: if its prompts change, by another tokenizer or chat template, it
 * is not resumed, replayed, merged or compared, whatever their length. */
#include "campaign_bench.h"

#include "base/rng.h"
#include "inject/campaign/campaign_replay.h"
#include "inject/report/report_conform.h"
#include "inject/report/report_pairs.h"
#include "inject/store/store_merge.h"
#include "inject/store/store_prompt.h"

#define PLAN ",\"sampling\":{\"trials\":12},\"seed\":5"
#define IDS 12 /* most of an item */
#define ITEMS 3
#define ROUNDS 24

/* Prompts as ids, and as the plan has them. */
struct prompts {
    int32_t id[ITEMS][IDS];
    uint32_t count[ITEMS];
    char text[256];
};

static void print_prompts(struct prompts *p)
{
    int at = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
        for (uint32_t k = 0; k < p->count[i]; k++)
            at += snprintf(p->text + at, sizeof(p->text) - (size_t)at, "%s%d",
                           k > 0   ? ","
                           : i > 0 ? ",["
                                   : "[",
                           p->id[i][k]);
        at += snprintf(p->text + at, sizeof(p->text) - (size_t)at, "]");
    }
}

static struct prompts draw_prompts(struct rng *rng)
{
    struct prompts p = {.count = {8, 6, 3}};
    for (uint32_t i = 0; i < ITEMS; i++) {
        for (uint32_t k = 0; k < p.count[i]; k++)
            p.id[i][k] = 3 + (int32_t)rng_below(rng, 250);
    }
    print_prompts(&p);
    return p;
}

/* The same prompts but for one token of one item, at an edge or anywhere, or one more or fewer; the
 * line that says so. */
static struct prompts change(const struct prompts *from, struct rng *rng, uint32_t round,
                             char line[96])
{
    struct prompts p = *from;
    const uint32_t i = (uint32_t)rng_below(rng, ITEMS), n = p.count[i];
    const uint32_t k = round % 4 == 0 ? 0 : round % 4 == 1 ? n - 1 : (uint32_t)rng_below(rng, n);
    if (round % 6 == 5) {
        p.count[i] = round % 12 == 5 ? n + 1 : n - 1;
        p.id[i][n] = 17;
        snprintf(line, 96, "item %u of the database: found %u tokens of the prompt, expected %u", i,
                 n, p.count[i]);
    } else {
        p.id[i][k] = p.id[i][k] == 200 ? 201 : 200;
        snprintf(line, 96,
                 "item %u of the database: found token %u of the prompt to be %d, expected %d", i,
                 k, from->id[i][k], p.id[i][k]);
    }
    print_prompts(&p);
    return p;
}

/* A campaign of these prompts under the identity of `same`, or its own where that is null. */
static struct bench *begin(const struct prompts *p, const struct bench *same,
                           struct campaign_shard shard)
{
    bench_prompts = p->text;
    struct bench *b = bench_begin(PLAN);
    if (same)
        b->params.identity = same->params.identity;
    b->params.shard = shard;
    return b;
}

static const struct campaign_shard WHOLE = {.count = 1};

static void expect_line(enum status st, const char *line)
{
    assert_int_equal(st, STATUS_INPUT);
    if (!strstr(log_last_error(), line))
        fail_msg("found %s, expected %s", log_last_error(), line);
}

static enum status replay(const struct bench *b, const char *database)
{
    struct arena arena = {0};
    struct store *store;
    struct campaign_replay_result result;
    assert_int_equal(store_open(&store, database), STATUS_OK);
    const enum status st =
        campaign_replay(&result, &arena,
                        &(struct campaign_replay_params){
                            .setup = b->params.setup, .store = store, .key = {0, STORE_ARM_NONE}});
    if (!st)
        assert_true(result.identical);
    store_destroy(&store);
    arena_finish(&arena);
    return st;
}

static enum status conform(const char *first, const char *second)
{
    struct arena arena = {0};
    struct report_source a = {0}, b = {0};
    struct report_conform out;
    enum status st = report_source_open(&a, first);
    st = st ? st : report_source_open(&b, second);
    st = st ? st : report_source_load(&a, UINT64_MAX);
    st = st ? st : report_source_load(&b, UINT64_MAX);
    st = st ? st : report_conform_compare(&out, &arena, &a, &b);
    if (!st)
        assert_true(out.shared > 0 && out.differ == 0);
    report_source_finish(&a);
    report_source_finish(&b);
    arena_finish(&arena);
    return st;
}

static enum status merge(const char *first, const char *second)
{
    struct store_merge_result result;
    char out[192];
    snprintf(out, sizeof(out), "%s.merged", first);
    const struct store_merge_params params = {
        .paths = (const char *[]){first, second}, .n_paths = 2, .out = out};
    const enum status st = store_merge(&params, &result);
    bench_remove(out);
    return st;
}

/* Resumed and replayed with the prompts it had, not with others; nothing runs for those. */
static void test_one_token(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 41, 0);
    const struct prompts first = draw_prompts(&rng);
    struct bench *a = begin(&first, NULL, WHOLE);
    a->params.limit = 5;
    assert_int_equal(campaign_run(&a->params), STATUS_OK);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        char line[96];
        const struct prompts other = change(&first, &rng, round, line);
        struct bench *b = begin(&other, a, WHOLE);
        b->params.database = a->path;
        expect_line(campaign_run(&b->params), line);
        expect_line(replay(b, a->path), line);
        assert_int_equal(b->scene->opened, 0);
        bench_end(b);
    }
    assert_int_equal(replay(a, a->path), STATUS_OK);
    a->params.limit = 0;
    assert_int_equal(campaign_run(&a->params), STATUS_OK);
    bench_end(a);
}

/* Parts of a campaign, and two runs of it. */
static void test_two_databases(void **state)
{
    const struct campaign_shard left = {0, 2, "--shard"}, right = {1, 2, "--shard"};
    struct rng rng;
    (void)state;
    rng_init(&rng, 42, 0);
    const struct prompts first = draw_prompts(&rng);
    struct bench *a = begin(&first, NULL, left), *b = begin(&first, a, right);
    assert_int_equal(campaign_run(&a->params), STATUS_OK);
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    assert_int_equal(merge(a->path, b->path), STATUS_OK);
    assert_int_equal(conform(b->path, b->path), STATUS_OK);
    for (uint32_t round = 0; round < 6; round++) { /* with one that has another length */
        char line[96];
        const struct prompts other = change(&first, &rng, round, line);
        const char *differs = strstr(line, "found");
        struct bench *c = begin(&other, a, right);
        c->params.limit = 1;
        assert_int_equal(campaign_run(&c->params), STATUS_OK);
        /* what the second has is found, what the first has expected */
        expect_line(merge(c->path, a->path), differs);
        expect_line(conform(c->path, a->path), differs);
        bench_end(c);
    }
    bench_end(a);
    bench_end(b);
}

/* Pairs of a comparison are of prompts with the same ids; items given as ids are told apart. */
static void test_pairs(void **state)
{
    struct rng rng;
    struct prompts first, other;
    struct report_source source[2] = {{0}, {0}};
    struct report_pairs pairs;
    struct arena arena = {0};
    (void)state;
    rng_init(&rng, 43, 0);
    first = other = draw_prompts(&rng);
    other.id[1][0] ^= 1;
    print_prompts(&other);
    struct bench *b[2] = {begin(&first, NULL, WHOLE), begin(&other, NULL, WHOLE)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(campaign_run(&b[i]->params), STATUS_OK);
        assert_int_equal(report_source_open(&source[i], b[i]->path), STATUS_OK);
        assert_int_equal(report_source_load(&source[i], UINT64_MAX), STATUS_OK);
    }
    for (int i = 0; i < 2; i++) {
        uint32_t shared = 0;
        for (uint64_t t = 0; t < source[0].data.n; t++)
            shared += i == 0 || source[0].data.trial[t].item != 1;
        assert_int_equal(report_pairs_make(&pairs, &arena, &source[0].data, &source[i].data),
                         STATUS_OK);
        assert_int_equal(pairs.items_apart, 0);
        assert_true(pairs.count > 0 && pairs.count <= shared);
        for (size_t k = 0; k < pairs.count; k++)
            assert_int_equal(pairs.pair[k].first->item, pairs.pair[k].second->item);
    }
    for (int i = 0; i < 2; i++) {
        report_source_finish(&source[i]);
        bench_end(b[i]);
    }
    arena_finish(&arena);
}

/* The ids of a chat are those that its template gives. */
static void test_chat(void **state)
{
    static const char *const templates[] = {"chatml", "gemma"};
    struct bench *b[2];
    struct store *store;
    struct store_item *item;
    struct arena arena = {0};
    uint32_t count;
    (void)state;
    for (int i = 0; i < 2; i++) {
        char text[512];
        snprintf(text, sizeof(text),
                 "{\"model\":\"tiny\",\"decoding\":{\"n\":4,\"stop\":\"none\"},\"prompts\":"
                 "[{\"texts\":[\"abc\"],\"chat\":\"%s\"}],\"population\":\"ops\"" PLAN "}",
                 templates[i]);
        b[i] = bench_begin_plan(text);
    }
    assert_int_equal(campaign_run(&b[0]->params), STATUS_OK);
    assert_int_equal(store_open(&store, b[0]->path), STATUS_OK);
    assert_int_equal(store_read_items(store, &arena, &item, &count), STATUS_OK);
    assert_int_equal(count, 1);
    uint32_t commas = 0;
    for (const char *at = item->prompt_ids; *at; at++)
        commas += *at == ',';
    assert_int_equal(commas + 1, item->n_prompt);
    store_destroy(&store);
    b[1]->params.identity = b[0]->params.identity;
    b[1]->params.database = b[0]->path;
    expect_line(campaign_run(&b[1]->params), "of the prompt");
    expect_line(replay(b[1], b[0]->path), "tokenizer or chat template");
    bench_end(b[0]);
    bench_end(b[1]);
    arena_finish(&arena);
}

static void test_texts(void **state)
{
    struct store_prompt_difference d;
    struct arena arena = {0};
    (void)state;
    assert_string_equal(store_prompt_text(&arena, NULL, 0), "[]");
    assert_string_equal(store_prompt_text(&arena, (const int32_t[]){-1, 0, INT32_MAX}, 3),
                        "[-1,0,2147483647]");
    assert_true(store_prompt_same("[]", "[]", &d) && store_prompt_same(NULL, NULL, &d));
    assert_false(store_prompt_same(NULL, "[4]", &d));
    assert_string_equal(d.text, "found 0 tokens of the prompt, expected 1");
    assert_false(store_prompt_same("[4,5]", "[4,6,7]", &d));
    assert_string_equal(d.text, "found token 1 of the prompt to be 5, expected 6");
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_token), cmocka_unit_test(test_two_databases),
        cmocka_unit_test(test_pairs),     cmocka_unit_test(test_chat),
        cmocka_unit_test(test_texts),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
