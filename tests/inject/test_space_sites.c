/* SPDX-License-Identifier: MIT */
/* Every site, point and word of the vocabulary: listed, checked, struck. */
#include "base/rng.h"
#include "inject/space/site.h"
#include "inject/space/widen.h"
#include "model/op.h"
#include "space_bench.h"

static struct space_bench bench;

/* A value of every table goes to its text and back; texts of a table differ. */
static void test_words(void **state)
{
    (void)state;
    for (int table = 0; table < KINDS_TABLE_COUNT; table++) {
        const uint32_t first = table == KINDS_POINT;
        assert_true(kinds_count((enum kinds_table)table) > first);
        for (uint32_t i = first; i < kinds_count((enum kinds_table)table); i++)
            assert_int_equal(
                kinds_find((enum kinds_table)table, kinds_text((enum kinds_table)table, i)), i);
        assert_int_equal(kinds_find((enum kinds_table)table, "nothing like it"), -1);
        assert_string_equal(kinds_text((enum kinds_table)table, 1000), "unknown");
    }
}

/* What each kind takes is what its arithmetic depends on. */
static void test_kinds_take(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 5, 0);
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        unsigned seen = 0, said = 0;
        for (uint32_t i = 0; i < 20000; i++) {
            struct hook_data a = {.kind = kind, .mask = rng_u32(&rng), .value = rng_u32(&rng)};
            a.low = rng_u32(&rng) | 0x80000000u; /* below 0, and above */
            a.high = rng_u32(&rng) & 0x7fffffffu;
            hook_open(&a);
            struct hook_data b = a;
            const uint32_t bits = rng_u32(&rng), other = rng_u32(&rng);
            const uint32_t part = i % 5, after = hook_edit(a, 0, bits, other);
            b.mask ^= part == 0 ? 1u << i % 32 : 0;
            b.value ^= part == 1 && kind != KIND_ZERO ? 0x40000000u : 0; /* hook_open sets it */
            b.low = part == 2 ? lang_bits(-1e-30f) : b.low;
            b.seed0 ^= part == 3;
            static const unsigned parts[] = {KIND_TAKES_MASK, KIND_TAKES_VALUE, KIND_TAKES_RANGE,
                                             KIND_TAKES_DRAWS,
                                             KIND_TAKES_EARLIER | KIND_TAKES_OTHER};
            if (hook_edit(b, 0, bits, part == 4 ? ~other : other) != after)
                seen |= parts[part];
        }
        for (unsigned bit = 1; bit <= KIND_TAKES_OTHER; bit <<= 1)
            said |= hook_kinds_takes(kind, bit) ? bit : 0;
        if (said & (KIND_TAKES_EARLIER | KIND_TAKES_OTHER))
            said |= KIND_TAKES_EARLIER | KIND_TAKES_OTHER; /* both are the bits of a source */
        assert_int_equal(seen, said & ~KIND_TAKES_NUMBER);
        assert_int_equal(hook_kinds_takes(kind, KIND_TAKES_NUMBER),
                         kind == KIND_CLAMP || kind == KIND_SCALE || kind == KIND_ADD);
        assert_false(hook_kinds_takes(kind, 0));
    }
    assert_false(hook_kinds_takes(KIND_COUNT, ~0u));
}

/* Sizes add up: tensors to the file's, products to those of the shapes. */
static void test_sizes(void **state)
{
    struct arena arena = {0};
    struct site *sites;
    uint32_t n;
    uint64_t bytes = 0, macs = 0, expected = 0, linear = 0;
    (void)state;
    space_open(&bench, "tiny-qwen2", STORAGE_F32, STORAGE_F16);
    const struct model *model = bench.model;
    assert_int_equal(
        site_list(&sites, &n, &arena,
                  &(struct site_shape){.model = model, .kv = STORAGE_F16, .positions = 7}),
        STATUS_OK);
    for (uint32_t i = 0; i < n; i++) {
        const struct site *site = &sites[i];
        bytes += site->place == PLACE_WEIGHT ? site->bytes : 0;
        macs += site->place == PLACE_OP && site->node->op == OP_LINEAR ? site->macs : 0;
        if (site->place == PLACE_KV)
            assert_int_equal(site->bits, 7 * 16 * model->hp.n_head_kv * model->hp.head_dim);
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(site->name, sites[j].name);
    }
    for (size_t i = 0; i < gguf_tensor_count(model->gguf); i++)
        expected += gguf_tensors(model->gguf)[i].size;
    for (uint32_t i = 0; i < model->graph.count; i++) {
        const struct node *node = &model->graph.node[i];
        linear += node->op == OP_LINEAR ? (uint64_t)node->rows * node->width : 0;
    }
    assert_int_equal(bytes, expected);
    assert_int_equal(macs, linear);
    assert_true(site_matches(&sites[0], "token_*") && !site_matches(&sites[0], "blk.*"));
    arena_finish(&arena);
    space_close(&bench);
}

/* One dry fault of a whole vector at every point of every site fires as often as predicted. */
static void test_every_point_fires(void **state)
{
    static struct space_run clean, run;
    struct arena arena = {0};
    struct site *sites;
    uint32_t n, struck = 0;
    (void)state;
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    assert_int_equal(
        site_list(&sites, &n, &arena, &(struct site_shape){.model = bench.model, .positions = 7}),
        STATUS_OK);
    space_run(&bench, NULL, (struct space_how){.columns = 40}, &clean);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
            char text[256];
            if (!(sites[i].points >> point & 1))
                continue;
            snprintf(text, sizeof(text),
                     "{\"site\":\"%s\",\"point\":\"%s\",\"kind\":\"dry\",\"step\":1,"
                     "\"granularity\":\"%s\"}",
                     sites[i].name, kinds_text(KINDS_POINT, point),
                     sites[i].place == PLACE_CONTROL ? "element" : "vector");
            space_run(&bench, text, (struct space_how){1, 40, NULL}, &run);
            if (run.proof[0].count == 0 || run.hash != clean.hash)
                fail_msg("%s: %lu activations, %s", text, (unsigned long)run.proof[0].count,
                         run.hash == clean.hash ? "the clean run" : "another run");
            struck++;
        }
    }
    assert_true(struck > n + 40);
    arena_finish(&arena);
    space_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_kinds_take),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_every_point_fires),
    };
    return space_main(tests, sizeof(tests) / sizeof(*tests));
}
