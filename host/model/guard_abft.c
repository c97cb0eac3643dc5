/* SPDX-License-Identifier: MIT */
/* Check sums of the weights in double, the bound from the depths of all sums, and what a verdict
 * says. */
#include "model/guard_abft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "model/quant.h"
#include "shared/order.h"

#define UNIT 0x1p-24         /* f32: half a unit in the last place of 1 */
#define SLACK 1.001          /* terms of second order, and the rounding of the bound itself */
#define FLUSHED 0x1p-126     /* most that a flush changes */
#define FLUSHES 1024.0       /* per weight, with the largest code */
#define DENORMALS 0x1p-104   /* as a weight: FLUSHED / UNIT, over less than the depth of a sum */
#define F16_DENORMAL 0x1p-25 /* half a unit of f16's denormals */
#define OVERFLOW_F16 65000.0
#define OVERFLOW_F32 0x1p120
#define ROWS 16u /* read from the file at a time */

/* Sums of a part while its rows are read. */
struct sums {
    double *c, *c2, *a; /* (width) */
    double bias, bias2, biases;
    double scale; /* the largest of the scales, minima and plain weights, at least 1 */
};

/* Part `part` of a node's table. */
struct job {
    const struct gguf *gguf;
    const struct node *node;
    struct guard_abft *table;
    uint32_t part, act;
};

/* A stored number; denormals count as zero. */
static double stored(float value)
{
    return fpenv_widen(lang_float(nm_flush(lang_bits(value))));
}

static double greater(double a, double b)
{
    return b > a || isnan(b) ? b : a;
}

/* One block of a row whose weight is v. */
static void add_block(struct sums *s, enum quant_form form, const struct quant_block *block,
                      uint32_t k, double v)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const bool half = quant_halves(form) == 2 && i >= 16, plain = form == QUANT_FORM_PLAIN;
        const double min = quant_has_min(form) ? (double)block->min[half] : 0;
        const double scale = plain ? 1 : (double)block->scale[half];
        const double code = plain ? stored(block->code[i]) : (double)block->code[i];
        const double product = scale * code, w = product + min;
        s->c[k + i] += w;
        s->c2[k + i] += v * w;
        s->a[k + i] += fabs(product) + fabs(min);
        if (plain)
            s->scale = greater(s->scale, fabs(code));
    }
    for (uint32_t half = 0; half < 2 && form != QUANT_FORM_PLAIN; half++) {
        s->scale = greater(s->scale, fabs((double)block->scale[half]));
        s->scale = greater(s->scale, fabs((double)block->min[half]));
    }
}

static void add_bias(struct sums *s, float bias, double v)
{
    const double value = stored(bias);

    s->bias += value;
    s->bias2 += v * value;
    s->biases += fabs(value);
}

/* Rows of a part from `begin` on, as they are in the file: (n, row) bytes. */
static void add_rows(struct sums *s, const struct node *node, const uint8_t *rows, uint32_t begin,
                     uint32_t n)
{
    const size_t row_bytes = quant_row_bytes(node->weight->type, node->width);
    struct quant_block block;

    for (uint32_t i = 0; i < n; i++) {
        const double v = 1 + (begin + i) % ABFT_WEIGHTS;
        for (uint32_t b = 0; b * NM_BLOCK < node->width; b++) {
            quant_decode(node->weight->type, rows + i * row_bytes, node->width, b, &block);
            add_block(s, quant_form(node->weight->type), &block, b * NM_BLOCK, v);
        }
    }
}

static enum status read_bytes(const struct job *job, const struct tensor *tensor, uint64_t offset,
                              void *out, size_t size)
{
    if (job->gguf)
        return gguf_stored(job->gguf, tensor, offset, out, size);
    memcpy(out, tensor->data + offset, size);
    return STATUS_OK;
}

/* `room`: ROWS rows. */
static enum status read_rows(struct sums *s, const struct job *job, uint8_t *room)
{
    const struct node *node = job->node;
    const size_t row_bytes = quant_row_bytes(node->weight->type, node->width);
    const uint32_t begin = job->part * job->table->part_rows;
    const uint32_t rest = node->rows - begin;
    const uint32_t end = begin + (rest < job->table->part_rows ? rest : job->table->part_rows);
    enum status st = STATUS_OK;
    float bias[ROWS];

    for (uint32_t row = begin; row < end && !st; row += ROWS) {
        const uint32_t n = end - row < ROWS ? end - row : ROWS;
        st = read_bytes(job, node->weight, row * row_bytes, room, n * row_bytes);
        if (!st)
            add_rows(s, node, room, row, n);
        if (!st && node->bias)
            st = read_bytes(job, node->bias, row * sizeof(*bias), bias, n * sizeof(*bias));
        for (uint32_t i = 0; i < n && !st && node->bias; i++)
            add_bias(s, bias[i], 1 + (row + i) % ABFT_WEIGHTS);
    }
    return st;
}

/* The nearest f32 that is not denormal. */
static float narrow(double x)
{
    return lang_float(nm_flush(lang_bits(fpenv_narrow(x))));
}

/* A float that is at least x. */
static float narrow_up(double x)
{
    return narrow(x * (1 + 0x1p-22) + FLUSHED);
}

/* Roundings that one term goes through (NUMERICS.md 7). */
struct depths {
    double row, check, sum;
};

static struct depths depths_of(uint32_t width, uint32_t part_rows)
{
    const uint32_t blocks = order_ceil(width, NM_BLOCK),
                   long_blocks = order_ceil(width, ABFT_BLOCK);
    const uint32_t tiles = order_ceil(part_rows, ABFT_LANES);

    return (struct depths){
        /* product, 7 of a chain, 2 to join, scale, minimum, partial, tree of 4, bias */
        .row = 1 + 7 + 2 + 1 + 1 + (order_ceil(blocks, NM_PARTIALS) - 1) + 4 + 1,
        /* c, product, 7 of a lane, running sum, 2 to join, tree of 4, bias, difference */
        .check = 1 + 1 + 7 + (order_ceil(long_blocks, ABFT_SETS) - 1) + 2 + 4 + 1 + 1,
        /* tree of a tile, running sum, tree */
        .sum = 4 + (order_ceil(tiles, ABFT_LANES) - 1) + 4};
}

static void put_head(float *head, const struct sums *s, const struct job *job)
{
    const struct node *node = job->node;
    const struct depths d = depths_of(node->width, job->table->part_rows);
    const double rounding = job->act == NM_F16 ? 0x1p-11 : job->act == NM_BF16 ? 0x1p-8 : 0;
    const double inputs = (d.row + d.check) * UNIT * SLACK;
    const double outputs = (d.sum * UNIT + rounding / (1 - rounding)) * SLACK;
    const double rows = job->table->part_rows;
    const double floor = FLUSHES * rows * node->width * s->scale * FLUSHED +
                         (job->act == NM_F16 ? rows * F16_DENORMAL : 0) + inputs * s->biases;
    const double limit = (job->act == NM_F16 ? OVERFLOW_F16 : OVERFLOW_F32) - SLACK * s->biases;

    head[ABFT_BIAS] = narrow(s->bias);
    head[ABFT_BIAS2] = narrow(s->bias2);
    head[ABFT_INPUTS] = narrow_up(inputs);
    head[ABFT_OUTPUTS] = narrow_up(outputs);
    head[ABFT_FLOOR] = narrow_up(floor);
    head[ABFT_LIMIT] = narrow(limit > 0 ? limit : 0);
}

static void put_rows(float *words, const struct sums *s, const struct job *job)
{
    const double denormals = job->table->part_rows * DENORMALS;

    for (uint32_t k = 0; k < job->node->width; k++) {
        float *at = words + k / ABFT_LANES * ABFT_ROW_QUADS * 4 + k % ABFT_LANES;
        at[0] = narrow(s->c[k]);
        at[ABFT_LANES] = narrow(s->c2[k]);
        at[2 * ABFT_LANES] = narrow_up(s->a[k] + denormals);
    }
}

/* Bytes that a part of the node needs while it is made. */
static size_t room_of(const struct node *node)
{
    return 3 * (size_t)node->width * sizeof(double) +
           ROWS * quant_row_bytes(node->weight->type, node->width);
}

static enum status make_part(const struct job *job, double *room)
{
    const uint32_t width = job->node->width;
    struct sums s = {.c = room, .c2 = room + width, .a = room + 2 * (size_t)width, .scale = 1};
    float *words = job->table->words + (size_t)job->part * job->table->part_words;

    memset(room, 0, 3 * (size_t)width * sizeof(*room));
    const enum status st = read_rows(&s, job, (uint8_t *)(room + 3 * (size_t)width));
    if (!st) {
        put_head(words, &s, job);
        put_rows(words + ABFT_HEAD_QUADS * 4, &s, job);
    }
    return st;
}

static enum status make_room(struct guard_abft *table, const struct node *node)
{
    const uint32_t parts = order_ceil(node->rows, ABFT_ROWS);
    const uint32_t words =
        4 * (ABFT_HEAD_QUADS + order_ceil(node->width, ABFT_LANES) * ABFT_ROW_QUADS);
    const size_t bytes = order_ceil(parts * words, ABFT_LANES) * ABFT_LANES * sizeof(float);

    *table = (struct guard_abft){
        .words = aligned_alloc(64, bytes),
        .parts = parts,
        .part_rows = order_ceil(order_ceil(node->rows, parts), ABFT_LANES) * ABFT_LANES,
        .part_words = words};
    if (!table->words) {
        log_error("no host memory for the check sums of '%s', %zu bytes", node->site, bytes);
        return STATUS_MEMORY;
    }
    memset(table->words, 0, bytes);
    return STATUS_OK;
}

/* All parts to be made. */
struct work {
    struct job *job; /* (n) */
    uint32_t n, most;
    size_t room; /* bytes, for any of them */
};

static enum status add_job(struct work *work, struct job job)
{
    if (work->n == work->most) {
        const uint32_t most = work->most ? 2 * work->most : 256;
        struct job *all = realloc(work->job, most * sizeof(*all));
        if (!all) {
            log_error("no host memory for %u check sums", most);
            return STATUS_MEMORY;
        }
        work->job = all;
        work->most = most;
    }
    const size_t room = room_of(job.node);
    work->job[work->n++] = job;
    work->room = room > work->room ? room : work->room;
    return STATUS_OK;
}

static enum status run(const struct work *work)
{
    enum status all = STATUS_OK;

#pragma omp parallel
    {
        double *room = malloc(work->room);
        if (!room)
            log_error("no host memory to make check sums, %zu bytes", work->room);
#pragma omp for schedule(dynamic)
        for (uint32_t i = 0; i < work->n; i++) {
            enum status st;
#pragma omp atomic read
            st = all;
            if (!st)
                st = room ? make_part(&work->job[i], room) : STATUS_MEMORY;
            if (st) {
#pragma omp atomic write
                all = st;
            }
        }
        free(room);
    }
    return all;
}

enum status guard_abft_make(struct guard_abft *tables, const struct guard_abft_params *params)
{
    const uint32_t *nodes = params->nodes, n = params->n;
    struct work work = {0};
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < n && !st; i++) {
        const struct node *node = &params->graph->node[nodes[i]];
        struct guard_abft *table = &tables[nodes[i]];
        if (!guard_abft_checks(node) || table->words)
            continue;
        st = make_room(table, node);
        for (uint32_t part = 0; part < table->parts && !st; part++)
            st = add_job(
                &work,
                (struct job){.gguf = params->gguf,
                             .node = node,
                             .table = table,
                             .part = part,
                             .act = graph_reg_wide(node->out) ? NM_F32 : (uint32_t)params->act});
    }
    if (!st && work.n > 0)
        st = run(&work);
    for (uint32_t i = 0; i < n && st; i++) { /* none is half made */
        free(tables[nodes[i]].words);
        tables[nodes[i]].words = NULL;
    }
    free(work.job);
    return st;
}

void guard_abft_finish(struct guard_abft *tables, uint32_t n)
{
    for (uint32_t i = 0; tables && i < n; i++)
        free(tables[i].words);
    free(tables);
}

void guard_abft_judge(uint32_t out[GUARD_WORDS], const float *head,
                      const struct guard_abft_sums *sums, float factor)
{
    const float residual = sums->y - (sums->c + head[ABFT_BIAS]);
    const float residual2 = sums->y2 - (sums->c2 + head[ABFT_BIAS2]);
    const float inputs = sums->a * head[ABFT_INPUTS], outputs = sums->size * head[ABFT_OUTPUTS];
    const float bound = ((inputs + outputs) + head[ABFT_FLOOR]) * factor;

    out[ABFT_ALARM] = abft_alarms(residual, bound, sums->largest, abft_magnitude(sums->a),
                                  lang_bits(head[ABFT_LIMIT]));
    out[ABFT_RESIDUAL] = nm_canon(lang_bits(residual));
    out[ABFT_RESIDUAL2] = nm_canon(lang_bits(residual2));
    out[ABFT_BOUND] = nm_canon(lang_bits(bound));
}

void guard_abft_join(uint32_t out[GUARD_WORDS], const uint32_t *parts, uint32_t n)
{
    uint32_t part = 0;

    while (part + 1 < n && parts[part * GUARD_WORDS + ABFT_ALARM] == 0)
        part++;
    const bool alarm = parts[part * GUARD_WORDS + ABFT_ALARM] != 0;
    memcpy(out, parts + (alarm ? part * GUARD_WORDS : 0), GUARD_WORDS * sizeof(*out));
    out[ABFT_ALARM] = alarm ? 1 + part : 0;
}

uint32_t guard_abft_rows(uint32_t out[GUARD_ABFT_CANDIDATES], const struct guard_abft *table,
                         uint32_t rows, const uint32_t verdict[GUARD_WORDS])
{
    const double residual = fpenv_widen(lang_float(verdict[ABFT_RESIDUAL]));
    const double bound = fpenv_widen(lang_float(verdict[ABFT_BOUND]));
    const double v = fpenv_widen(lang_float(verdict[ABFT_RESIDUAL2])) / residual;
    /* sums with weights err up to as many times the bound */
    const double error = 2 * ABFT_WEIGHTS * bound / fabs(residual);
    uint32_t n = 0;

    if (verdict[ABFT_ALARM] == 0 || !(error < 0.5) || !(fabs(v - nearbyint(v)) <= error) ||
        v < 0.5 || v > ABFT_WEIGHTS + 0.5)
        return 0;
    const uint32_t begin = (verdict[ABFT_ALARM] - 1) * table->part_rows;
    const uint32_t end = rows - begin < table->part_rows ? rows : begin + table->part_rows;
    const uint32_t first = (uint32_t)nearbyint(v) - 1;
    for (uint32_t row = begin; row < end && n < GUARD_ABFT_CANDIDATES; row++) {
        if (row % ABFT_WEIGHTS == first)
            out[n++] = row;
    }
    return n;
}
