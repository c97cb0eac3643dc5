/* SPDX-License-Identifier: MIT */
/* Draws trials over all properties of a fault: all places, kinds, ranges, durations, controls and
 * tables, one or several faults a trial. */
#ifndef VKFI_TESTS_TRIAL_MIX_H
#define VKFI_TESTS_TRIAL_MIX_H

#include "../base/mute.h"
#include "base/rng.h"
#include "inject/space/widen.h"
#include "trial_bench.h"

#define TRIAL_MIX_FAULTS 3u /* most a trial */

static inline uint32_t trial_mix_below(struct rng *rng, uint32_t n)
{
    return (uint32_t)rng_below(rng, n);
}

static inline void trial_mix_control(struct fault *f, struct rng *rng, const struct trial_bench *b)
{
    static const enum kind kinds[] = {KIND_SET, KIND_FLIP, KIND_STALE, KIND_MIX};
    char site[32];
    f->control = (enum control)trial_mix_below(rng, CONTROL_COUNT);
    snprintf(site, sizeof(site), "control.%s", kinds_text(KINDS_CONTROL, f->control));
    struct fault found = *f;
    if (!fault_find(&found, b->model, site))
        return;
    found.position = f->position;
    found.kind = kinds[trial_mix_below(rng, 4)];
    found.mask = 1u << trial_mix_below(rng, 9);
    found.value = trial_mix_below(rng, 60);
    found.row = found.k = found.key = 0;
    found.duration = trial_mix_below(rng, 4) == 0 ? DURATION_PERMANENT : DURATION_TRANSIENT;
    found.position_count = found.duration == DURATION_PERMANENT ? FAULT_FOREVER : 1;
    *f = found;
}

static inline void trial_mix_table(struct fault *f, struct rng *rng, const struct trial_bench *b)
{
    struct fault found = *f;
    if (!fault_find(&found, b->model, "rope"))
        return;
    found.row = trial_mix_below(rng, b->golden.n_evaluated);
    found.k = trial_mix_below(rng, b->model->hp.rope_dim);
    found.key = 0;
    found.point = HOOK_MEM;
    found.kind = KIND_FLIP;
    found.mask = 1u << trial_mix_below(rng, 32);
    found.duration = DURATION_PERSISTENT;
    found.position_count = trial_mix_below(rng, 2) == 0 ? FAULT_FOREVER : 4;
    *f = found;
}

/* Kinds that draw_fault has not, ranges, durations. */
static inline void trial_mix_widen(struct fault *f, struct rng *rng, const struct trial_bench *b)
{
    const uint32_t width = fault_width(f, &b->bounds);
    f->kind = (enum kind)trial_mix_below(rng, KIND_COUNT);
    f->mask = (rng_u32(rng) | 1u) >> (32 - width);
    if (trial_mix_below(rng, 2) == 0)
        f->mask = 1u << trial_mix_below(rng, width);
    f->value = f->kind == KIND_SET ? rng_u32(rng) >> (32 - width) : 0x3fc00000u; /* 1.5 */
    f->low = 0xbf800000u;
    f->high = 0x3f800000u;
    f->from = trial_mix_below(rng, 4);
    f->key_low = b->params.n;
    f->key_high = rng_u64(rng);
    f->rate = 0;
    f->only_mask = trial_mix_below(rng, 5) == 0 ? 1u << trial_mix_below(rng, width) : 0;
    f->only_value = trial_mix_below(rng, 2) == 0 ? f->only_mask : 0;
    if (f->place == PLACE_OP) {
        static const enum duration durations[] = {DURATION_TRANSIENT, DURATION_INTERMITTENT,
                                                  DURATION_PERMANENT};
        f->duration = durations[trial_mix_below(rng, 3)];
        f->granularity = (enum granularity)trial_mix_below(rng, GRANULARITY_COUNT);
        f->rate = f->duration == DURATION_INTERMITTENT ? 0x20000000u : 0;
    }
    widen_fault(f, &b->bounds, &(struct widen){0}, STAGE_ANY);
    if (f->place != PLACE_OP && trial_mix_below(rng, 2) == 0)
        f->position_count = 5;
}

/* Fault `index` of trial `id`; drawn again until it is a valid one. */
static inline void trial_mix_fault(struct fault *out, const struct trial_bench *b, uint64_t id)
{
    const struct draw_params draw = {.bounds = &b->bounds,
                                     .first = 0,
                                     .count = b->golden.n_evaluated,
                                     .seed = TRIAL_BENCH_SEED + 1};
    struct rng rng;
    rng_init(&rng, TRIAL_BENCH_SEED + 2, id);
    for (uint64_t again = 0;; again++) {
        draw_fault(out, &draw, id + (again << 32));
        const uint32_t what = trial_mix_below(&rng, 10);
        if (what == 0)
            trial_mix_control(out, &rng, b);
        else if (what == 1)
            trial_mix_table(out, &rng, b);
        else if (what < 8)
            trial_mix_widen(out, &rng, b);
        if (fault_check(out, &b->bounds, "drawn fault") == STATUS_OK)
            return;
    }
}

static inline void trial_mix_draw(struct trial_bench *b, uint32_t count)
{
    struct rng rng;
    rng_init(&rng, TRIAL_BENCH_SEED, 99);
    b->count = count;
    b->fault = arena_array(&b->arena, count * TRIAL_MIX_FAULTS, sizeof(*b->fault));
    b->job = arena_array(&b->arena, count, sizeof(*b->job));
    assert_non_null(b->fault);
    assert_non_null(b->job);
    const int kept = mute_begin(); /* draws that are refused say why */
    for (uint32_t i = 0; i < count; i++) {
        struct fault *fault = b->fault + i * TRIAL_MIX_FAULTS;
        const uint32_t n = trial_mix_below(&rng, 4) == 0 ? 1 + trial_mix_below(&rng, 3) : 1;
        for (uint32_t k = 0; k < n; k++)
            trial_mix_fault(&fault[k], b, i * TRIAL_MIX_FAULTS + k);
        b->job[i] = (struct trial_job){.fault = fault, .n_faults = n};
    }
    mute_end(kept);
}

/* Goes back at about every fifth step, by what it has seen so far. */
static inline enum status trial_mix_stray(void *user, void *state, const struct decode_view *view,
                                          struct decode_verdict *out)
{
    uint32_t *looks = state;
    struct rng rng;
    (void)user;
    rng_init(&rng, 77 + view->token, ++*looks);
    if (rng_below(&rng, 5) == 0)
        out->back = 1 + (uint32_t)rng_below(&rng, rng_below(&rng, 4) == 0 ? 40 : 4);
    out->word = *looks;
    return STATUS_OK;
}

#endif
