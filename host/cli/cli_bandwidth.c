/* SPDX-License-Identifier: MIT */
/* How fast this machine's cores read memory together. */
#include <math.h>
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
    pthread_barrier_t *barrier; /* of the readers */
    double begin[ROUNDS], end[ROUNDS];
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

/* The thread writes its part first, so that the pages lie near it; then rounds that begin together.
 * It takes the times itself: a thread that only watches may be woken when a round is half over. */
static void *run_reader(void *user)
{
    struct reader *r = user;
    memset(r->data, 1, r->count * sizeof(*r->data));
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(r->barrier);
        r->begin[round] = clock_seconds();
        r->sum += read_all(r->data, r->count);
        r->end[round] = clock_seconds();
    }
    return NULL;
}

/* Of the fastest round, from the first reader's begin to the last one's end. */
static double shortest_round(const struct reader *reader, uint32_t n)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = reader[0].begin[round], end = reader[0].end[round];
        for (uint32_t i = 1; i < n; i++) {
            begin = fmin(begin, reader[i].begin[round]);
            end = fmax(end, reader[i].end[round]);
        }
        best = round == 0 ? end - begin : fmin(best, end - begin);
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
    uint64_t *data = malloc(count * n * sizeof(*data));
    if (!data || pthread_barrier_init(&barrier, NULL, n) != 0) {
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
    for (uint32_t i = 0; i < n; i++)
        pthread_join(reader[i].thread, NULL);
    *out = (double)(count * n * sizeof(*data)) / shortest_round(reader, n);
    pthread_barrier_destroy(&barrier);
    free(data);
    return STATUS_OK;
}
