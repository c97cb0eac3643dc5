/* SPDX-License-Identifier: MIT */
/* A barrier for the threads of a pass that stays cheap when other programs want the cores too. */
#ifndef VKFI_CPU_CPU_TEAM_H
#define VKFI_CPU_CPU_TEAM_H

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#define CPU_TEAM_SPINS 50000 /* looks before the core is offered to others: about 1 ms */

/* Nobody has arrived while the two counters are 0. */
struct cpu_team {
    uint32_t spins; /* CPU_TEAM_SPINS, or 0 where threads outnumber the cores */
    _Alignas(64) atomic_uint arrived;
    _Alignas(64) atomic_uint phase;
};

/* Returns when all `threads` have called it; what they wrote before is seen by all. */
static inline void cpu_team_wait(struct cpu_team *team, uint32_t threads)
{
    const unsigned phase = atomic_load_explicit(&team->phase, memory_order_relaxed);

    if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == threads) {
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&team->phase, phase + 1, memory_order_release);
        return;
    }
    for (uint32_t i = 0; atomic_load_explicit(&team->phase, memory_order_acquire) == phase; i++) {
        if (i < team->spins)
            __builtin_ia32_pause();
        else
            sched_yield();
    }
}

#endif
