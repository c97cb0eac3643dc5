/* SPDX-License-Identifier: MIT */
/* Stored entries of K and V from outside a run: read, written, summed on the device. */
#ifndef VKFI_MODEL_EXECUTOR_KV_H
#define VKFI_MODEL_EXECUTOR_KV_H

#include "model/executor.h"
#include "shared/sums.h"

/* The row of a position: n_head_kv * head_dim features of K or of V as stored, 16 or 32 bits each,
 * little-endian. Its halves h_i are words of 16 bits, in order. */
uint32_t executor_kv_row(const struct executor *ex); /* bytes */

/* Over halves, modulo 2^32; half i of a page is half i mod n of the row of position i / n. One or
 * two flipped bits show by construction where a page has up to 2^16 halves (2,048 a position): in
 * the sum, or those of equal worth that rise and fall in `weighted`. Of a row, `weighted` and
 * `mixed` suffice. Larger patterns escape `mixed` once in 10^5. */
struct kv_sums {
    uint32_t sum;      /* sum of h_i */
    uint32_t weighted; /* sum of (i + 1) h_i */
    uint32_t mixed;    /* with odd pseudo-random weights of half and position (shared/sums.h) */
};

static inline bool executor_kv_differ(struct kv_sums a, struct kv_sums b)
{
    return a.sum != b.sum || a.weighted != b.weighted || a.mixed != b.mixed;
}

/* Sums of a row as a page counts its halves: those of the row alone, at a position. */
static inline struct kv_sums executor_kv_place(struct kv_sums row, uint32_t row_bytes,
                                               uint32_t position)
{
    const uint32_t before = position % KV_PAGE_POSITIONS * (row_bytes / 2);
    return (struct kv_sums){row.sum, row.weighted + before * row.sum,
                            row.mixed * sums_weight(SUMS_POSITION + position % KV_PAGE_POSITIONS)};
}

/* Of a row in host memory; `mask`: bits of each stored element that count. */
struct kv_sums executor_kv_sum_row(const struct executor *ex, const uint8_t *row, uint32_t mask);

/* The rows of spans (n), one span after the other. STATUS_USAGE (logged): nothing was stored there,
 * or a span leaves its page. */
enum status executor_kv_read(struct executor *ex, const struct kv_span *spans, uint32_t n,
                             uint8_t *out) STATUS_MUST_USE;

/* Writes rows, and tells the listeners. A page that is shared is copied first. */
enum status executor_kv_write(struct executor *ex, const struct kv_span *span,
                              const uint8_t *rows) STATUS_MUST_USE;

/* Sums of the spans (n), layers rising, as the device reads them, masked by `mask`; halves count
 * from the page's first position on: out (n). */
struct kv_check {
    struct kv_span span;
    uint32_t mask; /* bits of each stored element */
};
enum status executor_kv_sums(struct executor *ex, const struct kv_check *checks, uint32_t n,
                             struct kv_sums *out) STATUS_MUST_USE;

#endif
