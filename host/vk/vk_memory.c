/* SPDX-License-Identifier: MIT */
/* Sizes and creates the executor's buffers. */
#include "vk/vk_memory.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "model/rope.h"
#include "shared/guards.h"
#include "shared/hook.h"

#define MEMORY_COLUMNS 64u        /* columns per pass by default */
#define MEMORY_SCORES (16u << 20) /* most bytes of S, and of P */
#define MEMORY_LOGITS (8u << 20)  /* most bytes of L */
#define MEMORY_ROW 16u            /* rows are rounded up to so many quads: bindings start at any */
#define MEMORY_ONE 0x3f800000u    /* pads rows: times the -0.0 that pads weights it is -0.0 */
#define MEMORY_STRIPS_PROCESSOR 64u
#define MEMORY_STRIPS_GPU 512u
#define MEMORY_SECONDS 60.0

static uint32_t row_quads(uint32_t width)
{
    return order_ceil(order_ceil(width, 4), MEMORY_ROW) * MEMORY_ROW;
}

/* Registers that lie side by side, so that one dispatch writes them. */
static void lay_out(struct vk *vk, uint64_t *at, enum reg first, uint32_t n, uint64_t rows)
{
    struct vk_memory *m = &vk->memory;
    uint32_t stride = 0;

    for (enum reg reg = first; reg < first + (enum reg)n; reg++) {
        m->reg[reg].at = (uint32_t)(*at + stride);
        stride += order_ceil(graph_reg_width(vk_hparams(vk), reg, m->score_stride), 4);
    }
    stride = order_ceil(stride, MEMORY_ROW) * MEMORY_ROW;
    for (enum reg reg = first; reg < first + (enum reg)n; reg++)
        m->reg[reg].stride = stride;
    *at += rows * stride;
}

/* Whole groups of columns, as LINEAR writes them. */
static uint32_t rows_within(uint64_t bytes, uint32_t width, uint32_t most)
{
    const uint64_t rows = bytes / ((uint64_t)row_quads(width) * VK_QUAD);
    const uint32_t groups = (uint32_t)(rows / VK_COLUMNS_MAX);
    const uint32_t few = groups == 0 ? VK_COLUMNS_MAX : groups * VK_COLUMNS_MAX;

    return few < most ? few : most;
}

/* Bytes of S, P and L: of a small binding at most an eighth each. */
static uint64_t at_most(const struct vk *vk, uint64_t bytes)
{
    const uint64_t part = gpu_get_info(vk->gpu)->max_storage_range / 8;

    return bytes < part ? bytes : part;
}

/* Places all registers; returns their quads. */
static uint64_t lay_out_all(struct vk *vk)
{
    const struct hparams *hp = vk_hparams(vk);
    struct vk_memory *m = &vk->memory;
    const uint32_t rows = order_ceil(vk->max_columns, VK_COLUMNS_MAX) * VK_COLUMNS_MAX;
    const uint32_t q = hp->n_head * hp->head_dim;
    uint64_t at = 0;

    m->score_columns =
        rows_within(at_most(vk, MEMORY_SCORES), graph_reg_width(hp, REG_S, m->score_stride),
                    vk->max_columns > 2 ? vk->max_columns : 2);
    m->logit_rows = rows_within(at_most(vk, MEMORY_LOGITS), hp->n_vocab, rows);
    m->twin_row = rows;
    m->counters[0] = (uint32_t)at; /* NEXT_NORM: a group of columns */
    at += order_ceil(rows, MEMORY_ROW) * MEMORY_ROW;
    lay_out(vk, &at, REG_X, 1, 2 * rows);
    lay_out(vk, &at, REG_N, 1, 2 * rows);
    lay_out(vk, &at, REG_Q, 3, 2 * rows);
    lay_out(vk, &at, REG_S, 1, m->score_columns);
    lay_out(vk, &at, REG_P, 1, m->score_columns);
    lay_out(vk, &at, REG_T, 1, 2 * rows);           /* before what LINEAR reads: vk_linear.c */
    for (enum reg reg = REG_R; reg <= REG_M; reg++) /* E and D on one side of N, and of A */
        lay_out(vk, &at, reg, 1, 2 * rows);
    lay_out(vk, &at, REG_H, 1, 2 * rows);
    lay_out(vk, &at, REG_G, 2, 2 * rows);
    lay_out(vk, &at, REG_A, 1, 2 * rows);
    lay_out(vk, &at, REG_L, 1, m->logit_rows);
    m->saved = (struct vk_reg){(uint32_t)at, row_quads(q > hp->n_embd ? q : hp->n_embd)};
    at += (uint64_t)rows * m->saved.stride;
    m->counters[1] = (uint32_t)at; /* NEXT_GATE: and a tile */
    return at + (uint64_t)rows * order_ceil(graph_reg_width(hp, REG_G, 0), TILE_ROWS);
}

/* `columns`: asked for; 0: as many as a binding sees, at most MEMORY_COLUMNS. */
static enum status create_work(struct vk *vk, uint32_t columns)
{
    const struct gpu_info *info = gpu_get_info(vk->gpu);
    vk->max_columns = columns ? columns : MEMORY_COLUMNS;
    uint64_t bytes = lay_out_all(vk) * VK_QUAD;

    while (columns == 0 && vk->max_columns > 1 && bytes > info->max_storage_range) {
        vk->max_columns /= 2;
        bytes = lay_out_all(vk) * VK_QUAD;
    }
    if (bytes > info->max_storage_range) {
        log_error("%s: registers for %" PRIu32 " columns of %" PRIu32 " positions take %" PRIu64
                  " bytes, a binding sees at most %" PRIu64,
                  info->name, vk->max_columns, vk->positions, bytes, info->max_storage_range);
        return STATUS_DEVICE_MEMORY;
    }
    return gpu_buffer_create(&vk->memory.work, vk->gpu, GPU_BUFFER_STORAGE, bytes, "registers");
}

enum status vk_memory_clear_counters(const struct vk *vk)
{
    const struct vk_memory *m = &vk->memory;
    const struct stream_binding counters[2] = {
        {m->work, m->counters[0] * (uint64_t)VK_QUAD, m->reg[REG_X].at * (uint64_t)VK_QUAD},
        {m->work, m->counters[1] * (uint64_t)VK_QUAD, 0}};
    enum status st = STATUS_OK;

    stream_barrier(vk->stream);
    for (uint32_t i = 0; i < 2 && !st; i++)
        st = stream_fill(vk->stream, &counters[i], 0);
    stream_barrier(vk->stream);
    return st;
}

static enum status fill_work(struct vk *vk)
{
    const struct stream_binding all = {.buffer = vk->memory.work};
    enum status st = stream_begin(vk->stream);

    if (!st)
        st = stream_fill(vk->stream, &all, MEMORY_ONE);
    if (!st)
        st = vk_memory_clear_counters(vk);
    return st ? st : stream_run(vk->stream, MEMORY_SECONDS);
}

static enum status create_rope(struct vk *vk)
{
    const struct hparams *hp = vk_hparams(vk);
    const uint32_t tables = hp->rope_tables;
    const uint64_t bytes = (uint64_t)vk->positions * hp->rope_dim * sizeof(float);
    struct arena arena = {0};
    enum status st;

    vk->memory.rope_table = (uint32_t)(bytes / VK_QUAD);
    st = gpu_buffer_create(&vk->memory.rope, vk->gpu, GPU_BUFFER_STORAGE, tables * bytes,
                           "rope tables");
    for (uint32_t i = 0; i < tables && !st; i++) {
        float *table;
        st = rope_table(&table, &arena,
                        &(struct rope_params){hp, i, vk->positions, vk->base.model->rope_factors});
        if (!st)
            st = gpu_buffer_write(vk->memory.rope, i * bytes, table, bytes);
    }
    arena_finish(&arena);
    return st;
}

static enum status create_results(struct vk *vk, uint32_t checkpoints)
{
    struct vk_memory *m = &vk->memory;
    const struct hparams *hp = vk_hparams(vk);
    const bool processor = gpu_get_info(vk->gpu)->kind == GPU_KIND_CPU;
    const uint32_t quads = order_ceil(hp->n_vocab, 4);
    enum status st = STATUS_OK;

    m->strip = order_ceil(quads, processor ? MEMORY_STRIPS_PROCESSOR : MEMORY_STRIPS_GPU);
    m->strips = order_ceil(quads, m->strip);
    const struct {
        struct gpu_buffer **buffer;
        enum gpu_buffer_use use;
        uint64_t count, bytes;
        const char *name;
    } buffers[] = {
        {&m->strips_of_rows, GPU_BUFFER_STORAGE, (uint64_t)m->logit_rows * m->strips,
         DIGEST_QUADS * VK_QUAD, "digests"},
        {&m->results, GPU_BUFFER_READBACK, vk->max_columns, DIGEST_QUADS * VK_QUAD, "results"},
        {&m->hidden, GPU_BUFFER_READBACK, vk->max_columns, (uint64_t)m->embd_quads * VK_QUAD,
         "hidden"},
        {&m->columns, GPU_BUFFER_SHARED, 1,
         (vk->max_columns * COLUMN_WORDS + vk_kv_table_words(&vk->kv, vk->max_columns)) * 4,
         "columns and page tables"},
        {&m->checkpoints, GPU_BUFFER_STORAGE, (uint64_t)checkpoints * (hp->n_layers + 1),
         (uint64_t)m->embd_quads * VK_QUAD, "checkpoints"}};
    for (size_t i = 0; !st && i < sizeof(buffers) / sizeof(*buffers); i++) {
        if (buffers[i].count > 0)
            st = gpu_buffer_create(buffers[i].buffer, vk->gpu, buffers[i].use,
                                   buffers[i].count * buffers[i].bytes, buffers[i].name);
    }
    return st;
}

enum status vk_memory_init(struct vk *vk, const struct executor_params *params)
{
    struct vk_memory *m = &vk->memory;
    enum status st;

    m->score_stride = order_ceil(vk->positions, KV_PAGE_POSITIONS) * KV_PAGE_POSITIONS;
    m->embd_quads = order_ceil(vk_hparams(vk)->n_embd, 4);
    st = create_work(vk, params->columns);
    if (!st)
        st = fill_work(vk);
    if (!st)
        st = create_rope(vk);
    if (!st)
        st = create_results(vk, params->checkpoints);
    return st ? st : vk_memory_hooks(vk, 1);
}

void vk_memory_finish(struct vk_memory *memory)
{
    struct gpu_buffer **const buffers[] = {
        &memory->work,           &memory->columns,     &memory->rope,          &memory->hooks,
        &memory->strips_of_rows, &memory->results,     &memory->hidden,        &memory->logits,
        &memory->verdicts,       &memory->checkpoints, &memory->feature_parts, &memory->features,
        &memory->spans};

    for (size_t i = 0; i < sizeof(buffers) / sizeof(*buffers); i++)
        gpu_buffer_destroy(buffers[i]);
    for (uint32_t i = 0; i < VK_LISTS; i++)
        gpu_buffer_destroy(&memory->lists[i]);
}

/* A buffer of items of `bytes` each, after `head`. */
struct growth {
    struct gpu_buffer **buffer;
    enum gpu_buffer_use use;
    uint32_t *room;
    const char *name;
    uint64_t head, bytes;
};

static enum status grow(const struct vk *vk, const struct growth *g, uint32_t most)
{
    enum status st;

    if (most <= *g->room)
        return STATUS_OK;
    gpu_buffer_destroy(g->buffer);
    *g->room = 0;
    st = gpu_buffer_create(g->buffer, vk->gpu, g->use, g->head + most * g->bytes, g->name);
    if (!st)
        *g->room = most;
    return st;
}

enum status vk_memory_hooks(struct vk *vk, uint32_t words)
{
    struct vk_memory *m = &vk->memory;
    const uint64_t head = HOOK_MOST * sizeof(struct hook_data);

    return grow(vk,
                &(struct growth){&m->hooks, GPU_BUFFER_SHARED, &m->hook_words, "hooks", head, 4},
                words);
}

enum status vk_memory_verdicts(struct vk *vk, uint32_t quads)
{
    struct vk_memory *m = &vk->memory;

    return grow(
        vk,
        &(struct growth){&m->verdicts, GPU_BUFFER_SHARED, &m->verdict_room, "verdicts", 0, VK_QUAD},
        quads);
}

enum status vk_memory_lists(struct vk *vk, const uint32_t *entries)
{
    struct vk_memory *m = &vk->memory;
    enum status st = STATUS_OK;

    for (uint32_t list = 0; list < VK_LISTS && !st; list++)
        st = grow(vk,
                  &(struct growth){&m->lists[list], GPU_BUFFER_SHARED, &m->list_room[list],
                                   "guards", 0, vk_guard_entry[list]},
                  entries[list]);
    return st;
}

enum status vk_memory_features(struct vk *vk)
{
    struct vk_memory *m = &vk->memory;
    const uint64_t blocks = order_ceil(vk_hparams(vk)->n_vocab, NM_BLOCK);
    enum status st = STATUS_OK;

    if (!m->feature_parts)
        st = gpu_buffer_create(&m->feature_parts, vk->gpu, GPU_BUFFER_STORAGE,
                               m->logit_rows * blocks * FEATURES_QUADS * VK_QUAD, "feature parts");
    if (!st && !m->features)
        st = gpu_buffer_create(&m->features, vk->gpu, GPU_BUFFER_READBACK,
                               (uint64_t)vk->max_columns * FEATURES_QUADS * VK_QUAD, "features");
    return st;
}

enum status vk_memory_spans(struct vk *vk, uint32_t quads)
{
    struct vk_memory *m = &vk->memory;

    return grow(vk,
                &(struct growth){&m->spans, GPU_BUFFER_SHARED, &m->span_room, "rows of K and V", 0,
                                 VK_QUAD},
                quads);
}

enum status vk_memory_logits(struct vk *vk, uint32_t rows)
{
    struct vk_memory *m = &vk->memory;
    const uint64_t row = (uint64_t)vk_hparams(vk)->n_vocab * sizeof(float);

    return grow(vk,
                &(struct growth){&m->logits, GPU_BUFFER_READBACK, &m->logit_room, "logits", 0, row},
                rows);
}

enum status vk_memory_edit(struct gpu_buffer *buffer, uint64_t word, struct hook_data *data)
{
    enum status st = gpu_buffer_read(buffer, word * 4, &data->before, 4);
    uint32_t bits = 0;

    if (!st) {
        bits = hook_edit(*data, 0, data->before, 0);
        st = gpu_buffer_write(buffer, word * 4, &bits, 4);
    }
    if (!st)
        st = gpu_buffer_read(buffer, word * 4, &data->after, 4);
    data->count = 1;
    return st;
}

uint64_t vk_memory_bytes(const struct vk_memory *memory)
{
    const struct gpu_buffer *const buffers[] = {
        memory->work,           memory->columns,     memory->rope,          memory->hooks,
        memory->strips_of_rows, memory->results,     memory->hidden,        memory->logits,
        memory->verdicts,       memory->checkpoints, memory->feature_parts, memory->features,
        memory->spans};
    uint64_t bytes = 0;

    for (size_t i = 0; i < sizeof(buffers) / sizeof(*buffers); i++)
        bytes += buffers[i] ? gpu_buffer_size(buffers[i]) : 0;
    for (uint32_t i = 0; i < VK_LISTS; i++)
        bytes += memory->lists[i] ? gpu_buffer_size(memory->lists[i]) : 0;
    return bytes;
}
