/* SPDX-License-Identifier: MIT */
/* An executor's pages without an executor: random K and V for tests of attention. */
#ifndef VKFI_TESTS_CPU_ATTENTION_H
#define VKFI_TESTS_CPU_ATTENTION_H

#include "forms.h"

#include "cpu/cpu_kv.h"

enum { ATTENTION_POSITIONS = 640, ATTENTION_BLOCKS = ATTENTION_POSITIONS / 32 };

struct attention {
    struct model model;
    struct cpu cpu;
    uint32_t table[ATTENTION_BLOCKS];
    struct cpu_attention job;
    float *q, *scores, *out, *panel;
};

static const uint32_t ATTENTION_DIMS[] = {8, 16, 32, 40, 64, 72, 96, 128, 256};
#define ATTENTION_CASES 90u

/* Case `index` of sizes of heads, KV types and moods: `heads` query heads on the second of two K/V
 * heads. */
static inline void attention_init(struct attention *a, struct rng *rng, uint32_t index)
{
    const uint32_t head_dim = ATTENTION_DIMS[index % 9], heads = 1 + rng_u32(rng) % 9;
    const enum storage kv = (enum storage)(index % STORAGE_COUNT);
    const enum forms_mood mood = (enum forms_mood)(index / 3 % FORMS_MOODS);

    *a = (struct attention){0};
    a->model.hp =
        (struct hparams){.n_layers = 2, .n_head = 2 * heads, .n_head_kv = 2, .head_dim = head_dim};
    a->cpu.base = (struct executor){.model = &a->model, .kv_storage = kv, .act = STORAGE_F32};
    a->cpu.page_count = ATTENTION_BLOCKS;
    a->cpu.page_bytes[0] = (size_t)2 * head_dim * 32 * (storage_bits(kv) / 8);
    a->cpu.page_bytes[1] = (size_t)2 * order_ceil(head_dim, 16) * 16 * 32 * (storage_bits(kv) / 8);
    for (int value = 0; value < 2; value++)
        a->cpu.pages[value] = forms_memory(2 * ATTENTION_BLOCKS, a->cpu.page_bytes[value]);
    for (uint32_t b = 0; b < ATTENTION_BLOCKS; b++)
        a->table[b] = (b * 7 + 3) % ATTENTION_BLOCKS;
    a->q = forms_memory(heads, head_dim * sizeof(float));
    a->out = forms_memory(heads, head_dim * sizeof(float));
    a->scores = forms_memory(heads, ATTENTION_POSITIONS * sizeof(float));
    a->panel = forms_memory(CPU_HEADS, ATTENTION_POSITIONS * sizeof(float));
    forms_fill(rng, mood, a->q, (size_t)heads * head_dim);
    a->job = (struct cpu_attention){.cpu = &a->cpu,
                                    .table = a->table,
                                    .layer = 1,
                                    .kv_head = 1,
                                    .heads = heads,
                                    .q = a->q,
                                    .scores = a->scores,
                                    .probs = a->scores,
                                    .score_stride = ATTENTION_POSITIONS,
                                    .out = a->out,
                                    .panel = a->panel};
    a->job.last = rng_u32(rng) % ATTENTION_POSITIONS;
    a->job.first = rng_u32(rng) % 2 ? 0 : rng_u32(rng) % (a->job.last + 1);
    for (uint32_t p = a->job.first; p <= a->job.last; p++) {
        for (uint32_t f = 0; f < head_dim; f++) {
            for (int value = 0; value < 2; value++) {
                const struct cpu_kv_at at = {.value = value != 0,
                                             .layer = 1,
                                             .page = a->table[p / 32],
                                             .head = 1,
                                             .feature = f,
                                             .position = p};
                cpu_kv_write(&a->cpu, &at, nm_store(lang_bits(forms_number(rng, mood)), kv));
            }
        }
    }
}

static inline void attention_finish(struct attention *a)
{
    for (int value = 0; value < 2; value++)
        free(a->cpu.pages[value]);
    free(a->q);
    free(a->out);
    free(a->scores);
    free(a->panel);
}

#endif
