/* SPDX-License-Identifier: MIT */
/* Sums and the page of them. */
#include "serve/serve_metrics.h"

#include <inttypes.h>
#include <stddef.h>

/* A number of the page; all are uint64_t. */
struct line {
    const char *name, *type, *help;
    size_t offset; /* in struct serve_metrics */
};

#define COUNTER(name, help, member)                                                                \
    {                                                                                              \
        "vkfi_" name "_total", "counter", help, offsetof(struct serve_metrics, member)             \
    }
#define GAUGE(name, help, member)                                                                  \
    {                                                                                              \
        "vkfi_" name, "gauge", help, offsetof(struct serve_metrics, member)                        \
    }

static const struct line LINES[] = {
    COUNTER("prompt_tokens", "Tokens of prompts read.", counts.prompt_tokens),
    COUNTER("tokens", "Tokens generated.", counts.tokens),
    COUNTER("alarms", "Columns in which a protection raised an alarm.", counts.alarms),
    COUNTER("corrections", "Choices whose damage was found and corrected.", counts.corrected),
    COUNTER("uncorrected", "Choices refused since damage stayed.", counts.uncorrected),
    COUNTER("faults_fired", "Activations of injected faults.", counts.fired),
    COUNTER("cancelled", "Requests whose client went away.", cancelled),
    COUNTER("worker_starts", "Starts of the process that holds the device.", starts),
    GAUGE("requests_running", "Requests that run or wait.", running),
    GAUGE("connections", "Open connections.", connections),
};

void serve_metrics_add(struct serve_counts *to, const struct serve_counts *counts)
{
    to->prompt_tokens += counts->prompt_tokens;
    to->tokens += counts->tokens;
    to->alarms += counts->alarms;
    to->corrected += counts->corrected;
    to->uncorrected += counts->uncorrected;
    to->fired += counts->fired;
}

static void put_head(struct text *out, const char *name, const char *type, const char *help)
{
    text_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void serve_metrics_put(struct text *out, const struct serve_metrics *metrics)
{
    put_head(out, "vkfi_requests_total", "counter", "Requests answered, by HTTP status.");
    for (unsigned code = 0; code < SERVE_METRICS_CODES; code++) {
        if (metrics->answers[code] > 0)
            text_addf(out, "vkfi_requests_total{code=\"%u\"} %" PRIu64 "\n", code,
                      metrics->answers[code]);
    }
    put_head(out, "vkfi_request_seconds_total", "counter", "Time of answered requests.");
    text_addf(out, "vkfi_request_seconds_total %.6f\n", metrics->seconds);
    for (size_t i = 0; i < sizeof(LINES) / sizeof(*LINES); i++) {
        const uint64_t *value = (const void *)((const char *)metrics + LINES[i].offset);
        put_head(out, LINES[i].name, LINES[i].type, LINES[i].help);
        text_addf(out, "%s %" PRIu64 "\n", LINES[i].name, *value);
    }
}
