/* SPDX-License-Identifier: MIT */
/* A model behind the interface that OpenAI's clients speak: what a server is started with. */
#ifndef VKFI_SERVE_SERVE_H
#define VKFI_SERVE_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "gpu/device.h"
#include "model/storage.h"

/* Bounds of what a client may cost. */
struct serve_limits {
    uint64_t body;        /* bytes of a request */
    uint64_t tokens;      /* most generated for a choice */
    uint64_t choices;     /* of a request: prompts times n */
    uint64_t connections; /* at a time */
    uint64_t requests;    /* that run or wait, at a time; others get 429 */
    double receive;       /* seconds for a request to come in, and for a client to take something */
    double answer;        /* seconds from a request to the end of its answer */
};
#define SERVE_LIMITS_DEFAULT                                                                       \
    (struct serve_limits)                                                                          \
    {                                                                                              \
        .body = 4u << 20, .tokens = 4096, .choices = 128, .connections = 256, .requests = 256,     \
        .receive = 30, .answer = 600                                                               \
    }

struct serve_params {
    const char *model; /* path */
    const char *name;  /* what clients call it */
    const char *device;
    enum storage act, kv;
    uint32_t positions; /* most of a choice, prompt and tokens; 0: the model's, at most 4096 */
    uint32_t sessions;  /* choices that run at a time */
    uint32_t threads;
    struct gpu_params gpu;
    const char *protect; /* a policy's file or built-in name, of every request; null: none */
    const char *fault, *plan, *trial; /* of every request: a file of faults, or a plan's file and
                                         a trial's number or "random"; null: none */
    bool allow_faults;    /* requests may say what strikes them, and how they are protected */
    const char *listen;   /* "127.0.0.1:8080", "[::1]:8080"; port 0: any */
    const char *key_file; /* keys, one a line; null: none is asked for */
    struct serve_limits limits;
    void (*leave)(int code); /* ends a worker's process: _exit */
};

/* Serves until SIGTERM or SIGINT, which finish the requests that run; a second one ends at once.
 * One line on standard output says where it listens once it does. Call it before this process has
 * threads: it forks. */
enum status serve_run(const struct serve_params *params) STATUS_MUST_USE;

#endif
