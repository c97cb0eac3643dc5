/* SPDX-License-Identifier: MIT */
/* Life of the golden executor: choice of the form, memory, registers; which nodes wait for others.
 */
#include "cpu/cpu.h"

#include <cpuid.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu_flags.h"
#include "base/fpenv.h"
#include "base/log.h"
#include "base/memory.h"
#include "cpu/cpu_edit.h"
#include "cpu/cpu_guard_abft.h"
#include "cpu/cpu_kv.h"
#include "cpu/cpu_ops.h"
#include "cpu/cpu_pages.h"
#include "cpu/cpu_state.h"
#include "cpu/cpu_weight.h"
#include "model/op.h"
#include "model/rope.h"

/* The cut of an access among threads. Two accesses with equal cuts touch the same elements in the
 * same thread; NOBODY: no access; EVERYBODY: no cut equals it. */
#define NOBODY 0u
#define EVERYBODY UINT32_MAX

enum { RESOURCES = OP_PAGES + 1 };

struct hazard {
    uint32_t written, read; /* cuts since the last barrier */
};

/* The cut as a number: equal numbers, equal cuts. */
static uint32_t cut_of(const struct node *node, enum cpu_cut cut, uint32_t resource)
{
    if (cut == CPU_CUT_NONE || resource == OP_PAGES)
        return EVERYBODY;
    const uint32_t parts = cut == CPU_CUT_ROWS ? node->rows : node->groups;
    return 4 * parts + (uint32_t)cut;
}

static bool differs(uint32_t before, uint32_t cut)
{
    return before != NOBODY && (before != cut || cut == EVERYBODY);
}

static bool must_wait(const struct hazard *hazards, const struct node *node)
{
    const struct op_access access = op_access(node);
    for (uint32_t i = 0; i < RESOURCES; i++) {
        const struct hazard *h = &hazards[i];
        const uint32_t in = cut_of(node, CPU_OPS[node->op].in, i);
        const uint32_t out = cut_of(node, CPU_OPS[node->op].out, i);
        if (access.reads & OP_BIT(i) && differs(h->written, in))
            return true;
        if (access.writes & OP_BIT(i) && (differs(h->written, out) || differs(h->read, out)))
            return true;
    }
    return false;
}

static void note_cut(uint32_t *noted, uint32_t cut)
{
    *noted = differs(*noted, cut) ? EVERYBODY : cut;
}

static void note(struct hazard *hazards, const struct node *node)
{
    const struct op_access access = op_access(node);
    for (uint32_t i = 0; i < RESOURCES; i++) {
        if (access.reads & OP_BIT(i))
            note_cut(&hazards[i].read, cut_of(node, CPU_OPS[node->op].in, i));
        if (access.writes & OP_BIT(i))
            note_cut(&hazards[i].written, cut_of(node, CPU_OPS[node->op].out, i));
    }
}

/* Fills cpu->nodes (graph.count). */
static void cpu_plan(struct cpu *cpu)
{
    const struct graph *graph = &cpu->base.model->graph;
    struct hazard hazards[RESOURCES] = {0};
    enum reg prepared = REG_NONE; /* register that threads hold prepared */
    bool halves = false;          /* with sums of halves of blocks */

    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        cpu->nodes[i].barrier = must_wait(hazards, node);
        if (cpu->nodes[i].barrier)
            memset(hazards, 0, sizeof(hazards));
        note(hazards, node);
        if (node->op == OP_LINEAR) {
            const bool by_half = quant_halves(quant_form(node->weight->type)) == 2;
            cpu->nodes[i].prepared = prepared == node->in && halves == by_half;
            prepared = node->in;
            halves = by_half;
        }
        if (node->out == prepared || node->op == OP_EXPERTS)
            prepared = REG_NONE;
    }
}

#define CPU_COLUMNS 32u /* columns per pass by default */
#define CPU_ALIGN 64u

struct cpu_block {
    struct cpu_block *next; /* owned */
};

static const struct cpu_kernels *kernels_of(enum cpu_form form)
{
    switch (form) {
#if defined(VKFI_CPU_SIMD)
    case CPU_AVX2:
        return &cpu_avx2_kernels;
    case CPU_AVX512:
        return &cpu_avx512_kernels;
#endif
    default:
        return &cpu_scalar_kernels;
    }
}

bool cpu_form_available(enum cpu_form form)
{
    switch (form) {
    case CPU_AUTO:
    case CPU_SCALAR:
    case CPU_MAPPED:
        return true;
#if defined(VKFI_CPU_SIMD)
    case CPU_AVX2: /* these tests include the operating system's support */
        return __builtin_cpu_supports("avx2") && cpu_flags_f16c();
    case CPU_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    default:
        return false;
    }
}

void *cpu_memory(struct cpu *cpu, size_t count, size_t size)
{
    size_t bytes;
    struct cpu_block *block = NULL;

    if (!__builtin_mul_overflow(count, size, &bytes) && bytes < SIZE_MAX - 2 * CPU_ALIGN)
        block = calloc(1, bytes + 2 * CPU_ALIGN);
    if (!block) {
        log_error("cpu: no host memory, %zu x %zu bytes wanted", count, size);
        return NULL;
    }
    block->next = cpu->blocks;
    cpu->blocks = block;
    cpu->total_bytes += bytes;
    return (uint8_t *)block + (2 * CPU_ALIGN - (uintptr_t)block % CPU_ALIGN);
}

enum status cpu_room(struct cpu *cpu, enum reg reg, uint32_t rows)
{
    const size_t row = cpu->stride[reg] * sizeof(float);

    if (rows <= cpu->room[reg])
        return STATUS_OK;
    cpu->total_bytes -= cpu->room[reg] * row;
    free(cpu->reg[reg]);
    cpu->room[reg] = 0;
    cpu->reg[reg] = aligned_alloc(CPU_ALIGN, rows * row);
    if (!cpu->reg[reg]) {
        log_error("cpu: no host memory for %u rows of %s, %zu bytes each", rows,
                  graph_reg_name(reg), row);
        return STATUS_MEMORY;
    }
    memset(cpu->reg[reg], 0, rows * row);
    cpu->room[reg] = rows;
    cpu->total_bytes += rows * row;
    return STATUS_OK;
}

static void destroy(struct executor *ex)
{
    struct cpu *cpu = (struct cpu *)ex;

    for (enum reg reg = 0; reg < REG_COUNT; reg++) {
        if (cpu_by_need(reg))
            free(cpu->reg[reg]);
    }
    free(cpu->features);
    free(cpu->twin);
    cpu_guard_abft_finish(cpu);
    while (cpu->blocks) {
        struct cpu_block *next = cpu->blocks->next;
        free(cpu->blocks);
        cpu->blocks = next;
    }
    kv_destroy(&cpu->base.kv);
    weight_pages_finish(&cpu->base.weights);
    arena_finish(&cpu->arena);
    free(cpu);
}

static void brand(char out[64])
{
    unsigned words[12] = {0};

    for (unsigned i = 0; i < 3; i++) {
        if (!__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
                         &words[4 * i + 3]))
            words[4 * i] = 0;
    }
    memcpy(out, words, sizeof(words));
    out[sizeof(words)] = '\0';
    size_t n = strlen(out);
    while (n > 0 && out[n - 1] == ' ')
        out[--n] = '\0';
    if (n == 0)
        strcpy(out, "CPU");
}

static void info(const struct executor *ex, struct executor_info *out)
{
    const struct cpu *cpu = (const struct cpu *)ex;

    snprintf(out->device, sizeof(out->device), "%s, %s, %u thread%s", cpu->brand,
             cpu->kernels->name, cpu->threads, cpu->threads == 1 ? "" : "s");
    snprintf(out->driver, sizeof(out->driver), "vkfi %s", VKFI_VERSION);
    out->max_columns = cpu->max_columns;
    out->weight_bytes = cpu->weight_bytes;
    out->total_bytes = cpu->total_bytes;
    out->dispatches = cpu->base.work.evaluations;
    out->underflow = fpenv_underflow() || cpu->denormal;
    out->threads = cpu->threads;
}

static const struct executor_ops ops = {.destroy = destroy,
                                        .pass = cpu_pass,
                                        .read_checkpoint = cpu_edit_read_checkpoint,
                                        .info = info,
                                        .edit = &cpu_edit_ops,
                                        .kv = &cpu_kv_ops,
                                        .weights = &cpu_pages_ops,
                                        .abft = &cpu_guard_abft_ops};

static enum status create_pages(struct cpu *cpu, const struct executor_params *params)
{
    const struct hparams *hp = cpu_hparams(cpu);
    const uint32_t blocks = order_ceil(params->positions, KV_PAGE_POSITIONS);
    const size_t element = storage_bits(params->kv) / 8;
    const struct kv_params kv = {.layers = hp->n_layers,
                                 .pages = params->pages ? params->pages : blocks * params->branches,
                                 .branches = params->branches,
                                 .positions = params->positions};

    cpu->page_count = kv.pages;
    cpu->page_bytes[0] = (size_t)hp->n_head_kv * hp->head_dim * KV_PAGE_POSITIONS * element;
    cpu->page_bytes[1] = (size_t)hp->n_head_kv * order_ceil(hp->head_dim, CPU_TILE) * CPU_TILE *
                         KV_PAGE_POSITIONS * element;
    for (int value = 0; value < 2; value++) {
        cpu->pages[value] =
            cpu_memory(cpu, (size_t)hp->n_layers * kv.pages, cpu->page_bytes[value]);
        if (!cpu->pages[value])
            return STATUS_MEMORY;
    }
    return kv_create(&cpu->base.kv, &kv);
}

static enum status create_registers(struct cpu *cpu)
{
    const struct hparams *hp = cpu_hparams(cpu);
    const uint32_t n = cpu->max_columns;

    cpu->score_stride = (size_t)order_ceil(cpu->positions, KV_PAGE_POSITIONS) * KV_PAGE_POSITIONS;
    for (enum reg reg = 0; reg < REG_COUNT; reg++) {
        const uint32_t width = graph_reg_width(hp, reg, (uint32_t)cpu->score_stride);
        cpu->stride[reg] = (size_t)order_ceil(width, CPU_TILE) * CPU_TILE;
        if (!cpu_by_need(reg)) {
            cpu->reg[reg] = cpu_memory(cpu, n, cpu->stride[reg] * sizeof(float));
            if (!cpu->reg[reg])
                return STATUS_MEMORY;
        }
    }
    cpu->full_row = cpu_memory(cpu, n, sizeof(uint32_t));
    cpu->score_row = cpu_memory(cpu, n, sizeof(uint32_t));
    cpu->features_row = cpu_memory(cpu, n, sizeof(uint32_t));
    cpu->hidden = cpu_memory(cpu, n, hp->n_embd * sizeof(float));
    cpu->checkpoints = cpu_memory(cpu, (size_t)cpu->base.n_checkpoints * (hp->n_layers + 1),
                                  hp->n_embd * sizeof(float));
    cpu->nodes = cpu_memory(cpu, cpu->base.model->graph.count, sizeof(*cpu->nodes));
    return cpu->full_row && cpu->score_row && cpu->features_row && cpu->hidden &&
                   cpu->checkpoints && cpu->nodes
               ? STATUS_OK
               : STATUS_MEMORY;
}

static uint32_t widest_row(const struct cpu *cpu)
{
    const struct graph *graph = &cpu->base.model->graph;
    uint32_t width = 0;

    for (uint32_t i = 0; i < graph->count; i++) {
        const uint32_t w = graph->node[i].op == OP_LINEAR ? graph->node[i].width : 0;
        const uint32_t rows = graph->node[i].out == REG_L ? 0 : graph->node[i].rows;
        width = w > width ? w : width;
        width = rows > width ? rows : width;
    }
    return width;
}

static enum status create_scratch(struct cpu *cpu)
{
    const struct hparams *hp = cpu_hparams(cpu);
    const uint32_t width = widest_row(cpu), blocks = order_ceil(width, NM_BLOCK);

    cpu->scratch = cpu_memory(cpu, cpu->threads + 1, sizeof(*cpu->scratch));
    if (!cpu->scratch)
        return STATUS_MEMORY;
    for (uint32_t t = 0; t <= cpu->threads; t++) {
        struct cpu_scratch *s = &cpu->scratch[t];
        s->sum_x = cpu_memory(cpu, (size_t)cpu->max_columns * blocks, 2 * sizeof(float));
        s->panel = cpu_memory(cpu, (size_t)cpu->max_columns * width, sizeof(float));
        s->attention_panel = cpu_memory(cpu, CPU_HEADS * cpu->score_stride, sizeof(float));
        s->attention = cpu_memory(cpu, cpu_group(cpu) * cpu->score_stride, sizeof(float));
        s->block = cpu_memory(cpu, blocks, sizeof(*s->block));
        s->row = cpu_memory(cpu, width, sizeof(float));
        s->input = cpu_memory(cpu, width, sizeof(float));
        s->terms = cpu_memory(cpu, width, sizeof(float));
        s->pairs = cpu_memory(cpu, cpu->max_columns, sizeof(*s->pairs));
        if (hp->n_expert > 0)
            s->gathered = cpu_memory(cpu, cpu->max_columns, width * sizeof(float));
        s->logits = cpu_memory(cpu, cpu->max_columns, CPU_LOGIT_ROWS * sizeof(float));
        s->digest = cpu_memory(cpu, cpu->max_columns, sizeof(*s->digest));
        s->features = cpu_memory(cpu, cpu->max_columns, sizeof(*s->features));
        if (!s->sum_x || !s->panel || !s->attention || !s->attention_panel || !s->block ||
            !s->row || !s->input || !s->terms || !s->logits || !s->digest || !s->features ||
            !s->pairs || (hp->n_expert > 0 && !s->gathered))
            return STATUS_MEMORY;
    }
    const size_t scores = hp->n_head * cpu->score_stride;
    const size_t stored = 2 * (size_t)hp->n_head_kv * hp->head_dim;
    cpu->scratch[cpu->threads].watch =
        cpu_memory(cpu, scores > stored ? scores : stored, sizeof(float));
    return cpu->scratch[cpu->threads].watch ? STATUS_OK : STATUS_MEMORY;
}

static enum status create_rope(struct cpu *cpu)
{
    const struct hparams *hp = cpu_hparams(cpu);
    enum status st = STATUS_OK;

    for (uint32_t table = 0; table < hp->rope_tables && !st; table++)
        st = rope_table(
            &cpu->rope[table], &cpu->arena,
            &(struct rope_params){hp, table, cpu->positions, cpu->base.model->rope_factors});
    return st;
}

static enum cpu_form best_form(void)
{
    return cpu_form_available(CPU_AVX512) ? CPU_AVX512
           : cpu_form_available(CPU_AVX2) ? CPU_AVX2
                                          : CPU_SCALAR;
}

bool cpu_form_maps(enum cpu_form form)
{
    return form == CPU_SCALAR || form == CPU_MAPPED;
}

enum cpu_form cpu_form_choose(enum cpu_form form, uint64_t weights, uint64_t available)
{
    if (form != CPU_AUTO)
        return form;
    return best_form() != CPU_SCALAR && weights > available ? CPU_MAPPED : best_form();
}

/* Bytes that packed weights take. */
static uint64_t packed_bytes(const struct model *model)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < gguf_tensor_count(model->gguf); i++)
        bytes += gguf_tensors(model->gguf)[i].size;
    return bytes;
}

enum cpu_form cpu_form_for(enum cpu_form form, const struct model *model)
{
    const uint64_t weights = packed_bytes(model), available = memory_available("");
    const enum cpu_form chosen = cpu_form_choose(form, weights, available);

    if (chosen != form && chosen == CPU_MAPPED)
        log_warn("cpu: found %.1f GB of memory for weights of %.1f GB, which are packed as they "
                 "are read, each time (cpu:mapped): slower",
                 (double)available / 1e9, (double)weights / 1e9);
    return chosen;
}

static void set_up(struct cpu *cpu, enum cpu_form form, const struct executor_params *params)
{
    const enum cpu_form chosen = cpu_form_for(form, params->model);

    cpu->mapped = cpu_form_maps(chosen);
    cpu->form = chosen == CPU_MAPPED ? best_form() : chosen;
    cpu->kernels = kernels_of(cpu->form);
    cpu->base = (struct executor){.ops = &ops,
                                  .model = params->model,
                                  .act = params->act,
                                  .kv_storage = params->kv,
                                  .n_checkpoints = params->checkpoints,
                                  .positions = params->positions};
    cpu->threads = params->threads ? params->threads : (uint32_t)omp_get_num_procs();
    cpu->max_columns = params->columns ? params->columns : CPU_COLUMNS;
    cpu->positions = params->positions;
    brand(cpu->brand);
}

enum status cpu_create(struct executor **out, enum cpu_form form,
                       const struct executor_params *params)
{
    *out = NULL;
    if (!cpu_form_available(form) || !fpenv_is_set()) {
        log_error("cpu: found %s, expected one that flushes denormals and has this instruction set",
                  fpenv_is_set() ? "a processor without it" : "another floating-point mode");
        return STATUS_DEVICE;
    }
    struct cpu *cpu = calloc(1, sizeof(*cpu));
    if (!cpu) {
        log_error("cpu: no host memory");
        return STATUS_MEMORY;
    }
    set_up(cpu, form, params);
    enum status st = create_pages(cpu, params);
    if (!st)
        st = cpu_kv_open(cpu);
    if (!st)
        st = create_registers(cpu);
    if (!st)
        st = create_scratch(cpu);
    if (!st)
        st = create_rope(cpu);
    if (!st)
        st = cpu_weight_load(cpu);
    if (!st)
        st = cpu_pages_init(cpu);
    if (st) {
        destroy(&cpu->base);
        return st;
    }
    cpu_plan(cpu);
    *out = &cpu->base;
    return STATUS_OK;
}
