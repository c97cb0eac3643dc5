/* SPDX-License-Identifier: MIT */
/* GUARD_ABFT: the scalar loops in the order of NUMERICS.md 7, memory of a pass, verdicts. */
#include "cpu/cpu_guard_abft.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* The tree of 16 lanes. */
static float join(float lane[ABFT_LANES])
{
    for (uint32_t apart = ABFT_LANES / 2; apart > 0; apart /= 2) {
        for (uint32_t i = 0; i < apart; i++)
            lane[i] = lane[i] + lane[i + apart];
    }
    return lane[0];
}

static void clear(float lane[ABFT_LANES])
{
    for (uint32_t i = 0; i < ABFT_LANES; i++)
        lane[i] = NM_NEG_ZERO;
}

static float magnitude(float x)
{
    return lang_float(abft_magnitude(x));
}

/* Sum of x[k] * row[k]; `row`: c, c2 or a of the table, 16 elements of each in turn. */
static float sum_inputs(const struct cpu_abft *job, const float *row, bool magnitudes)
{
    float set[ABFT_SETS][ABFT_LANES], chain[ABFT_LANES];

    for (uint32_t s = 0; s < ABFT_SETS; s++)
        clear(set[s]);
    for (uint32_t begin = 0; begin < job->width; begin += ABFT_BLOCK) {
        const uint32_t end = job->width - begin < ABFT_BLOCK ? job->width : begin + ABFT_BLOCK;
        float *run = set[begin / ABFT_BLOCK % ABFT_SETS];
        clear(chain);
        for (uint32_t k = begin; k < end; k++) {
            const uint32_t lane = k % ABFT_LANES;
            const float x = magnitudes ? magnitude(job->x[k]) : job->x[k];
            chain[lane] = chain[lane] + x * row[(size_t)k / ABFT_LANES * ABFT_ROW_QUADS * 4 + lane];
        }
        for (uint32_t i = 0; i < ABFT_LANES; i++)
            run[i] = run[i] + chain[i];
    }
    for (uint32_t i = 0; i < ABFT_LANES; i++)
        chain[i] = (set[0][i] + set[2][i]) + (set[1][i] + set[3][i]);
    return join(chain);
}

void cpu_abft_inputs_scalar(const struct cpu_abft *job, struct guard_abft_sums *out)
{
    *out = (struct guard_abft_sums){.c = sum_inputs(job, job->rows, false),
                                    .c2 = sum_inputs(job, job->rows + ABFT_LANES, false),
                                    .a = sum_inputs(job, job->rows + 2 * ABFT_LANES, true)};
    for (uint32_t k = 0; k < job->width; k++) {
        const uint32_t size = abft_magnitude(job->x[k]);
        out->largest = size > out->largest ? size : out->largest;
    }
}

void cpu_abft_outputs_scalar(const struct cpu_abft_rows *job)
{
    for (uint32_t at = 0; at < job->n; at += ABFT_LANES) {
        float y[ABFT_LANES], weighted[ABFT_LANES], size[ABFT_LANES];
        clear(y);
        clear(weighted);
        for (uint32_t i = 0; i < ABFT_LANES && at + i < job->n; i++) {
            y[i] = job->y[at + i];
            weighted[i] = y[i] * job->weights[(job->row + at + i) % ABFT_WEIGHTS];
        }
        for (uint32_t i = 0; i < ABFT_LANES; i++)
            size[i] = magnitude(y[i]);
        float *sums = job->sums + at / ABFT_LANES;
        sums[0] = join(y);
        sums[job->plane] = join(weighted);
        sums[2 * job->plane] = join(size);
    }
}

void cpu_abft_tiles_scalar(const float *sums, size_t plane, uint32_t n, float out[3])
{
    for (uint32_t i = 0; i < 3; i++) {
        float lane[ABFT_LANES];
        clear(lane);
        for (uint32_t t = 0; t < n; t++)
            lane[t % ABFT_LANES] = lane[t % ABFT_LANES] + sums[i * plane + t];
        out[i] = join(lane);
    }
}

static const struct guard_abft *table_of(const struct cpu_run *run, uint32_t guard)
{
    return &run->cpu->base.abft[run->pass->guards[guard].node];
}

static const struct node *node_of(const struct cpu_run *run, uint32_t guard)
{
    return &run->cpu->base.model->graph.node[run->pass->guards[guard].node];
}

/* Room for `size` bytes; what was there is lost. */
static enum status grow(struct cpu *cpu, void **memory, size_t *room, size_t size)
{
    if (size <= *room)
        return STATUS_OK;
    free(*memory);
    cpu->total_bytes -= *room;
    *memory = aligned_alloc(64, (size / 64 + 1) * 64);
    *room = *memory ? size : 0;
    cpu->total_bytes += *room;
    if (!*memory)
        log_error("cpu: no host memory for the check sums of a pass, %zu bytes", size);
    return *memory ? STATUS_OK : STATUS_MEMORY;
}

enum status cpu_guard_abft_begin(struct cpu_run *run)
{
    struct cpu_abft_memory *m = &run->cpu->abft;
    const struct pass *pass = run->pass;
    size_t sums = 0, inputs = 0;
    enum status st =
        grow(run->cpu, (void **)&m->place, &m->room[0], pass->n_guards * sizeof(*m->place));

    for (uint32_t i = 0; i < pass->n_guards && !st; i++) {
        m->place[i] = (struct cpu_abft_place){EXECUTOR_NONE, sums, inputs};
        if (pass->guards[i].kind != GUARD_ABFT)
            continue;
        sums += 3 * (size_t)order_ceil(node_of(run, i)->rows, ABFT_LANES);
        inputs += table_of(run, i)->parts;
    }
    for (uint32_t i = 0; i < ABFT_WEIGHTS + ABFT_LANES; i++)
        m->weights[i] = (float)(1 + i % ABFT_WEIGHTS);
    if (!st)
        st = grow(run->cpu, (void **)&m->sums, &m->room[1], sums * sizeof(*m->sums));
    if (!st)
        st = grow(run->cpu, (void **)&m->inputs, &m->room[2], inputs * sizeof(*m->inputs));
    return st;
}

void cpu_guard_abft_finish(struct cpu *cpu)
{
    free(cpu->abft.place);
    free(cpu->abft.sums);
    free(cpu->abft.inputs);
}

void cpu_guard_abft_add(const struct cpu_task *task, const struct cpu_guard_abft_part *part)
{
    const struct cpu *cpu = task->run->cpu;
    const struct cpu_abft_memory *m = &cpu->abft;
    const struct guard_abft *table = table_of(task->run, part->guard);
    struct cpu_abft_place *place = &m->place[part->guard];
    const uint32_t plane = order_ceil(task->node->rows, ABFT_LANES);

    for (uint32_t i = 0; i < table->parts; i++) {
        if ((part->guard + i) % task->threads != task->thread)
            continue;
        const struct cpu_abft job = {.rows = guard_abft_part(table, i) + 4 * ABFT_HEAD_QUADS,
                                     .x = cpu_reg(cpu, task->node->in, part->slot),
                                     .width = task->node->width};
        cpu->kernels->abft_inputs(&job, &m->inputs[place->inputs + i]);
    }
    if (part->begin < part->end)
        cpu->kernels->abft_outputs(
            &(struct cpu_abft_rows){.y = part->row + part->begin,
                                    .row = part->begin,
                                    .n = part->end - part->begin,
                                    .weights = m->weights,
                                    .sums = m->sums + place->sums + part->begin / ABFT_LANES,
                                    .plane = plane});
    if (part->guard % task->threads == task->thread)
        place->slot = part->slot;
}

static void judge(const struct cpu_run *run, uint32_t guard, uint32_t part,
                  uint32_t out[GUARD_WORDS])
{
    const struct guard_abft *table = table_of(run, guard);
    const struct cpu_abft_place *place = &run->cpu->abft.place[guard];
    const struct guard_abft_sums *in = &run->cpu->abft.inputs[place->inputs + part];
    const uint32_t plane = order_ceil(node_of(run, guard)->rows, ABFT_LANES);
    const uint32_t tiles = table->part_rows / ABFT_LANES, first = part * tiles;
    const uint32_t n = plane - first < tiles ? plane - first : tiles;
    const float *sums = run->cpu->abft.sums + place->sums + first;
    struct guard_abft_sums all = *in;
    float joined[3];
    run->cpu->kernels->abft_tiles(sums, plane, n, joined);
    all.y = joined[0];
    all.y2 = joined[1];
    all.size = joined[2];
    guard_abft_judge(out, guard_abft_part(table, part), &all, run->pass->guards[guard].factor);
}

void cpu_guard_abft_end(const struct cpu_task *task)
{
    struct cpu_run *run = task->run;
    uint32_t begin, end;

    cpu_share(task, run->pass->n_guards, &begin, &end);
    for (uint32_t i = begin; i < end; i++) {
        struct guard *guard = &run->pass->guards[i];
        const bool reached = run->cpu->abft.place[i].slot != EXECUTOR_NONE;
        if (guard->kind != GUARD_ABFT || (!reached && guard->flip == 0))
            continue;
        const uint32_t parts = table_of(run, i)->parts;
        uint32_t words[parts * GUARD_WORDS];
        memset(words, 0, sizeof(words));
        for (uint32_t part = 0; part < parts && reached; part++)
            judge(run, i, part, words + part * GUARD_WORDS);
        guard_strike(guard, words);
        guard_abft_join(guard->verdict, words, parts);
    }
}

static enum status read_words(struct executor *ex, const struct abft_span *span, uint32_t *out)
{
    memcpy(out, ex->abft[span->node].words + span->first, span->n * sizeof(*out));
    return STATUS_OK;
}

static enum status write_words(struct executor *ex, const struct abft_span *span,
                               const uint32_t *words)
{
    memcpy(ex->abft[span->node].words + span->first, words, span->n * sizeof(*words));
    return STATUS_OK;
}

const struct executor_abft_ops cpu_guard_abft_ops = {.read = read_words, .write = write_words};
