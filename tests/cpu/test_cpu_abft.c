/* SPDX-License-Identifier: MIT */
/* Check sums of linear ops: no clean alarm whatever weights and inputs, the same bits in every
 * form, tables that equal sums of the weights, and faults far above the bound that alarm. */
#include "matrices.h"

#include <math.h>

#include "model/guard_abft.h"

enum { ROWS_MOST = 2100 };

/* A LINEAR node of a random matrix, and a column with its outputs. */
struct linear {
    struct matrix matrix;
    struct tensor bias;
    struct node node;
    struct graph graph;
    struct guard_abft table;
    float *x, *y; /* (width), (rows) */
    uint32_t act;
};

static void evaluate(struct linear *l)
{
    struct cpu_scratch scratch = matrices_scratch_of(l->node.width);
    const struct cpu_linear job = {.weight = &l->matrix.scalar,
                                   .x = l->x,
                                   .bias = l->node.bias ? (float *)(void *)l->bias.data : NULL,
                                   .y = l->y,
                                   .x_stride = l->node.width,
                                   .y_stride = l->node.rows,
                                   .n = 1,
                                   .act = l->act,
                                   .scratch = &scratch};
    cpu_linear_prepare_scalar(&job);
    cpu_linear_scalar(&job, 0, l->node.rows);
    matrices_scratch_finish(&scratch);
}

/* Inputs of a mood on the grid of the activation type, which hooks may leave. */
static void open(struct linear *l, struct rng *rng, enum quant type, enum forms_mood mood)
{
    static const uint32_t rows[] = {1, 16, 17, 100, 576, 1024, 1025, 2100};
    const uint32_t unit = quant_block_elements(type);
    const uint32_t width =
        unit == 1 ? 1 + rng_u32(rng) % 700 : unit * (1 + rng_u32(rng) % (768 / unit));
    const uint32_t node = 0;

    memset(l, 0, sizeof(*l));
    matrices_init(&l->matrix, rng, type, width, rows[rng_u32(rng) % 8]);
    if (rng_u32(rng) % 4)
        matrices_tame(&l->matrix, rng);
    l->node = (struct node){.op = OP_LINEAR,
                            .site = "t",
                            .out = REG_G,
                            .weight = &l->matrix.tensor,
                            .rows = (uint32_t)l->matrix.tensor.dim[1],
                            .width = width};
    l->bias.data = forms_memory(l->node.rows, sizeof(float));
    forms_fill(rng, mood == FORMS_SPECIAL ? FORMS_TAME : mood, (float *)(void *)l->bias.data,
               l->node.rows);
    l->node.bias = rng_u32(rng) % 2 ? &l->bias : NULL;
    l->graph = (struct graph){.node = &l->node, .count = 1};
    l->act = rng_u32(rng) % 3;
    assert_int_equal(
        guard_abft_make(&l->table, &(struct guard_abft_params){&l->graph, NULL,
                                                               (enum storage)l->act, &node, 1}),
        STATUS_OK);
    l->x = forms_memory(width, sizeof(float));
    l->y = forms_memory(l->node.rows, sizeof(float));
    forms_fill(rng, mood, l->x, width);
    for (uint32_t k = 0; k < width && rng_u32(rng) % 8; k++)
        l->x[k] = cpu_round(l->x[k], l->act);
    evaluate(l);
}

static void finish(struct linear *l)
{
    free(l->table.words);
    free(l->bias.data);
    free(l->x);
    free(l->y);
    matrices_finish(&l->matrix);
}

static void judge(const struct linear *l, const struct cpu_kernels *kernels,
                  uint32_t out[GUARD_WORDS])
{
    static float weights[ABFT_WEIGHTS + ABFT_LANES], sums[3][ROWS_MOST];
    uint32_t parts[4 * GUARD_WORDS];
    const uint32_t rows = l->node.rows, middle = rows / 32 * ABFT_LANES;

    for (uint32_t i = 0; i < ABFT_WEIGHTS + ABFT_LANES; i++)
        weights[i] = (float)(1 + i % ABFT_WEIGHTS);
    const uint32_t cuts[] = {0, middle, rows}; /* threads share the rows */
    for (uint32_t i = 0; i < 2; i++)
        kernels->abft_outputs(&(struct cpu_abft_rows){.y = l->y + cuts[i],
                                                      .weights = weights,
                                                      .sums = sums[0] + cuts[i] / ABFT_LANES,
                                                      .row = cuts[i],
                                                      .n = cuts[i + 1] - cuts[i],
                                                      .plane = ROWS_MOST});
    assert_true(l->table.parts <= 4);
    for (uint32_t p = 0; p < l->table.parts; p++) {
        const uint32_t begin = p * l->table.part_rows, left = rows - begin;
        const uint32_t n = order_ceil(left < l->table.part_rows ? left : l->table.part_rows, 16);
        const float *words = guard_abft_part(&l->table, p);
        struct guard_abft_sums all;
        kernels->abft_inputs(&(struct cpu_abft){.rows = words + 4 * ABFT_HEAD_QUADS,
                                                .x = l->x,
                                                .width = l->node.width},
                             &all);
        float joined[3];
        kernels->abft_tiles(sums[0] + begin / 16, ROWS_MOST, n, joined);
        all.y = joined[0];
        all.y2 = joined[1];
        all.size = joined[2];
        guard_abft_judge(parts + p * GUARD_WORDS, words, &all, 1);
    }
    guard_abft_join(out, parts, l->table.parts);
}

/* Every form gives the same words. */
static void judge_all(const struct linear *l, uint32_t out[GUARD_WORDS])
{
    judge(l, &cpu_scalar_kernels, out);
    FORMS_EACH(kernels)
    {
        uint32_t other[GUARD_WORDS];
        judge(l, kernels, other);
        assert_memory_equal(other, out, sizeof(other));
    }
}

static void describe(const struct linear *l, const uint32_t *words)
{
    fail_msg("%s, %u x %u, act %u, bias %d: found alarm %u, residual %g, bound %g",
             quant_name(l->matrix.tensor.type), l->node.width, l->node.rows, l->act,
             l->node.bias != NULL, words[ABFT_ALARM], (double)lang_float(words[ABFT_RESIDUAL]),
             (double)lang_float(words[ABFT_BOUND]));
}

static void test_no_clean_alarm(void **state)
{
    (void)state;
    double nearest = 0;
    struct rng rng;

    rng_init(&rng, 41, 0);
    for (uint32_t i = 0; i < 9 * QUANT_COUNT; i++) {
        uint32_t words[GUARD_WORDS];
        struct linear l;
        open(&l, &rng, (enum quant)(i % QUANT_COUNT), (enum forms_mood)(i / QUANT_COUNT % 3));
        judge_all(&l, words);
        if (words[ABFT_ALARM])
            describe(&l, words);
        const double part =
            fabs((double)lang_float(words[ABFT_RESIDUAL])) / (double)lang_float(words[ABFT_BOUND]);
        nearest = part > nearest ? part : nearest;
        finish(&l);
    }
    printf("nearest to an alarm: %.3f of the bound\n", nearest);
    assert_true(nearest > 1e-4 && nearest < 1); /* the bound is not without any limit */
}

/* Inputs whose products have one sign, so that roundings go one way as far as they can. */
static void test_bound_holds_for_sums_without_cancellation(void **state)
{
    (void)state;
    struct rng rng;

    rng_init(&rng, 42, 0);
    for (uint32_t i = 0; i < 7 * QUANT_COUNT; i++) {
        uint32_t words[GUARD_WORDS];
        struct linear l;
        open(&l, &rng, (enum quant)(i % QUANT_COUNT), FORMS_TAME);
        for (uint32_t k = 0; k < l.node.width; k++) {
            const float c =
                guard_abft_part(&l.table, 0)[4 * ABFT_HEAD_QUADS + k / 16 * 48 + k % 16];
            l.x[k] = lang_float(abft_magnitude(l.x[k]) | (lang_bits(c) & NM_SIGN));
        }
        evaluate(&l);
        judge_all(&l, words);
        if (words[ABFT_ALARM])
            describe(&l, words);
        finish(&l);
    }
}

/* Tame weights, and their tables. */
static void tame(struct linear *l, struct rng *rng, uint32_t act)
{
    const uint32_t node = 0;

    matrices_tame(&l->matrix, rng);
    free(l->table.words);
    l->table.words = NULL;
    l->act = act;
    assert_int_equal(
        guard_abft_make(&l->table,
                        &(struct guard_abft_params){&l->graph, NULL, (enum storage)act, &node, 1}),
        STATUS_OK);
}

/* c, c2 and a are sums of the weights as the op reads them. */
static void test_tables(void **state)
{
    (void)state;
    struct rng rng;

    rng_init(&rng, 43, 0);
    for (uint32_t i = 0; i < 3 * QUANT_COUNT; i++) {
        struct linear l;
        open(&l, &rng, (enum quant)(i % QUANT_COUNT), FORMS_TAME);
        tame(&l, &rng, NM_F32);
        const struct tensor *t = &l.matrix.tensor;
        const uint32_t part = l.table.parts - 1, begin = part * l.table.part_rows;
        float *row = forms_memory(l.node.width, sizeof(float));
        for (uint32_t k = 0; k < l.node.width; k += 1 + l.node.width / 5) {
            const float *at = guard_abft_part(&l.table, part) + 4 * ABFT_HEAD_QUADS + k / 16 * 48;
            double c = 0, c2 = 0, a = 0;
            for (uint32_t r = begin; r < l.node.rows; r++) {
                quant_dequantize(t->type, t->data + r * quant_row_bytes(t->type, l.node.width),
                                 l.node.width, row);
                c += (double)row[k];
                c2 += (1 + r % 251) * (double)row[k];
                a += fabs((double)row[k]);
            }
            const double error = (a + 1e-30) * 1e-5; /* the row is rounded to f32 */
            assert_true(fabs((double)at[k % 16] - c) <= error);
            assert_true(fabs((double)at[16 + k % 16] - c2) <= 251 * error);
            assert_true((double)at[32 + k % 16] >= a * (1 - 1e-6));
        }
        free(row);
        finish(&l);
    }
}

/* A deviation of one output alarms if it is above twice the bound, and never below zero of it; the
 * row that has it is among those named. */
static void test_deviations(void **state)
{
    (void)state;
    uint32_t alarms = 0, quiet = 0, named = 0;
    struct rng rng;

    rng_init(&rng, 44, 0);
    for (uint32_t i = 0; i < 12 * QUANT_COUNT; i++) {
        uint32_t words[GUARD_WORDS], rows[GUARD_ABFT_CANDIDATES];
        struct linear l;
        open(&l, &rng, (enum quant)(i % QUANT_COUNT), FORMS_TAME);
        tame(&l, &rng, l.act);
        evaluate(&l);
        judge(&l, &cpu_scalar_kernels, words);
        assert_int_equal(words[ABFT_ALARM], 0);
        const uint32_t row = rng_u32(&rng) % l.node.rows, bit = 16 + rng_u32(&rng) % 15;
        const float before = l.y[row];
        l.y[row] = lang_float(lang_bits(before) ^ 1u << bit);
        const double deviation = fabs((double)l.y[row] - (double)before);
        judge_all(&l, words);
        const double bound = (double)lang_float(words[ABFT_BOUND]);
        const bool alarm = words[ABFT_ALARM] != 0;
        if (l.table.parts == 1 && isfinite(deviation) && isfinite(bound)) {
            assert_true(deviation < 2 * bound || alarm);
            alarms += alarm;
            quiet += !alarm;
        } else if (!isfinite(l.y[row])) {
            assert_true(alarm || l.act == NM_F16); /* f16 may overflow where sums are large */
        }
        const uint32_t n = guard_abft_rows(rows, &l.table, l.node.rows, words);
        bool found = n == 0;
        for (uint32_t j = 0; j < n; j++)
            found |= rows[j] == row;
        assert_true(found);
        named += n > 0;
        finish(&l);
    }
    printf("%u alarms, %u below the bound, %u with rows\n", alarms, quiet, named);
    assert_true(alarms > 50 && quiet > 10 && named > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_clean_alarm),
        cmocka_unit_test(test_bound_holds_for_sums_without_cancellation),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_deviations),
    };
    return forms_run(tests, sizeof(tests) / sizeof(*tests));
}
