/* SPDX-License-Identifier: MIT */
/* Many threads at once: sessions of one device, devices of one model, one session by two threads,
 * cancelling from outside; every run has the bits of one alone. */
#include "lib_bench.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"

#define THREADS 4u
#define ROUNDS 6u

static vkfi_model *model;
static struct lib_bench_run alone[THREADS];

static vkfi_device *open_device(const char *options)
{
    vkfi_device *device;
    LIB_BENCH_OK(vkfi_device_open(&device, model, options, NULL, NULL));
    return device;
}

static vkfi_session *open_session(vkfi_device *device, uint64_t seed)
{
    int32_t ids[20];
    vkfi_session *session;
    lib_bench_prompt(ids, 20, seed);
    LIB_BENCH_OK(vkfi_session_open(&session, device,
                                   "{\"tokens\": 24, \"ignore_end\": true, \"logprobs\": true}"));
    LIB_BENCH_OK(vkfi_session_feed_ids(session, ids, 20));
    return session;
}

struct worker {
    pthread_t thread;
    vkfi_device *device; /* null: opens its own */
    uint32_t number;
    bool right;
};

static bool is_alone(const struct lib_bench_run *run, uint32_t number)
{
    return run->n == alone[number].n &&
           memcmp(run->hash, alone[number].hash, sizeof(run->hash)) == 0 &&
           memcmp(run->id, alone[number].id, sizeof(run->id)) == 0;
}

/* Without assertions of cmocka, which belong to its own thread. */
static bool run_all(vkfi_session *session, struct lib_bench_run *out)
{
    vkfi_token token;
    vkfi_status status;
    while ((status = vkfi_session_step(session, &token)) == VKFI_OK) {
        out->n = token.index + 1;
        out->id[token.index] = token.id;
        out->hash[token.index] = token.hash;
    }
    return status == VKFI_END;
}

static void *work(void *what)
{
    struct worker *w = what;
    vkfi_device *device = w->device;
    int32_t ids[20];
    lib_bench_prompt(ids, 20, w->number);
    w->right = device || vkfi_device_open(&device, model, "{\"threads\": 1, \"positions\": 64}",
                                          NULL, NULL) == VKFI_OK;
    for (uint32_t i = 0; i < ROUNDS && w->right; i++) {
        struct lib_bench_run run = {0};
        vkfi_session *session = NULL, *fork = NULL;
        vkfi_token token;
        w->right = vkfi_session_open(
                       &session, device,
                       "{\"tokens\": 24, \"ignore_end\": true, \"logprobs\": true}") == VKFI_OK &&
                   vkfi_session_feed_ids(session, ids, 20) == VKFI_OK &&
                   vkfi_session_step(session, &token) == VKFI_OK;
        /* An error of one thread is no message of another. */
        const bool refused = vkfi_session_feed_ids(NULL, ids, w->number) == VKFI_USAGE;
        w->right = w->right && refused && strstr(vkfi_message(), "no session");
        run.n = 1;
        run.id[0] = token.id;
        run.hash[0] = token.hash;
        if (w->device && i % 2 == 1) {
            w->right = w->right && vkfi_session_fork(&fork, session) == VKFI_OK;
            vkfi_session_close(session);
            session = fork;
        }
        w->right = w->right && run_all(session, &run) && is_alone(&run, w->number);
        vkfi_session_close(session);
    }
    if (!w->device)
        vkfi_device_close(device);
    return NULL;
}

static void run_workers(vkfi_device *device)
{
    struct worker worker[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        worker[i] = (struct worker){.device = device, .number = i};
        assert_int_equal(pthread_create(&worker[i].thread, NULL, work, &worker[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        pthread_join(worker[i].thread, NULL);
        assert_true(worker[i].right);
    }
}

static void sessions_of_a_device(void **state)
{
    vkfi_device *device = open_device("{\"threads\": 2, \"positions\": 64, \"sessions\": 8}");
    (void)state;
    run_workers(device);
    vkfi_device_close(device);
}

static void devices_of_a_model(void **state)
{
    (void)state;
    run_workers(NULL);
}

/* --- one session --- */

struct contest {
    vkfi_session *session;
    atomic_uint steps, busy, ends, others;
    atomic_bool stop;
};

static void *step_on(void *what)
{
    struct contest *c = what;
    while (!atomic_load(&c->stop)) {
        vkfi_token token;
        const vkfi_status status = vkfi_session_step(c->session, &token);
        atomic_fetch_add(status == VKFI_OK     ? &c->steps
                         : status == VKFI_BUSY ? &c->busy
                         : status == VKFI_END  ? &c->ends
                                               : &c->others,
                         1);
        if (status == VKFI_END)
            return NULL;
    }
    return NULL;
}

static void two_threads_on_one_session(void **state)
{
    vkfi_device *device = open_device("{\"threads\": 1, \"positions\": 64}");
    struct contest c = {.session = open_session(device, 0)};
    pthread_t thread[2];
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, step_on, &c), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(c.steps, LIB_BENCH_TOKENS); /* each token once */
    assert_int_equal(c.others, 0);
    vkfi_session_close(c.session);
    vkfi_device_close(device);
}

static void *cancel_on(void *what)
{
    struct contest *c = what;
    while (!atomic_load(&c->stop))
        vkfi_session_cancel(c->session);
    return NULL;
}

static void cancelled_from_outside(void **state)
{
    vkfi_device *device = open_device("{\"threads\": 1, \"positions\": 64}");
    struct contest c = {.session = open_session(device, 0)};
    struct lib_bench_run run = {0};
    uint32_t cancelled = 0;
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, cancel_on, &c), 0);
    for (vkfi_status status = VKFI_OK; status != VKFI_END;) {
        vkfi_token token;
        status = vkfi_session_step(c.session, &token);
        assert_true(status == VKFI_OK || status == VKFI_CANCELLED || status == VKFI_END);
        cancelled += status == VKFI_CANCELLED;
        if (cancelled == 50 && !atomic_exchange(&c.stop, true))
            pthread_join(thread, NULL);
        if (status == VKFI_OK) {
            run.n = token.index + 1;
            run.id[token.index] = token.id;
            run.hash[token.index] = token.hash;
        }
    }
    if (!atomic_exchange(&c.stop, true))
        pthread_join(thread, NULL);
    assert_true(cancelled > 0);
    assert_true(is_alone(&run, 0));
    vkfi_session_close(c.session);
    vkfi_device_close(device);
}

/* A caller with OpenMP threads of its own, in the usual floating-point mode, keeps that mode. */
static void foreign_threads(void **state)
{
    float sum = 0;
    struct lib_bench_run run = {0};
    (void)state;
#pragma omp parallel for reduction(+ : sum) num_threads(4)
    for (int i = 0; i < 1000; i++)
        sum += (float)i;
    assert_true(sum > 0 && !fpenv_is_set());
    vkfi_device *device = open_device("{\"threads\": 4, \"positions\": 64}");
    vkfi_session *session = open_session(device, 0);
    lib_bench_steps(&run, session);
    assert_true(is_alone(&run, 0) && !fpenv_is_set());
    vkfi_session_close(session);
    vkfi_device_close(device);
}

static int open_all(void **state)
{
    char path[512];
    (void)state;
    if (vkfi_model_open(&model, lib_bench_path(path, "tiny-gemma3.gguf")) != VKFI_OK)
        return 1;
    vkfi_device *device = open_device("{\"threads\": 1, \"positions\": 64}");
    for (uint32_t i = 0; i < THREADS; i++) {
        vkfi_session *session = open_session(device, i);
        lib_bench_steps(&alone[i], session);
        vkfi_session_close(session);
    }
    vkfi_device_close(device);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    vkfi_model_close(model);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_of_a_device),
        cmocka_unit_test(devices_of_a_model),
        cmocka_unit_test(two_threads_on_one_session),
        cmocka_unit_test(cancelled_from_outside),
        cmocka_unit_test(foreign_threads),
    };
    log_set_level(LOG_NONE);
    return cmocka_run_group_tests(tests, open_all, close_all);
}
