/* SPDX-License-Identifier: MIT */
/* The worker as the server's process sees it: started, spoken to without waiting, started anew. */
#ifndef VKFI_SERVE_SERVE_LINK_H
#define VKFI_SERVE_SERVE_LINK_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/text.h"
#include "inject/campaign/campaign_process.h"
#include "serve/serve.h"
#include "serve/serve_wire.h"

struct serve_link {
    const struct serve_params *params;
    struct campaign_process process; /* pid 0: none runs */
    struct text out;                 /* frames, of which `sent` bytes are sent */
    size_t sent;
    bool ready;
    struct serve_ready facts; /* of the worker that was last ready; texts in `arena` */
    struct arena arena;
    enum status failure; /* of the last start, if it failed */
    char why[512];       /* how the last worker ended, or why it did not start */
    double not_before;   /* no start before this time */
};

/* Starts a worker. STATUS_MEMORY, STATUS_IO (logged): there is none. */
enum status serve_link_start(struct serve_link *link) STATUS_MUST_USE;

/* Queues a message of one struct. */
void serve_link_send(struct serve_link *link, uint32_t kind, const struct field_table *table,
                     const void *from);

/* Sends what is queued as far as the worker takes it; whether some is left. */
bool serve_link_flush(struct serve_link *link);

/* After poll says that there is input: takes what is told of starts, and gives each part to
 * `take`. False: the worker is gone; `why` says how, and it is reaped. */
typedef void serve_link_part(void *user, const struct serve_part *part);
bool serve_link_read(struct serve_link *link, serve_link_part *take, void *user);

/* Ends the worker: closes its channel, waits `patience` seconds. */
void serve_link_end(struct serve_link *link, double patience);

#endif
