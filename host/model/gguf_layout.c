/* SPDX-License-Identifier: MIT */
/* Where a GGUF file's tensors lie: sizes, alignment, bounds and overlaps. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "model/gguf_impl.h"

#define GGUF_ALIGNMENT_DEFAULT 32 /* GGUF specification */
#define GGUF_ALIGNMENT_MIN 8
#define GGUF_ALIGNMENT_MAX 65536

static enum status read_alignment(const struct gguf *g, uint64_t *out)
{
    enum status st;

    *out = GGUF_ALIGNMENT_DEFAULT;
    if (!gguf_has(g, "general.alignment"))
        return STATUS_OK;
    st = gguf_uint(g, "general.alignment", GGUF_ALIGNMENT_MAX, out);
    if (!st && (*out < GGUF_ALIGNMENT_MIN || (*out & (*out - 1)) != 0)) {
        log_error("%s: key 'general.alignment': found %" PRIu64
                  ", expected a power of two from %d to %d",
                  g->path, *out, GGUF_ALIGNMENT_MIN, GGUF_ALIGNMENT_MAX);
        st = STATUS_INPUT;
    }
    return st;
}

/* Bytes of the tensor's data from its type and dimensions. */
static enum status measure(const struct gguf *g, struct tensor *t)
{
    uint32_t elements = quant_block_elements(t->type);
    uint64_t size = t->dim[0] / elements;
    bool overflow = false;

    for (uint32_t i = 0; i < t->n_dims; i++) {
        if (t->dim[i] == 0) {
            log_error("%s: tensor '%s': found dimension %" PRIu32 " of 0, expected at least 1",
                      g->path, t->name, i);
            return STATUS_INPUT;
        }
        if (i > 0)
            overflow |= __builtin_mul_overflow(size, t->dim[i], &size);
    }
    if (t->dim[0] % elements != 0) {
        log_error("%s: tensor '%s': found a width of %" PRIu64 ", expected a multiple of %" PRIu32
                  ", the block of %s",
                  g->path, t->name, t->dim[0], elements, quant_name(t->type));
        return STATUS_INPUT;
    }
    overflow |= __builtin_mul_overflow(size, (uint64_t)quant_block_bytes(t->type), &size);
    if (overflow) {
        log_error("%s: tensor '%s': found %" PRIu64 " x %" PRIu64 " x %" PRIu64 " x %" PRIu64
                  " elements, expected a size that fits 64 bits",
                  g->path, t->name, t->dim[0], t->dim[1], t->dim[2], t->dim[3]);
        return STATUS_INPUT;
    }
    t->size = size;
    return STATUS_OK;
}

/* Turns the offset in the data section into one in the file. */
static enum status place(const struct gguf *g, struct tensor *t, uint64_t alignment)
{
    uint64_t begin, end, file_size = g->map.size;

    if (t->offset % alignment != 0) {
        log_error("%s: tensor '%s': found data offset %" PRIu64
                  ", expected a multiple of the alignment %" PRIu64,
                  g->path, t->name, t->offset, alignment);
        return STATUS_INPUT;
    }
    if (__builtin_add_overflow(g->data_begin, t->offset, &begin) ||
        __builtin_add_overflow(begin, t->size, &end) || end > file_size) {
        log_error("%s: tensor '%s': found a file of %" PRIu64
                  " bytes (truncated?), expected %" PRIu64 " bytes of data at offset %" PRIu64
                  " of the data section, which begins at %" PRIu64,
                  g->path, t->name, file_size, t->size, t->offset, g->data_begin);
        return STATUS_INPUT;
    }
    t->offset = begin;
    t->data = g->map.data + begin;
    return STATUS_OK;
}

static int order_offsets(const void *a, const void *b)
{
    const struct tensor *x = *(const struct tensor *const *)a;
    const struct tensor *y = *(const struct tensor *const *)b;

    return (x->offset > y->offset) - (x->offset < y->offset);
}

static enum status check_overlap(const struct gguf *g)
{
    size_t count = (size_t)g->tensor_count;
    const struct tensor **sorted = arena_array(&g->store->arena, count, sizeof(*sorted));

    if (!sorted)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &g->store->tensor[i];
    qsort(sorted, count, sizeof(*sorted), order_offsets);
    for (size_t i = 1; i < count; i++) {
        const struct tensor *a = sorted[i - 1], *b = sorted[i];
        if (a->offset + a->size > b->offset) {
            log_error("%s: tensor '%s': found its data at byte %" PRIu64
                      ", expected it after the end of tensor '%s' at byte %" PRIu64,
                      g->path, b->name, b->offset, a->name, a->offset + a->size);
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

enum status gguf_layout(struct gguf *gguf, uint64_t info_end)
{
    uint64_t alignment;
    enum status st = read_alignment(gguf, &alignment);

    if (st)
        return st;
    gguf->data_begin = (info_end + alignment - 1) / alignment * alignment;
    for (uint64_t i = 0; i < gguf->tensor_count && !st; i++) {
        struct tensor *t = &gguf->store->tensor[i];
        st = measure(gguf, t);
        if (!st)
            st = place(gguf, t, alignment);
    }
    return st ? st : check_overlap(gguf);
}
