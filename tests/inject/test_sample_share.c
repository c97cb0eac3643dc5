/* SPDX-License-Identifier: MIT */
/* How points and fields share a site's weight, and the clock of stored bits: against counts by
 * hand. */
#include "plan_fixture.h"

#include <math.h>

#include "inject/plan/sample_internal.h"
#include "inject/space/site.h"
#include "inject/stats/stats_test.h"

#define POINTS_ALL "\"point\":[\"operand\",\"weight\",\"partial\",\"out\",\"mem\",\"accumulator\"]"
#define MODELS 5
static const char *const names[MODELS] = {"tiny-llama-q4_k.gguf", "tiny-qwen2.gguf",
                                          "tiny-gemma3.gguf", "tiny-falcon-gqa.gguf",
                                          "tiny-qwen2moe.gguf"};

static struct model *model;

/* Elements of a point (weights: of a field) that an evaluation with `seen` keys has, from the
 * node's sizes alone. */
static double elements_of(const struct node *node, uint32_t point, enum quant_field field,
                          double seen)
{
    const double heads = model->hp.n_head, features = model->hp.head_dim, rows = node->rows;
    const bool written = point == HOOK_OUT || point == HOOK_MEM;
    double span = point == HOOK_ACCUMULATOR ? 32 : 1;
    if (point == HOOK_WEIGHT && node->weight && field != QUANT_FIELD_CODE) {
        const enum quant type = node->weight->type;
        const bool sub = field == QUANT_FIELD_SUBSCALE || field == QUANT_FIELD_SUBMIN;
        span = !sub ? quant_block_elements(type) : quant_halves(quant_form(type)) == 2 ? 16 : 32;
    }
    switch (node->op) {
    case OP_LINEAR:
        return written                 ? rows
               : point == HOOK_OPERAND ? node->width
                                       : rows * ceil(node->width / span);
    case OP_NORM:
        return written || point == HOOK_WEIGHT ? rows : node->groups * ceil(node->width / span);
    case OP_LAYER_NORM: /* two sums */
        return written || point == HOOK_WEIGHT ? rows
               : point == HOOK_OPERAND         ? node->width
                                               : 2 * ceil(node->width / span);
    case OP_ACT:
        return rows;
    case OP_SCORES:
        return written                 ? heads * seen
               : point == HOOK_OPERAND ? heads * features
                                       : heads * ceil(features / span) * seen;
    case OP_SOFTMAX:
        return heads * seen;
    case OP_HEADS:
        return written                 ? heads * features
               : point == HOOK_OPERAND ? heads * seen
                                       : heads * features * seen;
    case OP_GATE:
    case OP_ADD:
    case OP_SHARE:
        return written ? rows : 2 * rows;
    case OP_CHOOSE:
    case OP_ROUTE:
        return written ? rows : node->width;
    case OP_EXPERTS: /* as many matrices as are used, each with its own copy of its input */
        return written                 ? rows
               : point == HOOK_OPERAND ? node->groups * node->width
                                       : rows * ceil(node->width / span);
    case OP_MIX: /* parts and weights; terms */
        return written ? rows : point == HOOK_OPERAND ? 2 * rows * node->width : rows * node->width;
    default:
        return rows / span;
    }
}

static double macs_of(const struct node *node, double seen)
{
    const double heads = model->hp.n_head, features = model->hp.head_dim;
    return node->op == OP_LINEAR || node->op == OP_EXPERTS ? (double)node->rows * node->width
           : node->op == OP_SCORES || node->op == OP_HEADS ? heads * features * seen
           : node->op == OP_SOFTMAX                        ? heads * seen
                                                           : node->rows;
}

static bool has_field(const struct node *node, uint32_t point, int field)
{
    if (point != HOOK_WEIGHT || !node->weight)
        return field == 0;
    return quant_field_width(node->weight->type, (enum quant_field)field) > 0;
}

/* The share of a point and field at one position, by elements or equally. */
static double share_of(const struct node *node, uint32_t point, int field, double seen, bool equal)
{
    double all = 0, points = 0, fields = 0;
    for (uint32_t p = HOOK_OPERAND; p <= HOOK_LAST; p++) {
        if (!fixture_has(node, p))
            continue;
        points++;
        for (int f = 0; f < QUANT_FIELD_COUNT; f++) {
            fields += p == point && has_field(node, p, f);
            if (has_field(node, p, f))
                all += elements_of(node, p, (enum quant_field)f, seen);
        }
    }
    return equal ? 1 / points / fields
                 : elements_of(node, point, (enum quant_field)field, seen) / all;
}

/* Weight of a stratum (site, point, field) over the fixture's items, each weighing what it has. */
static double weight_of(const struct node *node, uint32_t point, int field, bool equal)
{
    double sum = 0;
    for (int i = 0; i < 2; i++) {
        const uint32_t last = fixture_items[i].n_prompt - 1, end = last + fixture_items[i].n_tokens;
        for (uint32_t t = op_is_output(node) ? last : 0; t < end; t++) {
            const double seen = node->window && t >= node->window ? node->window : t + 1;
            sum += macs_of(node, seen) * share_of(node, point, field, seen, equal);
        }
    }
    return sum;
}

static const struct sample_stratum *stratum_of(const struct plan_fixture *f, const char *site,
                                               uint32_t point, const char *field)
{
    static struct sample_stratum row;
    for (uint32_t i = 0; i < sample_strata(f->sample); i++) {
        row = sample_stratum(f->sample, i);
        if (strcmp(row.value[PLAN_BY_SITE], site) == 0 &&
            strcmp(row.value[PLAN_BY_POINT], kinds_text(KINDS_POINT, point)) == 0 &&
            strcmp(row.value[PLAN_BY_FIELD], field) == 0)
            return &row;
    }
    fail_msg("%s %s %s has no stratum", site, kinds_text(KINDS_POINT, point), field);
    return NULL;
}

static void check_weights(bool equal)
{
    static double expected[4096], found[4096];
    struct plan_fixture f;
    double sum = 0;
    uint32_t count = 0;
    char rest[512];
    snprintf(rest, sizeof(rest),
             ",\"population\":\"ops\",\"item_weight\":\"exposure\",\"where\":{" POINTS_ALL
             "},\"strata\":[\"site\",\"point\",\"field\"],\"sampling\":{\"trials\":9000}%s",
             equal ? ",\"point_weight\":\"equal\"" : "");
    assert_int_equal(fixture_sample(&f, model, 2, rest), STATUS_OK);
    for (uint32_t n = 0; n < model->graph.count; n++) {
        const struct node *node = &model->graph.node[n];
        for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
            if (!fixture_has(node, point))
                continue;
            for (int field = 0; field < QUANT_FIELD_COUNT; field++) {
                if (!has_field(node, point, field))
                    continue;
                const bool named = point == HOOK_WEIGHT && node->weight;
                const char *name = named ? quant_field_name((enum quant_field)field) : "none";
                assert_true(count < 4096);
                expected[count] = weight_of(node, point, field, equal);
                found[count] = stratum_of(&f, node->site, point, name)->weight;
                sum += expected[count++];
            }
        }
    }
    assert_int_equal(count, sample_strata(f.sample));
    for (uint32_t i = 0; i < count; i++) {
        if (fabs(found[i] - expected[i] / sum) > 1e-12)
            fail_msg("stratum %u: weight %g, expected %g", i, found[i], expected[i] / sum);
    }
    fixture_finish(&f);
}

/* Types with and without scales, sub-scales and biases, and a sliding window. */
static void test_weights(void **state)
{
    struct model *kept = model;
    (void)state;
    check_weights(false);
    check_weights(true);
    for (int m = 0; m < MODELS; m++) {
        model = fixture_model(names[m]);
        assert_non_null(model);
        check_weights(false);
        check_weights(true);
        model_close(&model);
    }
    model = kept;
}

/* MACs of an op for one column, from shapes of tensors and heads alone. */
static double macs_by_hand(const struct model *of, const struct node *node, double seen)
{
    if (node->op == OP_LINEAR)
        return (double)node->weight->dim[0] * (double)node->weight->dim[1];
    if (node->op == OP_EXPERTS)
        return (double)node->weight->dim[0] * (double)node->weight->dim[1] / of->hp.n_expert *
               of->hp.n_used;
    return node->op == OP_SCORES || node->op == OP_HEADS
               ? (double)of->hp.n_head * of->hp.head_dim * seen
               : 0;
}

/* The clock by which stored bits are struck has the MACs that the list of sites says, op by op and
 * position by position, inside a sliding window and after its end. */
static void test_clock(void **state)
{
    (void)state;
    for (int m = 0; m < MODELS; m++) {
        const struct sample_item item = {.n_prompt = 30, .n_tokens = 20};
        struct model *of = fixture_model(names[m]);
        struct plan_fixture f;
        assert_non_null(of);
        assert_int_equal(
            fixture_plan(&f, 1, ",\"population\":\"bits\",\"sampling\":{\"trials\":50}"),
            STATUS_OK);
        assert_int_equal(sample_create(&f.sample, &f.plan, of, &item), STATUS_OK);
        for (uint32_t t = 0; t < f.sample->positions; t++) {
            struct arena arena = {0};
            struct site *sites;
            uint32_t n;
            double layers = 0, output = 0;
            assert_int_equal(site_list(&sites, &n, &arena,
                                       &(struct site_shape){.model = of, .positions = t + 1}),
                             STATUS_OK);
            for (uint32_t i = 0; i < n; i++) {
                const struct node *node = sites[i].node;
                if (sites[i].place != PLACE_OP)
                    continue;
                const double seen = node->window && t >= node->window ? node->window : t + 1;
                assert_true((double)sites[i].macs == macs_by_hand(of, node, seen));
                *(node->layer == GRAPH_NO_LAYER ? &output : &layers) += (double)sites[i].macs;
            }
            assert_true(f.sample->time[t + 1] - f.sample->time[t] == layers);
            assert_true(f.sample->output_macs == output);
            arena_finish(&arena);
        }
        fixture_finish(&f);
        model_close(&of);
    }
}

/* Draws from a site of which only some points have keys: (point, position) as the weights say. */
static void test_draws(void **state)
{
    enum { POSITIONS = 11 };
    uint64_t seen[(HOOK_LAST + 1) * POSITIONS] = {0};
    double weight[(HOOK_LAST + 1) * POSITIONS] = {0};
    static const char *const sites[] = {"blk.0.attn_scores", "blk.0.attn_heads", "blk.0.attn_q"};
    (void)state;
    for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++) {
        struct plan_fixture f;
        char rest[512];
        const struct node *node = model->graph.node;
        while (strcmp(node->site, sites[i]) != 0)
            node++;
        snprintf(rest, sizeof(rest),
                 ",\"population\":\"ops\",\"where\":{\"sites\":\"%s\"," POINTS_ALL
                 "},\"sampling\":{\"trials\":30000}" NO_CONTROLS,
                 sites[i]);
        assert_int_equal(fixture_sample(&f, model, 1, rest), STATUS_OK);
        memset(seen, 0, sizeof(seen));
        memset(weight, 0, sizeof(weight));
        for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
            const bool there = fixture_has(node, point);
            for (int field = 0; there && field < QUANT_FIELD_COUNT; field++) {
                for (uint32_t t = 0; has_field(node, point, field) && t < POSITIONS; t++)
                    weight[point * POSITIONS + t] +=
                        macs_of(node, t + 1) * share_of(node, point, field, t + 1, false);
            }
        }
        for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
            const struct sample_draw d = fixture_draw(&f, id);
            assert_true(d.fault->position < POSITIONS);
            seen[d.fault->point * POSITIONS + d.fault->position]++;
        }
        assert_true(stats_test_fit(seen, weight, (HOOK_LAST + 1) * POSITIONS) > 1e-3);
        fixture_finish(&f);
    }
}

/* Weights of choices multiply elements; only their ratios matter. */
static void test_choices_multiply(void **state)
{
    static const char *const wheres[] = {
        "\"point\":{\"partial\":2,\"out\":6}", "\"point\":{\"partial\":1,\"out\":3}",
        "\"point\":[\"weight\"],\"field\":{\"code\":1,\"scale\":32}",
        "\"point\":[\"weight\"],\"field\":{\"code\":0.5,\"scale\":16}"};
    char hash[4][HASH_SHA256_TEXT];
    const uint32_t width = model->hp.n_embd;
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct plan_fixture f;
        char rest[512];
        snprintf(rest, sizeof(rest),
                 ",\"population\":\"ops\",\"where\":{\"sites\":\"blk.0.attn_q\",%s},\"strata\":["
                 "\"point\",\"field\"],\"sampling\":{\"trials\":90}",
                 wheres[i]);
        assert_int_equal(fixture_sample(&f, model, 1, rest), STATUS_OK);
        assert_int_equal(sample_strata(f.sample), 2);
        const bool first = strstr(sample_stratum(f.sample, 0).label, i < 2 ? "partial" : "code");
        const double weight = sample_stratum(f.sample, first ? 0 : 1).weight;
        assert_true(fabs(weight - (i < 2 ? width / (width + 3.0) : 0.5)) < 1e-12);
        memcpy(hash[i], f.plan.hash, sizeof(hash[i]));
        fixture_finish(&f);
    }
    assert_string_equal(hash[0], hash[1]);
    assert_string_equal(hash[2], hash[3]);
}

/* One identity a way to draw: the two shares differ where there is something to share, and are one
 * plan where there is not. */
static void test_identity(void **state)
{
    static const struct {
        const char *where;
        bool differ;
    } cases[] = {
        {"\"point\":[\"partial\",\"out\"]", true},
        {"\"point\":\"weight\"", true},
        {"\"point\":\"weight\",\"field\":[\"code\",\"scale\"]", true},
        {"\"point\":\"weight\",\"field\":\"code\"", false},
        {"\"point\":\"out\"", false},
        {"\"place\":\"control\"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct plan_fixture f[3];
        for (int k = 0; k < 3; k++) {
            static const char *const shares[] = {"", ",\"point_weight\":\"elements\"",
                                                 ",\"point_weight\":\"equal\""};
            char rest[512];
            snprintf(rest, sizeof(rest),
                     ",\"population\":\"ops\",\"where\":{%s},\"sampling\":{\"trials\":90}%s",
                     cases[i].where, shares[k]);
            assert_int_equal(fixture_plan(&f[k], 1, rest), STATUS_OK);
            assert_int_equal(plan_shares_sites(&f[k].plan), cases[i].differ);
        }
        assert_string_equal(f[0].plan.hash, f[1].plan.hash);
        assert_int_equal(strcmp(f[0].plan.hash, f[2].plan.hash) != 0, cases[i].differ);
        for (int k = 0; k < 3; k++)
            fixture_finish(&f[k]);
    }
}

/* A plan of equal shares has the identity from before there was a choice. */
static void test_equal_is_as_it_was(void **state)
{
    struct plan_fixture f;
    (void)state;
    assert_int_equal(fixture_plan(&f, 1,
                                  ",\"population\":\"ops\",\"where\":{\"point\":\"weight\"},"
                                  "\"sampling\":{\"trials\":90},\"point_weight\":\"equal\""),
                     STATUS_OK);
    assert_null(strstr(f.plan.canon, "point_weight"));
    assert_string_equal(f.plan.hash,
                        "4d031993538c9d764f000cd34f1522097dc4fb1f7fda01bd1a553128dbd4eb73");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),  cmocka_unit_test(test_clock),
        cmocka_unit_test(test_draws),    cmocka_unit_test(test_choices_multiply),
        cmocka_unit_test(test_identity), cmocka_unit_test(test_equal_is_as_it_was),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
