/* SPDX-License-Identifier: MIT */
/* Page tables: ownership, sharing, copy on write, pools that run dry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "model/kv.h"

enum { LAYERS = 3, PAGES = 6, BRANCHES = 3, POSITIONS = 100 };

static struct kv *make(void)
{
    const struct kv_params params = {
        .layers = LAYERS, .pages = PAGES, .branches = BRANCHES, .positions = POSITIONS};
    struct kv *kv = NULL;
    assert_int_equal(kv_create(&kv, &params), STATUS_OK);
    return kv;
}

static uint32_t branch_of(struct kv *kv)
{
    uint32_t branch = UINT32_MAX;
    assert_int_equal(kv_branch(kv, &branch), STATUS_OK);
    return branch;
}

static struct kv_slot write_at(struct kv *kv, uint32_t branch, uint32_t layer, uint32_t position)
{
    struct kv_slot slot;
    assert_int_equal(kv_write(kv, branch, layer, position, &slot), STATUS_OK);
    assert_int_equal(kv_table(kv, branch, layer)[position / KV_PAGE_POSITIONS], slot.page);
    return slot;
}

static void test_branches_run_out(void **state)
{
    (void)state;
    struct kv *kv = make();
    uint32_t branch[BRANCHES], more;

    for (int i = 0; i < BRANCHES; i++)
        branch[i] = branch_of(kv);
    assert_true(branch[0] != branch[1] && branch[1] != branch[2] && branch[0] != branch[2]);
    assert_int_equal(kv_branch(kv, &more), STATUS_MEMORY);
    assert_string_equal(log_last_error(), "kv: all 3 branches are in use");
    assert_true(kv_holds(kv, branch[1], POSITIONS - 1));
    assert_false(kv_holds(kv, branch[1], POSITIONS));
    kv_release(kv, branch[1]);
    assert_false(kv_holds(kv, branch[1], 0));
    assert_false(kv_holds(kv, BRANCHES, 0));
    assert_int_equal(branch_of(kv), branch[1]);
    kv_destroy(&kv);
    assert_null(kv);
    kv_destroy(&kv);
}

static void test_own_page_is_written_in_place(void **state)
{
    (void)state;
    struct kv *kv = make();
    const uint32_t a = branch_of(kv);
    const struct kv_slot first = write_at(kv, a, 1, 31), again = write_at(kv, a, 1, 0),
                         next = write_at(kv, a, 1, 32);

    assert_int_equal(first.copy_from, KV_NO_PAGE);
    assert_int_equal(again.copy_from, KV_NO_PAGE);
    assert_int_equal(first.page, again.page);
    assert_int_not_equal(next.page, first.page);
    assert_int_equal(kv_pages_free(kv, 1), PAGES - 2);
    assert_int_equal(kv_pages_free(kv, 0), PAGES);
    assert_int_equal(kv_table(kv, a, 0)[0], KV_NO_PAGE);
    kv_destroy(&kv);
}

static void test_shared_page_is_copied(void **state)
{
    (void)state;
    struct kv *kv = make();
    const uint32_t a = branch_of(kv), b = branch_of(kv);
    const uint32_t page = write_at(kv, a, 0, 5).page, second = write_at(kv, a, 0, 40).page;
    const struct kv_share share = {
        .from = a, .to = b, .layer = 0, .layer_count = LAYERS, .positions = 33};

    write_at(kv, b, 0, 70); /* dropped by the share */
    kv_share(kv, &share);
    assert_int_equal(kv_table(kv, b, 0)[0], page);
    assert_int_equal(kv_table(kv, b, 0)[1], second);
    assert_int_equal(kv_table(kv, b, 0)[2], KV_NO_PAGE);
    assert_int_equal(kv_pages_free(kv, 0), PAGES - 2);

    const struct kv_slot copy = write_at(kv, b, 0, 6);
    assert_int_equal(copy.copy_from, page);
    assert_int_not_equal(copy.page, page);
    assert_int_equal(kv_table(kv, a, 0)[0], page);
    /* now both own theirs */
    assert_int_equal(write_at(kv, a, 0, 7).copy_from, KV_NO_PAGE);
    assert_int_equal(write_at(kv, b, 0, 7).copy_from, KV_NO_PAGE);

    kv_cut(kv, a, 32);
    assert_int_equal(kv_table(kv, a, 0)[1], KV_NO_PAGE);
    assert_int_equal(kv_table(kv, b, 0)[1], second);
    assert_int_equal(write_at(kv, b, 0, 33).copy_from, KV_NO_PAGE);
    kv_release(kv, b);
    assert_int_equal(kv_pages_free(kv, 0), PAGES - 1);
    kv_release(kv, a);
    assert_int_equal(kv_pages_free(kv, 0), PAGES);
    kv_destroy(&kv);
}

static void test_layers_are_shared_apart(void **state)
{
    (void)state;
    struct kv *kv = make();
    const uint32_t a = branch_of(kv), b = branch_of(kv);

    for (uint32_t layer = 0; layer < LAYERS; layer++)
        write_at(kv, a, layer, 0);
    kv_share(kv,
             &(struct kv_share){.from = a, .to = b, .layer = 1, .layer_count = 1, .positions = 1});
    assert_int_equal(kv_table(kv, b, 0)[0], KV_NO_PAGE);
    assert_int_equal(kv_table(kv, b, 1)[0], kv_table(kv, a, 1)[0]);
    assert_int_equal(kv_table(kv, b, 2)[0], KV_NO_PAGE);
    kv_share(kv, &(struct kv_share){.from = a, .to = b, .layer = 1, .layer_count = 1});
    assert_int_equal(kv_table(kv, b, 1)[0], KV_NO_PAGE);
    kv_destroy(&kv);
}

static void test_pool_runs_dry(void **state)
{
    (void)state;
    struct kv *kv = make();
    const uint32_t a = branch_of(kv), b = branch_of(kv);
    struct kv_slot slot;

    for (uint32_t i = 0; i < 3; i++)
        write_at(kv, a, 2, i * KV_PAGE_POSITIONS);
    kv_share(kv,
             &(struct kv_share){.from = a, .to = b, .layer = 2, .layer_count = 1, .positions = 96});
    for (uint32_t i = 0; i < 3; i++)
        write_at(kv, b, 2, i * KV_PAGE_POSITIONS);
    assert_int_equal(kv_pages_free(kv, 2), 0);
    const uint32_t page = kv_table(kv, a, 2)[0];
    assert_int_equal(kv_write(kv, a, 2, 96, &slot), STATUS_MEMORY);
    assert_int_equal(kv_table(kv, a, 2)[3], KV_NO_PAGE);
    assert_int_equal(kv_table(kv, a, 2)[0], page);
    kv_cut(kv, b, 64);
    write_at(kv, a, 2, 96);
    kv_destroy(&kv);
}

/* Random use beside a model that keeps page contents: no branch ever sees another's writes. */
static void test_random_use(void **state)
{
    (void)state;
    enum { STEPS = 20000, BLOCKS = (POSITIONS + 31) / 32 };
    static uint32_t held[LAYERS][PAGES][KV_PAGE_POSITIONS]; /* what the pages hold */
    static uint32_t expected[BRANCHES][LAYERS][POSITIONS];  /* 0: nothing known */
    struct kv *kv = make();
    struct rng rng = {0};
    uint32_t stamp = 0;

    memset(expected, 0, sizeof(expected));
    rng_init(&rng, 7, 0);
    for (int i = 0; i < BRANCHES; i++)
        branch_of(kv);
    for (int step = 0; step < STEPS; step++) {
        const uint32_t b = (uint32_t)rng_below(&rng, BRANCHES), other = (b + 1) % BRANCHES;
        const uint32_t layer = (uint32_t)rng_below(&rng, LAYERS),
                       position = (uint32_t)rng_below(&rng, POSITIONS);
        const uint32_t what = (uint32_t)rng_below(&rng, 20);
        if (what == 0) {
            kv_cut(kv, b, position);
            for (uint32_t l = 0; l < LAYERS; l++)
                memset(&expected[b][l][position], 0, (POSITIONS - position) * sizeof(uint32_t));
        } else if (what == 1) {
            kv_share(kv, &(struct kv_share){.from = other,
                                            .to = b,
                                            .layer = layer,
                                            .layer_count = 1,
                                            .positions = position});
            memset(expected[b][layer], 0, sizeof(expected[b][layer]));
            memcpy(expected[b][layer], expected[other][layer], position * sizeof(uint32_t));
        } else {
            struct kv_slot slot;
            if (kv_pages_free(kv, layer) == 0)
                continue;
            slot = write_at(kv, b, layer, position);
            if (slot.copy_from != KV_NO_PAGE)
                memcpy(held[layer][slot.page], held[layer][slot.copy_from], sizeof(held[layer][0]));
            held[layer][slot.page][position % 32] = expected[b][layer][position] = ++stamp;
        }
        for (uint32_t p = 0; p < POSITIONS; p++) {
            if (expected[b][layer][p] == 0)
                continue;
            const uint32_t page = kv_table(kv, b, layer)[p / 32];
            assert_true(page < PAGES);
            assert_int_equal(held[layer][page][p % 32], expected[b][layer][p]);
        }
    }
    kv_destroy(&kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_branches_run_out),
        cmocka_unit_test(test_own_page_is_written_in_place),
        cmocka_unit_test(test_shared_page_is_copied),
        cmocka_unit_test(test_layers_are_shared_apart),
        cmocka_unit_test(test_pool_runs_dry),
        cmocka_unit_test(test_random_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
