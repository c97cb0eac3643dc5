/* SPDX-License-Identifier: MIT */
/* The shadow of K and V: the top bits of each stored element, packed, with sums of each row and a
 * CRC32C of each page of 32 positions. */
#ifndef VKFI_MITIGATIONS_KV_SHADOW_H
#define VKFI_MITIGATIONS_KV_SHADOW_H

#include "model/executor_kv.h"

/* K or V of a layer. */
struct kv_shadow_plane {
    uint32_t layer;
    bool value;
    uint32_t bits;          /* kept of an element, from the top: 1 to its width */
    uint32_t mask;          /* of these */
    uint32_t row_bytes;     /* packed */
    size_t rows, sums, crc; /* offsets in a run's memory: (positions, row_bytes), (positions) struct
                               kv_shadow_row, (pages) words */
};

struct kv_shadow_row {
    struct kv_sums full, top; /* of a row: of all bits as stored, and of the bits kept */
};

/* Where planes lie in the memory of a run. */
struct kv_shadow {
    const struct executor *ex;
    struct kv_shadow_plane *plane; /* (n) layers rising */
    uint32_t n;
    uint32_t width;     /* bits of an element */
    uint32_t features;  /* of a row */
    uint32_t *weight;   /* (halves of a row) sums_weight */
    size_t first, size; /* offset of the first plane, bytes of all */
};

/* Sets mask, sizes and offsets of the planes from their bits; `first`: offset of the first. */
void kv_shadow_place(struct kv_shadow *shadow, size_t first);

/* Keeps the row of a position; CRC of its page, whose earlier rows are kept. Returns the sums of
 * all its bits. */
struct kv_sums kv_shadow_keep(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                              void *memory, uint32_t position, const uint8_t *row);

/* Forgets rows from `position` on. A CRC that was wrong stays wrong. */
void kv_shadow_cut(const struct kv_shadow_plane *plane, void *memory, uint32_t position,
                   uint32_t count);

/* Sums of the kept bits, or all, of `n` rows from `position` on, in their page. */
struct kv_sums kv_shadow_sums(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                              const void *memory, struct kv_span span, bool full);

/* Whether the page's shadow has its CRC: of the rows of the span. */
bool kv_shadow_valid(const struct kv_shadow_plane *plane, const void *memory, struct kv_span span);

/* Whether the kept bits of the span's rows have the sums noted for them; takes sums and CRC anew.
 * `room`: a row. */
bool kv_shadow_agrees(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                      void *memory, struct kv_span span, uint8_t *room);
void kv_shadow_mend(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                    void *memory, struct kv_span span, uint8_t *room);

/* The kept bits of a position over those of a row. */
void kv_shadow_merge(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                     const void *memory, uint32_t position, uint8_t *row);

#endif
