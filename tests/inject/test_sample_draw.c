/* SPDX-License-Identifier: MIT */
/* Draws of a plan: weights met, each alone as in order, designs, controls, several faults. */
#include "plan_fixture.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "inject/stats/stats_test.h"
#include "model/op.h"

#define UNIFORM                                                                                    \
    ",\"population\":\"ops\",\"where\":{\"point\":[\"operand\",\"weight\",\"partial\",\"out\","    \
    "\"mem\",\"accumulator\"]}"

static struct model *model;

#define DRAWS 100000

/* 10^5 draws against weights computed here from the graph alone: node, stage, bit, feature. */
static void test_draws_match_weights(void **state)
{
    enum { NODES = 64, BITS = 32, FEATURES = 16 };
    static uint64_t nodes[NODES], stages[3], bits[BITS], features[FEATURES], items[2];
    double node_weight[NODES] = {0}, stage_weight[3] = {0}, even[BITS];
    struct plan_fixture f;
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 2,
                                    ",\"population\":\"ops\",\"item_weight\":\"exposure\","
                                    "\"sampling\":{\"trials\":100000},\"controls\":{\"dry\":0,"
                                    "\"sentinel\":0,\"naive\":0,\"cpu\":0}"),
                     STATUS_OK);
    assert_true(model->graph.count <= NODES);
    for (int i = 0; i < 2; i++) {
        const uint32_t last = fixture_items[i].n_prompt - 1, end = last + fixture_items[i].n_tokens;
        for (uint32_t n = 0; n < model->graph.count; n++) {
            const struct node *node = &model->graph.node[n];
            for (uint32_t t = op_is_output(node) ? last : 0; t < end; t++) {
                const double keys = t + 1;
                const double macs = node->op == OP_STORE    ? 0
                                    : node->op == OP_LINEAR ? (double)node->rows * node->width
                                    : node->op == OP_SCORES || node->op == OP_HEADS
                                        ? model->hp.n_head * model->hp.head_dim * keys
                                    : node->op == OP_SOFTMAX ? model->hp.n_head * keys
                                                             : node->rows;
                node_weight[n] += macs;
                stage_weight[t < last ? 0 : t == last ? 1 : 2] += macs;
            }
        }
    }
    for (uint64_t id = 0; id < DRAWS; id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        nodes[d.fault->node]++;
        stages[d.stage]++;
        bits[__builtin_ctz(d.fault->mask)]++;
        features[d.fault->row % FEATURES]++;
        items[d.item]++;
    }
    for (int b = 0; b < BITS; b++)
        even[b] = 1;
    assert_true(stats_test_fit(nodes, node_weight, model->graph.count) > 1e-3);
    assert_true(stats_test_fit(stages, stage_weight, 3) > 1e-3);
    assert_true(stats_test_fit(bits, even, BITS) > 1e-3);
    assert_true(items[0] > 0 && items[1] > 0);
    /* rows of ops whose row is a multiple of 16 wide: all but the heads' */
    assert_true(features[0] > 0);
    fixture_finish(&f);
}

/* Rows and positions of one site are uniform; stored bits are struck at times uniform over MACs. */
static void test_draws_within_a_site(void **state)
{
    enum { POSITIONS = 11, FEATURES = 256 };
    uint64_t positions[POSITIONS] = {0}, features[FEATURES] = {0};
    double even[FEATURES], macs[POSITIONS] = {0};
    struct plan_fixture f;
    (void)state;
    assert_true(model->hp.n_embd <= FEATURES);
    for (int i = 0; i < FEATURES; i++)
        even[i] = 1;
    for (uint32_t n = 0; n < model->graph.count; n++) {
        const struct node *node = &model->graph.node[n];
        for (uint32_t t = 0; t < POSITIONS; t++) {
            if (node->op == OP_LINEAR && (node->layer != GRAPH_NO_LAYER || t >= 4))
                macs[t] += (double)node->rows * node->width;
            if (node->op == OP_SCORES || node->op == OP_HEADS)
                macs[t] += (double)model->hp.n_head * model->hp.head_dim * (t + 1);
        }
    }
    assert_int_equal(
        fixture_sample(&f, model, 1,
                       ",\"population\":\"bits\",\"sampling\":{\"trials\":20000},"
                       "\"where\":{\"sites\":\"blk.*.attn_output.weight\"},"
                       "\"controls\":{\"dry\":0,\"sentinel\":0,\"naive\":0,\"cpu\":0}"),
        STATUS_OK);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        assert_int_equal(d.fault->place, PLACE_WEIGHT);
        assert_int_equal(d.fault->position_count, UINT32_MAX);
        positions[d.fault->position]++;
        features[d.fault->row]++;
    }
    assert_true(stats_test_fit(positions, macs, POSITIONS) > 1e-3);
    assert_true(stats_test_fit(features, even, model->hp.n_embd) > 1e-3);
    fixture_finish(&f);
}

/* A trial is the same drawn alone, in any order, again, and from another sample of the same plan.
 */
static void test_alone_as_in_order(void **state)
{
    static const char plan[] =
        UNIFORM ",\"strata\":[\"layer\",\"stage\"],\"sampling\":{\"trials\":2000},"
                "\"what\":{\"kind\":[\"flip\",\"zero\",\"random\"]},\"faults_per_trial\":3";
    struct plan_fixture a, b;
    struct rng rng;
    (void)state;
    assert_int_equal(fixture_sample(&a, model, 4, plan), STATUS_OK);
    const uint64_t n = sample_trials(a.sample);
    struct fixture_identity *seen = calloc(n, sizeof(*seen));
    assert_non_null(seen);
    for (uint64_t id = 0; id < n; id++) {
        const struct sample_draw d = fixture_draw(&a, id);
        assert_int_equal(d.trial, id);
        seen[id] = fixture_identity_of(&d, &d.fault[d.n_faults - 1]);
    }
    assert_int_equal(fixture_sample(&b, model, 4, plan), STATUS_OK);
    rng_init(&rng, 5, 5);
    for (int i = 0; i < 3000; i++) {
        const uint64_t id = rng_below(&rng, n);
        const struct sample_draw d = fixture_draw(i % 2 ? &a : &b, id);
        const struct fixture_identity again = fixture_identity_of(&d, &d.fault[d.n_faults - 1]);
        assert_memory_equal(&seen[id], &again, sizeof(again));
    }
    free(seen);
    fixture_finish(&b);
    fixture_finish(&a);
}

/* Another seed is another sample; the draws of two seeds share few faults. */
static void test_seed_matters(void **state)
{
    struct plan_fixture a, b;
    uint32_t equal = 0;
    (void)state;
    assert_int_equal(
        fixture_sample(&a, model, 2, UNIFORM ",\"sampling\":{\"trials\":500},\"seed\":1"),
        STATUS_OK);
    assert_int_equal(
        fixture_sample(&b, model, 2, UNIFORM ",\"sampling\":{\"trials\":500},\"seed\":2"),
        STATUS_OK);
    for (uint64_t id = 0; id < 500; id++) {
        const struct sample_draw x = fixture_draw(&a, id), y = fixture_draw(&b, id);
        const struct fixture_identity first = fixture_identity_of(&x, x.fault),
                                      second = fixture_identity_of(&y, y.fault);
        equal += x.role != ROLE_SENTINEL && memcmp(&first, &second, sizeof(first)) == 0;
    }
    assert_true(equal < 5);
    fixture_finish(&a);
    fixture_finish(&b);
}

/* Crossed: each fault meets every item once, at the same distance from the prompt's end. */
static void test_crossed(void **state)
{
    struct plan_fixture f;
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 4,
                                    UNIFORM ",\"design\":\"crossed\",\"sampling\":{\"trials\":"
                                            "400},\"controls\":{\"dry\":0,\"sentinel\":0,"
                                            "\"naive\":0,\"cpu\":0}"),
                     STATUS_OK);
    assert_int_equal(sample_trials(f.sample), 400);
    for (uint64_t fault = 0; fault < 100; fault++) {
        struct sample_draw d[4];
        for (uint32_t i = 0; i < 4; i++) {
            d[i] = fixture_draw(&f, 4 * fault + i);
            const struct fault_bounds bounds = fixture_bounds(&f, model, i);
            assert_int_equal(d[i].item, i);
            assert_int_equal(d[i].fault_index, fault);
            assert_true(d[i].fault->position < bounds.positions);
            assert_int_equal(d[i].stage, d[0].stage);
            assert_int_equal(d[i].fault->position - fixture_items[i].n_prompt,
                             d[0].fault->position - fixture_items[0].n_prompt);
            assert_int_equal(d[i].fault->node, d[0].fault->node);
            assert_int_equal(d[i].fault->row, d[0].fault->row);
            assert_int_equal(d[i].fault->mask, d[0].fault->mask);
            if (d[i].fault->key)
                assert_int_equal(d[i].fault->position - d[i].fault->key,
                                 d[0].fault->position - d[0].fault->key);
        }
    }
    fixture_finish(&f);
}

static void test_fault_major(void **state)
{
    struct plan_fixture f;
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 4,
                                    ",\"population\":\"bits\",\"design\":\"fault_major\","
                                    "\"sampling\":{\"trials\":400}"),
                     STATUS_OK);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        if (d.role != ROLE_SENTINEL) {
            assert_int_equal(d.fault->position, 0);
            assert_int_equal(d.fault->place, PLACE_WEIGHT);
        }
    }
    fixture_finish(&f);
}

/* There are as many controls as in the plan, spread evenly, each right after its trial. */
static void test_controls(void **state)
{
    struct plan_fixture f;
    uint64_t count[ROLE_COUNT] = {0}, last = 0, largest_gap = 0;
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 2,
                                    UNIFORM ",\"sampling\":{\"trials\":1000},\"controls\":{"
                                            "\"dry\":0.02,\"cpu\":0.005}"),
                     STATUS_OK);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        count[d.role]++;
        if (d.role == ROLE_TRIAL)
            assert_int_equal(d.original, id);
        if (d.role != ROLE_TRIAL) {
            largest_gap = id - last > largest_gap ? id - last : largest_gap;
            last = id;
        }
        if (d.role == ROLE_NAIVE || d.role == ROLE_CPU || d.role == ROLE_DRY) {
            const struct sample_draw original = fixture_draw(&f, d.original);
            assert_true(d.original < id && id - d.original <= 2);
            assert_int_equal(original.role, ROLE_TRIAL);
            if (d.role == ROLE_DRY) {
                assert_int_equal(d.fault->kind, KIND_DRY);
                d.fault->kind = original.fault->kind;
            }
            assert_memory_equal(d.fault, original.fault, sizeof(*d.fault));
        }
        if (d.role == ROLE_SENTINEL)
            assert_string_equal(d.fault->site, "output");
    }
    assert_int_equal(count[ROLE_TRIAL], 1000);
    assert_int_equal(count[ROLE_DRY], 20);
    assert_int_equal(count[ROLE_SENTINEL], 10);
    assert_int_equal(count[ROLE_NAIVE], 10);
    assert_int_equal(count[ROLE_CPU], 5);
    for (int role = 0; role < ROLE_COUNT; role++)
        assert_int_equal(count[role], sample_role_trials(f.sample, (enum trial_role)role));
    assert_in_range(largest_gap, 1, 24); /* 1045 / 45 */
    fixture_finish(&f);
}

/* The draw's probability: over one stratum they sum to what it says of the faults not drawn. */
static void test_draw_probability(void **state)
{
    struct plan_fixture f;
    double sum = 0;
    (void)state;
    assert_int_equal(
        fixture_sample(&f, model, 2,
                       ",\"population\":\"census\",\"where\":{\"sites\":"
                       "\"blk.0.attn_norm\"},\"what\":{\"bits\":\"sign\"},"
                       "\"controls\":{\"dry\":0,\"sentinel\":0,\"naive\":0,\"cpu\":0}"),
        STATUS_OK);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        sum += d.draw_prob;
    }
    assert_true(fabs(sum - 1) < 1e-9);
    fixture_finish(&f);
}

/* A mean whose P(none) is 0 in a double: mean and variance of the number are those of a binomial.
 */
static void test_high_bit_error_rate(void **state)
{
    enum { N = 200 };
    const double bits = (double)gguf_tensor(model->gguf, "blk.0.ffn_up.weight")->size * 8,
                 rate = 1500 / bits;
    double sum = 0, squares = 0;
    struct plan_fixture f;
    char rest[512];
    (void)state;
    snprintf(rest, sizeof(rest),
             ",\"population\":\"bits\",\"where\":{\"sites\":\"blk.0.ffn_up.weight\"},"
             "\"faults_per_trial\":{\"ber\":%.17g},\"sampling\":{\"trials\":%d}" NO_CONTROLS,
             rate, N);
    assert_int_equal(fixture_sample(&f, model, 1, rest), STATUS_OK);
    assert_true(sample_no_fault(f.sample, 0) == 0);
    for (uint64_t id = 0; id < N; id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        sum += d.n_faults;
        squares += ((double)d.n_faults - 1500) * ((double)d.n_faults - 1500);
    }
    const double variance = 1500 * (1 - rate);
    assert_true(fabs(sum / N - 1500) < 4 * sqrt(variance / N));
    assert_true(fabs(squares / N / variance - 1) < 4 * sqrt(2.0 / N));
    fixture_finish(&f);
}

/* Faults of a bit error rate: their number has the binomial distribution without its zero. */
static void test_bit_error_rate(void **state)
{
    enum { CELLS = 6, N = 4000 };
    uint64_t counts[CELLS] = {0};
    double expected[CELLS], bits = 0;
    struct plan_fixture f;
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 1,
                                    ",\"population\":\"bits\",\"where\":{\"sites\":"
                                    "\"blk.0.attn_k.weight\"},\"faults_per_trial\":{\"ber\":2e-4},"
                                    "\"sampling\":{\"trials\":4000},\"controls\":{\"dry\":0,"
                                    "\"sentinel\":0,\"naive\":0,\"cpu\":0}"),
                     STATUS_OK);
    const struct tensor *t = gguf_tensor(model->gguf, "blk.0.attn_k.weight");
    bits = (double)t->size * 8; /* Q4_1: every bit of a block is code, scale or min */
    double p = pow(1 - 2e-4, bits), sum = 0;
    assert_true(fabs(sample_no_fault(f.sample, 0) - p) < 1e-9);
    for (int k = 1; k < CELLS; k++) {
        p *= (bits - k + 1) / k * (2e-4 / (1 - 2e-4));
        expected[k - 1] = p / (1 - sample_no_fault(f.sample, 0));
        sum += expected[k - 1];
    }
    expected[CELLS - 1] = 1 - sum;
    for (uint64_t id = 0; id < N; id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        counts[d.n_faults < CELLS ? d.n_faults - 1 : CELLS - 1]++;
        for (uint32_t i = 0; i < d.n_faults; i++) {
            const struct fixture_identity a = fixture_identity_of(&d, &d.fault[i]);
            for (uint32_t j = 0; j < i; j++) {
                const struct fixture_identity b = fixture_identity_of(&d, &d.fault[j]);
                assert_true(memcmp(&a, &b, sizeof(a)) != 0);
            }
        }
    }
    assert_true(stats_test_fit(counts, expected, CELLS) > 1e-3);
    fixture_finish(&f);
}

/* Weights of choices: of kinds they divide a site's weight, of points and fields they multiply the
 * elements that divide it, of sites and stages they multiply it. */
static void test_choices_have_their_weights(void **state)
{
    enum { N = 20000 };
    uint64_t kinds[3] = {0}, points[2] = {0}, sites[2] = {0}, stages[2] = {0};
    struct plan_fixture f;
    (void)state;
    assert_int_equal(
        fixture_sample(&f, model, 1,
                       ",\"population\":\"ops\",\"where\":{\"sites\":{\"blk.0.attn_q\":1,"
                       "\"blk.0.attn_output\":3},\"point\":{\"out\":64,\"partial\":1}},"
                       "\"what\":{\"kind\":{\"flip\":5,\"zero\":2,\"stale\":3}},\"when\":{"
                       "\"stage\":{\"prefill\":1,\"decode\":0.5}},\"sampling\":{\"trials\":20000}"
                       "" NO_CONTROLS),
        STATUS_OK);
    for (uint64_t id = 0; id < N; id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        kinds[d.fault->kind == KIND_FLIP ? 0 : d.fault->kind == KIND_ZERO ? 1 : 2]++;
        points[d.fault->point == HOOK_PARTIAL]++;
        sites[strcmp(d.fault->site, "blk.0.attn_output") == 0]++;
        stages[d.stage == STAGE_DECODE]++;
        assert_true(d.stage != STAGE_FIRST);
    }
    /* both matrices are as large; 4 prefill positions, 6 of decode at half the weight */
    assert_true(stats_test_fit(kinds, (const double[]){5, 2, 3}, 3) > 1e-3);
    assert_true(stats_test_fit(points, (const double[]){64, model->hp.n_embd}, 2) > 1e-3);
    assert_true(stats_test_fit(sites, (const double[]){1, 3}, 2) > 1e-3);
    assert_true(stats_test_fit(stages, (const double[]){4, 3}, 2) > 1e-3);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_match_weights),
        cmocka_unit_test(test_draws_within_a_site),
        cmocka_unit_test(test_alone_as_in_order),
        cmocka_unit_test(test_seed_matters),
        cmocka_unit_test(test_crossed),
        cmocka_unit_test(test_fault_major),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_draw_probability),
        cmocka_unit_test(test_bit_error_rate),
        cmocka_unit_test(test_high_bit_error_rate),
        cmocka_unit_test(test_choices_have_their_weights),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
