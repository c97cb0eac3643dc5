/* SPDX-License-Identifier: MIT */
/* A second evaluation is the op once more while its output register lies elsewhere. */
#include "cpu/cpu_twin.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cpu/cpu_ops.h"

#define ALIGNMENT 64u

static void wait_all(const struct cpu_task *task)
{
    cpu_team_wait(&task->run->team, task->threads);
}

/* Elements of the node's output register, as many rows as it has. */
static size_t elements(const struct cpu *cpu, const struct node *node)
{
    const size_t rows = cpu_by_need(node->out) ? cpu->room[node->out] : cpu->max_columns;
    return rows * cpu->stride[node->out];
}

bool cpu_twin_doubles(const struct cpu_task *task)
{
    const struct cpu_run *run = task->run;
    struct schedule_guards kind = {0};

    if (task->second || task->node->op != OP_LINEAR || run->slots != 1 ||
        run->cpu->max_columns < 2 || !run->schedule->twice[task->index])
        return false;
    while (schedule_next_guards(run->schedule, task->index, &kind)) {
        for (uint32_t i = kind.first; kind.kind == GUARD_TWIN && i < kind.first + kind.n; i++) {
            const struct guard *guard = &run->pass->guards[run->schedule->guard[i]];
            if (schedule_guard_slot(run->schedule, run->cpu->base.model, guard) == 0)
                return true;
        }
    }
    return false;
}

enum status cpu_twin_room(struct cpu_run *run)
{
    struct cpu *cpu = run->cpu;
    size_t most = 0;

    for (uint32_t i = 0; i < run->pass->n_guards; i++) {
        const struct guard *guard = &run->pass->guards[i];
        if (guard_evaluation(guard->kind) == 0) /* a STORE among them, which has no output */
            continue;
        const size_t n = elements(cpu, &cpu->base.model->graph.node[guard->node]);
        run->twins = true;
        most = n > most ? n : most;
    }
    if (most <= cpu->twin_room)
        return STATUS_OK;
    cpu->total_bytes += 2 * (most - cpu->twin_room) * sizeof(float);
    free(cpu->twin);
    cpu->twin_room = 0;
    cpu->twin = aligned_alloc(ALIGNMENT, 2 * most * sizeof(float)); /* rows are whole lines */
    if (!cpu->twin) {
        log_error("cpu: no host memory for %zu values of second evaluations", most);
        return STATUS_MEMORY;
    }
    memset(cpu->twin, 0, 2 * most * sizeof(float));
    cpu->kept = cpu->twin + most;
    cpu->twin_room = most;
    return STATUS_OK;
}

/* This thread's share of all slots' rows of the output register. */
static void copy_rows(const struct cpu_task *task, float *to, const float *from)
{
    const struct cpu *cpu = task->run->cpu;
    const size_t stride = cpu->stride[task->node->out];
    uint32_t begin, end;

    cpu_share(task, task->run->slots, &begin, &end);
    memcpy(to + begin * stride, from + begin * stride, (end - begin) * stride * sizeof(float));
}

void cpu_twin_keep(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;

    if (task->node->in != task->node->out || !task->run->schedule->twice[task->index])
        return;
    wait_all(task);
    copy_rows(task, cpu->kept, cpu->reg[task->node->out]);
    wait_all(task);
}

/* One thread: exchanges the register and the twins' rows. */
static void exchange(const struct cpu_task *task)
{
    struct cpu *cpu = task->run->cpu;
    float *reg = cpu->reg[task->node->out];

    cpu->reg[task->node->out] = cpu->twin;
    cpu->twin = reg;
}

void cpu_twin_run(const struct cpu_task *task, enum guard_kind kind)
{
    struct cpu_run *run = task->run;
    struct cpu_task twin = *task;
    const bool doubled = kind == GUARD_TWIN && cpu_twin_doubles(task);

    twin.second = true;
    if (kind == GUARD_ROTATED) /* rows and memory of the thread half the team away */
        twin.thread = (task->thread + task->threads / 2) % task->threads;
    wait_all(task);
    if (task->node->in == task->node->out)
        copy_rows(task, run->cpu->twin, run->cpu->kept);
    wait_all(task);
    if (task->thread == 0)
        exchange(task);
    wait_all(task);
    if (!doubled)
        CPU_OPS[task->node->op].run(&twin);
    wait_all(task);
    if (task->thread == 0) {
        executor_work_twin(&run->cpu->base, run->schedule, task->index,
                           (struct executor_work_slots){0, run->slots}, doubled);
        if (run->schedule->hooked[task->index])
            cpu_hook_apply(run, task->index, guard_evaluation(kind));
        exchange(task);
    }
    wait_all(task);
}
