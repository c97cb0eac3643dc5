/* SPDX-License-Identifier: MIT */
/* Working memory of one encoding: symbols, a queue of joins, the ids so far. */
#ifndef VKFI_MODEL_TOKENIZER_WORK_H
#define VKFI_MODEL_TOKENIZER_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define TOKENIZER_WORK_TEXT_MAX ((size_t)1 << 29) /* bytes in one call: 32-bit offsets suffice */

/* A part of the text that is one symbol for now: a link of a chain from symbols[0]. */
struct tokenizer_symbol {
    uint32_t start, size; /* bytes; size 0: joined into its left neighbour */
    int32_t prev, next;   /* -1: none */
    int32_t id;           /* -1: no token */
};

struct tokenizer_join {
    uint32_t priority; /* lower goes first; of equals the leftmost */
    int32_t id;        /* the token that the two become */
};

/* All zeros are a valid empty one. Reused for all pieces of a text. */
struct tokenizer_work {
    struct tokenizer_symbol *symbols; /* owned */
    size_t n_symbols, symbols_room;
    struct tokenizer_candidate *heap; /* owned */
    size_t n_heap, heap_room;
    int32_t *ids; /* owned: the result */
    size_t n_ids, ids_room;
    char *bytes; /* owned: the piece in the spelling of the vocabulary */
    size_t n_bytes, bytes_room;
    size_t dropped; /* bytes of the text that no token can spell */
};

/* Whether the two symbols, neighbours in the text, may be joined. */
typedef bool (*tokenizer_work_join)(const void *context, const struct tokenizer_symbol *left,
                                    const struct tokenizer_symbol *right,
                                    struct tokenizer_join *out);

void tokenizer_work_finish(struct tokenizer_work *work);

enum status tokenizer_work_put(struct tokenizer_work *work, int32_t id) STATUS_MUST_USE;

/* Room for `size` bytes in all. */
enum status tokenizer_work_bytes_room(struct tokenizer_work *work, size_t size) STATUS_MUST_USE;

/* Appends a symbol. */
enum status tokenizer_work_symbol(struct tokenizer_work *work, uint32_t start, uint32_t size,
                                  int32_t id) STATUS_MUST_USE;

/* Joins neighbours, best first, until no two can be joined: O(n log n) for n symbols. */
enum status tokenizer_work_run(struct tokenizer_work *work, tokenizer_work_join join,
                               const void *context) STATUS_MUST_USE;

#endif
