/* SPDX-License-Identifier: MIT */
/* A device's own thread: jobs one after the other, in the arithmetic's floating-point mode. */
#ifndef VKFI_LIB_ENGINE_H
#define VKFI_LIB_ENGINE_H

#include <pthread.h>
#include <stdbool.h>

#include "base/log.h"
#include "base/status.h"

typedef enum status vkfi_engine_job(void *what);

struct vkfi_engine_call;

struct vkfi_engine {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked; /* a call has come, or the end */
    struct vkfi_engine_call *first, **last;
    bool ends;
    log_sink *sink; /* of the thread's lines */
    void *sink_user;
};

/* `sink` null: the process's log. STATUS_MEMORY (logged): there is no thread. */
enum status vkfi_engine_start(struct vkfi_engine *out, log_sink *sink,
                              void *sink_user) STATUS_MUST_USE;
/* Ends the thread; nobody calls it any more. */
void vkfi_engine_stop(struct vkfi_engine *engine);

/* Runs the job there and waits for it; jobs run in the order in which they are asked for. Its error
 * becomes this thread's last one. */
enum status vkfi_engine_do(struct vkfi_engine *engine, vkfi_engine_job *job,
                           void *what) STATUS_MUST_USE;

#endif
