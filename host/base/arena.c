/* SPDX-License-Identifier: MIT */
/* Arena blocks: bump allocation, freed together. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define ARENA_ALIGN 64
#define ARENA_BLOCK ((size_t)64 << 10)

struct arena_block {
    struct arena_block *next; /* owned; filled earlier, or larger than a common block */
    size_t size, used;        /* bytes, of `data` */
    _Alignas(ARENA_ALIGN) unsigned char data[];
};

void arena_finish(struct arena *arena)
{
    while (arena->head) {
        struct arena_block *next = arena->head->next;
        free(arena->head);
        arena->head = next;
    }
}

static struct arena_block *block_create(size_t size)
{
    struct arena_block *block = NULL;

    if (size <= SIZE_MAX - sizeof(*block))
        block = aligned_alloc(ARENA_ALIGN, sizeof(*block) + size);
    if (!block) {
        log_error("arena: out of host memory, %zu bytes wanted", size);
        return NULL;
    }
    block->next = NULL;
    block->size = size;
    block->used = 0;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *head = arena->head;
    struct arena_block *block = head;

    if (size > SIZE_MAX - ARENA_ALIGN) {
        log_error("arena: %zu bytes wanted, more than this machine can address", size);
        return NULL;
    }
    size = size ? (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1) : ARENA_ALIGN;
    if (!block || size > block->size - block->used) {
        block = block_create(size > ARENA_BLOCK / 4 ? size : ARENA_BLOCK);
        if (!block)
            return NULL;
        if (head && size > ARENA_BLOCK / 4) {
            /* Goes after the head block, whose rest stays in use. */
            block->next = head->next;
            head->next = block;
        } else {
            block->next = head;
            arena->head = block;
        }
    }
    void *out = block->data + block->used;
    block->used += size;
    return memset(out, 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        log_error("arena: %zu x %zu bytes wanted, more than this machine can address", count, size);
        return NULL;
    }
    return arena_alloc(arena, bytes);
}

char *arena_text(struct arena *arena, const char *text, size_t len)
{
    char *out = len < SIZE_MAX ? arena_alloc(arena, len + 1) : NULL;

    if (out && len > 0)
        memcpy(out, text, len);
    return out;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    char *out = NULL;

    va_start(args, fmt);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n >= 0)
        out = arena_alloc(arena, (size_t)n + 1);
    if (out) {
        va_start(args, fmt);
        vsnprintf(out, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    return out;
}
