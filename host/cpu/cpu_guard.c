/* SPDX-License-Identifier: MIT */
/* Checks output rows where the pass asks for it. */
#include "cpu/cpu_guard.h"

#include "cpu/cpu_watch.h"

/* Values of a line (a head's scores, or the whole row) that are Inf or NaN. */
static uint32_t count_nonfinite(const float *line, uint32_t first, uint32_t last)
{
    uint32_t n = 0;
    for (uint32_t i = first; i <= last; i++)
        n += (lang_bits(line[i]) & NM_INF) == NM_INF;
    return n;
}

void cpu_guard_apply(struct cpu_run *run, uint32_t index)
{
    const struct node *node = &run->cpu->base.model->graph.node[index];
    for (uint32_t i = 0; i < run->pass->n_guards; i++) {
        struct guard *guard = &run->pass->guards[i];
        const uint32_t slot = cpu_slot(run, guard->column);
        const float *row =
            guard->node == index && slot != EXECUTOR_NONE ? cpu_watch_row(run, node, slot) : NULL;
        if (!row)
            continue;
        const struct guard_lines lines =
            guard_lines(node, cpu_column(run, slot), (uint32_t)run->cpu->score_stride);
        for (uint32_t line = 0; line < lines.n; line++)
            guard->verdict +=
                count_nonfinite(row + (size_t)line * lines.stride, lines.first, lines.last);
    }
}
