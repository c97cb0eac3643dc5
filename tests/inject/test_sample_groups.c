/* SPDX-License-Identifier: MIT */
/* Strata by groups of sites and by the time until a scrub; excluded sites; refusals. */
#include "plan_fixture.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "inject/plan/plan_contrast.h"
#include "inject/stats/stats_test.h"

static struct model *model;

#define GROUPS                                                                                     \
    ",\"groups\":{\"mlp\":[\"*.ffn_*\"],\"attention\":[\"*.attn_[qkv]\",\"*.attn_output\"]}"
#define OPS ",\"population\":\"ops\""

/* The group by the patterns above, without the code under test. */
static const char *group_of(const char *site)
{
    if (fnmatch("*.ffn_*", site, 0) == 0)
        return "mlp";
    return fnmatch("*.attn_[qkv]", site, 0) == 0 || fnmatch("*.attn_output", site, 0) == 0
               ? "attention"
               : "none";
}

/* Every fault is in the stratum of its site's group; a stratum has its sites' weight. */
static void test_groups(void **state)
{
    static const char *const names[] = {"mlp", "attention", "none"};
    double weight[3] = {0}, all = 0;
    struct plan_fixture f;
    uint32_t seen[3] = {0};
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 1,
                                    OPS GROUPS
                                    ",\"where\":{\"exclude\":\"output*\"},\"strata\":["
                                    "\"site_group\"],\"sampling\":{\"trials\":600},"
                                    "\"hypotheses\":[{\"name\":\"a\",\"contrast\":"
                                    "\"site_group: mlp > attention, none\"},{\"name\":"
                                    "\"b\",\"contrast\":\"site_group: m* != a*\"}]" NO_CONTROLS),
                     STATUS_OK);
    assert_int_equal(sample_strata(f.sample), 3);
    for (uint32_t n = 0; n < model->graph.count; n++) {
        const struct node *node = &model->graph.node[n];
        if (node->op == OP_STORE || fnmatch("output*", node->site, 0) == 0)
            continue;
        for (uint32_t t = 0; t < fixture_items[0].n_prompt + fixture_items[0].n_tokens - 1; t++) {
            const double macs = node->op == OP_LINEAR ? (double)node->rows * node->width
                                : node->op == OP_SCORES || node->op == OP_HEADS
                                    ? model->hp.n_head * model->hp.head_dim * (t + 1.0)
                                : node->op == OP_SOFTMAX ? model->hp.n_head * (t + 1.0)
                                                         : node->rows;
            for (int g = 0; g < 3; g++)
                weight[g] += strcmp(group_of(node->site), names[g]) == 0 ? macs : 0;
            all += macs;
        }
    }
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        const struct sample_stratum row = sample_stratum(f.sample, d.stratum);
        assert_int_not_equal(fnmatch("output*", d.fault->site, 0), 0);
        for (int g = 0; g < 3; g++) {
            if (strcmp(group_of(d.fault->site), names[g]) != 0)
                continue;
            assert_string_equal(row.value[PLAN_BY_SITE_GROUP], names[g]);
            assert_float_equal(row.weight, weight[g] / all, 1e-12);
            seen[g]++;
        }
    }
    for (int g = 0; g < 3; g++)
        assert_int_equal(seen[g], 200);
    fixture_finish(&f);
}

static void refused(const char *rest, const char *piece)
{
    struct plan_fixture f;
    assert_int_equal(fixture_sample(&f, model, 1, rest), STATUS_INPUT);
    if (!strstr(log_last_error(), piece))
        fail_msg("%s\n gave: %s\n expected: %s", rest, log_last_error(), piece);
    fixture_finish(&f);
}

#define BY_GROUP ",\"strata\":[\"site_group\"],\"sampling\":{\"trials\":10}"
#define TESTED(contrast) ",\"hypotheses\":[{\"name\":\"x\",\"contrast\":\"" contrast "\"}]"

static void test_refused(void **state)
{
    (void)state;
    refused(OPS BY_GROUP ",\"groups\":{\"a\":\"*.ffn_up\",\"b\":[\"blk.0.ffn_*\"]}",
            "/groups (line 1): found site 'blk.0.ffn_up' in the groups 'a' and 'b'");
    refused(OPS BY_GROUP ",\"groups\":{\"a\":\"*.fnn_up\"}", "/groups/a (line 1): no site");
    refused(OPS BY_GROUP ",\"groups\":{\"a\":\"blk.0.ffn_upp\"}", "did you mean 'blk.0.ffn_up'?");
    refused(OPS BY_GROUP, "strata by site_group without 'groups'");
    refused(OPS ",\"groups\":{\"a\":\"*\"},\"sampling\":{\"trials\":10}",
            "without strata by site_group");
    refused(OPS BY_GROUP ",\"groups\":{\"none\":\"*\"}", "found a group named 'none'");
    refused(OPS BY_GROUP ",\"groups\":{\"a b\":\"*\"}", "found a group named 'a b'");
    refused(OPS BY_GROUP ",\"groups\":{\"3a\":\"*\"}", "found a group named '3a'");
    refused(OPS BY_GROUP ",\"groups\":{\"\":\"*\"}", "found a group named ''");
    refused(OPS BY_GROUP ",\"groups\":{}", "expected an object of 1 to 64 groups");
    refused(OPS BY_GROUP ",\"groups\":{\"a\":[]}", "expected a pattern");
    refused(OPS BY_GROUP ",\"groups\":{\"a\":[\"x\",\"x\"]}", "found 'x' again");
    refused(OPS BY_GROUP ",\"groups\":{\"a\":3}", "expected a pattern");
    refused(OPS BY_GROUP ",\"groups\":{\"a\":\"\"}", "found an empty text");
    refused(OPS ",\"where\":{\"exclude\":\"nothing\"},\"sampling\":{\"trials\":10}",
            "/where/exclude (line 1): no site");
    refused(OPS ",\"where\":{\"exclude\":\"*\"},\"sampling\":{\"trials\":10}",
            "/where/exclude (line 1): found no site that it leaves");
    refused(OPS BY_GROUP GROUPS TESTED("site_group: mpl > attention"), "did you mean 'mlp'");
    refused(OPS BY_GROUP GROUPS TESTED("site_group: m* > *"), "'site_group=mlp' on both sides");
    refused(OPS BY_GROUP GROUPS TESTED("site_group: mlp, none > mlp"), "on both sides");
    refused(OPS ",\"strata\":[\"site\"],\"sampling\":{\"trials\":100}" TESTED(
                "site: *.ffn_* > blk.0.ffn_up"),
            "'site=blk.0.ffn_up' on both sides");
    refused(OPS ",\"strata\":[\"site\"],\"sampling\":{\"trials\":100}" TESTED(
                "site: *.fnn_* > *.attn_q"),
            "found no trials of site *.fnn_*");
}

#define BITS                                                                                       \
    ",\"population\":\"bits\",\"sampling\":{\"trials\":4000},\"where\":{\"place\":[\"weight\","    \
    "\"kv\"]}"

/* The duration of a stored fault is drawn by its weight, and is the stratum if requested. */
static void test_scrub(void **state)
{
    static const uint32_t lasts[] = {2, 6, FAULT_FOREVER};
    static const double weight[] = {1, 2, 5};
    uint64_t seen[3] = {0};
    struct plan_fixture f;
    (void)state;
    assert_int_equal(
        fixture_sample(&f, model, 1,
                       BITS ",\"when\":{\"scrub\":{\"2\":1,\"6\":2,\"never\":5}}" NO_CONTROLS),
        STATUS_OK);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        uint32_t i = 0;
        while (i < 3 && lasts[i] != d.fault->position_count)
            i++;
        assert_true(i < 3);
        seen[i]++;
    }
    assert_true(stats_test_fit(seen, weight, 3) > 1e-3);
    fixture_finish(&f);
    assert_int_equal(fixture_sample(&f, model, 1,
                                    BITS ",\"when\":{\"scrub\":[1,8,\"never\"]},\"strata\":["
                                         "\"scrub\",\"place\"],\"hypotheses\":[{\"name\":\"a\","
                                         "\"contrast\":\"scrub: 1-8 < never\"},{\"name\":\"b\","
                                         "\"contrast\":\"trend scrub rises\"}]" NO_CONTROLS),
                     STATUS_OK);
    assert_int_equal(sample_strata(f.sample), 6);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        const char *scrub = sample_stratum(f.sample, d.stratum).value[PLAN_BY_SCRUB];
        if (strcmp(scrub, "never") == 0)
            assert_int_equal(d.fault->position_count, FAULT_FOREVER);
        else
            assert_int_equal(d.fault->position_count, strtoul(scrub, NULL, 10));
    }
    fixture_finish(&f);
}

/* One time is the plan that it was: the same identity however it is written. */
static void test_scrub_identity(void **state)
{
    static const char *const forms[] = {"8", "[8]", "{\"8\":3}"};
    char hash[HASH_SHA256_TEXT] = "";
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        struct plan_fixture f;
        char rest[256];
        snprintf(rest, sizeof(rest), BITS ",\"when\":{\"scrub\":%s}", forms[i]);
        assert_int_equal(fixture_plan(&f, 1, rest), STATUS_OK);
        assert_non_null(strstr(f.plan.canon, "\"scrub\":8"));
        if (i > 0)
            assert_string_equal(f.plan.hash, hash);
        memcpy(hash, f.plan.hash, sizeof(hash));
        fixture_finish(&f);
    }
}

static void test_scrub_refused(void **state)
{
    (void)state;
    refused(BITS ",\"when\":{\"scrub\":[]}", "found 0 choices");
    refused(BITS ",\"when\":{\"scrub\":-1}", "expected positions from 1 to 1000000");
    refused(BITS ",\"when\":{\"scrub\":1.5}", "expected positions from 1 to 1000000");
    refused(BITS ",\"when\":{\"scrub\":{\"08\":1}}", "found '08'");
    refused(BITS ",\"when\":{\"scrub\":\"8\"}", "found '8'");
    refused(BITS ",\"when\":{\"scrub\":\"always\"}", "found 'always'");
    refused(BITS ",\"when\":{\"scrub\":[8,1,8]}", "found '8' again");
    refused(BITS ",\"when\":{\"scrub\":[0,\"never\"]}", "again");
    refused(BITS ",\"when\":{\"scrub\":{\"8\":0}}", "expected a number above 0");
    refused(OPS ",\"when\":{\"scrub\":[1,2]},\"sampling\":{\"trials\":10}",
            "without the duration persistent");
    refused(BITS ",\"when\":{\"scrub\":[1,8]},\"strata\":[\"scrub\"]" TESTED("scrub: 1 > 2"),
            "found no trials of scrub 2");
    refused(BITS ",\"when\":{\"scrub\":[1,8]},\"strata\":[\"scrub\"]" TESTED("scrub: 1 > always"),
            "expected a number, a range as 0-9, never or none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_scrub),         cmocka_unit_test(test_scrub_identity),
        cmocka_unit_test(test_scrub_refused),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
