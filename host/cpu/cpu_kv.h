/* SPDX-License-Identifier: MIT */
/* Place and stored bits of a K or V entry in its page.
 *
 * K: (kv heads, 2, head_dim, 16 positions): lanes are positions, so scores sum over features.
 * V: (kv heads, head_dim / 16 rounded up, 32 positions, 16 features): lanes are features. */
#ifndef VKFI_CPU_CPU_KV_H
#define VKFI_CPU_CPU_KV_H

#include "cpu/cpu_state.h"

/* The 32 positions of a page as the pools hold it: element size is that of the KV type. */
static inline uint8_t *cpu_kv_page(const struct cpu *cpu, bool value, uint32_t layer, uint32_t page)
{
    return cpu->pages[value] + ((size_t)layer * cpu->page_count + page) * cpu->page_bytes[value];
}

static inline size_t cpu_kv_index_k(uint32_t head_dim, uint32_t head, uint32_t feature,
                                    uint32_t position)
{
    const size_t half = position % KV_PAGE_POSITIONS / CPU_TILE;
    return ((head * (size_t)2 + half) * head_dim + feature) * CPU_TILE + position % CPU_TILE;
}

static inline size_t cpu_kv_index_v(uint32_t head_dim, uint32_t head, uint32_t feature,
                                    uint32_t position)
{
    const size_t tile = head * (size_t)order_ceil(head_dim, CPU_TILE) + feature / CPU_TILE;
    return (tile * KV_PAGE_POSITIONS + position % KV_PAGE_POSITIONS) * CPU_TILE +
           feature % CPU_TILE;
}

extern const struct executor_kv_ops cpu_kv_ops;

/* Weights of sums. */
enum status cpu_kv_open(struct cpu *cpu) STATUS_MUST_USE;

/* One stored entry: branch table, layer, position are the caller's; `feature` within the head. */
struct cpu_kv_at {
    bool value;
    uint32_t layer, page, head, feature, position;
};

static inline uint8_t *cpu_kv_entry(const struct cpu *cpu, const struct cpu_kv_at *at)
{
    const uint32_t head_dim = cpu_hparams(cpu)->head_dim;
    const size_t index = at->value ? cpu_kv_index_v(head_dim, at->head, at->feature, at->position)
                                   : cpu_kv_index_k(head_dim, at->head, at->feature, at->position);
    return cpu_kv_page(cpu, at->value, at->layer, at->page) +
           index * (storage_bits(cpu->base.kv_storage) / 8);
}

static inline uint32_t cpu_kv_read(const struct cpu *cpu, const struct cpu_kv_at *at)
{
    const uint8_t *entry = cpu_kv_entry(cpu, at);
    if (cpu->base.kv_storage == STORAGE_F32) {
        uint32_t bits;
        memcpy(&bits, entry, sizeof(bits));
        return bits;
    }
    uint16_t half;
    memcpy(&half, entry, sizeof(half));
    return half;
}

static inline void cpu_kv_write(const struct cpu *cpu, const struct cpu_kv_at *at, uint32_t bits)
{
    uint8_t *entry = cpu_kv_entry(cpu, at);
    if (cpu->base.kv_storage == STORAGE_F32) {
        memcpy(entry, &bits, sizeof(bits));
    } else {
        const uint16_t half = (uint16_t)bits;
        memcpy(entry, &half, sizeof(half));
    }
}

#endif
