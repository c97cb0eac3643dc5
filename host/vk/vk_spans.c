/* SPDX-License-Identifier: MIT */
/* Spans of a page are consecutive quads: copied in one submission, or summed by a kernel, a
 * dispatch a layer. */
#include "vk/vk_spans.h"

#include <string.h>

#include "shared/sums.h"
#include "vk/vk_memory.h"

#define SPANS_SECONDS 60.0

/* Quad of the span's first row. */
static uint32_t place_of(const struct vk *vk, const struct kv_span *s)
{
    const struct vk_kv *kv = &vk->kv;
    const uint32_t page =
        kv_table(vk->base.kv, s->branch, s->layer)[s->position / KV_PAGE_POSITIONS];
    return (s->value ? kv->values : 0) +
           (page * KV_PAGE_POSITIONS + s->position % KV_PAGE_POSITIONS) * kv->row;
}

enum status vk_spans_own(struct vk *vk, const struct kv_span *span)
{
    const struct column column = {.branch = span->branch,
                                  .position = span->position,
                                  .start_layer = span->layer,
                                  .end_layer = span->layer + 1};
    enum status st = vk_kv_own(&vk->kv, &column);

    if (!st)
        st = stream_begin(vk->stream);
    if (!st)
        st = vk_kv_copy(&vk->kv, vk->stream);
    return st ? st : stream_run(vk->stream, SPANS_SECONDS);
}

static enum status read_rows(struct executor *ex, const struct kv_span *spans, uint32_t n,
                             uint8_t *out)
{
    struct vk *vk = (struct vk *)ex;
    uint32_t quads = 0;

    for (uint32_t i = 0; i < n; i++)
        quads += spans[i].n * vk->kv.row;
    enum status st = vk_memory_spans(vk, quads);
    if (!st)
        st = stream_begin(vk->stream);
    quads = 0;
    for (uint32_t i = 0; i < n && !st; i++) {
        const uint32_t count = spans[i].n * vk->kv.row;
        st = stream_copy(vk->stream, &(struct stream_copy){
                                         .from = vk->kv.pages[spans[i].layer],
                                         .to = vk->memory.spans,
                                         .from_offset = (uint64_t)place_of(vk, &spans[i]) * VK_QUAD,
                                         .to_offset = (uint64_t)quads * VK_QUAD,
                                         .size = (uint64_t)count * VK_QUAD});
        quads += count;
    }
    if (!st)
        st = stream_pull(vk->stream,
                         &(struct stream_span){vk->memory.spans, 0, (uint64_t)quads * VK_QUAD}, 1);
    if (!st)
        st = stream_run(vk->stream, SPANS_SECONDS);
    if (!st)
        memcpy(out, gpu_buffer_mapped(vk->memory.spans), (size_t)quads * VK_QUAD);
    return st;
}

static enum status write_rows(struct executor *ex, const struct kv_span *span, const uint8_t *rows)
{
    struct vk *vk = (struct vk *)ex;
    const enum status st = vk_spans_own(vk, span);

    return st ? st
              : gpu_buffer_write(vk->kv.pages[span->layer], (uint64_t)place_of(vk, span) * VK_QUAD,
                                 rows, (uint64_t)span->n * vk->kv.row * VK_QUAD);
}

/* Checks first .. first + n - 1, of one layer; their jobs follow the results of all. */
static enum status sum_layer(struct vk *vk, const struct kv_check *checks, uint32_t first,
                             uint32_t n, uint32_t job0)
{
    const struct push_kv_sums push = {.job = job0 + first, .row = vk->kv.row, .dst = first};
    const struct vk_rec rec = {.vk = vk, .node = &vk->base.model->graph.node[0]};
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_KV_SUMS},
        .buffers = {vk->memory.spans, vk->kv.pages[checks[first].span.layer]},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {n, 1, 1}};

    return vk_dispatch(&rec, &d);
}

static enum status sum(struct executor *ex, const struct kv_check *checks, uint32_t n,
                       struct kv_sums *out)
{
    struct vk *vk = (struct vk *)ex;
    const bool wide = vk->kv.storage == STORAGE_F32;
    enum status st = vk_memory_spans(vk, 2 * n);

    if (!st)
        st = stream_begin(vk->stream);
    uint32_t *words = st ? NULL : gpu_buffer_mapped(vk->memory.spans);
    for (uint32_t i = 0; i < n && !st; i++) {
        const struct kv_span *span = &checks[i].span;
        const uint32_t mask = wide ? checks[i].mask : (checks[i].mask & 0xffff) * 0x10001u;
        memcpy(words + 4 * (size_t)(n + i),
               (const uint32_t[]){place_of(vk, span), span->position % KV_PAGE_POSITIONS, span->n,
                                  mask},
               VK_QUAD);
    }
    const uint64_t results = (uint64_t)n * VK_QUAD;
    if (!st)
        st = stream_push(vk->stream, &(struct stream_span){vk->memory.spans, results, results}, 1);
    for (uint32_t first = 0, next; first < n && !st; first = next) {
        for (next = first + 1; next < n && checks[next].span.layer == checks[first].span.layer;)
            next++;
        st = sum_layer(vk, checks, first, next - first, n);
    }
    vk->dispatches += st ? 0 : stream_dispatch_count(vk->stream);
    if (!st)
        st = stream_pull(vk->stream, &(struct stream_span){vk->memory.spans, 0, results}, 1);
    if (!st)
        st = stream_run(vk->stream, SPANS_SECONDS);
    for (uint32_t i = 0; i < n && !st; i++)
        out[i] = (struct kv_sums){words[4 * (size_t)i], words[4 * (size_t)i + 1],
                                  words[4 * (size_t)i + 2]};
    return st;
}

const struct executor_kv_ops vk_spans_ops = {.read = read_rows, .write = write_rows, .sum = sum};
