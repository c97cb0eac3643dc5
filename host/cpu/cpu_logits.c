/* SPDX-License-Identifier: MIT */
/* The output matrix in pieces: argmax, hash and features as the logits are computed, whole rows
 * only where asked for. */
#include "cpu/cpu_ops.h"
#include "cpu/cpu_twin.h"

static const struct cpu_digest empty = {.bits = NM_NAN, .finite = true};

void cpu_logits_scalar(const float *values, uint32_t first, uint32_t n, struct cpu_digest *digest)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t bits = nm_canon(lang_bits(values[i])), key = nm_key(bits);
        if (key > digest->key) {
            digest->key = key;
            digest->bits = bits;
            digest->token = first + i;
        }
        digest->low += nm_mix(first + i, bits, NM_SALT_LOW);
        digest->high += nm_mix(first + i, bits, NM_SALT_HIGH);
        digest->finite &= (bits & NM_INF) != NM_INF;
    }
}

static void merge(struct cpu_digest *all, const struct cpu_digest *part)
{
    if (part->key > all->key || (part->key == all->key && part->token < all->token)) {
        all->key = part->key;
        all->bits = part->bits;
        all->token = part->token;
    }
    all->low += part->low;
    all->high += part->high;
    all->finite &= part->finite;
}

/* Rows of a slot's column in L, null if it keeps none. */
static float *full_row(const struct cpu_run *run, uint32_t slot)
{
    const uint32_t row = run->cpu->full_row[run->column[slot]];
    return row == EXECUTOR_NONE ? NULL : cpu_reg(run->cpu, REG_L, row);
}

/* Argmax and hash of some logits of a slot, and its features if they are asked for. */
static void scan_values(const struct cpu_task *task, uint32_t slot, const float *values,
                        uint32_t first, uint32_t n)
{
    const struct cpu *cpu = task->run->cpu;
    struct cpu_scratch *scratch = cpu_scratch_of(task);

    cpu->kernels->logits(values, first, n, &scratch->digest[slot]);
    if (scratch->features[slot].most)
        cpu->kernels->features(values, first, n, &scratch->features[slot]);
}

/* Of all slots; with a twin, of the only one and that. */
static void scan(const struct cpu_task *task, const struct cpu_linear *job, uint32_t rows)
{
    for (uint32_t i = 0; i < job->n; i++) {
        const float *values = job->y + i * job->y_stride;
        float *row = i < task->run->slots
                         ? full_row(task->run, i)
                         : cpu_twin_of(task->run, task->node, full_row(task->run, 0));
        if (row)
            memcpy(row + job->y_row, values, rows * sizeof(*row));
        else
            scan_values(task, i, values, job->y_row, rows);
    }
}

/* Rows of this thread in whole blocks of features, which are whole tiles. */
static void share_logits(const struct cpu_task *task, uint32_t *begin, uint32_t *end)
{
    const uint32_t rows = task->node->rows;

    cpu_share(task, order_ceil(rows, NM_BLOCK), begin, end);
    *begin *= NM_BLOCK;
    *end = *end * NM_BLOCK > rows ? rows : *end * NM_BLOCK;
}

void cpu_logits(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    struct cpu_scratch *scratch = cpu_scratch_of(task);
    struct cpu_linear job = cpu_linear_job(cpu, task->node, scratch);
    uint32_t begin, end;

    job.n = task->run->slots;
    job.x = cpu->reg[task->node->in];
    job.y = scratch->logits;
    job.y_stride = CPU_LOGIT_ROWS;
    for (uint32_t i = 0; i < job.n; i++) {
        scratch->digest[i] = empty;
        scratch->features[i] = cpu_features_begin(task->run, i);
    }
    if (cpu_twin_doubles(task)) {
        job.n = 2;
        job.x_stride = 0;
    }
    share_logits(task, &begin, &end);
    if (begin < end && job.n > 0)
        cpu->kernels->prepare(&job);
    for (job.y_row = begin; job.y_row < end; job.y_row += CPU_LOGIT_ROWS) {
        const uint32_t rows = end - job.y_row < CPU_LOGIT_ROWS ? end - job.y_row : CPU_LOGIT_ROWS;
        cpu->kernels->linear(&job, job.y_row, job.y_row + rows);
        scan(task, &job, rows);
    }
}

void cpu_logits_digest(const struct cpu_task *task)
{
    uint32_t begin, end;

    share_logits(task, &begin, &end);
    for (uint32_t i = 0; i < task->run->slots; i++) {
        const float *row = full_row(task->run, i);
        if (row && begin < end)
            scan_values(task, i, row + begin, begin, end - begin);
    }
}

void cpu_logits_finish(struct cpu_run *run)
{
    const struct cpu *cpu = run->cpu;

    for (uint32_t i = 0; i < run->slots; i++) {
        const uint32_t outputs = cpu_column(run, i)->outputs;
        struct column_result *out = &run->out[run->column[i]];
        struct cpu_digest all = cpu->scratch[0].digest[i];
        for (uint32_t t = 1; t < run->threads; t++)
            merge(&all, &cpu->scratch[t].digest[i]);
        if (outputs & COLUMN_ARGMAX) {
            out->token = all.token;
            out->logit = all.bits;
        }
        if (outputs & COLUMN_HASH)
            out->hash = (uint64_t)all.high << 32 | all.low;
        out->finite = all.finite;
        if (outputs & COLUMN_FEATURES)
            out->features = cpu_features_end(run, i);
        if (outputs & COLUMN_LOGITS)
            out->logits = full_row(run, i);
    }
}
