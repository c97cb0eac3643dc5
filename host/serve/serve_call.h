/* SPDX-License-Identifier: MIT */
/* A request from its first line to the last byte of its answer. */
#ifndef VKFI_SERVE_SERVE_CALL_H
#define VKFI_SERVE_SERVE_CALL_H

#include "serve/serve_front.h"

/* A connection. */
struct serve_peer {
    int fd;
    bool asks;    /* a whole request is here, its answer not yet sent */
    double since; /* when it was opened, or its last answer was sent */
    struct serve_peer *next;
};

struct serve_call {
    struct serve_front *front;
    struct MHD_Connection *connection;
    struct serve_peer *peer;
    uint64_t id; /* 0: the worker does not know it */
    uint32_t endpoint;
    struct text in; /* the body so far */
    bool large;     /* it exceeded the limit, and is dropped */
    bool received;  /* whole */
    bool suspended; /* MHD waits for us */
    bool gone;      /* its client */
    bool queued;    /* MHD has the response */
    double start;   /* when it was received whole */
    unsigned code;  /* of the answer; 0: nothing is known of it yet */
    bool stream, last;
    struct text out; /* of the answer, not yet given to MHD */
    struct serve_call *next;
};

/* Answers with a text that is whole. */
enum MHD_Result serve_call_answer(struct serve_call *call, unsigned code, const char *type,
                                  const struct text *body);
enum MHD_Result serve_call_refuse(struct serve_call *call, unsigned code, const char *message);

/* Sends the received request to the worker and waits. */
enum MHD_Result serve_call_ask(struct serve_call *call);

/* --- what is asked for (serve_route.c) --- */

struct serve_route {
    const char *method, *path;
    /* Answers without the worker; null: the worker is asked. */
    enum MHD_Result (*answer)(struct serve_call *call, const char *path);
    uint32_t endpoint;
    bool open; /* without a key */
};

/* Null: `out_code` and `out_message` say why. */
const struct serve_route *serve_route_find(const char *method, const char *path, unsigned *out_code,
                                           const char **out_message);

#endif
