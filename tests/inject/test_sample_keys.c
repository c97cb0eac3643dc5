/* SPDX-License-Identifier: MIT */
/* Each granularity with each duration: positions, keys, rows and bits are drawn as often as their
 * evaluations or faults weigh, counted here one by one. */
#include "plan_fixture.h"

#include <math.h>

#include "inject/space/widen.h"
#include "inject/stats/stats_test.h"
#include "model/op.h"

enum { PROMPT = 9, TOKENS = 13, POSITIONS = PROMPT + TOKENS - 1, DRAWS = 3000, ROWS = 512 };

static const struct sample_item items[2] = {{.n_prompt = PROMPT, .n_tokens = TOKENS},
                                            {.n_prompt = PROMPT + 4, .n_tokens = TOKENS}};

static struct model *model;

/* A combination of a plan's words. */
struct drawn {
    const struct model *model;
    const char *site, *point, *granularity, *duration, *stage, *population;
    const struct node *node;
    uint32_t lo, hi; /* positions of the stage */
    bool spans;      /* one fault covers the stage's evaluations */
    bool keyed;      /* one key each */
    bool all_keys;
};

/* Draws of a combination: by first position and key; by row. */
struct counted {
    uint64_t at[POSITIONS * POSITIONS], row[ROWS], bit[32];
    double weight[POSITIONS * POSITIONS];
};

static uint32_t first_key(const struct node *node, uint32_t position)
{
    return node->window != 0 && position >= node->window ? position - node->window + 1 : 0;
}

/* The evaluations of the stage, one by one: the weight of the fault that starts there, at that key.
 * A fault that covers a stage has the evaluations of its key, the first of them is its position. */
static void weigh(const struct drawn *d, double *weight)
{
    const bool ops = strcmp(d->population, "ops") == 0;
    for (uint32_t p = d->lo; p < d->hi; p++) {
        for (uint32_t key = first_key(d->node, p); key <= p; key++) {
            const uint32_t start = !d->spans ? p : d->keyed && key > d->lo ? key : d->lo;
            double *w = &weight[start * POSITIONS + (d->keyed ? key : 0)];
            *w = ops ? *w + 1 : 1;
        }
    }
}

/* Positions that one fault covers. */
static uint32_t length_of(const struct drawn *d, const struct fault *f)
{
    if (strcmp(d->duration, "permanent") == 0 || (d->spans && d->hi == POSITIONS))
        return FAULT_FOREVER;
    return d->spans ? d->hi - f->position : 1;
}

static void note(const struct drawn *d, const struct fault *f, struct counted *c)
{
    const struct fault_bounds bounds = {.model = d->model,
                                        .act = STORAGE_F32,
                                        .kv = STORAGE_F32,
                                        .n_prompt = PROMPT,
                                        .positions = POSITIONS};
    if (fault_check(f, &bounds, "drawn"))
        fail_msg("%s", log_last_error());
    assert_int_equal(f->position_count, length_of(d, f));
    assert_int_equal(f->key_count == FAULT_ALL_KEYS, d->all_keys);
    assert_true(f->position < POSITIONS && f->key < POSITIONS && f->row < ROWS);
    c->at[f->position * POSITIONS + f->key]++;
    c->row[f->row]++;
    c->bit[__builtin_ctz(f->mask)]++;
}

/* Weight 0 is never drawn, the rest as often as it weighs. */
static void fits(const uint64_t *observed, const double *weight, uint32_t count, const char *what,
                 const struct drawn *d)
{
    uint64_t seen[POSITIONS * POSITIONS];
    double expected[POSITIONS * POSITIONS];
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!(weight[i] > 0) && observed[i] > 0)
            fail_msg("%s %s %s %s %s %s: %s %u was drawn, nothing is there", d->site, d->point,
                     d->granularity, d->duration, d->stage, d->population, what, i);
        if (weight[i] > 0) {
            seen[n] = observed[i];
            expected[n++] = weight[i];
        }
    }
    if (n > 1 && !(stats_test_fit(seen, expected, n) > 1e-3))
        fail_msg("%s %s %s %s %s %s: %s are not drawn as they weigh", d->site, d->point,
                 d->granularity, d->duration, d->stage, d->population, what);
}

/* Rows that a fault may name first, each as often as another. */
static void weigh_rows(const struct drawn *d, double *weight)
{
    struct op_point size;
    const uint32_t point = (uint32_t)kinds_find(KINDS_POINT, d->point);
    assert_true(op_point(&size, d->node, point) && size.rows <= ROWS);
    const uint32_t group = d->node->op == OP_HEADS && point == HOOK_OPERAND ? d->node->width : 1;
    const bool one =
        strcmp(d->granularity, "element") == 0 || strcmp(d->granularity, "feature") == 0;
    uint32_t n = size.rows ? size.rows / group : 1, step = group;
    if (strcmp(d->granularity, "lane") == 0)
        n = n < 8 ? n : 8;
    else if (strcmp(d->granularity, "tile") == 0)
        step *= 32, n = (n + 31) / 32;
    else if (!one)
        n = 1;
    for (uint32_t i = 0; i < n; i++)
        weight[i * step] = 1;
}

static void draw_all(struct drawn *d)
{
    struct counted c = {.at = {0}};
    double rows[ROWS] = {0}, bits[32];
    struct plan_fixture f;
    char rest[512];
    snprintf(rest, sizeof(rest),
             ",\"population\":\"%s\",\"where\":{\"sites\":\"%s\",\"point\":\"%s\","
             "\"granularity\":\"%s\"},\"when\":{\"duration\":\"%s\"%s,\"stage\":\"%s\"},"
             "\"sampling\":{\"trials\":%d}" NO_CONTROLS,
             d->population, d->site, d->point, d->granularity, d->duration,
             strcmp(d->duration, "intermittent") == 0 ? ",\"rate\":0.5" : "", d->stage, DRAWS);
    assert_int_equal(fixture_plan(&f, 1, rest), STATUS_OK);
    assert_int_equal(sample_create(&f.sample, &f.plan, d->model, items), STATUS_OK);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw draw = fixture_draw(&f, id);
        note(d, draw.fault, &c);
        assert_int_equal(draw.stage, widen_stage_of(draw.fault->position, PROMPT));
    }
    weigh(d, c.weight);
    weigh_rows(d, rows);
    for (uint32_t b = 0; b < 32; b++)
        bits[b] = 1;
    fits(c.at, c.weight, POSITIONS * POSITIONS, "positions and keys", d);
    fits(c.row, rows, ROWS, "rows", d);
    fits(c.bit, bits, 32, "bits", d);
    fixture_finish(&f);
}

static void draw_combination(struct drawn d)
{
    static const char *const all[] = {"vector", "tensor", "lane", "tile"};
    const enum stage stage = (enum stage)kinds_find(KINDS_STAGE, d.stage);
    const struct widen_span span = widen_stage(stage, PROMPT);
    struct op_point size;
    d.node = graph_find(&d.model->graph, d.site);
    assert_non_null(d.node);
    op_point(&size, d.node, (uint32_t)kinds_find(KINDS_POINT, d.point));
    d.lo = span.first;
    d.hi = span.end < POSITIONS ? span.end : POSITIONS;
    d.spans = strcmp(d.duration, "intermittent") == 0 || strcmp(d.granularity, "feature") == 0 ||
              strcmp(d.granularity, "tensor") == 0;
    d.keyed = size.keyed;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        d.keyed = d.keyed && strcmp(d.granularity, all[i]) != 0;
    d.all_keys = size.keyed && !d.keyed;
    /* only points with keys weigh by them */
    if (d.node->op != OP_SCORES && d.node->op != OP_SOFTMAX && d.node->op != OP_HEADS) {
        static struct node flat;
        flat = *d.node;
        flat.window = 1; /* one evaluation a position */
        d.node = &flat;
    }
    draw_all(&d);
}

static void draw_sites(const struct model *of, const char *population)
{
    static const char *const sites[][2] = {
        {"blk.0.attn_scores", "weight"}, {"blk.0.attn_scores", "out"},
        {"blk.0.attn_probs", "operand"}, {"blk.0.attn_probs", "mem"},
        {"blk.0.attn_heads", "operand"}, {"blk.0.attn_heads", "weight"},
        {"blk.0.attn_heads", "out"},     {"blk.0.attn_output", "out"}};
    static const char *const stages[] = {"any", "prefill", "first", "decode"};
    static const char *const durations[] = {"transient", "intermittent", "permanent"};
    uint32_t turn = 0;
    for (size_t s = 0; s < sizeof(sites) / sizeof(*sites); s++) {
        for (int g = 0; g < GRANULARITY_COUNT; g++) {
            for (size_t w = 0; w < sizeof(durations) / sizeof(*durations); w++)
                draw_combination(
                    (struct drawn){.model = of,
                                   .site = sites[s][0],
                                   .point = sites[s][1],
                                   .granularity = kinds_text(KINDS_GRANULARITY, (uint32_t)g),
                                   .duration = durations[w],
                                   .stage = stages[turn++ % 4],
                                   .population = population});
        }
    }
}

static void test_evaluations(void **state)
{
    (void)state;
    draw_sites(model, "ops");
}

static void test_faults(void **state)
{
    (void)state;
    draw_sites(model, "equal");
}

/* Beside a point without keys: an evaluation of s keys has a share of s / (s + 1) for those, as
 * many elements a key as the other point has in all. */
static void keys_share(const struct model *of)
{
    uint64_t observed[POSITIONS] = {0};
    double weight[POSITIONS] = {0};
    struct plan_fixture f;
    const struct node *node = graph_find(&of->graph, "blk.0.attn_scores");
    assert_int_equal(fixture_plan(&f, 1,
                                  ",\"population\":\"ops\",\"where\":{\"sites\":"
                                  "\"blk.0.attn_scores\",\"point\":[\"operand\",\"weight\"]},"
                                  "\"when\":{\"duration\":\"intermittent\",\"rate\":0.5},"
                                  "\"sampling\":{\"trials\":6000}" NO_CONTROLS),
                     STATUS_OK);
    assert_int_equal(sample_create(&f.sample, &f.plan, of, items), STATUS_OK);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw draw = fixture_draw(&f, id);
        if (draw.fault->point == HOOK_WEIGHT)
            observed[draw.fault->key]++;
    }
    for (uint32_t p = 0; p < POSITIONS; p++) {
        const double seen = p + 1 - first_key(node, p);
        for (uint32_t key = first_key(node, p); key <= p; key++)
            weight[key] += seen / (seen + 1);
    }
    assert_true(stats_test_fit(observed, weight, POSITIONS) > 1e-3);
    fixture_finish(&f);
}

static void test_shares(void **state)
{
    (void)state;
    keys_share(model);
}

/* The layers of a sliding window see the keys in it. */
static void test_windows(void **state)
{
    struct model *windowed = fixture_model("tiny-gemma3.gguf");
    (void)state;
    assert_non_null(windowed);
    assert_in_range(
        windowed->graph
            .node[graph_find(&windowed->graph, "blk.0.attn_scores") - windowed->graph.node]
            .window,
        1, POSITIONS - 1);
    draw_sites(windowed, "ops");
    draw_sites(windowed, "equal");
    keys_share(windowed);
    model_close(&windowed);
}

/* A census of features strikes each key of each head and bit once. */
static void test_census_of_features(void **state)
{
    static uint32_t times[POSITIONS][16];
    struct plan_fixture f;
    (void)state;
    assert_int_equal(fixture_plan(&f, 1,
                                  ",\"population\":\"census\",\"where\":{\"sites\":"
                                  "\"blk.0.attn_probs\",\"granularity\":\"feature\"},\"what\":{"
                                  "\"bits\":\"sign\"}" NO_CONTROLS),
                     STATUS_OK);
    assert_int_equal(sample_create(&f.sample, &f.plan, model, items), STATUS_OK);
    assert_int_equal(sample_trials(f.sample), POSITIONS * model->hp.n_head);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        assert_int_equal(times[d.fault->key][d.fault->row]++, 0);
    }
    fixture_finish(&f);
}

/* No fault comes twice as long as the one that weighs most is not due twice: the first key of a
 * head, which every evaluation of the stage sees. */
static void test_no_fault_twice(void **state)
{
    const uint32_t most = (POSITIONS + 1) / 2 * model->hp.n_head;
    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        static uint32_t times[POSITIONS][16];
        struct plan_fixture f;
        char rest[512];
        memset(times, 0, sizeof(times));
        snprintf(rest, sizeof(rest),
                 ",\"population\":\"ops\",\"where\":{\"sites\":\"blk.0.attn_probs\","
                 "\"granularity\":\"feature\"},\"what\":{\"bits\":\"sign\"},\"sampling\":{"
                 "\"trials\":%u}" NO_CONTROLS,
                 most + more);
        assert_int_equal(fixture_plan(&f, 1, rest), STATUS_OK);
        assert_int_equal(sample_create(&f.sample, &f.plan, model, items), STATUS_OK);
        assert_int_equal(sample_stratum(f.sample, 0).distinct, more == 0);
        for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
            const struct sample_draw d = fixture_draw(&f, id);
            times[d.fault->key][d.fault->row]++;
            assert_true(times[d.fault->key][d.fault->row] <= 1 + more);
        }
        fixture_finish(&f);
    }
}

/* The same fault in prompts of two lengths: keys of the prompt count from its start, keys of the
 * answer from its end; the address read instead is one that some evaluation has beside its own. */
static void test_two_lengths(void **state)
{
    struct plan_fixture f;
    uint32_t late = 0;
    (void)state;
    assert_int_equal(
        fixture_plan(&f, 2,
                     ",\"population\":\"ops\",\"design\":\"crossed\",\"where\":{\"sites\":["
                     "\"blk.0.attn_probs\",\"blk.0.attn_scores\"],\"point\":["
                     "\"out\",\"weight\"],\"granularity\":[\"element\",\"feature\"]},"
                     "\"when\":{\"duration\":[\"intermittent\",\"permanent\"],"
                     "\"rate\":0.5},\"what\":{\"kind\":[\"flip\",\"wrong_read\"]},"
                     "\"sampling\":{\"trials\":4000}" NO_CONTROLS),
        STATUS_OK);
    assert_int_equal(sample_create(&f.sample, &f.plan, model, items), STATUS_OK);
    for (uint64_t id = 0; id < sample_trials(f.sample); id += 2) {
        struct sample_draw d[2];
        for (uint32_t i = 0; i < 2; i++) {
            const struct fault_bounds bounds = {.model = model,
                                                .act = STORAGE_F32,
                                                .kv = STORAGE_F32,
                                                .n_prompt = items[i].n_prompt,
                                                .positions =
                                                    items[i].n_prompt + items[i].n_tokens - 1};
            d[i] = fixture_draw(&f, id + i);
            if (fault_check(d[i].fault, &bounds, "drawn"))
                fail_msg("%s", log_last_error());
            if (d[i].fault->kind == KIND_WRONG_READ && d[i].fault->position > 0)
                assert_int_not_equal(d[i].fault->from, d[i].fault->key);
        }
        const uint32_t moved = d[1].fault->key - d[0].fault->key;
        const bool column = d[0].fault->duration == DURATION_PERMANENT &&
                            d[0].fault->granularity == GRANULARITY_ELEMENT;
        const bool answer =
            d[0].fault->key + 1 >= PROMPT || (column && d[0].stage != STAGE_PREFILL);
        assert_int_equal(moved, answer ? 4 : 0);
        late += answer && !column;
        if (d[0].fault->kind == KIND_FLIP || column)
            assert_int_equal(d[1].fault->position - d[0].fault->position, moved);
        if (d[0].fault->kind == KIND_WRONG_READ)
            assert_int_equal(d[1].fault->from - d[0].fault->from, moved);
    }
    assert_true(late > 300);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evaluations),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_census_of_features),
        cmocka_unit_test(test_no_fault_twice),
        cmocka_unit_test(test_two_lengths),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
