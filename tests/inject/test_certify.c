/* SPDX-License-Identifier: MIT */
/* Certified tokens are those of all logits: random changes, and the worst ones at the edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/rng.h"
#include "inject/trial/certify.h"
#include "model/dot.h"
#include "model/sampler.h"
#include "tiny_model.h"

#define COLUMNS 600 /* random ones a model */
#define EDGES 200   /* states that are driven over the edge */
#define CANDIDATES 16

struct bench {
    struct model *model;
    struct certify *certify;
    const struct node *node;
    uint32_t blocks;
    struct quant_block *row; /* (rows, blocks) */
    float *sums;             /* (blocks) */
    float *hidden, *faulty;  /* (width) */
    float *logits, *found;   /* (rows) */
    struct certify_step *step;
    struct arena arena;
    struct rng rng;
    uint32_t certified, changed;
};

/* What every device computes. */
static void compute(struct bench *b, const float *hidden, float *logits)
{
    dot_sums(quant_form(b->node->weight->type), hidden, b->node->width, b->sums);
    for (uint32_t i = 0; i < b->node->rows; i++)
        logits[i] = dot_row(&(struct dot){.type = b->node->weight->type,
                                          .width = b->node->width,
                                          .blocks = b->row + (size_t)i * b->blocks,
                                          .x = hidden,
                                          .sums = b->sums});
}

static double normal(struct rng *rng)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += rng_unit(rng);
    return sum;
}

static void open_bench(struct bench *b, const char *file)
{
    char path[1024];
    *b = (struct bench){0};
    snprintf(path, sizeof(path), "%s/%s", VKFI_TINY, file);
    assert_int_equal(model_open(&b->model, path), STATUS_OK);
    assert_int_equal(certify_create(&b->certify, b->model), STATUS_OK);
    b->node = &b->model->graph.node[b->model->graph.count - 1];
    b->blocks = (b->node->width + 31) / 32;
    const struct tensor *t = b->node->weight;
    b->row = arena_array(&b->arena, (size_t)b->node->rows * b->blocks, sizeof(*b->row));
    b->sums = arena_array(&b->arena, b->blocks, 2 * sizeof(*b->sums));
    b->hidden = arena_array(&b->arena, b->node->width, sizeof(*b->hidden));
    b->faulty = arena_array(&b->arena, b->node->width, sizeof(*b->faulty));
    b->logits = arena_array(&b->arena, b->node->rows, sizeof(*b->logits));
    b->found = arena_array(&b->arena, b->node->rows, sizeof(*b->found));
    for (uint32_t i = 0; i < b->node->rows; i++)
        dot_decode(t->type, t->data + i * quant_row_bytes(t->type, t->dim[0]), b->node->width,
                   b->row + (size_t)i * b->blocks);
    rng_init(&b->rng, 7, 0);
}

static void close_bench(struct bench *b)
{
    certify_destroy(&b->certify);
    model_close(&b->model);
    arena_finish(&b->arena);
}

/* A golden step with a random hidden state. */
static void make_step(struct bench *b)
{
    for (uint32_t k = 0; k < b->node->width; k++)
        b->hidden[k] = (float)normal(&b->rng);
    compute(b, b->hidden, b->logits);
    assert_int_equal(certify_golden(&b->step, &b->arena, b->certify, b->hidden, b->logits),
                     STATUS_OK);
    assert_non_null(b->step);
}

static uint32_t greedy(const struct bench *b, const float *logits)
{
    struct sampler_top first;
    sampler_top(logits, b->node->rows, &first, 1);
    return first.id;
}

/* The verdict on b->faulty against all its logits. */
static struct certify_verdict expect_true(struct bench *b)
{
    const struct certify_verdict v = certify_column(b->certify, b->step, b->faulty);
    compute(b, b->faulty, b->found);
    const uint32_t token = greedy(b, b->found);
    const bool same = memcmp(b->logits, b->found, b->node->rows * sizeof(float)) == 0;
    if (v.certified) {
        assert_int_equal(v.token, token);
        for (uint32_t i = 0; i < b->node->rows; i++)
            assert_true(isfinite(b->found[i]));
    }
    assert_true(!v.same_bits || same);
    assert_true(!v.other_bits || !same);
    b->certified += v.certified;
    b->changed += v.certified && token != greedy(b, b->logits);
    return v;
}

/* Changes of all sizes, from nothing to more than the state itself. */
static void random_columns(struct bench *b)
{
    for (int i = 0; i < COLUMNS; i++) {
        if (i % 40 == 0)
            make_step(b);
        const double size = pow(10, -8 + 9 * rng_unit(&b->rng));
        const bool one = rng_below(&b->rng, 2) == 0;
        const uint32_t at = (uint32_t)rng_below(&b->rng, b->node->width);
        for (uint32_t k = 0; k < b->node->width; k++)
            b->faulty[k] =
                one && k != at ? b->hidden[k] : b->hidden[k] + (float)(size * normal(&b->rng));
        expect_true(b);
    }
}

/* Row i as numbers; returns its norm. */
static double row_values(const struct bench *b, uint32_t row, float *w)
{
    const enum quant_form form = quant_form(b->node->weight->type);
    double norm = 0;
    for (uint32_t k = 0; k < b->node->width; k++) {
        const struct quant_block *q = &b->row[(size_t)row * b->blocks + k / 32];
        const bool half = quant_halves(form) == 2 && k % 32 >= 16;
        const float scale = form == QUANT_FORM_PLAIN ? 1 : q->scale[half];
        w[k] = scale * q->code[k % 32] + (quant_has_min(form) ? q->min[half] : 0);
        norm += (double)w[k] * w[k];
    }
    return sqrt(norm);
}

/* The row outside the candidates whose logit can be largest at a distance. */
static uint32_t highest(const struct bench *b, const double *norm, double e)
{
    struct sampler_top top[CANDIDATES];
    uint32_t best = b->node->rows;
    sampler_top(b->logits, b->node->rows, top, CANDIDATES);
    for (uint32_t r = 0; r < b->node->rows; r++) {
        bool candidate = false;
        for (uint32_t k = 0; k < CANDIDATES; k++)
            candidate = candidate || top[k].id == r;
        if (!candidate && (best == b->node->rows ||
                           b->logits[r] + norm[r] * e > b->logits[best] + norm[best] * e))
            best = r;
    }
    return best;
}

static void push(struct bench *b, const float *w, double distance)
{
    for (uint32_t k = 0; k < b->node->width; k++)
        b->faulty[k] = b->hidden[k] + (float)(distance * w[k]);
    expect_true(b);
}

/* h' = h + e w / |w|: the logit of w rises as fast as any change of that size allows. Rows that can
 * rise highest, at the distances of the bounds, powers of sqrt(2) times |h|, where the bound is the
 * only protection. */
static void edges(struct bench *b)
{
    const uint32_t rows = b->node->rows;
    double *norm = arena_array(&b->arena, rows, sizeof(*norm)), size = 0;
    float *w = arena_array(&b->arena, b->node->width, sizeof(*w));
    assert_true(norm && w);
    for (uint32_t i = 0; i < rows; i++)
        norm[i] = row_values(b, i, w);
    for (int i = 0; i < EDGES; i++) {
        make_step(b);
        size = 0;
        for (uint32_t k = 0; k < b->node->width; k++)
            size += (double)b->hidden[k] * b->hidden[k];
        for (int half = 0; half < 12; half++) {
            const double e = sqrt(size) * exp2(-half / 2.0) * (1 - 1e-6);
            const double length = row_values(b, highest(b, norm, e), w);
            push(b, w, e / length);
        }
    }
}

static void special_values(struct bench *b)
{
    make_step(b);
    memcpy(b->faulty, b->hidden, b->node->width * sizeof(float));
    struct certify_verdict v = expect_true(b);
    assert_true(v.certified && v.same_bits);
    b->hidden[3] = 0;
    compute(b, b->hidden, b->logits);
    assert_int_equal(certify_golden(&b->step, &b->arena, b->certify, b->hidden, b->logits),
                     STATUS_OK);
    memcpy(b->faulty, b->hidden, b->node->width * sizeof(float));
    b->faulty[3] = -0.0f;
    v = expect_true(b);
    assert_true(v.certified && !v.same_bits);
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f, 1e30f};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        b->faulty[3] = bad[i];
        assert_false(expect_true(b).certified);
    }
    b->hidden[3] = INFINITY;
    compute(b, b->hidden, b->logits);
    assert_int_equal(certify_golden(&b->step, &b->arena, b->certify, b->hidden, b->logits),
                     STATUS_OK);
    assert_null(b->step);
}

static void run_model(const char *file)
{
    struct bench b;
    open_bench(&b, file);
    random_columns(&b);
    /* a proof that holds for nothing would pass too */
    assert_true(b.certified > COLUMNS / 4);
    edges(&b);
    assert_true(b.changed > 0);
    special_values(&b);
    close_bench(&b);
}

static void test_types(void **state)
{
    static const char *const files[] = {"tiny-llama-q4_1.gguf", "tiny-llama-q4_k.gguf",
                                        "tiny-llama-q6_k.gguf", "tiny-llama-q2_k.gguf",
                                        "tiny-llama-q5_0.gguf", "tiny-gemma3.gguf",
                                        "tiny-qwen2.gguf"};
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        run_model(files[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
