/* SPDX-License-Identifier: MIT */
/* A campaign: all trials of a plan (or of a shard of it) on the given devices, into a database.
 *
 * The process that calls this opens no device: each has a worker process, started by fork, so it
 * must not have threads yet. The rows do not depend on which device ran which trial, on batches, on
 * interruptions, or on workers that died. */
#ifndef VKFI_INJECT_CAMPAIGN_H
#define VKFI_INJECT_CAMPAIGN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "inject/campaign/campaign_crew.h"
#include "inject/campaign/campaign_shard.h"
#include "inject/plan/plan.h"
#include "inject/stats/stats_cluster.h"
#include "inject/store/store.h"
#include "model/executor.h"
#include "model/model.h"

/* An open device. Texts live until it is closed. */
struct campaign_opened {
    struct executor *ex;
    struct store_device info;
};

/* A device for workers to open. */
struct campaign_device {
    const char *name; /* as the user wrote it */
    void *user;
    enum status (*open)(void *user, const struct executor_params *params,
                        struct campaign_opened *out);
    enum status (*close)(void *user, struct campaign_opened *opened);
    bool reference_only; /* it runs golden runs and CPU reruns, no other trials */
};

/* The model, plan and devices of a campaign or a replay. */
struct campaign_setup {
    const struct plan *plan;
    const struct model *model;
    const struct campaign_device *device; /* (n_devices), at most CAMPAIGN_DEVICES_MAX */
    uint32_t n_devices;
    uint32_t reference; /* index of the CPU device: golden runs, CPU reruns */
    bool naive;         /* every trial as a whole inference */
    struct campaign_watchdog watchdog;
    const volatile sig_atomic_t *stop; /* signals so far: 1: finish what runs, 2: end at once */
    void (*leave)(int code);           /* ends a worker's process: _exit */
};

struct campaign_event;

/* A campaign's progress, all of it in the database. */
struct campaign_look {
    uint64_t leading; /* ids 0 .. leading - 1 are done */
    uint64_t done;    /* trials done, in any order */
    uint64_t trials;  /* of the campaign */
};

struct campaign_params {
    struct campaign_setup setup;
    const char *database;           /* path */
    struct store_identity identity; /* all but trials and shard */
    struct campaign_shard shard;
    uint64_t limit; /* most trials that this call runs; 0: no limit */
    void (*event)(void *user, const struct campaign_event *event); /* for display; or null */
    /* Asked before anything runs and after each commit: *out_stop (false before) ends the campaign
     * once running trials are committed. Null: never; a shard does not ask. */
    enum status (*look)(void *user, const struct campaign_look *look, bool *out_stop);
    void *user;
};

/* What a running campaign reports. */
enum campaign_event_kind {
    CAMPAIGN_EVENT_GOLDEN,   /* a golden run on the reference: item (their number before) */
    CAMPAIGN_EVENT_BEGIN,    /* progress: trials planned and already done */
    CAMPAIGN_EVENT_DEVICE,   /* a device was opened: device, text (its name) */
    CAMPAIGN_EVENT_BATCH,    /* rows were committed: progress, device, count */
    CAMPAIGN_EVENT_TICK,     /* time has passed: progress */
    CAMPAIGN_EVENT_FAILED,   /* a worker ended abnormally: device, text */
    CAMPAIGN_EVENT_ASIDE,    /* a device was set aside: device, text */
    CAMPAIGN_EVENT_INCIDENT, /* device, trial, text */
    CAMPAIGN_EVENT_DUE,      /* device, trial, text */
    CAMPAIGN_EVENT_END,      /* progress */
};

struct campaign_rate {
    const char *name;  /* of the device */
    uint64_t done;     /* trials run in this call */
    double per_second; /* recently; 0: not known */
    /* Of its batches: from dispatch to answer; of these the trials alone (the rest are golden runs
     * of prompts and dry runs of hooks); and how often it changed its prompt. */
    double seconds, trial_seconds;
    uint32_t prompts;
    bool aside;
};

struct campaign_progress {
    uint64_t planned;           /* of this shard */
    uint64_t done;              /* in the database */
    uint64_t target;            /* done when this call ends */
    uint64_t armed, armed_left; /* runs under arms: in the database; known to be left */
    bool interrupted;           /* by a signal: running trials are finished, none are
                                   started */
    double seconds;             /* since the first batch was sent */
    double per_second, left;    /* of all devices, arms too; seconds left, NaN: not known,
                                   without runs under arms that are not yet known */
    uint64_t counted, sdc, due, incidents; /* counted trials, and of them */
    uint64_t critical;                     /* of sdc, those whose score fell */
    bool scored;                           /* some items have scores */
    bool rated;                            /* the rate below is known */
    bool weighted;                         /* it is not the share sdc / counted */
    bool enough;                           /* items and trials for a valid interval */
    double sdc_rate;
    struct stats_cluster_interval sdc_interval;
    double sdc_confidence;            /* of the interval: campaign_estimate.h */
    const struct campaign_rate *rate; /* (n_rates): one per device */
    uint32_t n_rates;
};

struct campaign_event {
    enum campaign_event_kind kind;
    const struct campaign_progress *progress;
    uint32_t device, count, item;
    uint32_t items; /* of the plan */
    uint64_t trial;
    const char *text;
};

/* Runs it, or continues it if the database is of the same campaign. STATUS_OK when all planned
 * trials are done, the limit is reached, a look has ended it, or it was stopped; whatever the
 * status, the database holds what was committed. STATUS_DEVICE when no device is left, or a
 * device's golden run has other bits than the CPU's; STATUS_INTERNAL when a control failed or a
 * fault did not fire as predicted. */
enum status campaign_run(const struct campaign_params *params) STATUS_MUST_USE;

#endif
