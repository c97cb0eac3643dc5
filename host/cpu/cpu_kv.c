/* SPDX-License-Identifier: MIT */
/* Rows of K and V from outside, and the sums of pages in the order of their memory. */
#include "cpu/cpu_kv.h"

#include <string.h>

#include "cpu/cpu_edit.h"
#include "cpu/cpu_ops.h"
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

/* Elements of a head from `from`, `apart` elements from one to the next. */
static void gather(uint8_t *out, const uint8_t *from, size_t apart, uint32_t n, size_t bytes)
{
    for (uint32_t i = 0; i < n && bytes == 2; i++)
        memcpy(out + (size_t)i * 2, from + i * apart * 2, 2);
    for (uint32_t i = 0; i < n && bytes == 4; i++)
        memcpy(out + (size_t)i * 4, from + i * apart * 4, 4);
}

static enum status read_rows(struct executor *ex, const struct kv_span *spans, uint32_t n,
                             uint8_t *out)
{
    const struct cpu *cpu = (const struct cpu *)ex;
    const size_t bytes = storage_bits(ex->kv_storage) / 8;
    const uint32_t head_dim = cpu_hparams(cpu)->head_dim;

    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *page = page_of(cpu, &spans[i]);
        const uint32_t run = spans[i].value ? CPU_TILE : head_dim; /* features of even distance */
        for (uint32_t k = 0; k < spans[i].n; k++) {
            for (uint32_t f = 0; f < features(cpu);) {
                const uint32_t rest = head_dim - f % head_dim, count = rest < run ? rest : run;
                gather(out, page + index_of(cpu, &spans[i], spans[i].position + k, f) * bytes,
                       spans[i].value ? 1 : CPU_TILE, count, bytes);
                f += count;
                out += count * bytes;
            }
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

void cpu_halves_scalar(const struct cpu_halves *job, struct cpu_halves_sums *add)
{
    for (uint32_t i = 0; i < job->n * CPU_TILE; i++) {
        const uint32_t step = i / CPU_TILE * job->step, lane = i % CPU_TILE;
        uint16_t half;
        uint32_t bits;
        if (job->words) {
            memcpy(&bits, job->at + i * sizeof(bits), sizeof(bits));
        } else {
            memcpy(&half, job->at + i * sizeof(half), sizeof(half));
            bits = half;
        }
        bits = bits >> job->shift & job->mask;
        add->sum[lane] += bits;
        add->weighted[lane] += bits * (job->first + step);
        add->mixed[lane] += bits * job->weights[step];
    }
}

void cpu_stored_scalar(const struct cpu_stored *job, uint32_t out[2])
{
    const uint32_t halves = job->type == NM_F32 ? 2 : 1;
    out[0] = out[1] = 0;
    for (uint32_t i = 0; i < halves * job->n; i++) {
        const uint32_t bits = nm_store(lang_bits(job->values[i / halves]), job->type);
        const uint32_t half = bits >> i % halves * 16 & 0xffff;
        out[0] += (i + 1) * half;
        out[1] += job->weights[i] * half;
    }
}

/* Halves of an element. */
static uint32_t halves_of(const struct cpu *cpu)
{
    return cpu->base.kv_storage == STORAGE_F32 ? 2 : 1;
}

/* Weights of the halves of a row of K or V, or of an embedding, with some that `stored` reads
 * beyond them. */
static uint32_t row_weights(const struct cpu *cpu)
{
    const uint32_t kv = executor_kv_row(&cpu->base) / 2, embedding = 2 * cpu_hparams(cpu)->n_embd;
    return order_ceil(kv > embedding ? kv : embedding, 2 * CPU_TILE) * 2 * CPU_TILE;
}

enum status cpu_kv_open(struct cpu *cpu)
{
    const uint32_t padded = row_weights(cpu);
    cpu->kv_weights = cpu_memory(cpu, padded + KV_PAGE_POSITIONS, sizeof(*cpu->kv_weights));
    if (!cpu->kv_weights)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < padded; i++)
        cpu->kv_weights[i] = sums_weight(i);
    for (uint32_t i = 0; i < KV_PAGE_POSITIONS; i++)
        cpu->kv_weights[padded + i] = sums_weight(SUMS_POSITION + i);
    return STATUS_OK;
}

static const uint32_t *position_weights(const struct cpu *cpu)
{
    return cpu->kv_weights + row_weights(cpu);
}

/* Half `half` of the elements; the caller sets place, weights and steps. */
static struct cpu_halves halves_at(const struct cpu *cpu, const struct kv_check *check,
                                   const uint8_t *at, uint32_t half)
{
    return (struct cpu_halves){.at = at,
                               .words = halves_of(cpu) == 2,
                               .shift = half * 16,
                               .mask = check->mask >> half * 16 & 0xffff};
}

static void add_sums(struct kv_sums *out, struct kv_sums one)
{
    out->sum += one.sum;
    out->weighted += one.weighted;
    out->mixed += one.mixed;
}

/* K: lanes are positions, steps are features. */
static struct kv_sums sum_k(const struct cpu *cpu, const struct kv_check *check)
{
    const uint32_t head_dim = cpu_hparams(cpu)->head_dim, row = executor_kv_row(&cpu->base);
    const uint32_t begin = check->span.position % KV_PAGE_POSITIONS, end = begin + check->span.n;
    const uint32_t n = halves_of(cpu), heads = cpu_hparams(cpu)->n_head_kv;
    const uint8_t *page = page_of(cpu, &check->span);
    struct kv_sums out = {0};

    for (uint32_t at = begin / CPU_TILE * CPU_TILE; at < end; at += CPU_TILE) {
        struct cpu_halves_sums s = {0};
        for (uint32_t i = 0; i < heads * n; i++) {
            const uint32_t head = i / n, half = i % n, first = head * head_dim * n + half;
            struct cpu_halves job =
                halves_at(cpu, check, page + cpu_kv_index_k(head_dim, head, 0, at) * 2 * n, half);
            job.n = head_dim;
            job.weights = cpu->kv_weights + first;
            job.first = first + 1;
            job.step = n;
            cpu->kernels->halves(&job, &s);
        }
        for (uint32_t i = 0; i < CPU_TILE; i++) {
            const struct kv_sums one = {s.sum[i], s.weighted[i], s.mixed[i]};
            if (at + i >= begin && at + i < end)
                add_sums(&out, executor_kv_place(one, row, at + i));
        }
    }
    return out;
}

/* V: lanes are features, steps are positions. */
static struct kv_sums sum_v(const struct cpu *cpu, const struct kv_check *check)
{
    const uint32_t head_dim = cpu_hparams(cpu)->head_dim, row = executor_kv_row(&cpu->base) / 2;
    const uint32_t begin = check->span.position % KV_PAGE_POSITIONS, n = halves_of(cpu);
    const uint8_t *page = page_of(cpu, &check->span);
    struct kv_sums out = {0};

    for (uint32_t feature = 0; feature < features(cpu);) {
        const uint32_t head = feature / head_dim, f = feature % head_dim;
        const uint32_t lanes = head_dim - f < CPU_TILE ? head_dim - f : CPU_TILE;
        for (uint32_t half = 0; half < n; half++) {
            struct cpu_halves_sums s = {0};
            struct cpu_halves job = halves_at(
                cpu, check, page + cpu_kv_index_v(head_dim, head, f, begin) * 2 * n, half);
            job.n = check->span.n;
            job.weights = position_weights(cpu) + begin;
            job.first = job.step = 1;
            cpu->kernels->halves(&job, &s);
            for (uint32_t i = 0; i < lanes; i++) {
                const uint32_t index = (feature + i) * n + half;
                add_sums(&out, (struct kv_sums){s.sum[i],
                                                row * (s.weighted[i] + (begin - 1) * s.sum[i]) +
                                                    (index + 1) * s.sum[i],
                                                cpu->kv_weights[index] * s.mixed[i]});
            }
        }
        feature += lanes;
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
