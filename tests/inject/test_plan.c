/* SPDX-License-Identifier: MIT */
/* Plans from JSON: defaults, identity, contrasts, and the line each mistake gives. */
#include "plan_fixture.h"

#include "inject/plan/plan_confirm.h"
#include "inject/plan/plan_contrast.h"

#define LEAST                                                                                      \
    "\"model\":\"m\",\"prompts\":{\"texts\":[\"a\"]},\"population\":\"ops\","                      \
    "\"sampling\":{\"trials\":10}"

static enum status read_text(struct plan *out, struct arena *arena, const char *text)
{
    return plan_read(out, arena, &(struct plan_source){text, strlen(text), "plan.json", "", NULL});
}

static void expect_line(const char *text, const char *where, const char *what)
{
    struct arena arena = {0};
    struct plan plan;
    assert_int_equal(read_text(&plan, &arena, text), STATUS_INPUT);
    if (!strstr(log_last_error(), where) || !strstr(log_last_error(), what))
        fail_msg("%s\n gave: %s\n expected: %s, %s", text, log_last_error(), where, what);
    arena_finish(&arena);
}

static void test_defaults(void **state)
{
    struct arena arena = {0};
    struct plan plan;
    (void)state;
    assert_int_equal(read_text(&plan, &arena, "{" LEAST "}"), STATUS_OK);
    assert_int_equal(plan.n, 32);
    assert_int_equal(plan.n_items, 1);
    assert_string_equal(plan.item[0].prompt, "a");
    assert_int_equal(plan.item[0].n, 32);
    assert_int_equal(plan.design, PLAN_NESTED);
    assert_int_equal(plan.where.place.choice[0].value, PLACE_OP);
    assert_int_equal(plan.where.point.choice[0].value, HOOK_OUT);
    assert_int_equal(plan.what.kind.choice[0].value, KIND_FLIP);
    assert_int_equal(plan.when.duration.choice[0].value, DURATION_TRANSIENT);
    assert_int_equal(plan.when.stage.choice[0].value, STAGE_ANY);
    assert_int_equal(plan.faults_per_trial, 1);
    assert_int_equal(plan.retry, 2);
    assert_int_equal(plan.chunk, 512);
    assert_true(plan.control_dry == 0.01 && plan.confidence == 0.95);
    assert_int_equal(plan.checkpoint_bytes, 256 << 20);
    arena_finish(&arena);
    assert_int_equal(read_text(&plan, &arena,
                               "{\"model\":\"m\",\"prompts\":{\"texts\":[\"a\"]},"
                               "\"population\":\"bits\",\"sampling\":{\"trials\":10}}"),
                     STATUS_OK);
    assert_int_equal(plan.where.place.choice[0].value, PLACE_WEIGHT);
    assert_int_equal(plan.when.duration.choice[0].value, DURATION_PERSISTENT);
    arena_finish(&arena);
}

/* A database holds the plan's text, which must be readable without the prompt file. */
static void test_text_needs_no_file(void **state)
{
    struct arena arena = {0};
    struct plan given, again;
    (void)state;
    assert_int_equal(
        plan_load(&given, &arena, VKFI_SOURCE "/inject/plans/layer_sensitivity.json", NULL),
        STATUS_OK);
    assert_int_equal(read_text(&again, &arena, given.text), STATUS_OK);
    assert_string_equal(again.hash, given.hash);
    assert_string_equal(again.title, given.title);
    assert_string_equal(again.text, given.text);
    assert_int_equal(again.n_items, given.n_items);
    for (uint32_t i = 0; i < given.n_items; i++)
        assert_string_equal(again.item[i].prompt, given.item[i].prompt);
    arena_finish(&arena);
}

static void hash_of(const char *text, char out[HASH_SHA256_TEXT])
{
    struct arena arena = {0};
    struct plan plan;
    assert_int_equal(read_text(&plan, &arena, text), STATUS_OK);
    memcpy(out, plan.hash, HASH_SHA256_TEXT);
    arena_finish(&arena);
}

/* Fields that do not change a campaign do not change its identity. */
static void test_same_identity(void **state)
{
    static const char *const same[] = {
        "{\"title\":\"t\",\"notes\":\"n\",\"$schema\":\"x\"," LEAST "}",
        "{ \"sampling\" : {\n \"trials\" : 10.0 }, \"population\":\"ops\",\"prompts\":"
        "[{\"texts\":[\"\\u0061\"]}],\"model\":\"m\"}",
        "{" LEAST ",\"seed\":1,\"record\":\"outcome\",\"act\":\"f32\",\"decoding\":{\"n\":32},"
        "\"controls\":{\"dry\":0.01},\"where\":{\"place\":\"op\",\"point\":{\"out\":7}},"
        "\"what\":{\"kind\":[\"flip\"],\"bits\":\"any\",\"pattern\":\"single\"},"
        "\"when\":{\"stage\":\"any\",\"duration\":\"transient\"},\"strata\":[]}",
    };
    char first[HASH_SHA256_TEXT], other[HASH_SHA256_TEXT];
    (void)state;
    hash_of("{" LEAST "}", first);
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
        hash_of(same[i], other);
        assert_string_equal(first, other);
    }
    hash_of("{" LEAST ",\"what\":{\"kind\":{\"zero\":1,\"flip\":2}}}", first);
    hash_of("{" LEAST ",\"what\":{\"kind\":{\"flip\":4,\"zero\":2}}}", other);
    assert_string_equal(first, other);
    hash_of("{" LEAST ",\"where\":{\"sites\":[\"b\",\"a\"]}}", first);
    hash_of("{" LEAST ",\"where\":{\"sites\":[\"a\",\"b\"]}}", other);
    assert_string_equal(first, other);
}

/* Each of them changes the campaign. */
static const char *const OTHER[] = {
    "\"seed\":2",
    ("\"confirm\":{\"strata\":[\"all\"],\"of\":"
     "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}"),
    "\"act\":\"f16\"",
    "\"kv\":\"f16\"",
    "\"decoding\":{\"n\":31}",
    "\"decoding\":{\"stop\":\"none\"}",
    "\"item_weight\":\"exposure\"",
    "\"design\":\"crossed\"",
    "\"where\":{\"sites\":\"a\"}",
    "\"where\":{\"layers\":[0,1]}",
    "\"where\":{\"point\":\"mem\"}",
    "\"where\":{\"granularity\":\"vector\"}",
    "\"where\":{\"sites\":{\"a\":1,\"b\":2}}",
    "\"where\":{\"sites\":{\"b\":2,\"a\":1}}",
    "\"what\":{\"kind\":\"zero\"}",
    "\"what\":{\"bits\":\"sign\"}",
    "\"what\":{\"bits\":[3]}",
    "\"what\":{\"pattern\":{\"random\":2}}",
    "\"what\":{\"pattern\":{\"burst\":2}}",
    "\"what\":{\"kind\":\"set\",\"value\":1}",
    "\"what\":{\"kind\":\"set\",\"value\":2}",
    "\"what\":{\"kind\":\"scale\",\"factor\":2}",
    "\"what\":{\"kind\":\"add\",\"term\":2}",
    "\"what\":{\"kind\":\"clamp\",\"low\":0,\"high\":2}",
    "\"what\":{\"only\":{\"mask\":1,\"value\":1}}",
    "\"when\":{\"stage\":\"first\"}",
    "\"when\":{\"steps\":[0,3]}",
    "\"when\":{\"duration\":\"permanent\"}",
    "\"when\":{\"duration\":\"intermittent\",\"rate\":0.5}",
    "\"strata\":[\"layer\"]",
    "\"strata\":[\"layer\",\"bit\"]",
    "\"strata\":[\"bit\",\"layer\"]",
    "\"faults_per_trial\":2",
    "\"faults_per_trial\":{\"ber\":0.1}",
    "\"stop\":{\"rule\":\"time_uniform\"}",
    "\"stop\":{\"rule\":\"spending\",\"looks\":[0.5,1]}",
    "\"stop\":{\"rule\":\"spending\",\"looks\":[0.5,1],\"spending\":\"pocock\"}",
    "\"stop\":{\"rule\":\"time_uniform\",\"gate\":{\"max\":0.1}}",
    "\"stop\":{\"rule\":\"time_uniform\",\"gate\":{\"max\":0.2}}",
    "\"stop\":{\"rule\":\"time_uniform\",\"gate\":{\"max\":0.1,\"of\":\"sdc+due\"}}",
    "\"stop\":{\"rule\":\"time_uniform\",\"gate\":{\"max\":0.1,\"given\":\"changed\"}}",
    "\"stop\":{\"rule\":\"time_uniform\",\"gate\":{\"max\":0.1,\"confidence\":0.9}}",
    "\"stop\":{\"rule\":\"time_uniform\",\"gate\":{\"max\":0.1,\"stratum\":\"layer=0\"}}",
    "\"controls\":{\"cpu\":0.02}",
    "\"nan_policy\":\"trap\"",
    "\"score_eps\":5",
    "\"record\":\"full\"",
    "\"retry\":3",
    "\"lanes\":9",
    "\"tiles\":9",
    "\"chunk\":9",
    "\"budgets\":{\"checkpoint_mib\":1}",
    "\"budgets\":{\"work_factor\":3}",
    "\"strata\":[\"layer\"],\"hypotheses\":[{\"name\":\"a\",\"contrast\":\"layer: 0 > 1\"}]",
    "\"strata\":[\"layer\"],\"hypotheses\":[{\"name\":\"a\",\"contrast\":\"layer: 0 > 2\"}]",
};

/* Every field counts. */
static void test_other_identity(void **state)
{
    enum { COUNT = sizeof(OTHER) / sizeof(*OTHER) };
    static char hash[COUNT + 1][HASH_SHA256_TEXT];
    char text[1024];
    (void)state;
    hash_of("{" LEAST "}", hash[COUNT]);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "{" LEAST ",%s}", OTHER[i]);
        hash_of(text, hash[i]);
        for (int j = 0; j < i; j++) {
            if (strcmp(hash[i], hash[j]) == 0)
                fail_msg("%s is the same plan as %s", OTHER[i], OTHER[j]);
        }
        assert_string_not_equal(hash[i], hash[COUNT]);
    }
}

static void test_mistakes(void **state)
{
    (void)state;
    expect_line("{\"modle\":\"m\"}", "/modle (line 1)", "did you mean 'model'");
    expect_line("{" LEAST ",\n\"where\":{\n\"ponit\":\"out\"}}", "/where/ponit (line 3)",
                "did you mean 'point'");
    expect_line("{" LEAST ",\"where\":{\"point\":[\"out\",\"oot\"]}}", "/where/point/1",
                "expected operand, weight, partial, out, mem or accumulator; did you mean 'out'");
    expect_line("{" LEAST ",\"what\":{\"kind\":{\"flop\":1}}}", "/what/kind/flop",
                "did you mean 'flip'");
    expect_line("{" LEAST ",\"seed\":-1}", "/seed", "expected an integer from 0 to");
    expect_line("{" LEAST ",\"controls\":{\"dry\":0.5}}", "/controls/dry", "up to 0.2");
    expect_line("{" LEAST ",\"items\":{\"tasks\":\"gsm8k\"}}", "/items/tasks",
                "where none can be opened");
    expect_line("{" LEAST ",\"mode\":\"native\"}", "/mode", "expected exact");
    expect_line("{\"model\":\"m\",\"prompts\":{\"file\":\"x\",\"texts\":[]},"
                "\"population\":\"ops\"}",
                "/prompts", "exactly one of 'texts', 'file', 'ids'");
    expect_line("{\"model\":\"m\",\"prompts\":{\"texts\":[\"a\"]}}", "population", "expected ops");
    expect_line("{" LEAST ",\"what\":{\"kind\":\"set\"}}", "/what", "'value' is missing");
    expect_line("{" LEAST ",\"when\":{\"rate\":0.1}}", "/when/rate", "intermittent");
    expect_line("{" LEAST ",\"strata\":[\"layr\"]}", "/strata/0", "did you mean 'layer'");
    expect_line("{" LEAST ",\"strata\":[\"layer\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"layer: 0-9 >\"}]}",
                "/hypotheses/0/contrast", "expected a value");
    expect_line("{" LEAST ",\"strata\":[\"layer\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"layer: 9-0 > 3\"}]}",
                "/hypotheses/0/contrast", "rising range");
    expect_line("{" LEAST ",\"strata\":[\"layer\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"stage: first > decode\"}]}",
                "/hypotheses/0/contrast", "a dimension of the plan's strata");
    expect_line("{" LEAST ",\"stop\":{\"rule\":\"fixed\",\"gate\":{\"max\":0.1}}}", "/stop/gate",
                "expected time_uniform or spending");
    expect_line("{" LEAST ",\"stop\":{\"rule\":\"time_uniform\",\"gate\":{\"mox\":0.1}}}",
                "/stop/gate/mox", "did you mean 'max'");
    expect_line("{" LEAST ",\"stop\":{\"rule\":\"time_uniform\",\"gate\":{\"max\":0.1,"
                "\"of\":\"critical\"}}}",
                "/stop/gate/of", "needs scores");
    expect_line("{" LEAST ",\"design\":\"crossed\",\"stop\":{\"rule\":\"time_uniform\","
                "\"gate\":{\"max\":0.1}}}",
                "/stop/rule", "design nested");
}

/* Words of a contrast are those of its dimension: a mistyped one would be an empty side. */
static void test_words_of_contrasts(void **state)
{
    (void)state;
    expect_line("{" LEAST ",\"strata\":[\"stage\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"stage: frst > decode\"}]}",
                "/hypotheses/0/contrast (line 1)",
                "found 'frst', expected prefill, first or decode; did you mean 'first'?");
    expect_line("{" LEAST ",\"strata\":[\"kind\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"kind: flip > zerro\"}]}",
                "/hypotheses/0/contrast (line 1)", "did you mean 'zero'?");
    expect_line("{" LEAST ",\"strata\":[\"point\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"point: out > oprand\"}]}",
                "/hypotheses/0/contrast (line 1)", "did you mean 'operand'?");
    expect_line("{" LEAST ",\"strata\":[\"bit_field\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"bit_field: sign > exponnt\"}]}",
                "/hypotheses/0/contrast (line 1)", "did you mean 'exponent'?");
    expect_line("{" LEAST ",\"strata\":[\"place\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"place: op > wieght\"}]}",
                "/hypotheses/0/contrast (line 1)", "did you mean 'weight'?");
    expect_line("{" LEAST ",\"strata\":[\"granularity\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"granularity: element > vectr\"}]}",
                "/hypotheses/0/contrast (line 1)", "did you mean 'vector'?");
    expect_line("{" LEAST ",\"strata\":[\"duration\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"duration: transient > permanant\"}]}",
                "/hypotheses/0/contrast (line 1)", "did you mean 'permanent'?");
    expect_line("{" LEAST ",\"strata\":[\"readers\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"readers: none > colum\"}]}",
                "/hypotheses/0/contrast (line 1)", "did you mean 'column'?");
    expect_line("{" LEAST ",\"strata\":[\"field\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"field: code > scal\"}]}",
                "/hypotheses/0/contrast (line 1)", "did you mean 'scale'?");
    expect_line("{" LEAST ",\"strata\":[\"op\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"op: linear > softmx\"}]}",
                "/hypotheses/0/contrast (line 1)", "did you mean 'softmax'?");
    expect_line("{" LEAST ",\"strata\":[\"stage\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"stage: first > 7\"}]}",
                "/hypotheses/0/contrast (line 1)", "found '7', expected prefill");
    expect_line("{" LEAST ",\"strata\":[\"layer\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"layer: first > 7\"}]}",
                "/hypotheses/0/contrast (line 1)", "found layer 'first', expected a number");
    expect_line("{" LEAST ",\"strata\":[\"bit\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"bit: 0 > 3,31-32\"}]}",
                "/hypotheses/0/contrast (line 1)", "found bit 32, expected 0 to 31");
    expect_line("{" LEAST ",\"strata\":[\"item\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"item: 0 > 1\"}]}",
                "/hypotheses/0/contrast (line 1)", "found item 1, expected 0 to 0");
}

/* A stratum on both sides would count on neither. */
static void test_sides_are_apart(void **state)
{
    (void)state;
    expect_line("{" LEAST ",\"strata\":[\"layer\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"layer: 0-3 > 2-6\"}]}",
                "/hypotheses/0/contrast (line 1)",
                "found layer 2-3 on both sides of 'layer: 0-3 > 2-6'");
    expect_line("{" LEAST ",\"strata\":[\"layer\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"layer: 9,0-3,7 > 2-5,7\"}]}",
                "/hypotheses/0/contrast (line 1)", "found layer 7, 2-3 on both sides");
    expect_line("{" LEAST ",\"strata\":[\"layer\",\"stage\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"layer: 3 > stage: first\"}]}",
                "/hypotheses/0/contrast (line 1)", "found layer 3 & stage first on both sides");
    expect_line("{" LEAST ",\"strata\":[\"layer\",\"stage\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"layer: 1-8 & layer: 6-9 > layer: 0-7 & stage: first\"}]}",
                "/hypotheses/0/contrast (line 1)", "found layer 6-7 & stage first on both sides");
    expect_line("{" LEAST ",\"strata\":[\"layer\"],\"hypotheses\":[{\"name\":\"a\","
                "\"contrast\":\"layer: none,1 ~ none\"}]}",
                "/hypotheses/0/contrast (line 1)", "found layer none on both sides");
}

/* Plans are checked many at a time: a line says which. */
static void test_mistakes_name_the_file(void **state)
{
    (void)state;
    expect_line("{\"modle\":\"m\"}", "plan.json: /modle (line 1)", "");
    expect_line("{\"model\":\"m\",\n\"prompts\":[{\"texts\":[\"a\"]},\n"
                "{\"file\":\"nowhere.txt\"}]}",
                "plan.json: /prompts/1/file (line 3): nowhere.txt: cannot open", "No such file");
}

/* Prompts without any event that a question needs, and the warning of a plan with fewer. */
static void test_least_prompts(void **state)
{
    static const struct {
        const char *stop;
        uint32_t least;
    } cases[] = {
        {"\"time_uniform\",\"gate\":{\"max\":0.02}", 208},
        {"\"time_uniform\",\"gate\":{\"max\":0.000001}", PLAN_STOP_NEVER},
        {"\"time_uniform\"", 0},
        {"\"spending\",\"looks\":[0.5,1],\"gate\":{\"max\":0.02}", 0},
    };
    struct arena arena = {0};
    struct plan plan;
    char text[512];
    uint32_t least, wider;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(text, sizeof(text), "{" LEAST ",\"stop\":{\"rule\":%s}}", cases[i].stop);
        assert_int_equal(read_text(&plan, &arena, text), STATUS_OK);
        assert_int_equal(plan_stop_least(&plan, &least), STATUS_OK);
        assert_int_equal(least, cases[i].least);
    }
    plan.stop = PLAN_STOP_TIME_UNIFORM;
    plan.gate.max = 0.02;
    plan.gate.confidence = 0.99;
    assert_int_equal(plan_stop_least(&plan, &least), STATUS_OK);
    plan.gate.max = 0.2;
    assert_int_equal(plan_stop_least(&plan, &wider), STATUS_OK);
    assert_true(least > 208 && wider > 0 && wider < 208);
    arena_finish(&arena);
}

/* Each item has one place, another seed another order. */
static void test_order_of_items(void **state)
{
    struct plan plan = {.seed = 5, .n_items = 40}, other = {.seed = 6, .n_items = 40};
    bool seen[40] = {false};
    uint32_t moved = 0, differs = 0;
    (void)state;
    for (uint32_t place = 0; place < 40; place++) {
        const uint32_t item = plan_stop_item(&plan, place);
        assert_true(item < 40 && !seen[item]);
        seen[item] = true;
        moved += item != place;
        differs += item != plan_stop_item(&other, place);
    }
    assert_true(moved > 30 && differs > 30);
}

static struct plan_hypothesis contrast(struct arena *arena, const struct plan *plan,
                                       const char *text)
{
    struct plan_hypothesis h = {0};
    const char *problem = plan_contrast_parse(&h, arena, text, plan);
    if (problem)
        fail_msg("%s: %s", text, problem);
    return h;
}

static int sign(const struct plan_hypothesis *h, const char *layer, const char *part,
                const char *stage)
{
    const char *value[PLAN_DIMENSION_COUNT] = {
        [PLAN_BY_LAYER] = layer, [PLAN_BY_BIT_FIELD] = part, [PLAN_BY_STAGE] = stage};
    return plan_contrast_sign(h, value);
}

static void test_contrasts(void **state)
{
    struct arena arena = {0};
    struct plan plan = {.strata = {PLAN_BY_LAYER, PLAN_BY_BIT_FIELD, PLAN_BY_STAGE}, .n_strata = 3};
    (void)state;
    struct plan_hypothesis h = contrast(&arena, &plan, "layer: 0-9 > 20-29");
    assert_int_equal(h.relation, PLAN_GREATER);
    assert_int_equal(sign(&h, "0", "sign", "first"), 1);
    assert_int_equal(sign(&h, "9", "sign", "first"), 1);
    assert_int_equal(sign(&h, "10", "sign", "first"), 0);
    assert_int_equal(sign(&h, "29", "sign", "first"), -1);
    assert_int_equal(sign(&h, "none", "sign", "first"), 0);
    h = contrast(&arena, &plan, "bit_field:exponent,sign&stage:first<mantissa & decode");
    assert_int_equal(h.relation, PLAN_LESS);
    assert_int_equal(sign(&h, "0", "sign", "first"), 1);
    assert_int_equal(sign(&h, "0", "sign", "decode"), 0);
    assert_int_equal(sign(&h, "0", "mantissa", "decode"), -1);
    h = contrast(&arena, &plan, "layer: 3 != stage: first");
    assert_int_equal(sign(&h, "3", "sign", "first"), 0); /* on both sides */
    assert_int_equal(sign(&h, "3", "sign", "decode"), 1);
    assert_int_equal(sign(&h, "4", "sign", "first"), -1);
    h = contrast(&arena, &plan, " trend layer falls ");
    assert_int_equal(h.relation, PLAN_FALLS);
    assert_int_equal(sign(&h, "12", "sign", "first"), 1);
    assert_int_equal(sign(&h, "none", "sign", "first"), 0);
    arena_finish(&arena);
}

#define OF "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The order of labels means nothing; a plan that confirms nothing has no trace of it. */
static void test_confirm(void **state)
{
    struct arena arena = {0};
    struct plan plan, other;
    (void)state;
    assert_int_equal(read_text(&plan, &arena, "{" LEAST "}"), STATUS_OK);
    assert_int_equal(plan.confirm.n_strata, 0);
    assert_null(strstr(plan.canon, "confirm"));
    assert_int_equal(read_text(&plan, &arena,
                               "{" LEAST ",\"confirm\":{\"strata\":[\"b=2\",\"a=1\"],\"of\":\"" OF
                               "\"}}"),
                     STATUS_OK);
    assert_int_equal(read_text(&other, &arena,
                               "{" LEAST ",\"confirm\":{\"of\":\"" OF
                               "\",\"strata\":[\"a=1\",\"b=2\"]}}"),
                     STATUS_OK);
    assert_string_equal(plan.hash, other.hash);
    assert_string_equal(plan.confirm.of, OF);
    assert_true(plan_confirm_has(&plan.confirm, "a=1") && plan_confirm_has(&plan.confirm, "b=2"));
    assert_false(plan_confirm_has(&plan.confirm, "a=10"));
    expect_line("{" LEAST ",\"confirm\":{\"strata\":[\"a=1\",\"a=1\"],\"of\":\"" OF "\"}}",
                "/confirm/strata", "\"a=1\" again");
    expect_line("{" LEAST ",\"confirm\":{\"strata\":[\"a=1\"],\"of\":\"12\"}}", "/confirm/of",
                "found \"12\" as 'of'");
    arena_finish(&arena);
}

/* The plan of a confirmation is the campaign's except for its strata. */
static void test_confirm_is_made(void **state)
{
    static const char *const labels[] = {"layer=3", "layer=1"};
    struct arena arena = {0};
    struct plan first, made, again;
    (void)state;
    assert_int_equal(
        plan_load(&first, &arena, VKFI_SOURCE "/inject/plans/layer_sensitivity.json", NULL),
        STATUS_OK);
    assert_true(first.n_hypotheses > 0);
    const struct plan_confirm_request request = {
        .plan = &first, .label = labels, .count = 2, .trials = 77, .seed = first.seed + 1};
    assert_int_equal(plan_confirm_make(&made, &arena, &request), STATUS_OK);
    assert_int_equal(made.confirm.n_strata, 2);
    assert_string_equal(made.confirm.of, first.hash);
    assert_int_equal(made.seed, first.seed + 1);
    assert_int_equal(made.n_hypotheses, 0);
    assert_int_equal(made.stop, PLAN_STOP_FIXED);
    assert_true(made.goal != PLAN_GOAL_TRIALS || made.trials == 77);
    struct plan_confirm_request by_trials = request;
    by_trials.by_trials = true;
    assert_int_equal(plan_confirm_make(&again, &arena, &by_trials), STATUS_OK);
    assert_int_equal(again.goal, PLAN_GOAL_TRIALS);
    assert_int_equal(again.trials, 77);
    assert_non_null(strstr(made.title, ": 2 strata estimated anew"));
    assert_int_equal(made.n_items, first.n_items);
    for (uint32_t i = 0; i < first.n_items; i++)
        assert_string_equal(made.item[i].prompt, first.item[i].prompt);
    assert_int_equal(made.population, first.population);
    assert_int_equal(made.n_strata, first.n_strata);
    assert_int_equal(read_text(&again, &arena, made.text), STATUS_OK);
    assert_string_equal(again.hash, made.hash);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),           cmocka_unit_test(test_same_identity),
        cmocka_unit_test(test_other_identity),     cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_order_of_items),     cmocka_unit_test(test_contrasts),
        cmocka_unit_test(test_text_needs_no_file), cmocka_unit_test(test_confirm),
        cmocka_unit_test(test_confirm_is_made),    cmocka_unit_test(test_words_of_contrasts),
        cmocka_unit_test(test_sides_are_apart),    cmocka_unit_test(test_mistakes_name_the_file),
        cmocka_unit_test(test_least_prompts),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
