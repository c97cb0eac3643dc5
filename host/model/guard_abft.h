/* SPDX-License-Identifier: MIT */
/* Tables of the guard GUARD_ABFT: check sums of a linear op's weights, from the file, and the bound
 * that no clean evaluation exceeds (NUMERICS.md 7). */
#ifndef VKFI_MODEL_GUARD_ABFT_H
#define VKFI_MODEL_GUARD_ABFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "model/gguf.h"
#include "model/graph.h"
#include "model/guard.h"
#include "model/storage.h"
#include "shared/abft.h"

/* Of one LINEAR node. */
struct guard_abft {
    float *words;       /* (parts, part_words), 64-byte aligned; null: not made yet; owned */
    uint32_t parts;     /* of equally many rows, the last of what is left */
    uint32_t part_rows; /* a multiple of ABFT_LANES */
    uint32_t part_words;
};

/* Words of head and rows of c, c2 and a (shared/abft.h). */
static inline const float *guard_abft_part(const struct guard_abft *table, uint32_t part)
{
    return table->words + (size_t)part * table->part_words;
}

/* Words of all parts. */
static inline size_t guard_abft_words(const struct guard_abft *table)
{
    return (size_t)table->parts * table->part_words;
}

/* Sums say nothing of results that are capped. */
static inline bool guard_abft_checks(const struct node *node)
{
    return node->op == OP_LINEAR && node->cap == 0;
}

/* Makes those of `nodes` (n) that can be checked and are not made yet, in `tables` (graph.count),
 * with all cores. Weights are read by gguf_stored, so that no fault of stored ones, whenever it
 * struck, is summed. STATUS_MEMORY, STATUS_IO (logged): none of them is made. */
struct guard_abft_params {
    const struct graph *graph;
    const struct gguf *gguf; /* of its tensors; null: they are in memory alone */
    enum storage act;        /* of the activations */
    const uint32_t *nodes;
    uint32_t n;
};
enum status guard_abft_make(struct guard_abft *tables,
                            const struct guard_abft_params *params) STATUS_MUST_USE;

void guard_abft_finish(struct guard_abft *tables, uint32_t n);

/* Sums of one column and part in the order of NUMERICS.md 7. */
struct guard_abft_sums {
    float c, c2, a;    /* c.x, c2.x, a.|x| */
    uint32_t largest;  /* magnitude of x, as bits */
    float y, y2, size; /* of the outputs, with the rows' weights, of their magnitudes */
};

/* The verdict on a part (shared/abft.h); `head`: guard_abft_part. */
void guard_abft_judge(uint32_t out[GUARD_WORDS], const float *head,
                      const struct guard_abft_sums *sums, float factor);

/* The verdict of a guard from those of its parts: (parts, GUARD_WORDS) as shared/abft.h names the
 * words. Alarm becomes 1 + the first part that alarms, 0: none, and the others are of this part, or
 * of the first. */
void guard_abft_join(uint32_t out[GUARD_WORDS], const uint32_t *parts, uint32_t n);

/* Rows of the node that a verdict points to: out, rising, their number (at most
 * GUARD_ABFT_CANDIDATES). 0: no alarm, or the deviation is too small, or has too many rows, to
 * tell. */
#define GUARD_ABFT_CANDIDATES (ABFT_ROWS / ABFT_WEIGHTS + 1)
uint32_t guard_abft_rows(uint32_t out[GUARD_ABFT_CANDIDATES], const struct guard_abft *table,
                         uint32_t rows, const uint32_t verdict[GUARD_WORDS]);

#endif
