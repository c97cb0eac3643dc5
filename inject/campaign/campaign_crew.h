/* SPDX-License-Identifier: MIT */
/* The workers, one process per device: work out, answers in, and the handling of abnormal ends.
 *
 * Nothing here knows what a trial is: the owner says what to do next and takes the answers. A
 * worker that crashes, hangs or loses its device is ended and restarted; its batch is isolated
 * (campaign_isolate.h). A device that fails repeatedly without an answer is set aside. */
#ifndef VKFI_INJECT_CAMPAIGN_CREW_H
#define VKFI_INJECT_CAMPAIGN_CREW_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "inject/campaign/campaign_channel.h"
#include "inject/campaign/campaign_isolate.h"
#include "inject/space/kinds.h"

#define CAMPAIGN_DEVICES_MAX 65 /* 64 and the reference */

/* An answer to a batch. */
struct campaign_answer {
    uint32_t device;
    const struct campaign_batch *batch;
    uint32_t attempts; /* 1, more if earlier ones ended abnormally */
    double seconds;    /* from dispatch to answer */
    double armed;      /* of them, after the worker was armed */
};

/* A trial that ended abnormally `attempts` times, alone and in fresh workers. */
struct campaign_due {
    uint32_t device;
    const struct campaign_batch *batch; /* of one trial */
    uint32_t attempts;
    enum due_reason reason;
    const char *how;
};

/* A call's status other than STATUS_OK ends the campaign at once; the callee logs it. Those of the
 * second half may be null. */
struct campaign_crew_owner {
    void *user;
    /* The next batch for a device; out->any false: nothing for it now. */
    enum status (*next)(void *user, uint32_t device, struct campaign_batch *out);
    enum status (*ready)(void *user, uint32_t device, struct field_bytes *body);
    enum status (*done)(void *user, const struct campaign_answer *answer, struct field_bytes *body);
    enum status (*due)(void *user, const struct campaign_due *due);
    enum status (*incident)(void *user, uint32_t device, uint64_t trial, const char *what);

    /* A part of the answer to a batch, so that a watchdog sees it advance. */
    enum status (*part)(void *user, uint32_t device, struct field_bytes *body);
    enum status (*give_back)(void *user, const struct campaign_batch *batch); /* was not run */
    void (*failed)(void *user, uint32_t device, const char *how, bool aside); /* for display */
    /* A worker says that the campaign must end, with this status; returns the status to end with
     * (null: this one). */
    enum status (*broken)(void *user, uint32_t device, enum status st, const char *how);
    void (*tick)(void *user); /* several times a second */
};

struct campaign_watchdog {
    double start;  /* seconds for opening a device, and from one golden run to the next */
    double base;   /* seconds for a batch, plus */
    double factor; /* this many whole inferences for each of its trials */
};
#define CAMPAIGN_WATCHDOG_DEFAULT                                                                  \
    {                                                                                              \
        .start = 1800, .base = 60, .factor = 8                                                     \
    }

struct campaign_crew_params {
    const char *const *name; /* (n_devices) for messages */
    uint32_t n_devices;      /* at most CAMPAIGN_DEVICES_MAX */
    /* In the worker's process: serves until the channel closes. */
    enum status (*work)(const void *world, uint32_t device, struct campaign_channel *channel);
    const void *world;
    uint32_t retry; /* fresh workers in which a trial must fail to be due */
    struct campaign_watchdog watchdog;
    const volatile sig_atomic_t
        *stop;               /* 1: finish trials that run; 2: end at once; null: neither */
    void (*leave)(int code); /* ends a worker's process: _exit */
    int file;                /* 1 + a descriptor that workers keep open; 0: none */
};

/* Runs until the owner has nothing for the remaining devices. STATUS_OK also when stopped or when
 * devices were set aside: the owner knows what remains. */
enum status campaign_crew_run(const struct campaign_crew_params *params,
                              const struct campaign_crew_owner *owner) STATUS_MUST_USE;

#endif
