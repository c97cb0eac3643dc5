/* SPDX-License-Identifier: MIT */
/* Frames to and from the worker's process, and its start and end. */
#include "serve/serve_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "serve/serve_worker.h"

#define PAUSE 1.0    /* seconds between starts, so that one that fails at once costs little */
#define PATIENCE 5.0 /* seconds for a worker whose channel is closed to end */

static enum status work(void *user, struct campaign_channel *channel)
{
    return serve_worker_run(user, channel);
}

enum status serve_link_start(struct serve_link *link)
{
    /* The worker only reads what it is given. */
    union {
        const struct serve_params *in;
        void *out;
    } user = {.in = link->params};
    const struct campaign_process_params params = {
        .body = work, .user = user.out, .leave = link->params->leave};
    link->ready = false;
    link->not_before = clock_seconds() + PAUSE;
    return campaign_process_start(&link->process, &params);
}

void serve_link_send(struct serve_link *link, uint32_t kind, const struct field_table *table,
                     const void *from)
{
    struct text body = {0};
    field_pack(&body, table, from);
    campaign_channel_frame(&link->out, kind, &body);
    text_finish(&body);
}

bool serve_link_flush(struct serve_link *link)
{
    while (link->process.pid != 0 && link->sent < link->out.size) {
        const ssize_t n = send(link->process.channel.fd, link->out.data + link->sent,
                               link->out.size - link->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0)
            break; /* full; that it is gone is found by reading */
        link->sent += (size_t)n;
    }
    if (link->sent < link->out.size)
        return true;
    text_finish(&link->out);
    link->sent = 0;
    return false;
}

static void reap(struct serve_link *link, double patience)
{
    char how[CAMPAIGN_PROCESS_HOW] = "";
    campaign_process_end(&link->process, patience, how);
    if (link->why[0] == '\0')
        snprintf(link->why, sizeof(link->why), "the worker %s", how);
    text_finish(&link->out);
    link->sent = 0;
    link->ready = false;
}

void serve_link_end(struct serve_link *link, double patience)
{
    if (link->process.pid != 0)
        reap(link, patience);
    arena_finish(&link->arena);
}

static enum status take_ready(struct serve_link *link, const struct campaign_message *message)
{
    arena_finish(&link->arena);
    link->failure = STATUS_OK;
    link->why[0] = '\0';
    link->ready = true;
    return serve_wire_take(message, &serve_ready_table, &link->facts, &link->arena);
}

static enum status take_failed(struct serve_link *link, const struct campaign_message *message)
{
    struct arena arena = {0};
    struct serve_failed failed = {0};
    const enum status st = serve_wire_take(message, &serve_failed_table, &failed, &arena);
    if (!link->ready)
        link->failure = st ? st : (enum status)failed.status;
    snprintf(link->why, sizeof(link->why), "%s", failed.line ? failed.line : "");
    arena_finish(&arena);
    return st;
}

static enum status take_message(struct serve_link *link, const struct campaign_message *message,
                                serve_link_part *take, void *user)
{
    struct arena arena = {0};
    struct serve_part part = {0};
    if (message->kind == SERVE_WIRE_READY)
        return take_ready(link, message);
    if (message->kind == SERVE_WIRE_FAILED)
        return take_failed(link, message);
    const enum status st = serve_wire_take(message, &serve_part_table, &part, &arena);
    if (!st)
        take(user, &part);
    arena_finish(&arena);
    return st;
}

bool serve_link_read(struct serve_link *link, serve_link_part *take, void *user)
{
    struct campaign_message message;
    bool open = true;
    enum status st = campaign_channel_read(&link->process.channel, &open);
    while (!st && open && campaign_channel_next(&link->process.channel, &message))
        st = take_message(link, &message, take, user);
    if (!st && open)
        return true;
    reap(link, st ? 0 : PATIENCE); /* one that says what it should not is not waited for */
    return false;
}
