/* SPDX-License-Identifier: MIT */
/* The process that speaks HTTP: one thread, an event loop, no model. */
#ifndef VKFI_SERVE_SERVE_FRONT_H
#define VKFI_SERVE_SERVE_FRONT_H

#include <microhttpd.h>
#include <stdbool.h>

#include "serve/serve.h"
#include "serve/serve_address.h"
#include "serve/serve_keys.h"
#include "serve/serve_link.h"
#include "serve/serve_metrics.h"

struct serve_front {
    const struct serve_params *params;
    struct serve_address address;
    struct MHD_Daemon *http;
    struct serve_keys keys;
    struct arena arena; /* of the keys */
    struct serve_metrics metrics;
    struct serve_link link;
    struct serve_peer *peers; /* connections */
    struct serve_call *calls; /* requests */
    uint64_t last_id;         /* of a call */
    bool ends;                /* new requests are refused */
};

/* --- connections and requests (serve_call.c) --- */

/* For MHD_start_daemon; `cls` is a struct serve_front. */
enum MHD_Result serve_call_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *size, void **request);
void serve_call_completed(void *cls, struct MHD_Connection *connection, void **request,
                          enum MHD_RequestTerminationCode how);
void serve_call_connection(void *cls, struct MHD_Connection *connection, void **peer,
                           enum MHD_ConnectionNotificationCode what);

/* A part of an answer from the worker; `user` is a struct serve_front. */
void serve_call_part(void *user, const struct serve_part *part);

/* Ends with an error all requests that the worker has; of these are all that wait. */
void serve_call_fail_all(struct serve_front *front, unsigned code, const char *why);

/* Once in a while: cancels those whose client has gone or whose time is over, cuts connections that
 * take too long to send a request or to take an answer. */
void serve_call_look(struct serve_front *front);

#endif
