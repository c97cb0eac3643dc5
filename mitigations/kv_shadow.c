/* SPDX-License-Identifier: MIT */
/* Packs, sums and checks kept bits. */
#include "mitigations/kv_shadow.h"

#include <string.h>

#include "base/crc32c.h"

static uint8_t *row_of(const struct kv_shadow_plane *plane, const void *memory, uint32_t position)
{
    return (uint8_t *)(uintptr_t)memory + plane->rows + (size_t)position * plane->row_bytes;
}

static struct kv_shadow_row *sums_of(const struct kv_shadow_plane *plane, const void *memory,
                                     uint32_t position)
{
    return (struct kv_shadow_row *)(void *)((uint8_t *)(uintptr_t)memory + plane->sums) + position;
}

static uint32_t *crc_of(const struct kv_shadow_plane *plane, const void *memory, uint32_t position)
{
    return (uint32_t *)(void *)((uint8_t *)(uintptr_t)memory + plane->crc) +
           position / KV_PAGE_POSITIONS;
}

void kv_shadow_place(struct kv_shadow *shadow, size_t first)
{
    const uint32_t positions = shadow->ex->positions;
    const size_t pages = (positions + KV_PAGE_POSITIONS - 1) / KV_PAGE_POSITIONS;
    size_t at = first;
    for (uint32_t i = 0; i < shadow->n; i++) {
        struct kv_shadow_plane *plane = &shadow->plane[i];
        plane->mask = (uint32_t)((UINT64_C(1) << shadow->width) -
                                 (UINT64_C(1) << (shadow->width - plane->bits)));
        plane->row_bytes = (shadow->features * plane->bits + 7) / 8;
        plane->sums = at;
        plane->crc = plane->sums + positions * sizeof(struct kv_shadow_row);
        plane->rows = plane->crc + pages * sizeof(uint32_t);
        at = (plane->rows + (size_t)positions * plane->row_bytes + 15) / 16 * 16;
    }
    shadow->first = first;
    shadow->size = at - first;
}

static uint32_t element(const uint8_t *row, uint32_t i, uint32_t bytes)
{
    uint32_t bits = 0;
    memcpy(&bits, row + (size_t)i * bytes, bytes);
    return bits;
}

/* The kept bits of a row, one after the other, lowest bits of a byte first. */
static void pack(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                 const uint8_t *row, uint8_t *out)
{
    const uint32_t drop = shadow->width - plane->bits;
    const uint32_t bytes = shadow->width / 8, kept = plane->bits / 8;
    uint64_t held = 0;
    uint32_t n = 0;
    if (plane->bits == shadow->width) {
        memcpy(out, row, (size_t)shadow->features * bytes);
        return;
    }
    if (plane->bits % 8 == 0) { /* whole bytes */
        for (uint32_t i = 0; i < shadow->features; i++) {
            for (uint32_t k = 0; k < kept; k++)
                *out++ = row[i * bytes + bytes - kept + k];
        }
        return;
    }
    for (uint32_t i = 0; i < shadow->features; i++) {
        held |= (uint64_t)(element(row, i, shadow->width / 8) >> drop) << n;
        for (n += plane->bits; n >= 8; n -= 8, held >>= 8)
            *out++ = (uint8_t)held;
    }
    if (n > 0)
        *out = (uint8_t)held;
}

static uint32_t unpack(const struct kv_shadow_plane *plane, const uint8_t *packed, uint32_t i)
{
    uint64_t bits = 0;
    const uint32_t at = i * plane->bits, end = at + plane->bits;
    for (uint32_t byte = at / 8; byte * 8 < end; byte++)
        bits |= (uint64_t)packed[byte] << (byte - at / 8) * 8;
    return (uint32_t)(bits >> at % 8 & ((UINT64_C(1) << plane->bits) - 1));
}

void kv_shadow_merge(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                     const void *memory, uint32_t position, uint8_t *row)
{
    const uint8_t *packed = row_of(plane, memory, position);
    const uint32_t bytes = shadow->width / 8, drop = shadow->width - plane->bits;
    for (uint32_t i = 0; i < shadow->features; i++) {
        const uint32_t kept = unpack(plane, packed, i) << drop;
        const uint32_t bits = (element(row, i, bytes) & ~plane->mask) | kept;
        memcpy(row + (size_t)i * bytes, &bits, bytes);
    }
}

static uint32_t crc_rows(const struct kv_shadow_plane *plane, const void *memory, uint32_t first,
                         uint32_t end)
{
    return crc32c_add(0, row_of(plane, memory, first), (size_t)(end - first) * plane->row_bytes);
}

static void add_half(struct kv_sums *sums, uint32_t half, uint32_t place, uint32_t weight)
{
    sums->sum += half;
    sums->weighted += place * half;
    sums->mixed += weight * half;
}

/* executor_kv_sum_row of all bits and of those kept. */
static struct kv_shadow_row sum_row(const struct kv_shadow *shadow,
                                    const struct kv_shadow_plane *plane, const uint8_t *row)
{
    const uint32_t n = shadow->features * shadow->width / 16;
    const uint32_t mask[] = {plane->mask & 0xffff,
                             shadow->width == 32 ? plane->mask >> 16 : plane->mask & 0xffff};
    struct kv_shadow_row sums = {0};
    for (uint32_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, row + 2 * (size_t)i, sizeof(half));
        add_half(&sums.full, half, i + 1, shadow->weight[i]);
        add_half(&sums.top, half & mask[i % 2], i + 1, shadow->weight[i]);
    }
    return sums;
}

struct kv_sums kv_shadow_keep(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                              void *memory, uint32_t position, const uint8_t *row)
{
    uint32_t *crc = crc_of(plane, memory, position);
    uint8_t *packed = row_of(plane, memory, position);
    struct kv_shadow_row *sums = sums_of(plane, memory, position);
    pack(shadow, plane, row, packed);
    *sums = sum_row(shadow, plane, row);
    *crc = crc32c_add(position % KV_PAGE_POSITIONS ? *crc : 0, packed, plane->row_bytes);
    return sums->full;
}

void kv_shadow_cut(const struct kv_shadow_plane *plane, void *memory, uint32_t position,
                   uint32_t count)
{
    const uint32_t first = position - position % KV_PAGE_POSITIONS;
    const uint32_t end = count < first + KV_PAGE_POSITIONS ? count : first + KV_PAGE_POSITIONS;
    uint32_t *crc = crc_of(plane, memory, position);
    if (position == first || end <= position)
        return;
    const bool valid = crc_rows(plane, memory, first, end) == *crc;
    *crc = crc_rows(plane, memory, first, position) ^ (valid ? 0 : 1);
}

struct kv_sums kv_shadow_sums(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                              const void *memory, struct kv_span span, bool full)
{
    const uint32_t bytes = shadow->features * (shadow->width / 8);
    struct kv_sums out = {0};
    for (uint32_t position = span.position; position < span.position + span.n; position++) {
        const struct kv_shadow_row *row = sums_of(plane, memory, position);
        const struct kv_sums one = executor_kv_place(full ? row->full : row->top, bytes, position);
        out.sum += one.sum;
        out.weighted += one.weighted;
        out.mixed += one.mixed;
    }
    return out;
}

bool kv_shadow_valid(const struct kv_shadow_plane *plane, const void *memory, struct kv_span span)
{
    const uint32_t first = span.position - span.position % KV_PAGE_POSITIONS;
    return crc_rows(plane, memory, first, span.position + span.n) == *crc_of(plane, memory, first);
}

/* The sums of the bits kept of a position. */
static struct kv_sums kept_sums(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                                const void *memory, uint32_t position, uint8_t *room)
{
    memset(room, 0, (size_t)shadow->features * (shadow->width / 8));
    kv_shadow_merge(shadow, plane, memory, position, room);
    return executor_kv_sum_row(shadow->ex, room, plane->mask);
}

bool kv_shadow_agrees(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                      void *memory, struct kv_span span, uint8_t *room)
{
    bool agrees = true;
    for (uint32_t i = 0; i < span.n; i++) {
        const struct kv_sums kept = kept_sums(shadow, plane, memory, span.position + i, room);
        const struct kv_sums noted = sums_of(plane, memory, span.position + i)->top;
        agrees = agrees && !executor_kv_differ(kept, noted);
    }
    return agrees;
}

void kv_shadow_mend(const struct kv_shadow *shadow, const struct kv_shadow_plane *plane,
                    void *memory, struct kv_span span, uint8_t *room)
{
    const uint32_t first = span.position - span.position % KV_PAGE_POSITIONS;
    for (uint32_t i = 0; i < span.n; i++)
        sums_of(plane, memory, span.position + i)->top =
            kept_sums(shadow, plane, memory, span.position + i, room);
    *crc_of(plane, memory, first) = crc_rows(plane, memory, first, span.position + span.n);
}
