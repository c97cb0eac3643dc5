/* SPDX-License-Identifier: MIT */
/* GUARD_ABFT: a workgroup for each part of a node's rows and guard of the node. */
#include "vk/vk_guard_abft.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* What a workgroup reads of its guard; uvec4 of the device. */
struct entry {
    uint32_t slot, verdict; /* of its column; quad of the first part's */
    uint32_t factor;        /* bits */
    uint32_t unused;
};

static uint32_t count_tables(const struct executor *ex)
{
    uint32_t n = 0;

    for (uint32_t i = 0; ex->abft && i < ex->model->graph.count; i++)
        n += ex->abft[i].words != NULL;
    return n;
}

/* Uploads all tables, one after the other, if some are not there. */
static enum status upload(struct vk *vk)
{
    const uint32_t tables = count_tables(&vk->base);
    const uint32_t nodes = vk->base.model->graph.count;
    const uint64_t most = gpu_get_info(vk->gpu)->max_storage_range;
    struct vk_abft *m = &vk->abft;
    uint64_t quads = 0;
    enum status st = STATUS_OK;

    if (tables == m->n_tables)
        return STATUS_OK;
    if (!m->at)
        m->at = calloc(nodes, sizeof(*m->at));
    if (!m->at) {
        log_error("vk: no host memory for the places of %" PRIu32 " check sums", nodes);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < nodes; i++) {
        m->at[i] = (uint32_t)quads;
        quads += guard_abft_words(&vk->base.abft[i]) / 4;
    }
    if (quads * VK_QUAD > most) {
        log_error("%s: check sums take %" PRIu64 " bytes, a binding sees at most %" PRIu64,
                  gpu_get_info(vk->gpu)->name, quads * VK_QUAD, most);
        return STATUS_DEVICE_MEMORY;
    }
    gpu_buffer_destroy(&m->tables);
    m->n_tables = 0;
    st = gpu_buffer_create(&m->tables, vk->gpu, GPU_BUFFER_STORAGE, quads * VK_QUAD, "check sums");
    for (uint32_t i = 0; i < nodes && !st; i++) {
        const struct guard_abft *t = &vk->base.abft[i];
        if (t->words)
            st = gpu_buffer_write(m->tables, (uint64_t)m->at[i] * VK_QUAD, t->words,
                                  guard_abft_words(t) * sizeof(*t->words));
    }
    m->n_tables = !st ? tables : 0;
    return st;
}

static enum status grow(const struct vk *vk, struct gpu_buffer **buffer, uint32_t quads,
                        const char *name)
{
    const uint64_t size = (uint64_t)quads * VK_QUAD;

    if (*buffer && gpu_buffer_size(*buffer) >= size)
        return STATUS_OK;
    gpu_buffer_destroy(buffer);
    return gpu_buffer_create(buffer, vk->gpu, GPU_BUFFER_READBACK, size, name);
}

static const struct guard *guard_at(const struct vk_run *run, uint32_t index)
{
    return &run->pass->guards[run->schedule->guard[index]];
}

enum status vk_guard_abft_prepare(struct vk_run *run)
{
    struct vk *vk = run->vk;
    struct vk_abft *m = &vk->abft;
    const uint32_t n = run->pass->n_guards;
    uint32_t quads = 0;
    enum status st;

    for (uint32_t i = 0; i < n; i++)
        quads +=
            guard_at(run, i)->kind == GUARD_ABFT ? vk->base.abft[guard_at(run, i)->node].parts : 0;
    if (quads == 0)
        return STATUS_OK;
    st = upload(vk);
    if (!st)
        st = grow(vk, &m->entries, n, "entries of check sums");
    if (!st)
        st = grow(vk, &m->verdicts, quads, "verdicts of check sums");
    if (st)
        return st;
    struct entry *entry = gpu_buffer_mapped(m->entries);
    memset(gpu_buffer_mapped(m->verdicts), 0, (size_t)quads * VK_QUAD);
    quads = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct guard *guard = guard_at(run, i);
        if (guard->kind != GUARD_ABFT)
            continue;
        entry[i] = (struct entry){.slot = schedule_guard_slot(run->schedule, vk->base.model, guard),
                                  .verdict = quads,
                                  .factor = lang_bits(guard->factor)};
        quads += vk->base.abft[guard->node].parts;
    }
    return STATUS_OK;
}

enum status vk_guard_abft(struct vk_run *run, const struct vk_rec *rec,
                          const struct schedule_guards *kind)
{
    const struct vk *vk = rec->vk;
    const struct guard_abft *table = &vk->base.abft[rec->index];
    const struct vk_reg *in = &vk->memory.reg[rec->node->in];
    const struct push_guard_abft push = {.src = in->at,
                                         .src_stride = in->stride,
                                         .dst = rec->dst.at,
                                         .dst_stride = rec->dst.stride,
                                         .slot0 = rec->slot0,
                                         .slots = rec->slots,
                                         .table = vk->abft.at[rec->index],
                                         .part_quads = table->part_words / 4,
                                         .rows = rec->node->rows,
                                         .part_rows = table->part_rows,
                                         .quads = rec->node->width / 4,
                                         .entry0 = kind->first};
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_GUARD_ABFT},
        .buffers = {vk->abft.verdicts, vk->memory.work, vk->abft.tables, vk->abft.entries},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {table->parts, kind->n, 1}};

    vk_run_access(run, OP_BIT(rec->node->in) | OP_BIT(rec->node->out), 0);
    return vk_dispatch(rec, &d);
}

void vk_guard_abft_read(const struct vk_run *run, uint32_t index)
{
    const struct vk_abft *m = &run->vk->abft;
    const struct entry *entry = gpu_buffer_mapped(m->entries);
    uint32_t *verdicts = gpu_buffer_mapped(m->verdicts);
    uint32_t *words = verdicts + (size_t)entry[index].verdict * GUARD_WORDS;
    struct guard *guard = &run->pass->guards[run->schedule->guard[index]];

    guard_strike(guard, words);
    guard_abft_join(guard->verdict, words, run->vk->base.abft[guard->node].parts);
}

void vk_guard_abft_finish(struct vk_abft *abft)
{
    gpu_buffer_destroy(&abft->tables);
    gpu_buffer_destroy(&abft->entries);
    gpu_buffer_destroy(&abft->verdicts);
    free(abft->at);
}

uint64_t vk_guard_abft_bytes(const struct vk_abft *abft)
{
    return (abft->tables ? gpu_buffer_size(abft->tables) : 0) +
           (abft->entries ? gpu_buffer_size(abft->entries) : 0) +
           (abft->verdicts ? gpu_buffer_size(abft->verdicts) : 0);
}

static uint64_t bytes_before(const struct vk *vk, const struct abft_span *span)
{
    return (uint64_t)vk->abft.at[span->node] * VK_QUAD + span->first * sizeof(uint32_t);
}

static enum status read_words(struct executor *ex, const struct abft_span *span, uint32_t *out)
{
    struct vk *vk = (struct vk *)ex;
    const enum status st = upload(vk);

    return st ? st
              : gpu_buffer_read(vk->abft.tables, bytes_before(vk, span), out,
                                span->n * sizeof(*out));
}

static enum status write_words(struct executor *ex, const struct abft_span *span,
                               const uint32_t *words)
{
    struct vk *vk = (struct vk *)ex;
    const enum status st = upload(vk);

    return st ? st
              : gpu_buffer_write(vk->abft.tables, bytes_before(vk, span), words,
                                 span->n * sizeof(*words));
}

const struct executor_abft_ops vk_guard_abft_ops = {.read = read_words, .write = write_words};
