/* SPDX-License-Identifier: MIT */
/* Guards: each thread checks a part of the rows concerned, and adds what it found to the
 * verdicts. */
#include "cpu/cpu_guard.h"

#include "cpu/cpu_guard_abft.h"
#include "cpu/cpu_ops.h"
#include "cpu/cpu_twin.h"
#include "cpu/cpu_watch.h"

/* Lines of a row, and elements of each line, that one thread checks. */
struct part {
    float *row;
    struct guard_lines lines;
    uint32_t line, line_end;
    uint32_t first, end; /* of each line */
};

enum status cpu_guard_begin(struct cpu_run *run)
{
    for (uint32_t i = 0; i < run->pass->n_guards; i++)
        guard_begin(run->pass->guards[i].kind, run->pass->guards[i].verdict);
    return cpu_twin_room(run);
}

void cpu_guard_end(const struct pass *pass)
{
    for (uint32_t i = 0; i < pass->n_guards; i++) {
        struct guard *guard = &pass->guards[i];
        if (guard->kind != GUARD_ABFT) /* whose parts are struck */
            guard_strike(guard, guard->verdict);
        guard_conclude(guard, guard->verdict);
    }
}

static void add_found(struct guard *guard, uint32_t count, uint32_t first)
{
    uint32_t *lowest = &guard->verdict[1];
    uint32_t seen = __atomic_load_n(lowest, __ATOMIC_RELAXED);

    __atomic_fetch_add(&guard->verdict[0], count, __ATOMIC_RELAXED);
    while (first < seen && !__atomic_compare_exchange_n(lowest, &seen, first, true,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
}

uint32_t cpu_outside_scalar(const struct range_check *check, const float *values, uint32_t n)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += range_outside(*check, lang_bits(values[i]));
    return count;
}

/* A line with values outside; the index of the first, given that of its first element. */
static uint32_t repair(const struct range_check *check, float *line, uint32_t n, uint32_t index)
{
    uint32_t first = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t bits = lang_bits(line[i]);
        if (!range_outside(*check, bits))
            continue;
        first = first == UINT32_MAX ? index + i : first;
        if (check->writes)
            line[i] = lang_float(range_repair(*check, bits));
    }
    return first;
}

/* Words that differ from the twin's, NaN alike. */
static void compare(const struct part *part, const float *twin, struct guard *guard)
{
    uint32_t count = 0, first = 0;

    for (uint32_t line = part->line; line < part->line_end; line++) {
        const size_t at = (size_t)line * part->lines.stride;
        const float *a = part->row + at, *b = twin + at;
        for (uint32_t i = part->first; i < part->end; i++) {
            if (nm_canon(lang_bits(a[i])) == nm_canon(lang_bits(b[i])))
                continue;
            first = count++ == 0 ? line * (part->lines.last + 1) + i : first;
        }
    }
    if (count > 0)
        add_found(guard, count, first);
}

static void check(const struct cpu *cpu, const struct part *part, struct guard *guard)
{
    const struct range_check check = guard_check_of(guard);
    const uint32_t n = part->end - part->first;

    for (uint32_t line = part->line; line < part->line_end; line++) {
        float *values = part->row + (size_t)line * part->lines.stride + part->first;
        const uint32_t count = cpu->kernels->outside(&check, values, n);
        if (count > 0)
            add_found(guard, count,
                      repair(&check, values, n, line * (part->lines.last + 1) + part->first));
    }
}

/* The thread's part of the row of a slot: rows of a matrix or of an elementwise op as the op cuts
 * them, heads of scores and probabilities. False: it has none. */
static bool part_of(const struct cpu_task *task, uint32_t slot, struct part *out)
{
    const struct cpu_run *run = task->run;
    *out = (struct part){
        .row = cpu_watch_row(run, task->node, slot),
        .lines = guard_lines(task->node, cpu_column(run, slot), (uint32_t)run->cpu->score_stride)};
    out->line_end = out->lines.n;
    out->first = out->lines.first;
    out->end = out->lines.last + 1;
    if (task->node->out == REG_S || task->node->out == REG_P)
        cpu_share(task, out->lines.n, &out->line, &out->line_end);
    else
        cpu_share_rows(task, &out->first, &out->end);
    return out->row && out->line < out->line_end && out->first < out->end;
}

static void sum_row(const struct cpu *cpu, const struct node *node, const float *values,
                    uint32_t type, uint32_t out[2])
{
    const struct cpu_stored job = {
        .values = values, .weights = cpu->kv_weights, .n = node->rows, .type = type};
    cpu->kernels->stored(&job, out);
}

/* Sums of what a STORE stores of a slot: of K, of V; of the words of an embedding. */
static void sum_stored(const struct cpu_task *task, uint32_t slot, struct guard *guard)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    const uint32_t kv = (uint32_t)cpu->base.kv_storage;
    if (node->op == OP_EMBED) {
        sum_row(cpu, node, cpu_reg(cpu, node->out, slot), NM_F32, guard->verdict);
        return;
    }
    sum_row(cpu, node, cpu_reg(cpu, node->in, slot), kv, guard->verdict);
    sum_row(cpu, node, cpu_reg(cpu, node->in2, slot), kv, guard->verdict + 2);
}

void cpu_guard(const struct cpu_task *task)
{
    struct cpu_run *run = task->run;
    /* the output matrix is cut in its own way (cpu_logits) */
    const bool own = CPU_OPS[task->node->op].out == CPU_CUT_ROWS && task->node->out != REG_L &&
                     !run->schedule->twice[task->index];
    struct schedule_guards kind = {0};

    if (!own)
        cpu_team_wait(&run->team, task->threads);
    while (schedule_next_guards(run->schedule, task->index, &kind)) {
        const bool twin = guard_evaluation(kind.kind) != 0;
        if (twin)
            cpu_twin_run(task, kind.kind);
        if (task->thread == 0)
            executor_work_guards(&run->cpu->base, run->schedule, &kind,
                                 (struct executor_work_slots){0, run->slots});
        for (uint32_t i = kind.first; i < kind.first + kind.n; i++) {
            struct guard *guard = &run->pass->guards[run->schedule->guard[i]];
            const uint32_t slot = schedule_guard_slot(run->schedule, run->cpu->base.model, guard);
            struct part part;
            if (slot >= run->slots)
                continue;
            if (kind.kind == GUARD_STORED) {
                if (i % task->threads == task->thread)
                    sum_stored(task, slot, guard);
                continue;
            }
            const bool some = part_of(task, slot, &part);
            if (kind.kind == GUARD_ABFT)
                cpu_guard_abft_add(task,
                                   &(struct cpu_guard_abft_part){.guard = run->schedule->guard[i],
                                                                 .slot = slot,
                                                                 .row = part.row,
                                                                 .begin = some ? part.first : 0,
                                                                 .end = some ? part.end : 0});
            else if (some && twin)
                compare(&part, cpu_twin_of(run, task->node, part.row), guard);
            else if (some)
                check(run->cpu, &part, guard);
        }
    }
    if (!own)
        cpu_team_wait(&run->team, task->threads);
}
