/* SPDX-License-Identifier: MIT */
/* The event loop: HTTP, the worker, signals. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "serve/serve_error.h"
#include "serve/serve_front.h"

#define TICK_MS 100             /* between looks at clients */
#define HEAD_BYTES (32u * 1024) /* of a request: its line and headers */
#define PATIENCE 5.0            /* seconds for the worker to end */

struct loop {
    struct serve_front front;
    int signals, socket; /* descriptors; -1: none */
    int asked;           /* signals so far */
    double looked;       /* when clients were last looked at */
    char name[SERVE_ADDRESS_TEXT];
};

/* --- beginning --- */

static enum status take_signals(struct loop *loop)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop->signals >= 0)
        return STATUS_OK;
    log_error("cannot wait for signals: %s", strerror(errno));
    return STATUS_IO;
}

static enum status check(struct serve_front *front)
{
    const struct serve_params *p = front->params;
    enum status st = serve_address_parse(&front->address, p->listen);
    if (!st && !front->address.loopback && !p->key_file) {
        log_error("found address '%s' without keys, expected --api-key-file: other machines reach "
                  "it",
                  p->listen);
        st = STATUS_USAGE;
    }
    if (!st && p->key_file)
        st = serve_keys_load(&front->keys, &front->arena, p->key_file);
    return st;
}

/* MHD's own words are about clients: of no use to who runs the server. */
static void drop_line(void *user, const char *format, va_list values)
{
    (void)user;
    (void)format;
    (void)values;
}

static enum status start_http(struct loop *loop)
{
    struct serve_front *front = &loop->front;
    const struct serve_limits *limits = &front->params->limits;
    enum status st = serve_address_listen(&loop->socket, loop->name, &front->address);
    if (st)
        return st;
    front->http = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        serve_call_handle, front, MHD_OPTION_LISTEN_SOCKET, loop->socket,
        MHD_OPTION_EXTERNAL_LOGGER, drop_line, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        serve_call_completed, front, MHD_OPTION_NOTIFY_CONNECTION, serve_call_connection, front,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)limits->connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)limits->receive, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (front->http)
        return STATUS_OK;
    log_error("cannot start the HTTP server on %s", loop->name);
    return STATUS_IO;
}

/* --- the loop --- */

static int most_wait(struct serve_front *front)
{
    MHD_UNSIGNED_LONG_LONG wait;
    return MHD_get_timeout(front->http, &wait) == MHD_YES && wait < TICK_MS ? (int)wait : TICK_MS;
}

static void take_signal(struct loop *loop)
{
    struct signalfd_siginfo info;
    while (read(loop->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        loop->asked++;
    if (loop->asked > 0 && !loop->front.ends) {
        loop->front.ends = true;
        if (loop->front.http)
            MHD_quiesce_daemon(loop->front.http);
    }
}

/* The worker has ended: its requests fail, another is started. */
static void replace_worker(struct serve_front *front)
{
    char why[sizeof(front->link.why) + 64];
    if (!front->http)
        return; /* it is the first, and nobody asks yet */
    snprintf(why, sizeof(why), "%s; it is started anew: try again", front->link.why);
    log_warn("%s", why);
    serve_call_fail_all(front, SERVE_UNAVAILABLE, why);
}

static enum status start_worker(struct serve_front *front)
{
    if (front->link.process.pid != 0 || clock_seconds() < front->link.not_before)
        return STATUS_OK;
    front->metrics.starts++;
    return serve_link_start(&front->link);
}

/* One wait; returns after something has happened, or a tick. */
static enum status turn(struct loop *loop, int wait)
{
    struct serve_front *front = &loop->front;
    struct serve_link *link = &front->link;
    const enum status st = start_worker(front);
    const bool left = serve_link_flush(link);
    const union MHD_DaemonInfo *http =
        front->http ? MHD_get_daemon_info(front->http, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    struct pollfd poller[] = {
        {.fd = loop->signals, .events = POLLIN},
        {.fd = link->process.pid != 0 ? link->process.channel.fd : -1,
         .events = left ? POLLIN | POLLOUT : POLLIN},
        {.fd = http ? http->epoll_fd : -1, .events = POLLIN},
    };
    if (st)
        return st;
    if (poll(poller, sizeof(poller) / sizeof(*poller), wait) < 0 && errno != EINTR) {
        log_error("cannot wait for clients: %s", strerror(errno));
        return STATUS_IO;
    }
    if (poller[0].revents)
        take_signal(loop);
    if ((poller[1].revents & (POLLIN | POLLHUP | POLLERR)) &&
        !serve_link_read(link, serve_call_part, front))
        replace_worker(front);
    if (front->http)
        MHD_run(front->http);
    if (clock_seconds() - loop->looked > TICK_MS / 1000.0) {
        serve_call_look(front);
        loop->looked = clock_seconds();
    }
    return STATUS_OK;
}

/* The first worker opens model and device before anybody is listened to. */
static enum status open_worker(struct loop *loop)
{
    struct serve_link *link = &loop->front.link;
    enum status st = STATUS_OK;
    while (!st && !link->ready && loop->asked == 0) {
        st = turn(loop, TICK_MS);
        if (!st && link->process.pid == 0) {
            log_error("%s", link->why);
            st = link->failure ? link->failure : STATUS_DEVICE;
        }
    }
    return st;
}

static void finish(struct loop *loop)
{
    struct serve_front *front = &loop->front;
    if (front->http) {
        serve_call_fail_all(front, SERVE_UNAVAILABLE, "the server was ended");
        MHD_run(front->http);
        MHD_stop_daemon(front->http);
    }
    if (loop->socket >= 0)
        close(loop->socket);
    if (loop->signals >= 0)
        close(loop->signals);
    serve_link_end(&front->link, loop->asked > 1 ? 0 : PATIENCE);
    arena_finish(&front->arena);
}

enum status serve_run(const struct serve_params *params)
{
    struct loop loop = {
        .front = {.params = params, .link = {.params = params}}, .signals = -1, .socket = -1};
    struct serve_front *front = &loop.front;
    enum status st = check(front);
    st = st ? st : take_signals(&loop);
    st = st ? st : open_worker(&loop);
    if (!st && loop.asked == 0)
        st = start_http(&loop);
    if (!st && loop.asked == 0) {
        printf("listening on http://%s\n", loop.name);
        fflush(stdout);
    }
    while (!st && front->http && loop.asked < 2 && !(front->ends && !front->calls))
        st = turn(&loop, most_wait(front));
    finish(&loop);
    return st;
}
