/* SPDX-License-Identifier: MIT */
/* Rows of K and V from outside, and the sums of pages in the order of their memory. */
#include "cpu/cpu_kv.h"

#include <string.h>

#include "cpu/cpu_edit.h"
#include "model/executor_kv.h"
#include "shared/sums.h"

static uint8_t *page_of(const struct cpu *cpu, const struct kv_span *span)
{
    const uint32_t *table = kv_table(cpu->base.kv, span->branch, span->layer);
    return cpu_kv_page(cpu, span->value, span->layer, table[span->position / KV_PAGE_POSITIONS]);
}

/* Place of a feature of the row, in elements of its page. */
static size_t index_of(const struct cpu *cpu, const struct kv_span *span, uint32_t position,
                       uint32_t feature)
{
    const uint32_t head_dim = cpu_hparams(cpu)->head_dim;
    return span->value ? cpu_kv_index_v(head_dim, feature / head_dim, feature % head_dim, position)
                       : cpu_kv_index_k(head_dim, feature / head_dim, feature % head_dim, position);
}

static uint32_t features(const struct cpu *cpu)
{
    return cpu_hparams(cpu)->n_head_kv * cpu_hparams(cpu)->head_dim;
}

static enum status read_rows(struct executor *ex, const struct kv_span *spans, uint32_t n,
                             uint8_t *out)
{
    const struct cpu *cpu = (const struct cpu *)ex;
    const size_t bytes = storage_bits(ex->kv_storage) / 8;

    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *page = page_of(cpu, &spans[i]);
        for (uint32_t k = 0; k < spans[i].n; k++) {
            for (uint32_t f = 0; f < features(cpu); f++, out += bytes)
                memcpy(out, page + index_of(cpu, &spans[i], spans[i].position + k, f) * bytes,
                       bytes);
        }
    }
    return STATUS_OK;
}

static enum status write_rows(struct executor *ex, const struct kv_span *span, const uint8_t *rows)
{
    struct cpu *cpu = (struct cpu *)ex;
    const size_t bytes = storage_bits(ex->kv_storage) / 8;
    const struct kv_site site = {
        .branch = span->branch, .layer = span->layer, .position = span->position};
    const enum status st = cpu_edit_page(cpu, &site);

    for (uint32_t k = 0; k < span->n && !st; k++) {
        for (uint32_t f = 0; f < features(cpu); f++, rows += bytes)
            memcpy(page_of(cpu, span) + index_of(cpu, span, span->position + k, f) * bytes, rows,
                   bytes);
    }
    return st;
}

/* Sums side by side: of halves, of these sums after each step, and of weighted halves. With steps
 * from the last half down, the sum of sums is that of (step + 1) h, without a multiplication. */
struct lanes {
    uint32_t a[CPU_TILE], t[CPU_TILE], m[CPU_TILE];
};

/* Bits of one half of 16 elements; `weight`: 16 bits. */
struct halves {
    uint16_t mask, weight;
    bool wide; /* of words: shifted down */
    uint32_t shift;
};

static void add_halves(struct lanes *s, const uint8_t *from, struct halves which)
{
    uint16_t h[CPU_TILE];
    uint32_t w[CPU_TILE];
    if (which.wide) {
        memcpy(w, from, sizeof(w));
        for (uint32_t i = 0; i < CPU_TILE; i++)
            h[i] = (uint16_t)(w[i] >> which.shift);
    } else {
        memcpy(h, from, sizeof(h));
    }
    for (uint32_t i = 0; i < CPU_TILE; i++) {
        const uint16_t kept = h[i] & which.mask;
        s->a[i] += kept;
        s->t[i] += s->a[i];
        s->m[i] += (uint32_t)kept * which.weight;
    }
}

/* Halves of an element, and half `half` of it with a weight. */
static uint32_t halves_of(const struct cpu *cpu)
{
    return cpu->base.kv_storage == STORAGE_F32 ? 2 : 1;
}

static struct halves half_of(const struct cpu *cpu, const struct kv_check *check, uint32_t half,
                             uint32_t weight)
{
    return (struct halves){.mask = (uint16_t)(check->mask >> half * 16),
                           .weight = (uint16_t)weight,
                           .wide = halves_of(cpu) == 2,
                           .shift = half * 16};
}

static void add_sums(struct kv_sums *out, struct kv_sums one)
{
    out->sum += one.sum;
    out->weighted += one.weighted;
    out->mixed += one.mixed;
}

/* K: lanes are positions; a lane's t is the sum of (i + 1) h_i of its row. */
static struct kv_sums sum_k(const struct cpu *cpu, const struct kv_check *check)
{
    const uint32_t head_dim = cpu_hparams(cpu)->head_dim, row = executor_kv_row(&cpu->base);
    const uint32_t begin = check->span.position % KV_PAGE_POSITIONS, end = begin + check->span.n;
    const uint32_t n = halves_of(cpu);
    const uint8_t *page = page_of(cpu, &check->span);
    struct kv_sums out = {0};

    for (uint32_t at = begin / CPU_TILE * CPU_TILE; at < end; at += CPU_TILE) {
        struct lanes s = {0};
        for (uint32_t f = features(cpu); f-- > 0;) {
            const size_t index = cpu_kv_index_k(head_dim, f / head_dim, f % head_dim, at);
            for (uint32_t half = n; half-- > 0;)
                add_halves(&s, page + index * 2 * n,
                           half_of(cpu, check, half, sums_weight(f * n + half)));
        }
        for (uint32_t i = 0; i < CPU_TILE; i++) {
            if (at + i >= begin && at + i < end)
                add_sums(&out,
                         executor_kv_place((struct kv_sums){s.a[i], s.t[i], s.m[i]}, row, at + i));
        }
    }
    return out;
}

/* One half of 16 features, over the positions from the last down: a lane's t is the sum of
 * (k + 1) h_k with k counted from the first. */
static struct lanes sum_tile(const struct cpu *cpu, const uint8_t *tile,
                             const struct kv_check *check, uint32_t half)
{
    const uint32_t begin = check->span.position % KV_PAGE_POSITIONS;
    struct lanes s = {0};
    for (uint32_t k = check->span.n; k-- > 0;)
        add_halves(&s, tile + (size_t)(begin + k) * CPU_TILE * 2 * halves_of(cpu),
                   half_of(cpu, check, half, sums_weight(SUMS_POSITION + begin + k)));
    return s;
}

/* V: lanes are features. */
static struct kv_sums sum_v(const struct cpu *cpu, const struct kv_check *check)
{
    const uint32_t head_dim = cpu_hparams(cpu)->head_dim, row = executor_kv_row(&cpu->base) / 2;
    const uint32_t begin = check->span.position % KV_PAGE_POSITIONS, n = halves_of(cpu);
    const uint8_t *page = page_of(cpu, &check->span);
    struct kv_sums out = {0};

    for (uint32_t head = 0; head < cpu_hparams(cpu)->n_head_kv; head++) {
        for (uint32_t f = 0; f < head_dim; f += CPU_TILE) {
            const uint8_t *tile = page + cpu_kv_index_v(head_dim, head, f, 0) * 2 * n;
            for (uint32_t half = 0; half < n; half++) {
                const struct lanes s = sum_tile(cpu, tile, check, half);
                for (uint32_t i = 0; i < CPU_TILE && f + i < head_dim; i++) {
                    const uint32_t index = (head * head_dim + f + i) * n + half;
                    add_sums(&out, (struct kv_sums){s.a[i],
                                                    row * (s.t[i] + (begin - 1) * s.a[i]) +
                                                        (index + 1) * s.a[i],
                                                    sums_weight(index) * s.m[i]});
                }
            }
        }
    }
    return out;
}

static enum status sum(struct executor *ex, const struct kv_check *checks, uint32_t n,
                       struct kv_sums *out)
{
    const struct cpu *cpu = (const struct cpu *)ex;

#pragma omp parallel for num_threads((int)(cpu->threads < n ? cpu->threads : n))
    for (uint32_t i = 0; i < n; i++)
        out[i] = checks[i].span.value ? sum_v(cpu, &checks[i]) : sum_k(cpu, &checks[i]);
    return STATUS_OK;
}

const struct executor_kv_ops cpu_kv_ops = {.read = read_rows, .write = write_rows, .sum = sum};
