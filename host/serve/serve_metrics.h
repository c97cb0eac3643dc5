/* SPDX-License-Identifier: MIT */
/* What the server has done, as Prometheus reads it. */
#ifndef VKFI_SERVE_SERVE_METRICS_H
#define VKFI_SERVE_SERVE_METRICS_H

#include <stdint.h>

#include "base/text.h"
#include "serve/serve_wire.h"

#define SERVE_METRICS_CODES 600 /* HTTP statuses are below it */

struct serve_metrics {
    uint64_t answers[SERVE_METRICS_CODES]; /* requests by status */
    struct serve_counts counts;
    uint64_t cancelled;   /* requests whose client went away */
    uint64_t starts;      /* of workers */
    uint64_t running;     /* requests right now */
    uint64_t connections; /* right now */
    double seconds;       /* of answered requests, summed */
};

void serve_metrics_add(struct serve_counts *to, const struct serve_counts *counts);

/* Appends the page, text format 0.0.4. */
void serve_metrics_put(struct text *out, const struct serve_metrics *metrics);

#endif
