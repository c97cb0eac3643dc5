/* SPDX-License-Identifier: MIT */
/* GUARD_ABFT: the tables on the device, and parts of rows as its kernel reads them. */
#include "vk/vk_guard_abft.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

static uint32_t count_tables(const struct executor *ex)
{
    uint32_t n = 0;

    for (uint32_t i = 0; ex->abft && i < ex->model->graph.count; i++)
        n += ex->abft[i].words != NULL;
    return n;
}

/* All of them anew, one after the other, if some are not there. */
enum status vk_guard_abft_tables(struct vk *vk)
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

struct guards_part vk_guard_abft_part(const struct vk_run *run, const struct vk_rec *rec,
                                      const struct vk_guard_place *place)
{
    const struct guard_abft *table = &run->vk->base.abft[rec->index];
    const uint32_t row = place->part * table->part_rows, end = row + table->part_rows;

    return (struct guards_part){.src = rec->src.at + place->slot * rec->src.stride,
                                .quads = rec->node->width / 4,
                                .dst = (uint32_t)vk_rec_row(rec, place->slot) + row / 4,
                                .row = row,
                                .end = end < rec->node->rows ? end : rec->node->rows,
                                .table = run->vk->abft.at[rec->index] +
                                         place->part * (table->part_words / 4),
                                .factor = place->factor,
                                .verdict = place->verdict};
}

void vk_guard_abft_finish(struct vk_abft *abft)
{
    gpu_buffer_destroy(&abft->tables);
    free(abft->at);
}

uint64_t vk_guard_abft_bytes(const struct vk_abft *abft)
{
    return abft->tables ? gpu_buffer_size(abft->tables) : 0;
}

static uint64_t bytes_before(const struct vk *vk, const struct abft_span *span)
{
    return (uint64_t)vk->abft.at[span->node] * VK_QUAD + span->first * sizeof(uint32_t);
}

static enum status read_words(struct executor *ex, const struct abft_span *span, uint32_t *out)
{
    struct vk *vk = (struct vk *)ex;
    const enum status st = vk_guard_abft_tables(vk);

    return st ? st
              : gpu_buffer_read(vk->abft.tables, bytes_before(vk, span), out,
                                span->n * sizeof(*out));
}

static enum status write_words(struct executor *ex, const struct abft_span *span,
                               const uint32_t *words)
{
    struct vk *vk = (struct vk *)ex;
    const enum status st = vk_guard_abft_tables(vk);

    return st ? st
              : gpu_buffer_write(vk->abft.tables, bytes_before(vk, span), words,
                                 span->n * sizeof(*words));
}

const struct executor_abft_ops vk_guard_abft_ops = {.read = read_words, .write = write_words};
