/* SPDX-License-Identifier: MIT */
/* Tensors that hold several, one after the other: a tensor for each, or one matrix of all, over the
 * same bytes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/gguf_impl.h"

static enum status check(const struct gguf *g, const struct tensor *t,
                         const struct gguf_split *split)
{
    const uint64_t found = t->n_dims == 1 ? t->dim[0] : t->dim[1];
    uint64_t rows = 0;

    for (uint32_t i = 0; i < split->parts; i++) {
        const struct tensor *other = gguf_tensor(g, split->part[i].name);
        rows += split->part[i].rows;
        if (other && other != t) {
            log_error("%s: tensor '%s': found it beside '%s', expected one of the two", g->path,
                      other->name, t->name);
            return STATUS_INPUT;
        }
    }
    if (rows != found || t->n_dims > 2 || (t->n_dims == 1 && quant_block_elements(t->type) != 1)) {
        log_error("%s: tensor '%s': found %s with %" PRIu32 " dimensions and %" PRIu64
                  " rows, expected a matrix or a plain vector with %" PRIu64,
                  g->path, t->name, quant_name(t->type), t->n_dims, found, rows);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static enum status put_parts(struct gguf_store *store, const struct tensor *t,
                             const struct gguf_split *split, struct tensor *out)
{
    const uint64_t rows = t->n_dims == 1 ? t->dim[0] : t->dim[1], bytes = t->size / rows;
    uint64_t first = 0;

    for (uint32_t i = 0; i < split->parts; i++) {
        const struct gguf_part *part = &split->part[i];
        out[i] = *t;
        out[i].name = arena_text(&store->arena, part->name, strlen(part->name));
        if (!out[i].name)
            return STATUS_MEMORY;
        out[i].dim[t->n_dims - 1] = part->rows;
        out[i].offset += first * bytes;
        out[i].data += first * bytes;
        out[i].size = part->rows * bytes;
        first += part->rows;
    }
    return STATUS_OK;
}

static int order_names(const void *a, const void *b)
{
    return strcmp((*(struct tensor *const *)a)->name, (*(struct tensor *const *)b)->name);
}

/* How each tensor is split, null: not at all; and the tensors afterwards. */
static enum status plan(const struct gguf *g, const struct gguf_split *splits, size_t n,
                        const struct gguf_split **of, uint64_t *out_count)
{
    enum status st = STATUS_OK;

    *out_count = g->tensor_count;
    for (size_t i = 0; i < n && !st; i++) {
        const struct tensor *t = gguf_tensor(g, splits[i].name);
        if (!t)
            continue;
        st = check(g, t, &splits[i]);
        of[t->index] = &splits[i];
        *out_count += splits[i].parts - 1;
    }
    return st;
}

enum status gguf_split(struct gguf *gguf, const struct gguf_split *splits, size_t n)
{
    struct gguf_store *store = gguf->store;
    const struct gguf_split **of =
        arena_array(&store->arena, (size_t)gguf->tensor_count, sizeof(*of));
    uint64_t count, at = 0;
    enum status st = of ? plan(gguf, splits, n, of, &count) : STATUS_MEMORY;

    if (st || count == gguf->tensor_count)
        return st;
    struct tensor *tensors = arena_array(&store->arena, (size_t)count, sizeof(*tensors));
    struct tensor **by_name = arena_array(&store->arena, (size_t)count, sizeof(*by_name));
    if (!tensors || !by_name)
        return STATUS_MEMORY;
    for (uint64_t i = 0; i < gguf->tensor_count && !st; i++) {
        if (of[i])
            st = put_parts(store, &store->tensor[i], of[i], &tensors[at]);
        else
            tensors[at] = store->tensor[i];
        at += of[i] ? of[i]->parts : 1;
    }
    if (st)
        return st;
    for (uint64_t i = 0; i < count; i++) {
        tensors[i].index = (uint32_t)i;
        by_name[i] = &tensors[i];
    }
    qsort(by_name, (size_t)count, sizeof(*by_name), order_names);
    store->tensor = tensors;
    store->by_name = by_name;
    gguf->tensor_count = count;
    return STATUS_OK;
}

void gguf_flatten(struct gguf *gguf, const struct tensor *tensor)
{
    struct tensor *t = &gguf->store->tensor[tensor->index];

    t->dim[1] *= t->dim[2];
    t->dim[2] = 1;
    t->n_dims = 2;
}
