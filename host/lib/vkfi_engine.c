/* SPDX-License-Identifier: MIT */
/* The queue of a device's thread. */
#include "lib/vkfi_engine.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/fpenv.h"

/* On the stack of the thread that asked. */
struct vkfi_engine_call {
    vkfi_engine_job *job;
    void *what;
    enum status st;
    char error[2048]; /* a line of the log */
    bool done;
    pthread_cond_t answered;
    struct vkfi_engine_call *next;
};

static struct vkfi_engine_call *take(struct vkfi_engine *engine)
{
    struct vkfi_engine_call *call = engine->first;
    engine->first = call->next;
    if (!engine->first)
        engine->last = &engine->first;
    return call;
}

static void *work(void *user)
{
    struct vkfi_engine *engine = user;
    fpenv_set(); /* before threads of passes and drivers */
    log_set_sink(engine->sink, engine->sink_user);
    pthread_mutex_lock(&engine->lock);
    while (engine->first || !engine->ends) {
        if (!engine->first) {
            pthread_cond_wait(&engine->asked, &engine->lock);
            continue;
        }
        struct vkfi_engine_call *call = take(engine);
        pthread_mutex_unlock(&engine->lock);
        log_keep_error("");
        call->st = call->job(call->what);
        snprintf(call->error, sizeof(call->error), "%s", log_last_error());
        pthread_mutex_lock(&engine->lock);
        call->done = true;
        pthread_cond_signal(&call->answered);
    }
    pthread_mutex_unlock(&engine->lock);
    return NULL;
}

/* Signals go to the threads of the program. */
static int start_thread(struct vkfi_engine *engine)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&engine->thread, NULL, work, engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

enum status vkfi_engine_start(struct vkfi_engine *out, log_sink *sink, void *sink_user)
{
    *out = (struct vkfi_engine){.sink = sink, .sink_user = sink_user};
    out->last = &out->first;
    pthread_mutex_init(&out->lock, NULL);
    pthread_cond_init(&out->asked, NULL);
    const int error = start_thread(out);
    if (!error)
        return STATUS_OK;
    log_error("a device's thread could not be started: %s", strerror(error));
    pthread_cond_destroy(&out->asked);
    pthread_mutex_destroy(&out->lock);
    return STATUS_MEMORY;
}

void vkfi_engine_stop(struct vkfi_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    engine->ends = true;
    pthread_cond_signal(&engine->asked);
    pthread_mutex_unlock(&engine->lock);
    pthread_join(engine->thread, NULL);
    pthread_cond_destroy(&engine->asked);
    pthread_mutex_destroy(&engine->lock);
}

enum status vkfi_engine_do(struct vkfi_engine *engine, vkfi_engine_job *job, void *what)
{
    struct vkfi_engine_call call = {.job = job, .what = what};
    pthread_cond_init(&call.answered, NULL);
    pthread_mutex_lock(&engine->lock);
    *engine->last = &call;
    engine->last = &call.next;
    pthread_cond_signal(&engine->asked);
    while (!call.done)
        pthread_cond_wait(&call.answered, &engine->lock);
    pthread_mutex_unlock(&engine->lock);
    pthread_cond_destroy(&call.answered);
    if (call.st)
        log_keep_error(call.error);
    return call.st;
}
