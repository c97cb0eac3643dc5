/* SPDX-License-Identifier: MIT */
/* The fault space of a plan: nothing missing, nothing twice, sizes and planned trials. */
#include "plan_fixture.h"

#include <math.h>
#include <stdlib.h>

#include "inject/plan/plan_confirm.h"
#include "inject/plan/sample_index.h"
#include "inject/stats/stats_plan.h"

#define UNIFORM                                                                                    \
    ",\"population\":\"ops\",\"where\":{\"point\":[\"operand\",\"weight\",\"partial\",\"out\","    \
    "\"mem\",\"accumulator\"]}"

static struct model *model;

/* Permutations hit each index once; marks are as many as asked for, counted in order, and even. */
static void test_index(void **state)
{
    struct sample_key key = {{1, 2}};
    (void)state;
    for (uint64_t count = 1; count < 300; count += 1 + count / 20) {
        bool seen[300] = {false};
        key = sample_index_key(key, count);
        for (uint64_t i = 0; i < count; i++) {
            const uint64_t to = sample_index_permute(key, i, count);
            assert_true(to < count && !seen[to]);
            seen[to] = true;
        }
        for (uint64_t part = 0; part <= count; part++) {
            uint64_t index, marked = 0, others = 0;
            for (uint64_t i = 0; i < count; i++) {
                const bool mark = sample_index_marked(i, count, part, &index);
                assert_int_equal(index, mark ? marked : others);
                *(mark ? &marked : &others) += 1;
            }
            assert_int_equal(marked, part);
        }
    }
    assert_true(sample_index_permute(key, 5, UINT64_MAX) < UINT64_MAX);
    assert_int_equal(sample_index_before(10, 0.5, 0, 7), 0);
    assert_int_equal(sample_index_before(10, 0.999, 7, 7), 10);
    assert_int_equal(sample_index_before(7, 0.3, 4, 7), 4); /* a census: exact */
}

/* The stratum with these four values; its weight, 0 if there is none. */
static double weight_at(const struct sample *s, const char *const value[PLAN_DIMENSION_COUNT])
{
    for (uint32_t i = 0; i < sample_strata(s); i++) {
        const struct sample_stratum row = sample_stratum(s, i);
        bool equal = true;
        for (int d = 0; d < PLAN_DIMENSION_COUNT; d++)
            equal = equal && (!value[d] || strcmp(value[d], row.value[d]) == 0);
        if (equal)
            return row.size >= 1 ? row.weight : 0;
    }
    return 0;
}

/* Every site, point, bit and stage of the graph has a stratum with weight; nothing else has. */
static void test_nothing_left_out(void **state)
{
    static const char *const stages[] = {"prefill", "first", "decode"};
    struct plan_fixture f;
    uint32_t expected = 0;
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 2,
                                    UNIFORM ",\"strata\":[\"site\",\"point\",\"field\",\"bit\","
                                            "\"stage\"],\"sampling\":{\"trials\":30000}"),
                     STATUS_OK);
    const struct fault_bounds bounds = fixture_bounds(&f, model, 0);
    for (uint32_t n = 0; n < model->graph.count; n++) {
        const struct node *node = &model->graph.node[n];
        for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
            const bool fields = point == HOOK_WEIGHT && node->weight;
            const int all = !fixture_has(node, point) ? 0 : fields ? QUANT_FIELD_COUNT : 1;
            for (int field = 0; field < all; field++) {
                const struct fault fault = {
                    .place = PLACE_OP, .node = n, .point = point, .field = (enum quant_field)field};
                for (uint32_t bit = 0; bit < fault_width(&fault, &bounds); bit++) {
                    char number[12];
                    snprintf(number, sizeof(number), "%u", bit);
                    for (int stage = op_is_output(node); stage < 3; stage++) {
                        const char *value[PLAN_DIMENSION_COUNT] = {
                            [PLAN_BY_SITE] = node->site,
                            [PLAN_BY_POINT] = kinds_text(KINDS_POINT, point),
                            [PLAN_BY_FIELD] =
                                fields ? quant_field_name((enum quant_field)field) : "none",
                            [PLAN_BY_BIT] = number,
                            [PLAN_BY_STAGE] = stages[stage]};
                        if (!(weight_at(f.sample, value) > 0))
                            fail_msg("%s %s bit %s %s has no weight", node->site,
                                     kinds_text(KINDS_POINT, point), number, stages[stage]);
                        expected++;
                    }
                }
            }
        }
    }
    assert_int_equal(sample_strata(f.sample), expected);
    fixture_finish(&f);
}

static int by_identity(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct fixture_identity));
}

/* All trials of a sample are different faults. */
static void assert_all_distinct(struct plan_fixture *f)
{
    const uint64_t n = sample_trials(f->sample);
    struct fixture_identity *all = calloc(n, sizeof(*all));
    assert_non_null(all);
    for (uint64_t id = 0; id < n; id++) {
        const struct sample_draw d = fixture_draw(f, id);
        all[id] = fixture_identity_of(&d, d.fault);
    }
    qsort(all, n, sizeof(*all), by_identity);
    for (uint64_t i = 1; i < n; i++)
        assert_true(memcmp(&all[i - 1], &all[i], sizeof(*all)) != 0);
    free(all);
}

#define RANGED "\"granularity\":[\"element\",\"vector\",\"feature\",\"tensor\",\"lane\",\"tile\"]"

/* As many trials as faults strike each fault once. */
static void test_census(void **state)
{
    static const char *const plans[] = {
        ",\"where\":{\"sites\":\"blk.0.attn_norm\"},\"what\":{\"bits\":\"sign\"}",
        ",\"where\":{\"sites\":\"blk.0.attn_scores\",\"point\":[\"out\",\"operand\"]},"
        "\"what\":{\"bits\":[3,30]}",
        ",\"where\":{\"place\":\"kv\",\"sites\":\"blk.0.kv_v\"},\"what\":{\"bits\":\"exponent\"}",
        ",\"where\":{\"place\":\"weight\",\"sites\":\"blk.0.attn_k.weight\",\"field\":[\"scale\","
        "\"min\"]},\"what\":{\"bits\":[14]},\"when\":{\"stage\":\"first\"}",
        ",\"where\":{\"sites\":\"blk.0.attn_k\",\"point\":\"weight\",\"field\":\"scale\","
        "\"readers\":[\"chunk\",\"stage\"]},\"chunk\":3,\"what\":{\"bits\":[15]},"
        "\"strata\":[\"readers\",\"item\"]",
        ",\"where\":{\"sites\":\"blk.0.attn_q\",\"point\":\"operand\",\"readers\":[\"tile\","
        "\"all\"]},\"what\":{\"pattern\":{\"random\":2},\"bits\":[1,2,3]},\"strata\":[\"item\"]",
        ",\"where\":{\"sites\":[\"blk.0.attn_q\",\"blk.0.attn_scores\",\"blk.0.ffn_residual\"],"
        "\"point\":[\"out\",\"operand\"]," RANGED "},\"what\":{\"bits\":[3]}",
        ",\"where\":{\"place\":\"weight\",\"sites\":\"blk.0.attn_k.weight\",\"field\":"
        "\"scale\"," RANGED "},\"what\":{\"bits\":[14]},\"when\":{\"stage\":\"first\"}",
        ",\"where\":{\"place\":[\"kv\",\"table\"],\"sites\":[\"*.kv_k\",\"rope\"]," RANGED
        "},\"what\":{\"bits\":[14]},\"strata\":[\"place\",\"granularity\"]",
        ",\"where\":{\"sites\":\"blk.0.attn_norm\",\"point\":[\"partial\",\"weight\"]},"
        "\"what\":{\"bits\":[31]},\"strata\":[\"stage\",\"point\"]",
    };
    (void)state;
    for (size_t p = 0; p < sizeof(plans) / sizeof(*plans); p++) {
        struct plan_fixture f;
        char rest[1024];
        double size = 0;
        snprintf(rest, sizeof(rest),
                 ",\"population\":\"census\",\"controls\":{\"dry\":0,\"sentinel\":0,\"naive\":0,"
                 "\"cpu\":0}%s",
                 plans[p]);
        assert_int_equal(fixture_sample(&f, model, 3, rest), STATUS_OK);
        for (uint32_t i = 0; i < sample_strata(f.sample); i++) {
            size += sample_stratum(f.sample, i).size;
            assert_true(sample_stratum(f.sample, i).distinct);
            assert_true(isnan(sample_stratum(f.sample, i).weight));
        }
        assert_true((double)sample_trials(f.sample) == size);
        assert_in_range(sample_trials(f.sample), 50, 400000);
        assert_all_distinct(&f);
        fixture_finish(&f);
    }
}

/* Sizes counted by hand: a layer norm at all positions of three items. */
static void test_sizes(void **state)
{
    struct plan_fixture f;
    (void)state;
    const double positions = 11 + 12 + 6;
    assert_int_equal(fixture_sample(&f, model, 3,
                                    ",\"population\":\"equal\",\"sampling\":{\"trials\":10},"
                                    "\"where\":{\"sites\":\"blk.0.attn_norm\"}"),
                     STATUS_OK);
    const uint32_t width = model->hp.n_embd;
    assert_true(sample_stratum(f.sample, 0).size == positions * width * 32);
    fixture_finish(&f);
    /* scores of a head: keys 1 + ... + 11 of the first item and so on */
    assert_int_equal(fixture_sample(&f, model, 3,
                                    ",\"population\":\"equal\",\"sampling\":{\"trials\":10},"
                                    "\"where\":{\"sites\":\"blk.0.attn_scores\"}"),
                     STATUS_OK);
    assert_true(sample_stratum(f.sample, 0).size == (66.0 + 78 + 21) * model->hp.n_head * 32);
    fixture_finish(&f);
    /* stored entries before the strike: 0 + ... + 10 */
    assert_int_equal(fixture_sample(&f, model, 1,
                                    ",\"population\":\"bits\",\"sampling\":{\"trials\":10},"
                                    "\"where\":{\"place\":\"kv\",\"sites\":\"blk.0.kv_k\"},"
                                    "\"kv\":\"f16\""),
                     STATUS_OK);
    assert_true(sample_stratum(f.sample, 0).size ==
                55.0 * model->hp.n_head_kv * model->hp.head_dim * 16);
    fixture_finish(&f);
}

/* W_h of stored bits, by hand: bits times the MACs during their life. */
static void test_weights_of_bits(void **state)
{
    static const char *const labels[] = {"place=weight field=code", "place=weight field=scale",
                                         "place=weight field=min", "place=kv field=none",
                                         "place=table field=none"};
    struct plan_fixture f;
    double weight[5] = {0}, sum = 0;
    (void)state;
    const struct hparams *hp = &model->hp;
    const struct tensor *t = gguf_tensor(model->gguf, "blk.0.attn_k.weight");
    const uint32_t last = fixture_items[0].n_prompt - 1, end = last + fixture_items[0].n_tokens;
    for (uint32_t position = 0; position < end; position++) {
        double macs = 0;
        for (uint32_t n = 0; n < model->graph.count; n++) {
            const struct node *node = &model->graph.node[n];
            const bool runs = node->layer != GRAPH_NO_LAYER || position >= last;
            if (node->op == OP_LINEAR && runs)
                macs += (double)node->rows * node->width;
            if (node->op == OP_SCORES || node->op == OP_HEADS)
                macs += (double)hp->n_head * hp->head_dim * (position + 1);
        }
        weight[0] += (double)t->dim[0] * t->dim[1] * 4 * macs;
        weight[1] += (double)t->dim[0] * t->dim[1] / 32 * 16 * macs;
        weight[2] = weight[1];
        weight[3] += (double)hp->n_head_kv * hp->head_dim * 16 * position * macs;
        weight[4] += (double)hp->rope_dim * 32 * (end - position) * macs;
    }
    for (int i = 0; i < 5; i++)
        sum += weight[i];
    assert_int_equal(
        fixture_sample(&f, model, 1,
                       ",\"population\":\"bits\",\"kv\":\"f16\",\"where\":{\"place\":[\"weight\","
                       "\"kv\",\"table\"],\"sites\":[\"blk.0.attn_k.weight\",\"blk.0.kv_v\","
                       "\"rope\"]},\"strata\":[\"place\",\"field\"],\"sampling\":{\"trials\":50}"),
        STATUS_OK);
    assert_int_equal(sample_strata(f.sample), 5);
    for (uint32_t i = 0; i < 5; i++) {
        const struct sample_stratum row = sample_stratum(f.sample, i);
        int at = 0;
        while (strcmp(labels[at], row.label) != 0)
            at++;
        assert_true(fabs(row.weight - weight[at] / sum) < 1e-12);
    }
    fixture_finish(&f);
}

/* Uniform strata drawn to half their size hold no fault twice. */
static void test_without_replacement(void **state)
{
    struct plan_fixture f;
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 2,
                                    ",\"population\":\"equal\",\"sampling\":{\"trials\":20000},"
                                    "\"controls\":{\"dry\":0,\"sentinel\":0,\"naive\":0,\"cpu\":0},"
                                    "\"where\":{\"sites\":[\"blk.0.attn_norm\",\"blk.0.ffn_act\"]},"
                                    "\"item_weight\":\"exposure\",\"strata\":[\"site\"]"),
                     STATUS_OK);
    for (uint32_t i = 0; i < sample_strata(f.sample); i++)
        assert_true(sample_stratum(f.sample, i).distinct);
    assert_all_distinct(&f);
    fixture_finish(&f);
}

/* Weights that need more draws of a few faults than there are say so. */
static void test_says_where_faults_repeat(void **state)
{
    struct plan_fixture f;
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 2,
                                    ",\"population\":\"ops\",\"sampling\":{\"trials\":10000},"
                                    "\"what\":{\"bits\":\"sign\"},"
                                    "\"where\":{\"sites\":{\"blk.0.attn_norm\":1,"
                                    "\"blk.0.ffn_act\":0.0001}}"),
                     STATUS_OK);
    assert_false(sample_stratum(f.sample, 0).distinct);
    fixture_finish(&f);
}

/* The further faults of a trial are drawn each for itself. */
static void test_several_faults_a_trial_repeat(void **state)
{
    static const char *const several[] = {"", ",\"faults_per_trial\":2",
                                          ",\"faults_per_trial\":{\"ber\":1e-9}"};
    (void)state;
    for (size_t i = 0; i < sizeof(several) / sizeof(*several); i++) {
        struct plan_fixture f;
        char rest[256];
        snprintf(rest, sizeof(rest),
                 ",\"population\":\"ops\",\"sampling\":{\"trials\":100},\"where\":{\"sites\":"
                 "\"blk.0.attn_norm\"}%s",
                 several[i]);
        assert_int_equal(fixture_sample(&f, model, 2, rest), STATUS_OK);
        assert_int_equal(sample_stratum(f.sample, 0).distinct, i == 0);
        fixture_finish(&f);
    }
}

#define CONFIRM                                                                                    \
    ",\"sampling\":{\"trials\":300},\"strata\":[\"layer\",\"bit_field\"],\"seed\":9,"              \
    "\"confirm\":{\"of\":"                                                                         \
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"strata\":"

/* Only the named strata are drawn, as in the whole plan, with weights over their sum. */
static void test_confirmed_strata_stay(void **state)
{
    struct plan_fixture whole, f;
    double weight = 0;
    uint32_t found = 0;
    (void)state;
    assert_int_equal(
        fixture_sample(&whole, model, 3,
                       ",\"population\":\"ops\",\"sampling\":{\"trials\":300},\"strata\":["
                       "\"layer\",\"bit_field\"]"),
        STATUS_OK);
    assert_int_equal(
        fixture_sample(&f, model, 3,
                       ",\"population\":\"ops\"" CONFIRM
                       "[\"layer=0 bit_field=sign\",\"layer=none bit_field=mantissa\"]}"),
        STATUS_OK);
    assert_int_equal(sample_strata(f.sample), 2);
    assert_int_equal(sample_role_trials(f.sample, ROLE_TRIAL), 300);
    for (uint32_t i = 0; i < sample_strata(whole.sample); i++) {
        const struct sample_stratum row = sample_stratum(whole.sample, i);
        if (plan_confirm_has(&f.plan.confirm, row.label))
            weight += row.weight;
    }
    for (uint32_t i = 0; i < sample_strata(whole.sample); i++) {
        const struct sample_stratum row = sample_stratum(whole.sample, i);
        if (!plan_confirm_has(&f.plan.confirm, row.label))
            continue;
        const struct sample_stratum kept = sample_stratum(f.sample, found++);
        assert_string_equal(kept.label, row.label);
        assert_true(kept.size == row.size && kept.trials == 150);
        assert_true(fabs(kept.weight - row.weight / weight) < 1e-12);
    }
    assert_int_equal(found, 2);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        const bool sign = strstr(sample_stratum(f.sample, d.stratum).label, "sign") != NULL;
        if (d.role == ROLE_TRIAL) {
            assert_int_equal(d.fault->layer, sign ? 0 : GRAPH_NO_LAYER);
            assert_true(sign ? d.fault->mask == 1u << 31 : d.fault->mask < 1u << 23);
        }
    }
    fixture_finish(&whole);
    fixture_finish(&f);
}

/* n of a stratum is that of stats_plan, capped by its size; expected widths meet the goal. */
static void test_derived_trials(void **state)
{
    struct plan_fixture f;
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 2,
                                    UNIFORM ",\"strata\":[\"layer\"],\"sampling\":{\"half_width\":"
                                            "0.02,\"expected_rate\":0.1,\"design_effect\":1.5}"),
                     STATUS_OK);
    for (uint32_t i = 0; i < sample_strata(f.sample); i++) {
        const struct sample_stratum row = sample_stratum(f.sample, i);
        const struct stats_plan_goal goal = {.kind = STATS_PLAN_HALF_WIDTH,
                                             .target = 0.02,
                                             .confidence = 0.95,
                                             .rate = 0.1,
                                             .design_effect = 1.5,
                                             .population = row.size};
        assert_int_equal(row.trials, stats_plan_trials(&goal));
        assert_true(row.expected <= 0.02 && row.expected > 0.0195);
    }
    fixture_finish(&f);
    assert_int_equal(
        fixture_sample(&f, model, 1,
                       ",\"population\":\"ops\",\"where\":{\"sites\":"
                       "\"blk.0.attn_norm\"},\"what\":{\"bits\":\"sign\"},"
                       "\"when\":{\"stage\":\"first\"},\"sampling\":{\"trials\":5000}"),
        STATUS_OK);
    assert_int_equal(sample_stratum(f.sample, 0).trials, model->hp.n_embd);
    fixture_finish(&f);
}

static void expect_refused(const char *rest, const char *piece)
{
    struct plan_fixture f;
    assert_int_equal(fixture_sample(&f, model, 2, rest), STATUS_INPUT);
    if (!strstr(log_last_error(), piece))
        fail_msg("%s\n gave: %s\n expected a line with: %s", rest, log_last_error(), piece);
    fixture_finish(&f);
}

static void test_refusals(void **state)
{
    (void)state;
    expect_refused(
        ",\"population\":\"ops\",\"sampling\":{\"trials\":9},\"where\":{\"sites\":"
        "[\"blk.0.attn_q\",\"blk.0.attn_z\"]}",
        "/where/sites/1 (line 1): no site of the model and of where.place matches 'blk.0.attn_z'");
    expect_refused(
        ",\"population\":\"ops\",\"sampling\":{\"trials\":9},\"where\":{\"layers\":"
        "[90,91]}",
        "plan.json: /where/layers (line 1): found layers 90 to 91, expected some of the model's");
    expect_refused(",\"population\":\"ops\",\"sampling\":{\"trials\":9},\"where\":{\"sites\":"
                   "\"blk.0.ffn_act\",\"point\":\"weight\"}",
                   "nothing to strike");
    expect_refused(",\"population\":\"ops\",\"sampling\":{\"trials\":9},\"when\":{\"steps\":"
                   "[900,901]}",
                   "no position");
    expect_refused(",\"population\":\"ops\",\"sampling\":{\"trials\":9},\"strata\":[\"site\"]",
                   "/sampling/trials (line 1): found 9 trials");
    expect_refused(",\"population\":\"bits\",\"sampling\":{\"trials\":9},"
                   "\"faults_per_trial\":{\"ber\":0.01}",
                   "expected at most 4096, as a row lists each of its faults: a rate of at most ");
    expect_refused(",\"population\":\"ops\",\"sampling\":{\"upper_bound\":1e-9,"
                   "\"expected_rate\":1e-10,\"design_effect\":1000000},\"where\":{\"sites\":"
                   "\"blk.0.attn_q\"},\"faults_per_trial\":1000,\"what\":{\"kind\":\"zero\"},"
                   "\"when\":{\"stage\":\"first\"}",
                   "at least 1000");
    expect_refused(",\"population\":\"equal\"" CONFIRM
                   "[\"layer=0 bit_field=sign\",\"layer=77 bit_field=sign\"]}",
                   "found no stratum 'layer=77 bit_field=sign', expected one of the plan's ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_nothing_left_out),
        cmocka_unit_test(test_census),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_weights_of_bits),
        cmocka_unit_test(test_without_replacement),
        cmocka_unit_test(test_says_where_faults_repeat),
        cmocka_unit_test(test_several_faults_a_trial_repeat),
        cmocka_unit_test(test_confirmed_strata_stay),
        cmocka_unit_test(test_derived_trials),
        cmocka_unit_test(test_refusals),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
