/* SPDX-License-Identifier: MIT */
/* Calibrations: what is written is read, another model's and malformed files are one line. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/rng.h"
#include "mitigations/calibration.h"

#include "../fuzz/fuzz_mutate.h"

static const char HASH[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct model *open_tiny(const char *name)
{
    struct model *model = NULL;
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", VKFI_TINY, name);
    assert_int_equal(model_open(&model, path), STATUS_OK);
    return model;
}

static double draw(struct rng *rng)
{
    return (double)((float)rng_unit(rng) * 40.0f - 20.0f);
}

static struct calibration_range draw_range(struct rng *rng)
{
    const double a = draw(rng), b = draw(rng);
    if (rng_below(rng, 8) == 0)
        return (struct calibration_range){1, 0}; /* not seen */
    return (struct calibration_range){a < b ? a : b, a < b ? b : a};
}

/* A calibration of random numbers, and items of two tasks in no order. */
static struct calibration make(const struct model *model, struct arena *arena, struct rng *rng)
{
    static const struct calibration_item items[] = {
        {"xnli", "9"}, {"gsm8k", "b\"\n"}, {"xnli", "11"}, {"gsm8k", "a"}};
    struct calibration c = {.model = model,
                            .model_hash = HASH,
                            .act = STORAGE_F16,
                            .kv = STORAGE_F32,
                            .split = "calibrate",
                            .item = items,
                            .n_items = (uint32_t)rng_below(rng, 5),
                            .columns = rng_below(rng, 1000000),
                            .tokens = {rng_below(rng, 100), rng_below(rng, 100000)},
                            .tau = fabs(draw(rng)),
                            .tau_share = 0.05};
    c.bound = arena_array(arena, model->graph.count, sizeof(*c.bound));
    assert_non_null(c.bound);
    for (uint32_t i = 0; i < model->graph.count; i++) {
        for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++)
            c.bound[i][k] = calibration_site(&model->graph, i) ? draw_range(rng)
                                                               : (struct calibration_range){1, 0};
    }
    for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++) {
        for (uint32_t f = 0; f < CALIBRATION_FEATURES; f++) {
            for (uint32_t i = 0; i < CALIBRATION_LEVELS; i++)
                c.feature[k][f][i] = draw_range(rng);
        }
    }
    assert_int_equal(calibration_seal(&c, arena), STATUS_OK);
    return c;
}

static struct calibration_text text_of_calibration(const struct calibration *c, struct arena *arena)
{
    struct json_memory m;
    json_begin_memory(&m, true);
    calibration_put(&m.w, c);
    assert_int_equal(json_end_memory(&m, arena), STATUS_OK);
    return (struct calibration_text){m.text, m.size, "cal.json"};
}

static struct calibration_use use_of(const struct calibration *c)
{
    return (struct calibration_use){c->model, c->model_hash, c->act, c->kv};
}

static bool same_range(struct calibration_range a, struct calibration_range b)
{
    return (a.low > a.high && b.low > b.high) || (a.low == b.low && a.high == b.high);
}

static void check_same(const struct calibration *a, const struct calibration *b)
{
    assert_string_equal(a->data_hash, b->data_hash);
    assert_string_equal(a->split, b->split);
    assert_int_equal(a->n_items, b->n_items);
    assert_int_equal(a->columns, b->columns);
    assert_true(a->tau == b->tau && a->tau_share == b->tau_share);
    for (uint32_t i = 0; i < a->model->graph.count; i++) {
        for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++) {
            float low, high;
            assert_true(same_range(a->bound[i][k], b->bound[i][k]));
            assert_int_equal(calibration_bounds(b, i, (enum calibration_class)k, &low, &high),
                             a->bound[i][k].low <= a->bound[i][k].high);
        }
    }
    for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++) {
        assert_int_equal(a->tokens[k], b->tokens[k]);
        for (uint32_t f = 0; f < CALIBRATION_FEATURES; f++) {
            for (uint32_t i = 0; i < CALIBRATION_LEVELS; i++)
                assert_true(same_range(a->feature[k][f][i], b->feature[k][f][i]));
        }
    }
}

static void test_round_trip(void **state)
{
    static const char *const names[] = {"tiny-llama-q4_1.gguf", "tiny-qwen2.gguf",
                                        "tiny-gemma3.gguf"};
    struct rng rng;
    (void)state;
    rng_init(&rng, 20261130, 0);
    for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
        struct model *model = open_tiny(names[n]);
        for (int i = 0; i < 20; i++) {
            struct arena arena = {0};
            const struct calibration c = make(model, &arena, &rng);
            const struct calibration_text text = text_of_calibration(&c, &arena);
            const struct calibration_use use = use_of(&c);
            struct calibration read;
            assert_int_equal(calibration_read(&read, &arena, &text, &use), STATUS_OK);
            check_same(&c, &read);
            for (uint32_t k = 0; k < c.n_items; k++)
                assert_true(calibration_saw(&read, c.item[k].task, c.item[k].doc_id));
            assert_false(calibration_saw(&read, "xnli", "a"));
            assert_false(calibration_saw(&read, "", ""));
            arena_finish(&arena);
        }
        model_close(&model);
    }
}

/* Bounds are those of the sites that guards may ask for, in every layer, and of no others. */
static void test_sites(void **state)
{
    static const char *const sites[] = {"blk.1.attn_output", "blk.1.attn_residual", "blk.1.ffn_act",
                                        "blk.1.ffn_down",    "blk.1.ffn_residual",  "output"};
    struct model *model = open_tiny("tiny-gemma3.gguf");
    const struct graph *graph = &model->graph;
    uint32_t n = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++)
        assert_true(calibration_site(graph, (uint32_t)(graph_find(graph, sites[i]) - graph->node)));
    for (uint32_t i = 0; i < graph->count; i++)
        n += calibration_site(graph, i);
    assert_int_equal(n, 5 * model->hp.n_layers + 1);
    model_close(&model);
}

static void refuse(const struct calibration_text *text, const struct calibration_use *use,
                   const char *message)
{
    struct arena arena = {0};
    struct calibration read;
    assert_int_equal(calibration_read(&read, &arena, text, use), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), message));
    arena_finish(&arena);
}

static void test_refused(void **state)
{
    struct arena arena = {0};
    struct rng rng;
    struct model *model = open_tiny("tiny-llama-q4_1.gguf");
    (void)state;
    rng_init(&rng, 20261130, 1);
    struct calibration c = make(model, &arena, &rng);
    const struct calibration_text text = text_of_calibration(&c, &arena);
    struct calibration_use use = use_of(&c);
    use.model_hash = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
    refuse(&text, &use,
           "cal.json: /model (line 3): found a calibration of the model with SHA-256 "
           "0123456789abcdef, expected fedcba9876543210");
    use.model_hash = NULL; /* that of the file */
    refuse(&text, &use, "expected");
    use = use_of(&c);
    use.act = STORAGE_F32;
    refuse(&text, &use, "/act (line 4): found a calibration of act f16, expected f32");
    use = use_of(&c);
    use.kv = STORAGE_BF16;
    refuse(&text, &use, "/kv (line 5): found a calibration of kv f32, expected bf16");
    c.data_hash = HASH; /* names that were edited */
    const struct calibration_text edited = text_of_calibration(&c, &arena);
    use = use_of(&c);
    refuse(&edited, &use, "that of its items");
    arena_finish(&arena);
    model_close(&model);
}

static const char *const WORDS[] = {
    "null",      "-1",        "\"\"",     "[]",      "{}",          "true",      "1e999",
    "\"first\"", "\"later\"", "\"tau\":", "[1, 0]",  "\"bounds\"",  "[0, null]", "1e300",
    "blk.0.",    "ffn_act",   "\"f16\"",  "\\u0000", "\"items\":{", "-0.0",      "\x80"};

/* Any bytes: read, or refused with a line. Whatever is read is written and read again. */
static void read_bytes(const char *bytes, size_t size, const struct calibration_use *use)
{
    struct arena arena = {0};
    struct calibration read, again;
    const struct calibration_text text = {bytes, size, "cal.json"};
    log_error("nothing");
    const enum status st = calibration_read(&read, &arena, &text, use);
    if (st) {
        assert_int_equal(st, STATUS_INPUT);
        assert_string_not_equal(log_last_error(), "nothing");
    } else {
        const struct calibration_text copy = text_of_calibration(&read, &arena);
        assert_int_equal(calibration_read(&again, &arena, &copy, use), STATUS_OK);
        check_same(&read, &again);
    }
    arena_finish(&arena);
}

static void test_mutations(void **state)
{
    struct arena arena = {0};
    struct rng rng;
    struct model *model = open_tiny("tiny-llama-q4_1.gguf");
    struct fuzz_mutate m = {.words = WORDS, .n_words = sizeof(WORDS) / sizeof(*WORDS)};
    (void)state;
    rng_init(&rng, 20261130, 2);
    const struct calibration c = make(model, &arena, &rng);
    const struct calibration_use use = use_of(&c);
    const struct calibration_text text = text_of_calibration(&c, &arena);
    assert_true(text.size < FUZZ_MUTATE_ROOM);
    for (int i = 0; i < 4000; i++) {
        fuzz_mutate_text(&m, &rng, text.text);
        read_bytes(m.data, m.size, &use);
    }
    for (size_t cut = 0; cut < text.size; cut += 3)
        read_bytes(text.text, cut, &use);
    arena_finish(&arena);
    model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_sites),
        cmocka_unit_test(test_refused),
        cmocka_unit_test_setup_teardown(test_mutations, mute_setup, mute_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
