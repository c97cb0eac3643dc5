/* SPDX-License-Identifier: MIT */
/* Faults from JSON: what is accepted, and the one line for each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "base/rng.h"
#include "inject/space/draw.h"
#include "inject/space/fault.h"
#include "tiny_model.h"

static struct model *model;
static struct fault_bounds bounds;

static enum status parse(const char *text, struct fault **out, uint32_t *count, struct arena *arena)
{
    struct json_doc *doc = NULL;
    enum status st = json_parse(&doc, text, strlen(text), "fault.json");
    if (!st)
        st = fault_parse(out, count, arena, doc, &bounds);
    json_destroy(&doc);
    return st;
}

static void expect_error(const char *text, const char *piece)
{
    struct arena arena = {0};
    struct fault *faults;
    uint32_t count;
    assert_int_equal(parse(text, &faults, &count, &arena), STATUS_INPUT);
    if (!strstr(log_last_error(), piece))
        fail_msg("%s\n gave: %s\n expected a line with: %s", text, log_last_error(), piece);
    arena_finish(&arena);
}

static void test_one_fault(void **state)
{
    struct arena arena = {0};
    struct fault *f;
    uint32_t count;
    (void)state;
    assert_int_equal(parse("{\"site\":\"blk.0.attn_q\",\"point\":\"out\",\"kind\":\"flip\","
                           "\"bit\":22,\"row\":3,\"step\":2}",
                           &f, &count, &arena),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(f->place, PLACE_OP);
    assert_int_equal(f->mask, 1u << 22);
    assert_int_equal(f->row, 3);
    assert_int_equal(f->position, bounds.n_prompt - 1 + 2);
    arena_finish(&arena);
}

static void test_list_of_places(void **state)
{
    struct arena arena = {0};
    struct fault *f;
    uint32_t count;
    (void)state;
    assert_int_equal(
        parse("[{\"site\":\"blk.0.attn_q.weight\",\"field\":\"scale\",\"mask\":\"0x8001\"},"
              "{\"site\":\"blk.0.kv_v\",\"kind\":\"set\",\"value\":\"0x3f800000\",\"k\":5,"
              "\"key\":1},"
              "{\"site\":\"blk.0.attn_scores\",\"kind\":\"stale\",\"row\":1,\"key\":2}]",
              &f, &count, &arena),
        STATUS_OK);
    assert_int_equal(count, 3);
    assert_int_equal(f[0].place, PLACE_WEIGHT);
    assert_int_equal(f[0].mask, 0x8001);
    assert_int_equal(f[1].place, PLACE_KV);
    assert_true(f[1].value_cache);
    assert_int_equal(f[2].kind, KIND_STALE);
    arena_finish(&arena);
}

static void test_mistakes(void **state)
{
    (void)state;
    expect_error("{}", "'site' is missing");
    expect_error("[]", "at least one fault");
    expect_error("3", "expected a fault");
    expect_error("{\"site\":\"blk.9.attn_q\",\"bit\":1}", "no site 'blk.9.attn_q'");
    expect_error("{\"site\":\"blk.0.attn_q\",\"bit\":1,\"rwo\":3}", "did you mean 'row'");
    expect_error("{\"site\":\"blk.0.attn_q\",\"bit\":32}", "expected an integer");
    expect_error("{\"site\":\"blk.0.attn_q\"}", "exactly one of");
    expect_error("{\"site\":\"blk.0.attn_q\",\"bit\":1,\"mask\":2}", "exactly one of");
    expect_error("{\"site\":\"blk.0.attn_q\",\"kind\":\"set\",\"bit\":1}", "'value'");
    expect_error("{\"site\":\"blk.0.attn_q\",\"kind\":\"flop\",\"bit\":1}",
                 "found 'flop', expected flip");
    expect_error("{\"site\":\"blk.0.attn_q\",\"point\":\"in\",\"bit\":1}",
                 "found 'in', expected operand");
    expect_error("{\"site\":\"blk.0.ffn_act\",\"point\":\"weight\",\"bit\":1}",
                 "no point 'weight'");
    expect_error("{\"site\":\"blk.0.attn_q\",\"bit\":1,\"row\":100000}", "row is 100000, expected");
    expect_error("{\"site\":\"blk.0.attn_q\",\"bit\":1,\"k\":1}", "no such coordinate");
    expect_error("{\"site\":\"blk.0.attn_scores\",\"bit\":1,\"key\":4000}", "sees keys");
    expect_error("{\"site\":\"blk.0.attn_q.weight\",\"point\":\"out\",\"bit\":1}", "only point");
    expect_error("{\"site\":\"blk.0.attn_q.weight\",\"bit\":4}", "beyond the 4 bits");
    expect_error("{\"site\":\"blk.0.attn_q.weight\",\"field\":\"submin\",\"bit\":1}", "no field");
    expect_error("{\"site\":\"blk.0.kv_k\",\"bit\":1,\"key\":9,\"position\":9}", "must lie before");
    expect_error("{\"site\":\"output\",\"bit\":1,\"position\":0}", "last of the prompt");
    expect_error("{\"site\":\"blk.0.attn_q\",\"bit\":1,\"position\":999}", "position is 999");
    expect_error("{\"site\":\"blk.0.attn_q\",\"bit\":1,\"position\":3,\"step\":1}", "not both");
    expect_error("{\"site\":\"blk.0.attn_q.weight\",\"kind\":\"stale\"}", "not for weights");
}

/* What would be silently dropped, or misread, is refused. */
static void test_nothing_is_ignored(void **state)
{
    (void)state;
    expect_error("{\"site\":\"blk.0.attn_q\",\"bits\":[]}", "at least one bit");
    expect_error("{\"site\":\"blk.0.attn_q\",\"bits\":5}", "at least one bit");
    expect_error("{\"site\":\"blk.0.attn_q\",\"mask\":0}", "mask of no bits");
    expect_error("{\"site\":\"blk.0.attn_q\",\"bit\":1,\"field\":\"scale\"}", "no field");
    expect_error("{\"site\":\"blk.0.attn_norm\",\"point\":\"weight\",\"bit\":1,"
                 "\"field\":\"scale\"}",
                 "no field");
    expect_error("{\"site\":\"blk.0.kv_k\",\"bit\":1,\"field\":\"min\"}", "no field");
    expect_error("{\"site\":\"blk.0.kv_k\",\"bit\":1,\"row\":1}", "no such coordinate");
    expect_error("{\"site\":\"blk.0.attn_q.weight\",\"bit\":1,\"key\":1}", "no such coordinate");
    expect_error("{\"site\":\"blk. 0.kv_k\",\"bit\":1}", "no site");
    expect_error("{\"site\":\"blk.+0.kv_k\",\"bit\":1}", "no site");
    expect_error("{\"site\":\"blk.00.kv_k\",\"bit\":1}", "no site");
    expect_error("{\"site\":\"blk.4294967296.kv_k\",\"bit\":1}", "no site");
}

/* What words, ranges and numbers mean. */
static void test_ranges(void **state)
{
    struct arena arena = {0};
    struct fault *f;
    uint32_t n;
    (void)state;
    assert_int_equal(
        parse(
            "[{\"site\":\"blk.0.ffn_up\",\"kind\":\"scale\",\"value\":0.5,\"granularity\":\"lane\","
            "\"row\":13,\"duration\":\"permanent\",\"step\":1},"
            "{\"site\":\"blk.0.ffn_up\",\"bit\":3,\"rows\":4,\"row_step\":2,\"positions\":3,"
            "\"duration\":\"intermittent\",\"rate\":0.5,\"seed\":7,\"trial\":9,\"position\":1},"
            "{\"site\":\"control.slot\",\"kind\":\"random\",\"mask\":3,\"position\":5},"
            "{\"site\":\"rope\",\"kind\":\"add\",\"value\":-1,\"row\":2,\"k\":1},"
            "{\"site\":\"blk.0.attn_scores\",\"kind\":\"clamp\",\"low\":-1,\"high\":1,"
            "\"keys\":\"all\"},"
            "{\"site\":\"blk.0.attn_q.weight\",\"field\":\"scale\",\"bit\":1,"
            "\"granularity\":\"vector\"}]",
            &f, &n, &arena),
        STATUS_OK);
    assert_int_equal(f[0].value, 0x3f000000);
    assert_int_equal(f[0].row, 5);
    assert_int_equal(f[0].row_step, 8);
    assert_int_equal(f[0].row_count, model->hp.n_ff / 8);
    assert_int_equal(f[0].position_count, FAULT_FOREVER);
    assert_int_equal(f[1].row_count, 4);
    assert_int_equal(f[1].position_count, 3);
    assert_int_equal(f[1].rate, 0x80000000u);
    assert_int_equal(f[1].key_high, 9);
    assert_int_equal(f[2].control, CONTROL_SLOT);
    assert_int_equal(f[3].place, PLACE_TABLE);
    assert_int_equal(f[3].position_count, FAULT_FOREVER);
    assert_int_equal(f[4].key_count, FAULT_ALL_KEYS);
    assert_int_equal(f[5].k_step, 32);
    assert_int_equal(f[5].k_count, model->hp.n_embd / 32);
    arena_finish(&arena);
}

static void test_mistakes_in_ranges(void **state)
{
    (void)state;
#define OUT "{\"site\":\"blk.0.attn_q\",\"bit\":1,"
    expect_error(OUT "\"rows\":2,\"granularity\":\"tile\"}", "expected one of them");
    expect_error(OUT "\"row\":250,\"rows\":9}", "row reaches 258");
    expect_error(OUT "\"granularity\":\"matrix\"}", "found 'matrix', expected element");
    expect_error(OUT "\"readers\":\"row\"}", "readers row at point out");
    expect_error(OUT "\"duration\":\"persistent\"}", "not stored memory");
    expect_error(OUT "\"duration\":\"intermittent\"}", "takes 'rate'");
    expect_error(OUT "\"rate\":0.5}", "is for duration intermittent");
    expect_error(OUT "\"duration\":\"intermittent\",\"rate\":0}", "expected a number above 0");
    expect_error(OUT "\"duration\":\"intermittent\",\"rate\":\"1\"}", "expected a number above 0");
    expect_error(OUT "\"stage\":\"prefill\",\"step\":2}",
                 "found stage prefill with position 7, expected one of its positions, 0 to 4");
    expect_error(OUT "\"stage\":\"decode\",\"position\":5}", "positions, 6 to 19");
    expect_error("{\"site\":\"blk.0.attn_scores\",\"bit\":1,\"granularity\":\"feature\",\"key\":5,"
                 "\"stage\":\"prefill\"}",
                 "key is 5, but position 4 sees keys 0 to 4");
    expect_error("{\"site\":\"blk.0.attn_scores\",\"bit\":1,\"key\":20,\"stage\":\"any\"}",
                 "key is 20, but position 19 sees keys 0 to 19");
    expect_error(OUT "\"only_mask\":1,\"only_value\":2}", "would never fire");
    expect_error(OUT "\"low\":1}", "takes exactly one of");
    expect_error("{\"site\":\"blk.0.attn_q\",\"kind\":\"clamp\",\"low\":2,\"high\":1}",
                 "low is above high");
    expect_error("{\"site\":\"blk.0.attn_q\",\"kind\":\"scale\",\"value\":true}",
                 "expected a number");
    expect_error("{\"site\":\"blk.0.attn_q.weight\",\"kind\":\"scale\",\"value\":2}",
                 "these bits are an integer");
    expect_error("{\"site\":\"control.token\",\"kind\":\"add\",\"value\":2}",
                 "these bits are an integer");
    expect_error("{\"site\":\"blk.0.attn_q\",\"point\":\"partial\",\"kind\":\"wrong_read\","
                 "\"from\":3}",
                 "what has an address");
    expect_error("{\"site\":\"blk.0.attn_q\",\"kind\":\"wrong_write\",\"from\":256}", "row is 256");
    expect_error("{\"site\":\"blk.0.ffn_act\",\"point\":\"operand\",\"bit\":1,"
                 "\"readers\":\"row\"}",
                 "expected 'all'");
    expect_error("{\"site\":\"blk.0.attn_q.weight\",\"field\":\"scale\",\"bit\":1,\"ks\":2}",
                 "elements share one 'scale'");
    expect_error("{\"site\":\"control.tokens\",\"bit\":1}", "no site 'control.tokens'");
    expect_error("{\"site\":\"rope_local\",\"bit\":1}", "no site 'rope_local'");
    expect_error("{\"site\":\"rope\",\"bit\":1,\"row\":20}", "row is 20, expected 0 to 19");
    expect_error("{\"site\":\"control.sampler\",\"bit\":1,\"position\":2}", "sampler picks from");
    expect_error("{\"site\":\"control.token\",\"bit\":0,\"keys\":2}", "no such coordinate");
    expect_error("{\"site\":\"control.token\",\"bit\":0,\"key\":7}", "no such coordinate");
    expect_error("{\"site\":\"control.token\",\"bit\":0,\"keys\":\"all\"}", "no such coordinate");
    expect_error("{\"site\":\"rope\",\"bit\":30,\"row\":3,\"keys\":2}", "no such coordinate");
    expect_error("{\"site\":\"rope\",\"bit\":30,\"row\":3,\"key\":2}", "no such coordinate");
#undef OUT
}

static void test_draws_are_valid_and_stand_alone(void **state)
{
    struct draw_params draw = {.bounds = &bounds, .first = 0, .count = bounds.positions, .seed = 7};
    struct fault first, again;
    uint32_t seen[OP_COUNT][HOOK_LAST + 1] = {{0}};
    (void)state;
    for (uint64_t id = 0; id < 20000; id++) {
        draw_fault(&first, &draw, id);
        assert_int_equal(fault_check(&first, &bounds, "drawn"), STATUS_OK);
        if (first.place == PLACE_OP)
            seen[model->graph.node[first.node].op][first.point]++;
    }
    draw_fault(&again, &draw, 19999);
    assert_memory_equal(&first, &again, sizeof(first));
    for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
        assert_true(seen[OP_LINEAR][point] > 0);
        assert_true(seen[OP_SCORES][point] > 0);
        assert_int_equal(seen[OP_HEADS][point] > 0, point != HOOK_ACCUMULATOR);
    }
    assert_true(seen[OP_EMBED][HOOK_WEIGHT] > 0 && seen[OP_GATE][HOOK_OPERAND] > 0);
}

/* Any bytes give an error or a fault, never a crash. */
static void test_mutated_text(void **state)
{
    static const char good[] =
        "[{\"site\":\"blk.0.attn_q\",\"point\":\"partial\",\"kind\":\"flip\","
        "\"bits\":[1,5],\"row\":3,\"k\":7,\"position\":4}]";
    struct rng rng;
    (void)state;
    rng_init(&rng, 1, 2);
    for (int i = 0; i < 20000; i++) {
        char text[sizeof(good)];
        struct arena arena = {0};
        struct fault *faults;
        uint32_t count;
        memcpy(text, good, sizeof(good));
        for (uint32_t n = 1 + (uint32_t)rng_below(&rng, 3); n > 0; n--)
            text[rng_below(&rng, sizeof(good) - 1)] = (char)(1 + rng_below(&rng, 255));
        if (parse(text, &faults, &count, &arena) != STATUS_OK)
            assert_true(log_last_error()[0] != '\0');
        arena_finish(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_fault),
        cmocka_unit_test(test_list_of_places),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_mistakes_in_ranges),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_nothing_is_ignored),
        cmocka_unit_test(test_draws_are_valid_and_stand_alone),
        cmocka_unit_test(test_mutated_text),
    };
    fpenv_set();
    if (model_open(&model, TINY_MODEL))
        return 1;
    bounds = (struct fault_bounds){.model = model, .n_prompt = 6, .positions = 20};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    model_close(&model);
    return failed;
}
