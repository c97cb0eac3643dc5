/* SPDX-License-Identifier: MIT */
/* Opens model and device, then goes from the channel to the choices and back. */
#include "serve/serve_worker.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "base/hash.h"
#include "base/log.h"
#include "lib/vkfi_impl.h"
#include "serve/serve_job.h"

#define POSITIONS_DEFAULT 4096u

/* --- opening --- */

/* Lines of the device's thread. Its errors are those of calls, and are told to who made them. */
static void take_line(void *user, int level, const char *line)
{
    (void)user;
    if (level == LOG_WARN)
        fprintf(stderr, "vkfi: warning: %s\n", line);
}

static enum status open_device(struct serve_worker *w)
{
    const struct serve_params *p = w->params;
    const uint32_t context = vkfi_model_context(w->model);
    const uint32_t most = context < POSITIONS_DEFAULT ? context : POSITIONS_DEFAULT;
    if (p->positions > context) {
        log_error("found %u positions, expected at most the model's %u", p->positions, context);
        return STATUS_USAGE;
    }
    const struct vkfi_device_setup setup = {
        .name = p->device,
        .needs = {.act = p->act,
                  .kv = p->kv,
                  .positions = p->positions ? p->positions : most,
                  .threads = p->threads},
        .gpu = p->gpu,
        .log = take_line,
        .sessions = p->sessions};
    return vkfi_device_make(&w->device, w->model, &setup);
}

/* Policy and faults of every request, tried with a prompt of half the positions. */
static enum status check_settings(struct serve_worker *w)
{
    const struct serve_params *p = w->params;
    const uint32_t n = (w->rules.positions + 1) / 2;
    int32_t *ids = arena_array(&w->arena, n, sizeof(*ids));
    struct serve_job job = {.worker = w, .request = {.n = 1, .temperature = 1, .top_p = 1}};
    struct serve_choice choice = {.job = &job, .ids = ids, .n_ids = n, .tokens = 1};
    enum status st = ids ? STATUS_OK : STATUS_MEMORY;
    if (!st)
        st = serve_fault_load(&w->fault, &w->arena,
                              &(struct serve_fault_files){p->fault, p->plan, p->trial});
    st = st ? st : serve_choice_open(&choice);
    vkfi_session_close(choice.session);
    arena_finish(&job.arena);
    return st;
}

static enum status open_worker(struct serve_worker *w)
{
    enum status st = (enum status)vkfi_model_open(&w->model, w->params->model);
    st = st ? st : open_device(w);
    if (st)
        return st;
    w->rules = (struct serve_request_rules){.limits = w->params->limits,
                                            .name = w->params->name,
                                            .vocabulary = vkfi_model_vocabulary(w->model),
                                            .positions = w->device->needs.positions,
                                            .allow_faults = w->params->allow_faults,
                                            .protects = w->params->protect != NULL};
    w->draws = hash_mix64((uint64_t)time(NULL));
    st = check_settings(w);
    if (st)
        return st;
    const struct serve_ready ready = {vkfi_device_name(w->device), vkfi_device_driver(w->device),
                                      w->rules.positions};
    return campaign_channel_send_one(w->channel, SERVE_WIRE_READY, &serve_ready_table, &ready);
}

/* --- messages --- */

static void cancel(const struct serve_worker *w, uint64_t id)
{
    for (struct serve_job *job = w->jobs; job; job = job->next)
        job->ended |= job->id == id;
}

static enum status take_message(struct serve_worker *w, const struct campaign_message *message)
{
    struct arena arena = {0};
    struct serve_ask ask = {0};
    struct serve_part part = {0};
    enum status st;
    if (message->kind == SERVE_WIRE_ASK) {
        st = serve_wire_take(message, &serve_ask_table, &ask, &arena);
        st = st ? st : serve_job_open(w, &ask);
    } else {
        st = serve_wire_take(message, &serve_part_table, &part, &arena);
        cancel(w, part.id);
    }
    arena_finish(&arena);
    return st;
}

/* Messages that are there; waits for one if there is nothing else to do. */
static enum status take_messages(struct serve_worker *w, bool *open)
{
    struct campaign_message message;
    struct pollfd poller = {.fd = w->channel->fd, .events = POLLIN};
    enum status st = STATUS_OK;
    if (poll(&poller, 1, w->jobs ? 0 : -1) > 0)
        st = campaign_channel_read(w->channel, open);
    while (!st && *open && campaign_channel_next(w->channel, &message))
        st = take_message(w, &message);
    return st;
}

/* --- runs --- */

static void drop_ended(struct serve_worker *w)
{
    struct serve_job **at = &w->jobs;
    while (*at) {
        struct serve_job *job = *at;
        if (job->ended) {
            *at = job->next;
            serve_job_free(job);
        } else {
            at = &job->next;
        }
    }
    w->last = at;
}

/* Those that wait begin where there is room, oldest first. */
static enum status start_choices(struct serve_worker *w)
{
    enum status st = STATUS_OK;
    for (struct serve_job *job = w->jobs; job; job = job->next) {
        for (uint32_t i = 0; i < job->n_choices && !job->ended && !st; i++) {
            if (job->choice[i].state == SERVE_WAITS && w->running < w->params->sessions)
                st = serve_choice_start(&job->choice[i]);
        }
    }
    return st;
}

/* The turns of all choices that run. */
static size_t fill_turns(struct serve_worker *w)
{
    size_t n = 0;
    for (struct serve_job *job = w->jobs; job; job = job->next) {
        for (uint32_t i = 0; i < job->n_choices; i++) {
            if (job->choice[i].state != SERVE_RUNS)
                continue;
            w->turned[n] = &job->choice[i];
            w->turn[n++] = (vkfi_turn){.session = job->choice[i].session};
        }
    }
    return n;
}

/* A step of each, which share a pass of the device. */
static enum status run_choices(struct serve_worker *w)
{
    enum status st = start_choices(w);
    drop_ended(w);
    const size_t n = st ? 0 : fill_turns(w);
    if (n > 0)
        st = (enum status)vkfi_session_step_all(w->turn, n);
    for (size_t i = 0; i < n && !st; i++) {
        if (!w->turned[i]->job->ended)
            st = serve_choice_take(w->turned[i], &w->turn[i]);
    }
    drop_ended(w);
    return st;
}

static enum status serve(struct serve_worker *w)
{
    bool open = true;
    enum status st = STATUS_OK;
    while (!st && open) {
        st = take_messages(w, &open);
        st = st ? st : run_choices(w);
    }
    return open ? st : STATUS_OK;
}

/* Whoever started the worker says why it failed. */
static enum status tell_failure(const struct serve_worker *w, enum status st)
{
    const struct serve_failed failed = {st, log_last_error()};
    const enum status sent =
        campaign_channel_send_one(w->channel, SERVE_WIRE_FAILED, &serve_failed_table, &failed);
    return sent ? sent : st;
}

enum status serve_worker_run(const struct serve_params *params, struct campaign_channel *channel)
{
    struct serve_worker w = {.params = params, .channel = channel};
    w.last = &w.jobs;
    w.turn = arena_array(&w.arena, params->sessions, sizeof(*w.turn));
    w.turned = arena_array(&w.arena, params->sessions, sizeof(struct serve_choice *));
    log_hold_errors(true);
    enum status st = w.turn && w.turned ? open_worker(&w) : STATUS_MEMORY;
    st = st ? st : serve(&w);
    if (st)
        st = tell_failure(&w, st);
    if (st) /* the device may be in any state: the process ends, and it with it */
        return st;
    for (struct serve_job *job = w.jobs; job; job = job->next)
        job->ended = true;
    drop_ended(&w);
    st = w.device ? vkfi_device_finish(w.device) : STATUS_OK;
    vkfi_model_close(w.model);
    arena_finish(&w.arena);
    return st;
}
