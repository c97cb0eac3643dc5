/* SPDX-License-Identifier: MIT */
/* How fast this machine's cores read memory together. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli_bench.h"

#define BUFFER_BYTES ((size_t)256 << 20) /* beyond any cache */
#define ROUNDS 5
#define THREADS_MAX 256
#define LANES 8

struct reader {
    pthread_t thread;
    uint64_t *data; /* (count) this thread's own part */
    size_t count;
    pthread_barrier_t *barrier;
    uint64_t sum; /* kept, so that the reads are not optimised away */
};

static uint64_t read_all(const uint64_t *data, size_t count)
{
    uint64_t sum[LANES] = {0};
    for (size_t i = 0; i + LANES <= count; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            sum[lane] += data[i + lane];
    }
    uint64_t total = 0;
    for (size_t lane = 0; lane < LANES; lane++)
        total += sum[lane];
    return total;
}

/* The thread writes its part first, so that the pages lie near it; then each round between two
 * barriers. */
static void *run_reader(void *user)
{
    struct reader *r = user;
    memset(r->data, 1, r->count * sizeof *r->data);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(r->barrier);
        r->sum += read_all(r->data, r->count);
        pthread_barrier_wait(r->barrier);
    }
    return NULL;
}

static double time_rounds(pthread_barrier_t *barrier)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(barrier);
        const double start = clock_seconds();
        pthread_barrier_wait(barrier);
        const double seconds = clock_seconds() - start;
        if (best == 0 || seconds < best)
            best = seconds;
    }
    return best;
}

enum status cli_bandwidth_cpu(double *out, uint32_t threads)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t n = threads > 0 ? threads : cores > 0 ? (uint32_t)cores : 1;
    struct reader reader[THREADS_MAX] = {0};
    pthread_barrier_t barrier;
    n = n > THREADS_MAX ? THREADS_MAX : n;
    const size_t count = BUFFER_BYTES / sizeof(uint64_t) / n;
    uint64_t *data = malloc(count * n * sizeof *data);
    if (!data || pthread_barrier_init(&barrier, NULL, n + 1) != 0) {
        free(data);
        log_error("out of memory for the bandwidth measurement, %zu bytes wanted", BUFFER_BYTES);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        reader[i] = (struct reader){.data = data + i * count, .count = count, .barrier = &barrier};
        if (pthread_create(&reader[i].thread, NULL, run_reader, &reader[i]) != 0) {
            /* Those that run wait at the barrier for ever: the process is about to end. */
            log_error("cannot start thread %u of %u", i + 1, n);
            return STATUS_MEMORY;
        }
    }
    *out = (double)(count * n * sizeof *data) / time_rounds(&barrier);
    for (uint32_t i = 0; i < n; i++)
        pthread_join(reader[i].thread, NULL);
    pthread_barrier_destroy(&barrier);
    free(data);
    return STATUS_OK;
}
