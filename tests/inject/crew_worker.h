/* SPDX-License-Identifier: MIT */
/* A worker for tests of the crew: it computes a number from each id, and does its scene's harm. */
#ifndef VKFI_TESTS_CREW_WORKER_H
#define VKFI_TESTS_CREW_WORKER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "inject/campaign/campaign_crew.h"

#define IDS 400
#define BATCH 16
#define DEVICES 3
#define RETRY 2
#define CREW_OPENED 4711 /* says a worker that is ready */

enum harm {
    NONE,
    ABORT,
    KILLED,
    HANG,
    LOST,
    FATAL,
    NOT_OPEN,
    ABORT_AT_OPEN,
    ABORT_UNARMED,
    SLOW_ARMED, /* says that an inference takes 0.02 s; the first batch takes 2.5 s */
    SLOW_PARTS  /* a part of the answer every 400 ms, PARTS times, before it is armed */
};

#define PARTS 15

/* What goes wrong, and how much of it has happened: shared with the workers. */
struct scene {
    enum harm harm;
    uint32_t device; /* the one that does harm; DEVICES: all do */
    uint64_t id;     /* at this trial; IDS: at every one */
    int times;       /* this often; -1: always */
    bool not_alone;  /* only in batches of more than one */
    bool stale_only; /* only if the worker has run something before */
    bool slow;
    int armed_pid[DEVICES];
};

struct test {
    struct scene *scene;
    uint32_t parts, stop_after_parts; /* 0: never */
    uint64_t next, given[IDS];
    uint32_t n_given;
    uint32_t answered[IDS], due[IDS], attempts[IDS];
    enum due_reason reason;
    uint32_t incidents, failed, aside, ready, broken;
    uint64_t incident_trial;
    uint32_t by_device[DEVICES];
    uint32_t limit_device; /* devices from this one on get no work */
    volatile sig_atomic_t stop;
    uint32_t stop_after; /* answers; 0: never */
    uint32_t done;
    unsigned kill_seed; /* 0: nobody is killed */
    double next_kill;
    uint32_t killed, in_row[DEVICES]; /* in all; of a device, since it answered */
};

static inline void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* --- the worker --- */

static inline enum status say_failed(struct campaign_channel *c, enum status st, bool final)
{
    const struct campaign_failure failure = {st, final, "what the worker said"};
    return campaign_channel_send_one(c, CAMPAIGN_FAILED, &campaign_failure_table, &failure);
}

static inline bool strikes(struct scene *scene, uint32_t device)
{
    if (scene->device != DEVICES && scene->device != device)
        return false;
    if (scene->times == 0)
        return false;
    if (scene->times > 0)
        scene->times--;
    return true;
}

/* Returns true if the worker must end. */
static inline bool harm(struct scene *scene, struct campaign_channel *c)
{
    if (scene->harm == ABORT)
        abort();
    if (scene->harm == KILLED)
        kill(getpid(), SIGKILL);
    if (scene->harm == HANG)
        pause_ms(1000000);
    if (scene->harm == LOST || scene->harm == FATAL) {
        (void)say_failed(c, scene->harm == LOST ? STATUS_DEVICE_LOST : STATUS_INTERNAL,
                         scene->harm == FATAL);
        return true;
    }
    return false;
}

static inline enum status say_parts(struct campaign_channel *c)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < PARTS && !st; i++) {
        struct text body = {0};
        pause_ms(400);
        campaign_channel_put_number(&body, i);
        st = campaign_channel_send(c, CAMPAIGN_PART, &body);
    }
    return st;
}

static inline enum status serve(struct scene *scene, uint32_t device, struct campaign_channel *c,
                                struct campaign_message *message)
{
    struct text body = {0};
    static bool used;
    const bool slow = scene->harm == SLOW_ARMED && strikes(scene, device);
    const struct campaign_armed armed = {slow ? 0.02 : 0.001};
    struct campaign_batch batch;
    assert_int_equal(message->kind, CAMPAIGN_WORK);
    assert_int_equal(campaign_channel_take_batch(&message->body, &batch), STATUS_OK);
    assert_int_equal(batch.work, 7);
    if (scene->harm == ABORT_UNARMED && strikes(scene, device))
        abort();
    if (scene->harm == SLOW_PARTS && strikes(scene, device) && say_parts(c))
        return STATUS_IO;
    if (campaign_channel_send_one(c, CAMPAIGN_ARMED, &campaign_armed_table, &armed))
        return STATUS_IO;
    scene->armed_pid[device] = getpid();
    pause_ms(slow ? 2500 : 0);
    for (uint32_t i = 0; i < batch.count; i++) {
        const uint64_t id = batch.id[i];
        if (scene->harm != ABORT_UNARMED && scene->harm != SLOW_ARMED &&
            (scene->id == id || scene->id == IDS) && !(scene->not_alone && batch.count == 1) &&
            !(scene->stale_only && !used) && strikes(scene, device) && harm(scene, c))
            return STATUS_IO;
        campaign_channel_put_number(&body, hash_mix64(id + batch.item));
        pause_ms(scene->slow ? 25 : 1);
    }
    scene->armed_pid[device] = 0;
    used = true;
    return campaign_channel_send(c, CAMPAIGN_DONE, &body);
}

/* The scene is shared memory, which the worker counts in. */
static inline enum status work(const void *world, uint32_t device, struct campaign_channel *c)
{
    struct scene *scene = (struct scene *)(uintptr_t)world;
    struct campaign_message message;
    struct text body = {0};
    signal(SIGABRT, SIG_DFL);
    if (scene->harm == NOT_OPEN && strikes(scene, device))
        return say_failed(c, STATUS_DEVICE, false);
    if (scene->harm == ABORT_AT_OPEN && strikes(scene, device))
        abort();
    campaign_channel_put_number(&body, CREW_OPENED);
    enum status st = campaign_channel_send(c, CAMPAIGN_READY, &body);
    while (!st && campaign_channel_wait(c, &message))
        st = serve(scene, device, c, &message);
    return st;
}

#endif
