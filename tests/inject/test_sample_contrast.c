/* SPDX-License-Identifier: MIT */
/* Errors of a plan that need a model: contrasts over missing strata, sites, tokens. */
#include "plan_fixture.h"

static struct model *model; /* one layer */

#define OPS ",\"population\":\"ops\",\"sampling\":{\"trials\":2000}"

static enum status make(struct plan_fixture *f, const char *strata, const char *contrast)
{
    char rest[512];
    snprintf(rest, sizeof(rest),
             OPS ",\"strata\":[%s],\n\"hypotheses\":[{\"name\":\"a\",\"contrast\":\"%s\"}]", strata,
             contrast);
    return fixture_sample(f, model, 2, rest);
}

static void expect_last(const char *piece)
{
    if (!strstr(log_last_error(), piece))
        fail_msg("found: %s\n expected: %s", log_last_error(), piece);
}

static void expect_refused(const char *strata, const char *contrast, const char *piece)
{
    struct plan_fixture f;
    assert_int_equal(make(&f, strata, contrast), STATUS_INPUT);
    expect_last("plan.json: /hypotheses/0/contrast (line 2): contrast '");
    expect_last(piece);
    fixture_finish(&f);
}

static void expect_made(const char *strata, const char *contrast)
{
    struct plan_fixture f;
    if (make(&f, strata, contrast))
        fail_msg("%s: %s", contrast, log_last_error());
    fixture_finish(&f);
}

/* An empty side counted as a rate of 0 and was "below" any other. */
static void test_values_without_trials(void **state)
{
    (void)state;
    expect_made("\"layer\"", "layer: 0 > none");
    expect_refused("\"layer\"", "layer: 0 > 9", "found no trials of layer 9, expected");
    expect_refused("\"layer\"", "layer: none > 0-1", "found no trials of layer 1, expected");
    expect_refused("\"layer\"", "layer: none,4 > 0", "found no trials of layer 4, expected");
    expect_refused("\"kind\"", "kind: zero > flip", "found no trials of kind zero, expected");
    expect_made("\"bit\"", "bit: 23-30 > 0-22");
    expect_refused("\"site_kind\"", "site_kind: attn_q > ffn_dwn",
                   "found no trials of site_kind ffn_dwn");
    expect_refused("\"site_kind\"", "site_kind: attn_q > ffn_dwn", "did you mean 'ffn_down'?");
}

/* A value counts where the side's other conditions hold: the output has no prefill. */
static void test_conditions_together(void **state)
{
    (void)state;
    expect_made("\"stage\",\"site_kind\"", "site_kind: output & stage: first > attn_q & first");
    expect_refused("\"stage\",\"site_kind\"",
                   "site_kind: output & stage: prefill > attn_q & prefill",
                   "found no trials of site_kind output, expected");
}

static void test_trends_need_two_numbers(void **state)
{
    (void)state;
    expect_made("\"bit\"", "trend bit rises");
    expect_made("\"item\"", "trend item rises");
    expect_refused("\"layer\"", "trend layer rises", "found trials of layer 0 alone, expected");
    expect_refused("\"group\"", "trend group falls", "found trials of group without numbers");
}

static void test_places_of_sites(void **state)
{
    struct plan_fixture f;
    (void)state;
    assert_int_equal(
        fixture_sample(&f, model, 1, OPS ",\n\"where\":{\"sites\":[\"output\",\n\"blk.0.atn_q\"]}"),
        STATUS_INPUT);
    expect_last("plan.json: /where/sites/1 (line 3): no site");
    expect_last("did you mean 'blk.0.attn_q'?");
    fixture_finish(&f);
    assert_int_equal(
        fixture_sample(&f, model, 1, OPS ",\n\"where\":{\"sites\":{\"output\":1,\"blk.9.*\":2}}"),
        STATUS_INPUT);
    expect_last("plan.json: /where/sites/blk.9.* (line 2): no site");
    assert_null(strstr(log_last_error(), "did you mean"));
    fixture_finish(&f);
    assert_int_equal(fixture_sample(&f, model, 1, OPS ",\n\"where\":{\"layers\":[0,1]}"),
                     STATUS_INPUT);
    expect_last("plan.json: /where/layers (line 2): found layers 0 to 1, expected");
    fixture_finish(&f);
}

static void expect_item(const char *prompts, uint32_t item, const char *piece)
{
    struct arena arena = {0};
    struct plan plan;
    struct plan_input input;
    char text[512];
    snprintf(text, sizeof(text), "{\"model\":\"tiny\",\n\"prompts\":%s" OPS "}", prompts);
    assert_int_equal(
        plan_read(&plan, &arena, &(struct plan_source){text, strlen(text), "plan.json", "", NULL}),
        STATUS_OK);
    memset(text, ' ', sizeof(text) - 1); /* the plan has its own copy */
    assert_int_equal(plan_item_input(&plan, item, model, &arena, &input), STATUS_INPUT);
    expect_last(piece);
    arena_finish(&arena);
}

static void test_places_of_tokens(void **state)
{
    (void)state;
    expect_item("{\"ids\":[[1],[2,99999]]}", 1,
                "plan.json: /prompts/ids/1/1 (line 2): item 1: found token id 99999");
    expect_item("[{\"texts\":[\"a\",\"b\"]},\n{\"ids\":[[1],[2,99999]]}]", 3,
                "plan.json: /prompts/1/ids/1/1 (line 3): item 3: found token id 99999");
    expect_item("{\"texts\":[\"a\",\"b\"],\"n\":1000000}", 1,
                "plan.json: /prompts/texts/1 (line 2): item 1: found a prompt of");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_without_trials),   cmocka_unit_test(test_conditions_together),
        cmocka_unit_test(test_trends_need_two_numbers), cmocka_unit_test(test_places_of_sites),
        cmocka_unit_test(test_places_of_tokens),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
