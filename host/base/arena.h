/* SPDX-License-Identifier: MIT */
/* Memory that is freed all at once: what a parsed file or a plan keeps. */
#ifndef VKFI_BASE_ARENA_H
#define VKFI_BASE_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *head; /* owned */
};

/* An arena of all zeros is a valid empty arena. */
void arena_finish(struct arena *arena);

/* Zeroed, 64-byte aligned; null only when host memory is out (logged). */
void *arena_alloc(struct arena *arena, size_t size);

/* count * size, null also on overflow. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A null-terminated copy of `len` bytes. */
char *arena_text(struct arena *arena, const char *text, size_t len);

__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *arena, const char *fmt, ...);

#endif
