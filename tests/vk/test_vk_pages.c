/* SPDX-License-Identifier: MIT */
/* Weights in pages: what a device sums is what the file gives, on every device and layout; flipped
 * bits show in the pages that hold them, and a page made anew has the file's bits. */
#include "model/executor_weights.h"
#include "vk_testing.h"

enum { EDITS = 3, ROUNDS = 12 };

static const char *const MODELS[] = {"tiny-llama-q4_1", "tiny-llama-q4_k", "tiny-llama-f16",
                                     "tiny-qwen2",      "tiny-gemma3",     "tiny-llama-q8_0"};

static struct weight_sums naive(const uint8_t *bytes, size_t size)
{
    struct weight_sums out = {0};
    for (size_t i = 0; 4 * i < size; i++) {
        uint32_t w = 0;
        memcpy(&w, bytes + 4 * i, size - 4 * i < 4 ? size - 4 * i : 4);
        out.sum += w;
        out.weighted += (2 * i + 1) * (uint64_t)w;
    }
    return out;
}

static bool equal(struct weight_sums a, struct weight_sums b)
{
    return a.sum == b.sum && a.weighted == b.weighted;
}

/* Any length; one and two flipped bits always differ, and bits of equal worth most of all. */
static void test_sums(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 31, 32, 33, 100, 4095, 65535, 65536};
    static uint8_t bytes[WEIGHT_PAGE];
    struct rng rng;
    (void)state;
    rng_init(&rng, 1, 2);
    for (uint32_t i = 0; i < WEIGHT_PAGE; i++)
        bytes[i] = (uint8_t)rng_u32(&rng);
    for (uint32_t round = 0; round < 40; round++) {
        const uint32_t size = sizes[round % (sizeof(sizes) / sizeof(*sizes))];
        const struct weight_sums sums = weight_pages_sum(bytes, size);
        assert_true(equal(sums, naive(bytes, size)));
        for (uint32_t flips = 1; flips <= 2; flips++) {
            const uint32_t first = (uint32_t)rng_below(&rng, size * 8);
            uint32_t other = (uint32_t)rng_below(&rng, size * 8);
            if (round % 2) /* the same bit of another word */
                other =
                    (uint32_t)((first + 32 * (1 + rng_below(&rng, size))) % (size / 4 * 32 + 1));
            if (flips == 2 && other == first)
                continue;
            bytes[first / 8] ^= (uint8_t)(1 << first % 8);
            bytes[other / 8] ^= (uint8_t)((flips == 2) << other % 8);
            assert_false(equal(sums, weight_pages_sum(bytes, size)));
            bytes[first / 8] ^= (uint8_t)(1 << first % 8);
            bytes[other / 8] ^= (uint8_t)((flips == 2) << other % 8);
        }
    }
}

struct pages {
    struct executor *ex;
    uint32_t n;
    struct weight_sums *file, *found;
};

static struct pages open_pages(struct executor *ex, const char *what)
{
    struct pages p = {.ex = ex, .n = executor_weights_pages(ex)};
    p.file = calloc(p.n, sizeof(*p.file));
    p.found = calloc(p.n, sizeof(*p.found));
    assert_non_null(p.file);
    assert_non_null(p.found);
    assert_int_equal(executor_weights_expected(ex, 0, p.n, p.file), STATUS_OK);
    assert_int_equal(executor_weights_sums(ex, 0, p.n, p.found), STATUS_OK);
    for (uint32_t i = 0; i < p.n; i++) {
        struct weight_sums one;
        if (!equal(p.file[i], p.found[i]))
            fail_msg("%s: page %u of %u: other sums than the file's", what, i, p.n);
        assert_int_equal(executor_weights_sums(ex, i, 1, &one), STATUS_OK);
        assert_true(equal(one, p.file[i]));
    }
    return p;
}

static void close_pages(struct pages *p)
{
    free(p->file);
    free(p->found);
}

/* A field of any weight of the graph. */
static struct weight_site draw_site(const struct model *model, struct rng *rng, uint32_t *mask)
{
    const struct tensor *t = NULL;
    struct weight_site site = {0};
    while (!t) {
        const struct node *node = &model->graph.node[rng_below(rng, model->graph.count)];
        t = rng_below(rng, 4) == 0 && node->bias ? node->bias : node->weight;
    }
    do
        site.field = (enum quant_field)rng_below(rng, QUANT_FIELD_COUNT);
    while (quant_field_width(t->type, site.field) == 0);
    site.tensor = t;
    site.row = rng_below(rng, t->dim[1]);
    site.k = (uint32_t)rng_below(rng, t->dim[0]);
    *mask = 1u << rng_below(rng, quant_field_width(t->type, site.field));
    return site;
}

static uint32_t flip(struct executor *ex, const struct weight_site *site, uint32_t mask)
{
    struct hook_data data = {.kind = mask ? KIND_FLIP : KIND_DRY, .mask = mask};
    assert_int_equal(executor_edit_weight(ex, site, &data), STATUS_OK);
    return data.before;
}

/* The pages that differ hold the tensors that were struck, and are made anew. */
static void repair(struct pages *p, const struct weight_site *site, uint32_t n, const char *what)
{
    const uint64_t n_tensors = gguf_tensor_count(p->ex->model->gguf);
    bool *tensor = calloc(n_tensors, sizeof(*tensor));
    uint32_t differ = 0;
    assert_non_null(tensor);
    assert_int_equal(executor_weights_sums(p->ex, 0, p->n, p->found), STATUS_OK);
    for (uint32_t i = 0; i < p->n; i++) {
        bool struck = false;
        if (equal(p->found[i], p->file[i]))
            continue;
        differ++;
        memset(tensor, 0, n_tensors * sizeof(*tensor));
        executor_weights_tensors(p->ex, i, tensor);
        for (uint32_t k = 0; k < n; k++)
            struck |= tensor[site[k].tensor->index];
        if (!struck)
            fail_msg("%s: page %u differs and holds nothing that was struck", what, i);
        assert_int_equal(executor_weights_restore(p->ex, i), STATUS_OK);
    }
    assert_true(differ > 0);
    assert_int_equal(executor_weights_sums(p->ex, 0, p->n, p->found), STATUS_OK);
    for (uint32_t i = 0; i < p->n; i++)
        assert_true(equal(p->found[i], p->file[i]));
    free(tensor);
}

static void run_edits(struct executor *ex, const char *what)
{
    struct pages p = open_pages(ex, what);
    struct rng rng;
    rng_init(&rng, 7, p.n);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct weight_site site[EDITS];
        uint32_t before[EDITS], mask;
        const uint32_t n = 1 + round % EDITS;
        for (uint32_t k = 0; k < n; k++) {
            site[k] = draw_site(ex->model, &rng, &mask);
            before[k] = flip(ex, &site[k], 0);
        }
        for (uint32_t k = 0; k < n; k++)
            flip(ex, &site[k], 1);
        repair(&p, site, n, what);
        for (uint32_t k = 0; k < n; k++)
            assert_int_equal(flip(ex, &site[k], 0), before[k]);
    }
    close_pages(&p);
}

/* One mapping, edited by one form, is read by none of the others. */
static void test_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(MODELS) / sizeof(*MODELS); i++) {
        struct executor_params params = {.positions = 32, .branches = 1};
        struct vk_testing t;
        struct executor *fast, *apart;
        vk_testing_open(&t, vk_testing_tiny(MODELS[i]), params);
        params.model = t.model;
        assert_int_equal(cpu_create(&fast, CPU_AUTO, &params), STATUS_OK);
        params.separate = true;
        assert_int_equal(vk_create(&apart, vk_testing_gpu, &params), STATUS_OK);
        run_edits(t.cpu, "cpu:scalar");
        run_edits(fast, "cpu");
        run_edits(t.vk, "vk");
        run_edits(apart, "vk, no merged matrices");
        executor_destroy(&apart);
        executor_destroy(&fast);
        vk_testing_close(&t);
    }
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sums), cmocka_unit_test(test_pages)};
    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    return vk_testing_main(argv, run_all);
}
