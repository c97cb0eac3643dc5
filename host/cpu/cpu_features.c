/* SPDX-License-Identifier: MIT */
/* Features of rows of logits: blocks of ids as the logits are computed, then rows. */
#include <stdlib.h>

#include "base/log.h"
#include "cpu/cpu_ops.h"
#include "model/sum_order.h"

static void take_key(struct cpu_features *row, uint32_t bits)
{
    const uint32_t key = nm_key(bits);
    const uint32_t lower = key < row->first ? key : row->first;

    row->first = key > row->first ? key : row->first;
    row->second = lower > row->second ? lower : row->second;
    row->nonfinite += (bits & NM_INF) == NM_INF;
}

void cpu_features_scalar(const float *values, uint32_t first, uint32_t n, struct cpu_features *row)
{
    for (uint32_t i = 0; i < n; i += NM_BLOCK) {
        const uint32_t end = n - i < NM_BLOCK ? n : i + NM_BLOCK, b = (first + i) / NM_BLOCK;
        uint32_t key = 0;
        struct order z, w;
        for (uint32_t k = i; k < end; k++) {
            take_key(row, lang_bits(values[k]));
            key = nm_key(lang_bits(values[k])) > key ? nm_key(lang_bits(values[k])) : key;
        }
        row->most[b] = lang_float(nm_unkey(key));
        order_begin(&z);
        order_begin(&w);
        for (uint32_t k = i; k < end; k++) {
            const float d = values[k] - row->most[b], e = nm_exp(d);
            order_term(&z, k, e);
            order_term(&w, k, e * d);
        }
        row->z[b] = order_join(&z);
        row->w[b] = order_join(&w);
    }
}

/* A sum over K of terms, in contract order. */
static float sum_of(const float *term, const float *factor, uint32_t n)
{
    struct order sum;

    order_begin(&sum);
    for (uint32_t k = 0; k < n; k++) {
        order_term(&sum, k, term[k] * factor[k]);
        if (k % NM_BLOCK == NM_BLOCK - 1 || k + 1 == n)
            order_block(&sum, k / NM_BLOCK, order_join(&sum));
    }
    return order_end(&sum);
}

void cpu_features_join_scalar(struct cpu_features *row, struct cpu_features_sums *out)
{
    const float most = lang_float(nm_unkey(row->first));

    for (uint32_t b = 0; b < row->blocks; b++)
        row->scale[b] = nm_exp(row->most[b] - most);
    out->z = sum_of(row->z, row->scale, row->blocks);
    const float w = sum_of(row->w, row->scale, row->blocks);
    for (uint32_t b = 0; b < row->blocks; b++) {
        row->z[b] = row->z[b] * row->scale[b];
        row->scale[b] = row->most[b] - most;
    }
    out->w = w + sum_of(row->z, row->scale, row->blocks);
    out->squares = sum_of(row->residual, row->residual, row->width);
}

enum status cpu_features_room(struct cpu *cpu, uint32_t rows)
{
    const size_t row = CPU_FEATURES_PARTS * (size_t)order_ceil(cpu_hparams(cpu)->n_vocab, NM_BLOCK);

    if (rows <= cpu->features_room)
        return STATUS_OK;
    cpu->total_bytes -= cpu->features_room * row * sizeof(float);
    free(cpu->features);
    cpu->features_room = 0;
    cpu->features = calloc(rows, row * sizeof(float));
    if (!cpu->features) {
        log_error("cpu: no host memory for features of %u rows, %zu bytes each", rows,
                  row * sizeof(float));
        return STATUS_MEMORY;
    }
    cpu->features_room = rows;
    cpu->total_bytes += rows * row * sizeof(float);
    return STATUS_OK;
}

struct cpu_features cpu_features_begin(const struct cpu_run *run, uint32_t slot)
{
    const struct cpu *cpu = run->cpu;
    const uint32_t row = cpu->features_row[run->column[slot]];
    const size_t blocks = order_ceil(cpu_hparams(cpu)->n_vocab, NM_BLOCK);
    struct cpu_features out = {.blocks = (uint32_t)blocks, .width = cpu_hparams(cpu)->n_embd};

    if (row == EXECUTOR_NONE)
        return out;
    out.most = cpu->features + row * CPU_FEATURES_PARTS * blocks;
    out.z = out.most + blocks;
    out.w = out.z + blocks;
    out.scale = out.w + blocks;
    out.residual = cpu_reg(cpu, REG_X, slot);
    return out;
}

static void join_peaks(struct cpu_features *all, const struct cpu_features *part)
{
    const uint32_t lower = all->first < part->first ? all->first : part->first;

    all->first = all->first > part->first ? all->first : part->first;
    all->second = all->second > part->second ? all->second : part->second;
    all->second = all->second > lower ? all->second : lower;
    all->nonfinite += part->nonfinite;
}

struct features cpu_features_end(const struct cpu_run *run, uint32_t slot)
{
    const struct cpu *cpu = run->cpu;
    struct cpu_features all = cpu->scratch[0].features[slot];
    struct cpu_features_sums sums;

    for (uint32_t t = 1; t < run->threads; t++)
        join_peaks(&all, &cpu->scratch[t].features[slot]);
    cpu->kernels->features_join(&all, &sums);
    return (struct features){.nonfinite = all.nonfinite,
                             .first = lang_float(nm_unkey(all.first)),
                             .second = lang_float(nm_unkey(all.second)),
                             .z = lang_float(nm_canon(lang_bits(sums.z))),
                             .w = lang_float(nm_canon(lang_bits(sums.w))),
                             .squares = lang_float(nm_canon(lang_bits(sums.squares)))};
}
