/* SPDX-License-Identifier: MIT */
/* A barrier for the threads of a pass that stays cheap when other programs use the cores too. */
#ifndef VKFI_CPU_CPU_TEAM_H
#define VKFI_CPU_CPU_TEAM_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CPU_TEAM_SPINS 2000 /* polls before a thread sleeps: about 40 us, a wait and a wake-up */

/* Nobody has arrived while the counters are 0. */
struct cpu_team {
    uint32_t spins; /* CPU_TEAM_SPINS, or 0 where threads outnumber the cores */
    _Alignas(64) atomic_uint arrived;
    _Alignas(64) atomic_uint phase; /* what sleepers wait for (futex(2)) */
    atomic_uint sleepers;
};

/* Returns when all `threads` have called it; all then see what they wrote before. */
static inline void cpu_team_wait(struct cpu_team *team, uint32_t threads)
{
    const unsigned phase = atomic_load_explicit(&team->phase, memory_order_relaxed);

    if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == threads) {
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        /* Either a sleeper is counted before this, or the kernel shows it the new phase. */
        atomic_store(&team->phase, phase + 1);
        if (atomic_load(&team->sleepers) > 0)
            syscall(SYS_futex, &team->phase, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
        return;
    }
    for (uint32_t i = 0; i < team->spins; i++) {
        if (atomic_load_explicit(&team->phase, memory_order_acquire) != phase)
            return;
        __builtin_ia32_pause();
    }
    atomic_fetch_add(&team->sleepers, 1);
    while (atomic_load(&team->phase) == phase)
        syscall(SYS_futex, &team->phase, FUTEX_WAIT_PRIVATE, phase, NULL, NULL, 0);
    atomic_fetch_sub(&team->sleepers, 1);
}

#endif
