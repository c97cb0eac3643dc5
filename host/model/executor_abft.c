/* SPDX-License-Identifier: MIT */
/* Tables of check sums: bounds of spans, and a table beside the one that the file gives. */
#include "model/executor_abft.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static struct guard_abft *tables_of(uint32_t nodes)
{
    struct guard_abft *tables = calloc(nodes, sizeof(*tables));

    if (!tables)
        log_error("no host memory for the check sums of %" PRIu32 " nodes", nodes);
    return tables;
}

static enum status make(const struct executor *ex, struct guard_abft *tables, const uint32_t *nodes,
                        uint32_t n)
{
    return guard_abft_make(tables, &(struct guard_abft_params){.graph = &ex->model->graph,
                                                               .gguf = ex->model->gguf,
                                                               .act = ex->act,
                                                               .nodes = nodes,
                                                               .n = n});
}

enum status executor_abft_make(struct executor *ex, const uint32_t *nodes, uint32_t n)
{
    if (!ex->abft)
        ex->abft = tables_of(ex->model->graph.count);
    if (!ex->abft)
        return STATUS_MEMORY;
    return make(ex, ex->abft, nodes, n);
}

static enum status check(const struct executor *ex, const struct abft_span *span)
{
    const bool known = ex->abft && span->node < ex->model->graph.count;
    const size_t words = known ? guard_abft_words(&ex->abft[span->node]) : 0;

    if (span->first < words && span->n > 0 && span->n <= words - span->first)
        return STATUS_OK;
    log_error("check sums of node %" PRIu32 ": found words %" PRIu32 " to %" PRIu64
              ", expected them among %zu",
              span->node, span->first, (uint64_t)span->first + span->n, words);
    return STATUS_USAGE;
}

enum status executor_abft_read(struct executor *ex, const struct abft_span *span, uint32_t *out)
{
    const enum status st = check(ex, span);
    return st ? st : ex->ops->abft->read(ex, span, out);
}

enum status executor_abft_write(struct executor *ex, const struct abft_span *span,
                                const uint32_t *words)
{
    const enum status st = check(ex, span);
    return st ? st : ex->ops->abft->write(ex, span, words);
}

/* The device's words beside those of the file: `room` (as many). */
static enum status restore(struct executor *ex, uint32_t node, const struct guard_abft *file,
                           uint32_t *room, bool *out_damaged)
{
    const struct abft_span span = {node, 0, (uint32_t)guard_abft_words(file)};
    const size_t size = span.n * sizeof(*room);
    enum status st = executor_abft_read(ex, &span, room);

    *out_damaged = !st && memcmp(room, file->words, size) != 0;
    memcpy(room, file->words, size);
    memcpy(ex->abft[node].words, room, size); /* a Vulkan device takes later uploads from there */
    return *out_damaged ? executor_abft_write(ex, &span, room) : st;
}

enum status executor_abft_restore(struct executor *ex, uint32_t node, bool *out_damaged)
{
    const uint32_t nodes = ex->model->graph.count;
    struct guard_abft *file = tables_of(nodes);
    uint32_t *room = NULL;
    enum status st = file ? make(ex, file, &node, 1) : STATUS_MEMORY;

    *out_damaged = false;
    if (!st && !(room = malloc(guard_abft_words(&file[node]) * sizeof(*room)))) {
        log_error("no host memory for the check sums of node %" PRIu32, node);
        st = STATUS_MEMORY;
    }
    if (!st)
        st = restore(ex, node, &file[node], room, out_damaged);
    free(room);
    guard_abft_finish(file, nodes);
    return st;
}
