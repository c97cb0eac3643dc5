/* SPDX-License-Identifier: MIT */
/* Joins of neighbouring symbols, taken from a binary heap. */
#include "model/tokenizer_work.h"

#include <stdlib.h>

#include "base/log.h"

/* A join that was possible when found; stale once either side has changed. */
struct tokenizer_candidate {
    uint64_t key;   /* priority, then index of the left symbol: unique in the heap if not stale */
    uint32_t right; /* index of the right symbol */
    uint32_t size;  /* bytes of both */
    int32_t id;
};

void tokenizer_work_finish(struct tokenizer_work *work)
{
    free(work->symbols);
    free(work->heap);
    free(work->ids);
    free(work->bytes);
    *work = (struct tokenizer_work){0};
}

/* `data` with room for at least `need` items; null when memory is out (`data` stays valid). */
static void *grow(void *data, size_t *room, size_t need, size_t item)
{
    size_t next = *room ? *room : 64;

    if (need <= *room)
        return data;
    while (next < need)
        next *= 2;
    void *out = realloc(data, next * item);
    if (!out) {
        log_error("tokenizer: out of host memory, %zu bytes wanted", next * item);
        return NULL;
    }
    *room = next;
    return out;
}

enum status tokenizer_work_put(struct tokenizer_work *work, int32_t id)
{
    if (work->n_ids == work->ids_room) {
        int32_t *ids = grow(work->ids, &work->ids_room, work->n_ids + 1, sizeof(*ids));
        if (!ids)
            return STATUS_MEMORY;
        work->ids = ids;
    }
    work->ids[work->n_ids++] = id;
    return STATUS_OK;
}

enum status tokenizer_work_bytes_room(struct tokenizer_work *work, size_t size)
{
    char *bytes = grow(work->bytes, &work->bytes_room, size ? size : 1, 1);

    if (!bytes)
        return STATUS_MEMORY;
    work->bytes = bytes;
    return STATUS_OK;
}

enum status tokenizer_work_symbol(struct tokenizer_work *work, uint32_t start, uint32_t size,
                                  int32_t id)
{
    const size_t at = work->n_symbols;

    if (at == work->symbols_room) {
        struct tokenizer_symbol *symbols =
            grow(work->symbols, &work->symbols_room, at + 1, sizeof(*symbols));
        if (!symbols)
            return STATUS_MEMORY;
        work->symbols = symbols;
    }
    work->symbols[at] = (struct tokenizer_symbol){start, size, (int32_t)at - 1, -1, id};
    if (at > 0)
        work->symbols[at - 1].next = (int32_t)at;
    work->n_symbols++;
    return STATUS_OK;
}

static enum status push(struct tokenizer_work *work, struct tokenizer_candidate candidate)
{
    if (work->n_heap == work->heap_room) {
        struct tokenizer_candidate *room =
            grow(work->heap, &work->heap_room, work->n_heap + 1, sizeof(*room));
        if (!room)
            return STATUS_MEMORY;
        work->heap = room;
    }
    struct tokenizer_candidate *heap = work->heap;
    size_t at = work->n_heap++;
    while (at > 0 && heap[(at - 1) / 2].key > candidate.key) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = candidate;
    return STATUS_OK;
}

static struct tokenizer_candidate pop(struct tokenizer_work *work)
{
    struct tokenizer_candidate *heap = work->heap;
    const struct tokenizer_candidate best = heap[0];
    const struct tokenizer_candidate last = heap[--work->n_heap];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < work->n_heap && heap[child + 1].key < heap[child].key)
            child++;
        if (child >= work->n_heap || heap[child].key >= last.key)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return best;
}

/* The search for joins of one text. */
struct search {
    struct tokenizer_work *work;
    tokenizer_work_join join;
    const void *context;
};

static enum status try_join(const struct search *search, int32_t left, int32_t right)
{
    const struct tokenizer_symbol *symbols = search->work->symbols;
    struct tokenizer_join join;

    if (left < 0 || right < 0 ||
        !search->join(search->context, &symbols[left], &symbols[right], &join))
        return STATUS_OK;
    return push(search->work, (struct tokenizer_candidate){
                                  .key = (uint64_t)join.priority << 32 | (uint32_t)left,
                                  .right = (uint32_t)right,
                                  .size = symbols[left].size + symbols[right].size,
                                  .id = join.id,
                              });
}

enum status tokenizer_work_run(struct tokenizer_work *work, tokenizer_work_join join,
                               const void *context)
{
    const struct search search = {work, join, context};
    struct tokenizer_symbol *symbols = work->symbols;
    enum status st = STATUS_OK;

    work->n_heap = 0;
    for (size_t i = 1; i < work->n_symbols && !st; i++)
        st = try_join(&search, (int32_t)i - 1, (int32_t)i);
    while (work->n_heap > 0 && !st) {
        const struct tokenizer_candidate c = pop(work);
        const int32_t left = (int32_t)(uint32_t)c.key;
        struct tokenizer_symbol *a = &symbols[left], *b = &symbols[c.right];
        if (a->size == 0 || b->size == 0 || a->size + b->size != c.size)
            continue;
        a->size = c.size;
        a->id = c.id;
        a->next = b->next;
        b->size = 0;
        if (b->next >= 0)
            symbols[b->next].prev = left;
        st = try_join(&search, a->prev, left);
        if (!st)
            st = try_join(&search, left, a->next);
    }
    return st;
}
