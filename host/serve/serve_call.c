/* SPDX-License-Identifier: MIT */
/* Requests come in, wait for the worker, and are answered; connections are watched. */
#define _GNU_SOURCE /* POLLRDHUP */
#include "serve/serve_call.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "serve/serve_error.h"

#define MOST_UNREAD (4u << 20) /* bytes of a stream that its client has not taken */
#define BLOCK 4096

/* --- answers --- */

static enum MHD_Result queue(struct serve_call *call, struct MHD_Response *response,
                             const char *type)
{
    if (!response)
        return MHD_NO;
    call->queued = true;
    enum MHD_Result result = MHD_add_response_header(response, "Content-Type", type);
    if (result == MHD_YES && call->stream)
        result = MHD_add_response_header(response, "Cache-Control", "no-cache");
    if (result == MHD_YES && call->code == SERVE_NO_KEY)
        result = MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (result == MHD_YES)
        result = MHD_queue_response(call->connection, call->code, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result serve_call_answer(struct serve_call *call, unsigned code, const char *type,
                                  const struct text *body)
{
    union {
        const char *in;
        void *out;
    } bytes = {.in = text_of(body)};
    call->code = body->st ? SERVE_BROKEN : code;
    call->last = true;
    if (call->peer)
        call->peer->asks = true;
    return queue(
        call, MHD_create_response_from_buffer(body->size, bytes.out, MHD_RESPMEM_MUST_COPY), type);
}

enum MHD_Result serve_call_refuse(struct serve_call *call, unsigned code, const char *message)
{
    struct text body = {0};
    serve_error_put(&body, code, message);
    const enum MHD_Result result = serve_call_answer(call, code, "application/json", &body);
    text_finish(&body);
    return result;
}

static void suspend(struct serve_call *call)
{
    call->suspended = true;
    MHD_suspend_connection(call->connection);
}

static void resume(struct serve_call *call)
{
    if (call->suspended)
        MHD_resume_connection(call->connection);
    call->suspended = false;
}

/* Bytes of a stream for MHD; none: it waits. */
static ssize_t read_stream(void *cls, uint64_t position, char *out, size_t room)
{
    struct serve_call *call = cls;
    (void)position;
    if (call->gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (call->out.size == 0 && call->last)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (call->out.size == 0) {
        suspend(call);
        return 0;
    }
    const size_t n = call->out.size < room ? call->out.size : room;
    memcpy(out, call->out.data, n);
    call->out.size -= n;
    memmove(call->out.data, call->out.data + n, call->out.size + 1);
    return (ssize_t)n;
}

/* What is known of the answer goes to MHD, or it waits for more. */
static enum MHD_Result go_on(struct serve_call *call)
{
    if (call->gone)
        return MHD_NO;
    if (call->stream && call->code != 0)
        return queue(
            call,
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, call, NULL),
            "text/event-stream");
    if (call->last)
        return serve_call_answer(call, call->code, "application/json", &call->out);
    suspend(call);
    return MHD_YES;
}

/* --- the worker --- */

static void cancel(struct serve_call *call)
{
    if (call->id > 0 && !call->last)
        serve_link_send(&call->front->link, SERVE_WIRE_CANCEL, &serve_part_table,
                        &(struct serve_part){.id = call->id});
}

/* Ends an answer that is not whole: with an error, or a stream with an event. */
static void fail(struct serve_call *call, unsigned code, const char *why)
{
    if (call->stream && call->code != 0) {
        text_put(&call->out, "data: ");
        serve_error_put(&call->out, code, why);
        text_put(&call->out, "\n\n");
    } else {
        text_finish(&call->out);
        serve_error_put(&call->out, code, why);
        call->code = code;
        call->stream = false;
    }
    call->last = true;
    resume(call);
}

void serve_call_part(void *user, const struct serve_part *part)
{
    struct serve_front *front = user;
    struct serve_call *call = front->calls;
    if (part->last)
        serve_metrics_add(&front->metrics.counts, &part->counts);
    while (call && call->id != part->id)
        call = call->next;
    if (!call || call->last)
        return; /* its client has gone, or it has ended with an error */
    call->code = part->code;
    call->stream = part->stream;
    call->last = part->last;
    text_put(&call->out, part->body ? part->body : "");
    if (call->stream && call->out.size > MOST_UNREAD) {
        cancel(call);
        call->gone = call->last = true;
    }
    if (call->stream || call->last)
        resume(call);
}

void serve_call_fail_all(struct serve_front *front, unsigned code, const char *why)
{
    for (struct serve_call *call = front->calls; call; call = call->next) {
        if (call->id > 0 && !call->last)
            fail(call, code, why);
    }
}

enum MHD_Result serve_call_ask(struct serve_call *call)
{
    struct serve_front *front = call->front;
    struct serve_link *link = &front->link;
    if (link->process.pid == 0 && link->failure) /* else the next worker takes it */
        return serve_call_refuse(call, SERVE_UNAVAILABLE, link->why);
    if (front->metrics.running >= front->params->limits.requests)
        return serve_call_refuse(call, SERVE_TOO_MANY,
                                 "found as many requests as the server takes at a time, expected "
                                 "fewer: try again later");
    front->metrics.running++;
    call->id = ++front->last_id;
    call->peer->asks = true;
    serve_link_send(link, SERVE_WIRE_ASK, &serve_ask_table,
                    &(struct serve_ask){call->id, call->endpoint, text_of(&call->in)});
    text_finish(&call->in);
    return go_on(call);
}

/* --- requests --- */

static bool is_json(struct MHD_Connection *connection)
{
    static const char json[] = "application/json";
    const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
    const size_t size = sizeof(json) - 1;
    return type && strncasecmp(type, json, size) == 0 && (type[size] == '\0' || type[size] == ';');
}

/* Whether the request is for this machine by its address, or as localhost. A page whose name was
 * made to lead here (DNS rebinding) asks by its own. Servers with keys have no need of it. */
static bool is_named(const struct serve_call *call)
{
    const struct serve_front *front = call->front;
    const char *host = MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, "Host");
    if (!front->address.loopback || front->keys.count > 0 || !host)
        return true;
    const bool local =
        strncasecmp(host, "localhost", 9) == 0 && (host[9] == '\0' || host[9] == ':');
    return local || host[0] == '[' || strspn(host, "0123456789.:") == strlen(host);
}

/* The head of a request is here: it is refused, answered, or its body is taken. */
static enum MHD_Result begin(struct serve_call *call, const char *method, const char *url)
{
    const struct serve_front *front = call->front;
    unsigned code = 0;
    const char *message = NULL;
    const struct serve_route *route = serve_route_find(method, url, &code, &message);
    if (!route)
        return serve_call_refuse(call, code, message);
    if (!route->open &&
        !serve_keys_allow(&front->keys, MHD_lookup_connection_value(
                                            call->connection, MHD_HEADER_KIND, "Authorization")))
        return serve_call_refuse(call, SERVE_NO_KEY,
                                 "found no key of this server, expected the header "
                                 "'Authorization: Bearer KEY'");
    if (!is_named(call))
        return serve_call_refuse(call, SERVE_FORBIDDEN,
                                 "found another name in the header 'Host', expected localhost or "
                                 "an address: start the server with keys to be asked by a name");
    if (front->ends && !route->open)
        return serve_call_refuse(call, SERVE_UNAVAILABLE,
                                 "found the server ending, expected requests before that");
    if (route->answer)
        return route->answer(call, url);
    call->endpoint = route->endpoint;
    if (method[0] == 'P' && !is_json(call->connection))
        return serve_call_refuse(call, SERVE_BAD,
                                 "found no header 'Content-Type: application/json', expected it");
    return MHD_YES;
}

static void take_body(struct serve_call *call, const char *bytes, size_t size)
{
    if (call->in.size + size > call->front->params->limits.body) {
        text_finish(&call->in);
        call->large = true;
    }
    if (!call->large)
        text_add(&call->in, bytes, size);
}

/* The request is whole. */
static enum MHD_Result end_request(struct serve_call *call)
{
    char message[128];
    call->received = true;
    call->start = clock_seconds();
    if (call->in.st)
        return serve_call_refuse(call, SERVE_UNAVAILABLE, "out of memory for the request");
    if (call->large) {
        snprintf(message, sizeof(message), "found a larger body, expected at most %llu bytes",
                 (unsigned long long)call->front->params->limits.body);
        return serve_call_refuse(call, SERVE_TOO_LARGE, message);
    }
    if (call->in.size > 0 && memchr(call->in.data, 0, call->in.size))
        return serve_call_refuse(call, SERVE_BAD, "found a null byte in the body, expected JSON");
    return serve_call_ask(call);
}

static struct serve_call *open_call(struct serve_front *front, struct MHD_Connection *connection)
{
    struct serve_call *call = calloc(1, sizeof(*call));
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (!call || !info || !info->socket_context) {
        free(call);
        return NULL;
    }
    *call = (struct serve_call){.front = front,
                                .connection = connection,
                                .peer = info->socket_context,
                                .start = clock_seconds(),
                                .next = front->calls};
    front->calls = call;
    return call;
}

enum MHD_Result serve_call_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *size, void **request)
{
    struct serve_call *call = *request;
    (void)version;
    if (!call) {
        *request = call = open_call(cls, connection);
        return call ? begin(call, method, url) : MHD_NO;
    }
    if (call->queued)
        return MHD_YES;
    if (*size > 0) {
        take_body(call, bytes, *size);
        *size = 0;
        return MHD_YES;
    }
    return call->received ? go_on(call) : end_request(call);
}

void serve_call_completed(void *cls, struct MHD_Connection *connection, void **request,
                          enum MHD_RequestTerminationCode how)
{
    struct serve_front *front = cls;
    struct serve_call *call = *request, **at = &front->calls;
    (void)connection;
    if (!call)
        return;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    cancel(call);
    front->metrics.running -= call->id > 0;
    const bool whole = how == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    front->metrics.cancelled += call->received && !whole;
    if (call->code > 0 && call->code < SERVE_METRICS_CODES) {
        front->metrics.answers[call->code]++;
        front->metrics.seconds += clock_seconds() - call->start;
    }
    call->peer->asks = false;
    call->peer->since = clock_seconds();
    text_finish(&call->in);
    text_finish(&call->out);
    free(call);
    *request = NULL;
}

/* --- connections --- */

void serve_call_connection(void *cls, struct MHD_Connection *connection, void **peer,
                           enum MHD_ConnectionNotificationCode what)
{
    struct serve_front *front = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct serve_peer *new = calloc(1, sizeof(*new));
        if (!new)
            return; /* its requests are refused */
        *new = (struct serve_peer){
            .fd = info->connect_fd, .since = clock_seconds(), .next = front->peers};
        *peer = front->peers = new;
        front->metrics.connections++;
    } else if (*peer) {
        struct serve_peer **at = &front->peers;
        while (*at != *peer)
            at = &(*at)->next;
        *at = (*at)->next;
        free(*peer);
        *peer = NULL;
        front->metrics.connections--;
    }
}

/* MHD does not look at a connection that is suspended. */
static bool has_gone(const struct serve_call *call)
{
    struct pollfd poller = {.fd = call->peer->fd, .events = POLLRDHUP};
    return call->suspended && poll(&poller, 1, 0) > 0;
}

static void look_at(struct serve_call *call, double now)
{
    const struct serve_limits *limits = &call->front->params->limits;
    const double spent = now - call->start;
    char message[128];
    if (!call->received)
        return; /* its connection is looked at */
    if (has_gone(call)) {
        cancel(call);
        call->gone = call->last = true;
        resume(call);
    } else if (!call->last && spent > limits->answer) {
        cancel(call);
        snprintf(message, sizeof(message), "found no end after %g s, expected a shorter answer",
                 limits->answer);
        fail(call, SERVE_OUT_OF_TIME, message);
    } else if (spent > limits->answer + limits->receive) {
        shutdown(call->peer->fd, SHUT_RDWR); /* the client does not take it */
    }
}

void serve_call_look(struct serve_front *front)
{
    const double now = clock_seconds(), most = 2 * front->params->limits.receive;
    for (struct serve_call *call = front->calls; call; call = call->next)
        look_at(call, now);
    for (const struct serve_peer *peer = front->peers; peer; peer = peer->next) {
        if (!peer->asks && now - peer->since > most)
            shutdown(peer->fd, SHUT_RDWR);
    }
}
