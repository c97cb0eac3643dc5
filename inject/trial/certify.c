/* SPDX-License-Identifier: MIT */
/* Bounds of logits from bounds of rows, and the few logits computed. */
#include "inject/trial/certify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/dot.h"
#include "model/sampler.h"
#include "shared/order.h"

#define CANDIDATES 16u /* golden's largest logits are computed again */
#define GRID 33u       /* steps of |h' - h|, a factor sqrt(2) apart, up to |h| */
#define ETA 1e-20
#define UP (1 + 1e-9) /* exceeds the error of sums of 2^20 terms in double */
#define HIDDEN_MAX 1e20
#define ROW_MAX 1e10f

struct certify {
    const struct node *node; /* the output matrix */
    uint32_t rows, width, blocks;
    double gamma;
    float *norm;     /* (rows) |w|, rounded up; owned */
    float *absolute; /* (rows) A, rounded up; owned */
    float *sums;     /* (blocks, 2) of the column at hand; owned */
    bool usable;     /* every row is finite and moderate, and there is no bias */
};

struct certify_step {
    const float *hidden; /* (width) */
    double norm;         /* |h|, rounded up */
    struct {
        uint32_t id, bits;               /* canonical */
        const struct quant_block *block; /* (blocks) */
    } candidate[CANDIDATES];             /* in greedy order */
    double rest[GRID]; /* bound of all other logits while |h' - h| <= distance(step, i) */
};

/* Norms of a decoded row. */
static void measure_row(const struct certify *c, const struct quant_block *block, uint32_t row)
{
    const enum quant_form form = quant_form(c->node->weight->type);
    double norm = 0, absolute = 0;

    for (uint32_t b = 0; b < c->blocks; b++) {
        for (uint32_t i = 0; i < block[b].count; i++) {
            const bool half = quant_halves(form) == 2 && i >= 16;
            const double scale = form == QUANT_FORM_PLAIN ? 1 : block[b].scale[half];
            const double min = quant_has_min(form) ? block[b].min[half] : 0;
            const double product = scale * block[b].code[i];
            const double value = product + min, size = fabs(product) + fabs(min);
            norm += value * value;
            absolute += size * size;
        }
    }
    c->norm[row] = nextafterf((float)(sqrt(norm) * UP), INFINITY);
    c->absolute[row] = nextafterf((float)(sqrt(absolute) * UP), INFINITY);
}

static void measure_rows(struct certify *c, struct quant_block *block)
{
    const struct tensor *t = c->node->weight;
    const size_t row_bytes = quant_row_bytes(t->type, c->width);

    c->usable = c->node->bias == NULL && c->node->cap == 0;
    for (uint32_t row = 0; row < c->rows; row++) {
        dot_decode(t->type, t->data + row * row_bytes, c->width, block);
        measure_row(c, block, row);
        c->usable = c->usable && c->absolute[row] <= ROW_MAX; /* false for NaN */
    }
}

enum status certify_create(struct certify **out, const struct model *model)
{
    struct certify *c = calloc(1, sizeof(*c));
    struct quant_block *block = NULL;

    *out = NULL;
    if (!c)
        goto fail;
    c->node = &model->graph.node[model->graph.count - 1];
    c->rows = c->node->rows;
    c->width = c->node->width;
    c->blocks = order_ceil(c->width, NM_BLOCK);
    const double n = 17.0 + order_ceil(c->blocks, NM_PARTIALS), u = 0x1p-24;
    c->gamma = n * u / (1 - n * u) * (1 + 1e-6); /* exceeds the loss of sums in double */
    c->norm = malloc(c->rows * sizeof(*c->norm));
    c->absolute = malloc(c->rows * sizeof(*c->absolute));
    c->sums = malloc(c->blocks * 2 * sizeof(*c->sums));
    block = malloc(c->blocks * sizeof(*block));
    if (!c->norm || !c->absolute || !c->sums || !block || c->rows <= CANDIDATES)
        goto fail;
    measure_rows(c, block);
    free(block);
    *out = c;
    return STATUS_OK;
fail:
    log_error("no host memory for the bounds of the output matrix");
    free(block);
    certify_destroy(&c);
    return STATUS_MEMORY;
}

void certify_destroy(struct certify **certify)
{
    if (*certify) {
        free((*certify)->norm);
        free((*certify)->absolute);
        free((*certify)->sums);
        free(*certify);
    }
    *certify = NULL;
}

/* The i-th step of |h' - h|: |h| at the last one. */
static double distance(const struct certify_step *step, uint32_t i)
{
    return step->norm * exp2(((double)i - (GRID - 1)) / 2);
}

/* The bound of a logit outside the candidates at each distance. */
static void bound_rest(struct certify_step *step, const struct certify *c, const float *logits)
{
    double at[GRID];

    for (uint32_t m = 0; m < GRID; m++) {
        at[m] = distance(step, m) * UP;
        step->rest[m] = -INFINITY;
    }
    for (uint32_t i = 0; i < c->rows; i++) {
        bool skip = false;
        for (uint32_t k = 0; k < CANDIDATES; k++)
            skip = skip || step->candidate[k].id == i;
        if (skip)
            continue;
        const double rounding = c->gamma * c->absolute[i];
        const double base = logits[i] + rounding * 2 * step->norm, slope = c->norm[i] + rounding;
        for (uint32_t m = 0; m < GRID; m++) {
            const double bound = base + slope * at[m];
            step->rest[m] = bound > step->rest[m] ? bound : step->rest[m];
        }
    }
    for (uint32_t m = 0; m < GRID; m++)
        step->rest[m] += fabs(step->rest[m]) * (UP - 1) + ETA;
}

static enum status find_candidates(struct certify_step *step, struct arena *arena,
                                   const struct certify *c, const float *logits)
{
    const struct tensor *t = c->node->weight;
    const size_t row_bytes = quant_row_bytes(t->type, c->width);
    struct sampler_top top[CANDIDATES];
    struct quant_block *block = arena_array(arena, (size_t)CANDIDATES * c->blocks, sizeof(*block));

    if (!block)
        return STATUS_MEMORY;
    sampler_top(logits, c->rows, top, CANDIDATES);
    for (uint32_t k = 0; k < CANDIDATES; k++, block += c->blocks) {
        dot_decode(t->type, t->data + top[k].id * row_bytes, c->width, block);
        step->candidate[k].id = top[k].id;
        step->candidate[k].bits = nm_canon(lang_bits(top[k].logit));
        step->candidate[k].block = block;
    }
    return STATUS_OK;
}

/* 2-norm, rounded up; NaN and Inf stay. */
static double norm_of(const float *x, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum) * UP;
}

enum status certify_golden(struct certify_step **out, struct arena *arena, const struct certify *c,
                           const float *hidden, const float *logits)
{
    const double norm = norm_of(hidden, c->width);
    bool finite = true;

    *out = NULL;
    for (uint32_t i = 0; i < c->rows; i++)
        finite = finite && isfinite(logits[i]);
    if (!c->usable || !finite || !(norm <= HIDDEN_MAX))
        return STATUS_OK;
    struct certify_step *step = arena_alloc(arena, sizeof(*step));
    float *copy = arena_array(arena, c->width, sizeof(*copy));
    if (!step || !copy)
        return STATUS_MEMORY;
    memcpy(copy, hidden, c->width * sizeof(*copy));
    step->hidden = copy;
    step->norm = norm;
    enum status st = find_candidates(step, arena, c, logits);
    if (st)
        return st;
    bound_rest(step, c, logits);
    *out = step;
    return STATUS_OK;
}

/* The first step of the grid that is no smaller than `e`; GRID: none. */
static uint32_t grid_of(const struct certify_step *step, double e)
{
    uint32_t m = 0;
    while (m < GRID && !(distance(step, m) >= e))
        m++;
    return m;
}

/* Computes the candidates; returns the first in greedy order. */
static float first_candidate(const struct certify *c, const struct certify_step *step,
                             const float *hidden, struct certify_verdict *verdict)
{
    float best = 0;

    dot_sums(quant_form(c->node->weight->type), hidden, c->width, c->sums);
    for (uint32_t k = 0; k < CANDIDATES; k++) {
        const uint32_t id = step->candidate[k].id;
        const float y = dot_row(&(struct dot){.type = c->node->weight->type,
                                              .width = c->width,
                                              .blocks = step->candidate[k].block,
                                              .x = hidden,
                                              .sums = c->sums});
        const uint32_t key = nm_key(lang_bits(y)), best_key = nm_key(lang_bits(best));
        if (k == 0 || key > best_key || (key == best_key && id < verdict->token)) {
            best = y;
            verdict->token = id;
        }
        verdict->other_bits |= nm_canon(lang_bits(y)) != step->candidate[k].bits;
    }
    return best;
}

struct certify_verdict certify_column(const struct certify *c, const struct certify_step *step,
                                      const float *hidden)
{
    struct certify_verdict verdict = {0};
    double sum = 0;

    if (memcmp(hidden, step->hidden, c->width * sizeof(*hidden)) == 0)
        return (struct certify_verdict){
            .certified = true, .token = step->candidate[0].id, .same_bits = true};
    for (uint32_t i = 0; i < c->width; i++) {
        const double delta = (double)hidden[i] - step->hidden[i];
        sum += delta * delta;
    }
    const uint32_t m = grid_of(step, sqrt(sum) * UP);
    if (m == GRID) /* also where the sum is NaN */
        return verdict;
    const float best = first_candidate(c, step, hidden, &verdict);
    verdict.certified = best > step->rest[m];
    return verdict;
}
