/* SPDX-License-Identifier: MIT */
/* Each kind's effect on the bits, computed here from clean runs: results, proof and records. */
#include "space_bench.h"

static struct space_bench bench;
static struct space_run clean, faulty;

#define SITE "blk.0.ffn_down"
#define ROW 5u
#define STEP 2u
#define POSITION (SPACE_PROMPT - 1 + STEP)

/* The draw of hook.h, spelled out. */
static uint32_t mix(uint32_t i, uint32_t bits, uint32_t salt)
{
    uint32_t h = bits * 0x9e3779b1u + (i ^ salt) * 0x85ebca77u;
    h = (h ^ (h >> 16)) * 0x7feb352du;
    h = (h ^ (h >> 15)) * 0x846ca68bu;
    return h ^ (h >> 16);
}

static uint64_t fold(uint64_t state, uint64_t value)
{
    uint64_t x = state ^ (value + UINT64_C(0x9e3779b97f4a7c15) + (state << 6) + (state >> 2));
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint32_t drawn(const char *site, uint32_t point, const uint32_t at[4], uint32_t salt)
{
    uint64_t h = fold(fold(0, 9), 4); /* "seed": 9, "trial": 4 */
    for (const char *c = site; *c; c++)
        h = fold(h, (unsigned char)*c);
    h = fold(h, point);
    uint32_t bits = mix((uint32_t)h, (uint32_t)(h >> 32), salt);
    for (int i = 0; i < 4; i++) /* position, row, k, key */
        bits = mix(at[i], bits, salt);
    return bits;
}

struct kind_case {
    const char *fields;
    uint32_t after;
};

static float value_of(uint32_t bits)
{
    return lang_float(bits);
}

/* One element at one position gets exactly these bits, nothing else of the row changes. */
static void expect(const struct kind_case *c)
{
    char text[512];
    snprintf(text, sizeof(text),
             "{\"site\":\"" SITE "\",\"row\":%u,\"step\":%u,\"seed\":9,\"trial\":4,%s}", ROW, STEP,
             c->fields);
    for (uint32_t d = 0; d < 2; d++) {
        space_run(&bench, text, (struct space_how){d, 40, SITE}, &faulty);
        const struct tap_proof *proof = &faulty.proof[0];
        const uint32_t before = clean.row[POSITION][ROW];
        if (proof->count != 1 || proof->before != before || proof->after != c->after ||
            faulty.row[POSITION][ROW] != c->after || proof->position != POSITION ||
            proof->changed != (before != c->after))
            fail_msg("%s: %08x -> %08x (register %08x), expected %08x -> %08x", text, proof->before,
                     proof->after, faulty.row[POSITION][ROW], before, c->after);
        faulty.row[POSITION][ROW] = before;
        assert_memory_equal(faulty.row[POSITION], clean.row[POSITION], sizeof(clean.row[0]));
        assert_memory_equal(faulty.row, clean.row, POSITION * sizeof(clean.row[0]));
    }
    space_everywhere(&bench, text, NULL);
}

static void test_kinds_of_one_element(void **state)
{
    (void)state;
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    space_run(&bench, NULL, (struct space_how){0, 40, SITE}, &clean);
    const uint32_t b = clean.row[POSITION][ROW], stale = clean.row[POSITION - 1][ROW];
    const uint32_t other = clean.row[POSITION][9], m = 0x00f000ffu;
    const uint32_t at[4] = {POSITION, ROW, 0, 0};
    const uint32_t random = drawn(SITE, 4, at, 0x03707344u);
    char low[64], high[64];
    /* a range above the value, and one below it */
    snprintf(low, sizeof(low), "\"low\":%.9g,\"high\":%.9g", (double)value_of(b) + 1,
             (double)value_of(b) + 2);
    snprintf(high, sizeof(high), "\"low\":-1e30,\"high\":%.9g", (double)value_of(b) - 1);
    char texts[2][128];
    snprintf(texts[0], sizeof(texts[0]), "\"kind\":\"clamp\",%s", low);
    snprintf(texts[1], sizeof(texts[1]), "\"kind\":\"clamp\",%s", high);
    const struct kind_case cases[] = {
        {"\"kind\":\"flip\",\"mask\":\"0x00f000ff\"", b ^ m},
        {"\"kind\":\"flip\",\"bits\":[31,3]", b ^ 0x80000008u},
        {"\"kind\":\"stuck_at_0\",\"mask\":\"0x00f000ff\"", b & ~m},
        {"\"kind\":\"stuck_at_1\",\"mask\":\"0x00f000ff\"", b | m},
        {"\"kind\":\"set\",\"value\":\"0x3f812345\"", 0x3f812345u},
        {"\"kind\":\"zero\"", 0},
        {"\"kind\":\"random\"", random},
        {"\"kind\":\"random\",\"mask\":\"0x00f000ff\"", (random & m) | (b & ~m)},
        {"\"kind\":\"stale\"", stale},
        {"\"kind\":\"mix\",\"mask\":\"0x00f000ff\"", (stale & m) | (b & ~m)},
        {texts[0], lang_bits((float)((double)value_of(b) + 1))},
        {texts[1], lang_bits((float)((double)value_of(b) - 1))},
        {"\"kind\":\"clamp\",\"low\":-1e30,\"high\":1e30", b},
        {"\"kind\":\"scale\",\"value\":-3.5", lang_bits(value_of(b) * -3.5f)},
        {"\"kind\":\"scale\",\"value\":\"0x7fc00001\"", 0x7fc00000u},
        {"\"kind\":\"add\",\"value\":0.3125", lang_bits(value_of(b) + 0.3125f)},
        {"\"kind\":\"wrong_read\",\"from\":9", other},
        {"\"kind\":\"dry\"", b},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        expect(&cases[i]);
    space_close(&bench);
}

/* The astray write leaves the old bits at its place and its own bits at the other. */
static void test_wrong_write(void **state)
{
    (void)state;
    static const char text[] = "{\"site\":\"" SITE "\",\"row\":3,\"rows\":2,\"row_step\":4,"
                               "\"step\":2,\"kind\":\"wrong_write\",\"from\":20}";
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    space_run(&bench, NULL, (struct space_how){0, 40, SITE}, &clean);
    for (uint32_t d = 0; d < 2; d++) {
        space_run(&bench, text, (struct space_how){d, 4, SITE}, &faulty);
        for (uint32_t row = 0; row < clean.count[POSITION]; row++) {
            uint32_t expected = clean.row[POSITION][row];
            if (row == 3 || row == 7)
                expected = clean.row[POSITION - 1][row];
            if (row == 20 || row == 24)
                expected = clean.row[POSITION][row - 17];
            assert_int_equal(faulty.row[POSITION][row], expected);
        }
        assert_int_equal(faulty.proof[0].count, 2);
        assert_int_equal(faulty.proof[0].changed, 4);
    }
    space_everywhere(&bench, text, NULL);
    space_close(&bench);
}

/* Nothing is changed by a dry fault, whatever it covers; all fire as predicted. */
static void test_dry(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"site\":\"blk.0.attn_q\",\"kind\":\"dry\",\"granularity\":\"tensor\",\"stage\":\"any\"}",
        "{\"site\":\"blk.0.attn_k\",\"point\":\"operand\",\"kind\":\"dry\","
        "\"granularity\":\"vector\",\"step\":1}",
        "{\"site\":\"blk.0.attn_scores\",\"point\":\"weight\",\"kind\":\"dry\","
        "\"granularity\":\"tensor\",\"stage\":\"decode\"}",
        "{\"site\":\"blk.0.attn_q.weight\",\"kind\":\"dry\",\"granularity\":\"vector\",\"row\":3}",
        "{\"site\":\"blk.0.kv_v\",\"kind\":\"dry\",\"granularity\":\"tensor\",\"step\":1}",
        "{\"site\":\"rope\",\"kind\":\"dry\",\"granularity\":\"tensor\"}",
        "{\"site\":\"control.position\",\"kind\":\"dry\",\"duration\":\"permanent\","
        "\"position\":0}",
        "{\"site\":\"control.sampler\",\"kind\":\"dry\",\"step\":1}",
    };
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    space_run(&bench, NULL, (struct space_how){0, 40, NULL}, &clean);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        space_everywhere(&bench, texts[i], &faulty);
        assert_true(faulty.proof[0].count > 0);
        assert_int_equal(faulty.proof[0].changed, 0);
        assert_int_equal(faulty.hash, clean.hash);
    }
    space_close(&bench);
}

/* 16-bit stored forms: numbers are widened, changed, narrowed. */
static void test_numbers_in_halves(void **state)
{
    (void)state;
    static const char *const sites[] = {SITE, "blk.0.kv_k"};
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F16, STORAGE_BF16);
    for (int i = 0; i < 2; i++) {
        char text[256];
        const uint32_t type = i ? NM_BF16 : NM_F16;
        snprintf(text, sizeof(text),
                 "{\"site\":\"%s\",\"point\":\"mem\",\"kind\":\"scale\",\"value\":1.7,%s,"
                 "\"step\":2}",
                 sites[i], i ? "\"k\":5,\"key\":3" : "\"row\":5");
        space_everywhere(&bench, text, &faulty);
        const struct tap_proof *proof = &faulty.proof[0];
        assert_int_equal(proof->count, 1);
        assert_int_equal(proof->after,
                         nm_store(lang_bits(nm_load(proof->before, type) * 1.7f), type));
        assert_true(proof->before != proof->after);
    }
    space_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_of_one_element),
        cmocka_unit_test(test_wrong_write),
        cmocka_unit_test(test_dry),
        cmocka_unit_test(test_numbers_in_halves),
    };
    return space_main(tests, sizeof(tests) / sizeof(*tests));
}
