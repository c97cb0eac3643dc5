/* SPDX-License-Identifier: MIT */
/* Which elements and positions a fault strikes: granularities, readers, durations, conditions. */
#include "space_bench.h"

static struct space_bench bench;
static struct space_run clean, faulty;

#define P SPACE_PROMPT
#define MARK 0x41234567u /* what struck elements are set to */

typedef bool struck(uint32_t position, uint32_t row);

/* Exactly the elements that `is` names get MARK at the first position struck, and at later ones. */
static void expect(const char *fields, const char *site, struck *is)
{
    char text[512];
    snprintf(text, sizeof(text), "{\"site\":\"%s\",\"kind\":\"set\",\"value\":\"0x41234567\",%s}",
             site, fields);
    space_run(&bench, NULL, (struct space_how){0, 40, site}, &clean);
    for (uint32_t d = 0; d < 2; d++) {
        uint64_t count = 0;
        space_run(&bench, text, (struct space_how){d, 4, site}, &faulty);
        const uint32_t end = P + faulty.n_tokens - 1;
        for (uint32_t p = 0; p < end; p++) {
            for (uint32_t row = 0; row < faulty.count[p]; row++) {
                const bool hit = is(p, row);
                count += hit;
                if (hit != (faulty.row[p][row] == MARK))
                    fail_msg("%s: position %u element %u is %08x (clean %08x)", text, p, row,
                             faulty.row[p][row], clean.row[p][row]);
                if (!hit && p <= faulty.proof[0].position)
                    assert_int_equal(faulty.row[p][row], clean.row[p][row]);
            }
        }
        assert_int_equal(faulty.proof[0].count, count);
        assert_int_equal(faulty.proof[0].changed, count);
    }
    space_everywhere(&bench, text, NULL);
}

static bool element(uint32_t p, uint32_t row)
{
    return p == P + 1 && row == 5;
}

static bool vector(uint32_t p, uint32_t row)
{
    (void)row;
    return p == P + 1;
}

static bool feature(uint32_t p, uint32_t row)
{
    return p >= P && row == 5;
}

static bool feature_of_prompt(uint32_t p, uint32_t row)
{
    return p < P - 1 && row == 5;
}

static bool tensor(uint32_t p, uint32_t row)
{
    (void)row;
    return p >= P;
}

static bool lane(uint32_t p, uint32_t row)
{
    return p == P + 1 && row % 8 == 5;
}

static bool lane_of_five(uint32_t p, uint32_t row)
{
    return p == P + 1 && row % 5 == 2;
}

static bool tile(uint32_t p, uint32_t row)
{
    return p == P + 1 && row >= 32 && row < 64;
}

static bool permanent(uint32_t p, uint32_t row)
{
    return p >= 3 && row == 5;
}

static bool four_positions(uint32_t p, uint32_t row)
{
    return p >= 3 && p < 7 && row == 5;
}

static bool every_third(uint32_t p, uint32_t row)
{
    return p == P + 1 && row >= 4 && row <= 13 && row % 3 == 1;
}

static void test_results(void **state)
{
    static const char *const sites[] = {"blk.0.attn_q",  "blk.0.ffn_down",      "blk.0.attn_norm",
                                        "blk.0.ffn_act", "blk.0.attn_residual", "blk.0.attn_heads",
                                        "blk.0.rope_q"};
    (void)state;
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++) {
        expect("\"row\":5,\"step\":2", sites[i], element);
        expect("\"granularity\":\"vector\",\"row\":5,\"step\":2", sites[i], vector);
        if (i > 1)
            continue;
        expect("\"granularity\":\"feature\",\"row\":5,\"step\":2", sites[i], feature);
        expect("\"granularity\":\"feature\",\"row\":5,\"stage\":\"prefill\"", sites[i],
               feature_of_prompt);
        expect("\"granularity\":\"tensor\",\"step\":2", sites[i], tensor);
        expect("\"granularity\":\"lane\",\"row\":13,\"step\":2", sites[i], lane);
        expect("\"granularity\":\"lane\",\"row\":7,\"lanes\":5,\"step\":2", sites[i], lane_of_five);
        expect("\"granularity\":\"tile\",\"row\":40,\"step\":2", sites[i], tile);
        expect("\"row\":5,\"position\":3,\"duration\":\"permanent\"", sites[i], permanent);
        expect("\"row\":5,\"position\":3,\"positions\":4", sites[i], four_positions);
        expect("\"row\":4,\"rows\":4,\"row_step\":3,\"step\":2", sites[i], every_third);
    }
    space_close(&bench);
}

/* Elements of scores: head * (position + 1) + key. */
static bool one_key(uint32_t p, uint32_t row)
{
    return p == P + 1 && row == 1 * (p + 1) + 4;
}

static bool one_head(uint32_t p, uint32_t row)
{
    return p == P + 1 && row / (p + 1) == 1;
}

static bool key_of_later(uint32_t p, uint32_t row)
{
    return p >= 6 && row == 1 * (p + 1) + 6;
}

static bool key_of_all(uint32_t p, uint32_t row)
{
    return p >= 4 && row == 1 * (p + 1) + 4;
}

static bool key_of_prompt(uint32_t p, uint32_t row)
{
    return p >= 4 && p < P - 1 && row == 1 * (p + 1) + 4;
}

static bool key_of_answer(uint32_t p, uint32_t row)
{
    return p >= P && row == 1 * (p + 1) + 4;
}

static bool key_at_first(uint32_t p, uint32_t row)
{
    return p == 4 && row == 1 * (p + 1) + 4;
}

static bool element_of_prompt(uint32_t p, uint32_t row)
{
    return p >= 3 && p < P - 1 && row == 5;
}

static bool element_of_all(uint32_t p, uint32_t row)
{
    return p >= 3 && row == 5;
}

static bool element_from_answer(uint32_t p, uint32_t row)
{
    return p >= P && row == 5;
}

/* Where stage and duration meet: the fault begins in the stage, where its key is seen first; once
 * at one position, or to the stage's end, or permanently to the run's. A rate of 1 fires always. */
static void test_stages(void **state)
{
    (void)state;
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    expect("\"granularity\":\"feature\",\"row\":1,\"key\":4,\"stage\":\"any\"", "blk.0.attn_scores",
           key_of_all);
    expect("\"granularity\":\"feature\",\"row\":1,\"key\":4,\"stage\":\"prefill\"",
           "blk.0.attn_probs", key_of_prompt);
    expect("\"granularity\":\"feature\",\"row\":1,\"key\":4,\"stage\":\"decode\"",
           "blk.0.attn_probs", key_of_answer);
    expect("\"row\":1,\"key\":4,\"stage\":\"prefill\"", "blk.0.attn_scores", key_at_first);
    expect("\"row\":1,\"key\":4,\"stage\":\"prefill\",\"duration\":\"intermittent\",\"rate\":1",
           "blk.0.attn_scores", key_of_prompt);
    expect("\"row\":1,\"key\":4,\"stage\":\"prefill\",\"duration\":\"permanent\"",
           "blk.0.attn_scores", key_of_all);
    expect(
        "\"row\":5,\"position\":3,\"stage\":\"prefill\",\"duration\":\"intermittent\",\"rate\":1",
        "blk.0.attn_q", element_of_prompt);
    expect("\"row\":5,\"position\":3,\"duration\":\"intermittent\",\"rate\":1", "blk.0.attn_q",
           element_of_all);
    expect("\"row\":5,\"position\":3,\"stage\":\"prefill\",\"duration\":\"permanent\"",
           "blk.0.attn_q", element_of_all);
    expect("\"row\":5,\"stage\":\"decode\",\"duration\":\"permanent\"", "blk.0.attn_q",
           element_from_answer);
    space_close(&bench);
}

static void test_keys(void **state)
{
    (void)state;
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    expect("\"row\":1,\"key\":4,\"step\":2", "blk.0.attn_scores", one_key);
    expect("\"row\":1,\"keys\":\"all\",\"step\":2", "blk.0.attn_probs", one_head);
    expect("\"granularity\":\"vector\",\"step\":2", "blk.0.attn_scores", vector);
    expect("\"row\":1,\"key\":6,\"position\":6,\"duration\":\"permanent\"", "blk.0.attn_scores",
           key_of_later);
    space_close(&bench);
}

/* An operand seen by some rows changes those only; all rows are those together. */
static void test_readers(void **state)
{
    static const char fields[] = "\"point\":\"operand\",\"kind\":\"set\",\"value\":\"0x42000000\","
                                 "\"k\":7,\"step\":2";
    static struct space_run all;
    char text[512];
    (void)state;
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    space_run(&bench, NULL, (struct space_how){0, 40, "blk.0.ffn_gate"}, &clean);
    for (uint32_t d = 0; d < 2; d++) {
        snprintf(text, sizeof(text), "{\"site\":\"blk.0.ffn_gate\",%s}", fields);
        space_run(&bench, text, (struct space_how){d, 40, "blk.0.ffn_gate"}, &all);
        assert_int_equal(all.proof[0].count, 1);
        for (int tiled = 0; tiled < 2; tiled++) {
            const uint32_t first = tiled ? 32 : 40, end = tiled ? 64 : 41;
            snprintf(text, sizeof(text),
                     "{\"site\":\"blk.0.ffn_gate\",%s,\"readers\":\"%s\",\"row\":40}", fields,
                     tiled ? "tile" : "row");
            space_run(&bench, text, (struct space_how){d, 40, "blk.0.ffn_gate"}, &faulty);
            assert_int_equal(faulty.proof[0].count, 1);
            for (uint32_t row = 0; row < clean.count[P + 1]; row++) {
                const bool reads = row >= first && row < end;
                const struct space_run *from = reads ? &all : &clean;
                assert_int_equal(faulty.row[P + 1][row], from->row[P + 1][row]);
            }
            space_everywhere(&bench, text, NULL);
        }
    }
    space_close(&bench);
}

/* A weight as read by all columns is the stored weight: the same run. */
static void test_weight_readers(void **state)
{
    (void)state;
    static const char bits[] = "\"field\":\"scale\",\"bit\":13,\"row\":9,\"k\":33";
    static struct space_run stored;
    char text[512];
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    snprintf(text, sizeof(text), "{\"site\":\"blk.0.attn_v.weight\",%s,\"position\":0}", bits);
    space_everywhere(&bench, text, &stored);
    snprintf(text, sizeof(text),
             "{\"site\":\"blk.0.attn_v\",\"point\":\"weight\",%s,\"readers\":\"stage\","
             "\"stage\":\"any\"}",
             bits);
    space_everywhere(&bench, text, &faulty);
    assert_int_equal(faulty.hash, stored.hash);
    assert_int_equal(faulty.proof[0].count, SPACE_POSITIONS - 1);
    assert_int_equal(faulty.proof[0].before, stored.proof[0].before);
    assert_int_equal(faulty.proof[0].after, stored.proof[0].after);
    snprintf(text, sizeof(text),
             "{\"site\":\"blk.0.attn_v\",\"point\":\"weight\",%s,\"readers\":\"chunk\","
             "\"chunk\":4,\"position\":6}",
             bits);
    space_everywhere(&bench, text, &faulty);
    assert_int_equal(faulty.proof[0].count, 4);
    assert_int_equal(faulty.proof[0].position, 4);
    /* scrubbed weights are struck for as many positions */
    snprintf(text, sizeof(text),
             "{\"site\":\"blk.0.attn_v.weight\",%s,\"position\":4,\"positions\":4}", bits);
    space_everywhere(&bench, text, &stored);
    assert_int_equal(faulty.hash, stored.hash);
    assert_int_equal(stored.proof[0].count, 1);
    space_close(&bench);
}

/* Draws come at about the rate, at the same places however the run is split. */
static void test_intermittent(void **state)
{
    (void)state;
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    space_everywhere(&bench,
                     "{\"site\":\"blk.0.ffn_up\",\"bit\":3,\"granularity\":\"tensor\","
                     "\"duration\":\"intermittent\",\"rate\":0.25,\"position\":0,\"seed\":3}",
                     &faulty);
    const uint64_t n = (uint64_t)bench.model->hp.n_ff * (SPACE_POSITIONS - 1);
    assert_in_range(faulty.proof[0].count, n * 22 / 100, n * 28 / 100);
    space_everywhere(&bench,
                     "{\"site\":\"blk.0.ffn_up\",\"bit\":3,\"row\":3,"
                     "\"duration\":\"intermittent\",\"rate\":1,\"position\":2,\"seed\":3}",
                     &faulty);
    assert_int_equal(faulty.proof[0].count, SPACE_POSITIONS - 1 - 2);
    space_close(&bench);
}

/* Fires on negative values only. */
static void test_conditional(void **state)
{
    (void)state;
    static const char text[] = "{\"site\":\"blk.0.ffn_up\",\"bit\":30,\"granularity\":\"vector\","
                               "\"step\":1,\"only_mask\":\"0x80000000\","
                               "\"only_value\":\"0x80000000\"}";
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    space_run(&bench, NULL, (struct space_how){0, 40, "blk.0.ffn_up"}, &clean);
    for (uint32_t d = 0; d < 2; d++) {
        uint32_t negative = 0;
        space_run(&bench, text, (struct space_how){d, 40, "blk.0.ffn_up"}, &faulty);
        for (uint32_t row = 0; row < clean.count[P]; row++) {
            const uint32_t bits = clean.row[P][row];
            const bool hit = bits >> 31 != 0;
            if (hit && negative++ == 0) {
                assert_int_equal(faulty.proof[0].element, row);
                assert_int_equal(faulty.proof[0].before, bits);
            }
            assert_int_equal(faulty.row[P][row], hit ? nm_canon(bits ^ 1u << 30) : bits);
        }
        assert_true(negative > 0 && negative < clean.count[P]);
        assert_int_equal(faulty.proof[0].count, negative);
    }
    space_everywhere(&bench, text, &faulty);
    /* what fires is known from a dry run: the bits before the fault are golden's */
    static struct space_run dry;
    space_everywhere(&bench,
                     "{\"site\":\"blk.0.ffn_up\",\"kind\":\"dry\",\"granularity\":\"vector\","
                     "\"step\":1,\"only_mask\":\"0x80000000\",\"only_value\":\"0x80000000\"}",
                     &dry);
    assert_int_equal(dry.proof[0].count_first, faulty.proof[0].count_first);
    space_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_stages),         cmocka_unit_test(test_readers),
        cmocka_unit_test(test_weight_readers), cmocka_unit_test(test_intermittent),
        cmocka_unit_test(test_conditional),
    };
    return space_main(tests, sizeof(tests) / sizeof(*tests));
}
