/* SPDX-License-Identifier: MIT */
/* Prints the events of a campaign. */
#include "cli/cli_campaign_progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

#define REFRESH 0.2 /* seconds between two blocks on a terminal */
#define PLAIN 10.0  /* seconds between two lines elsewhere */

static const char *const KINDS_OF_EVENT[] = {
    [CAMPAIGN_EVENT_GOLDEN] = "golden", [CAMPAIGN_EVENT_BEGIN] = "begin",
    [CAMPAIGN_EVENT_DEVICE] = "device", [CAMPAIGN_EVENT_BATCH] = "batch",
    [CAMPAIGN_EVENT_TICK] = "tick",     [CAMPAIGN_EVENT_FAILED] = "failed",
    [CAMPAIGN_EVENT_ASIDE] = "aside",   [CAMPAIGN_EVENT_INCIDENT] = "incident",
    [CAMPAIGN_EVENT_DUE] = "due",       [CAMPAIGN_EVENT_END] = "end"};

void cli_campaign_progress_init(struct cli_campaign_progress *out, const char *database, bool json)
{
    *out = (struct cli_campaign_progress){
        .json = json, .terminal = isatty(STDERR_FILENO) == 1, .database = database};
}

/* --- words --- */

/* "4 s", "12 min", "3 h 20 min", "2 d 3 h". */
static const char *duration(char out[32], double seconds)
{
    const double minutes = floor(seconds / 60);
    const double hours = floor(minutes / 60);
    if (!(seconds >= 0) || seconds > 1e9)
        snprintf(out, 32, "?");
    else if (seconds < 100)
        snprintf(out, 32, "%.0f s", seconds);
    else if (minutes < 100)
        snprintf(out, 32, "%.0f min", minutes);
    else if (hours < 48)
        snprintf(out, 32, "%.0f h %.0f min", hours, minutes - 60 * hours);
    else
        snprintf(out, 32, "%.0f d %.0f h", floor(hours / 24), hours - 24 * floor(hours / 24));
    return out;
}

/* "SDC 5.4 % [4.1, 7.0]", or the counts where the strata have no weights. */
static const char *share(char out[96], const struct campaign_progress *p)
{
    if (p->rated)
        snprintf(out, 96, "SDC %.2f %% [%.2f, %.2f]", 100 * p->sdc_rate, 100 * p->sdc_interval.low,
                 100 * p->sdc_interval.high);
    else
        snprintf(out, 96, "SDC %" PRIu64 " of %" PRIu64, p->sdc, p->counted);
    return out;
}

static void print_total(FILE *file, const struct campaign_progress *p)
{
    char left[32], sdc[96];
    fprintf(file, "%" PRIu64 "/%" PRIu64 " trials, %.2f/s, %s left, %s", p->done, p->planned,
            p->per_second, duration(left, p->left), share(sdc, p));
    if (p->due > 0 || p->incidents > 0)
        fprintf(file, ", %" PRIu64 " due, %" PRIu64 " incidents", p->due, p->incidents);
}

/* --- a terminal: the block is written over, line by line --- */

static void print_block(struct cli_campaign_progress *out, const struct campaign_progress *p)
{
    if (out->lines > 0)
        fprintf(stderr, "\r\033[%" PRIu32 "A", out->lines);
    out->lines = 0;
    for (uint32_t i = 0; i < p->n_rates; i++) {
        const struct campaign_rate *rate = &p->rate[i];
        if (p->n_rates == 1)
            continue; /* the total says it */
        fprintf(stderr, "  %-24.24s %8" PRIu64 " trials, %8.2f/s%s\033[K\n", rate->name, rate->done,
                rate->per_second, rate->aside ? ", set aside" : "");
        out->lines++;
    }
    print_total(stderr, p);
    fprintf(stderr, "\033[K\n");
    out->lines++;
    fflush(stderr);
}

static void print_golden(struct cli_campaign_progress *out, const struct campaign_event *event)
{
    fprintf(stderr, "%sgolden run of prompt %" PRIu32 " of %" PRIu32 "\033[K\n",
            out->lines > 0 ? "\r\033[1A" : "", event->item + 1, event->items);
    out->lines = 1;
}

static void show(struct cli_campaign_progress *out, const struct campaign_event *event)
{
    const double now = clock_seconds();
    const bool line = event->kind == CAMPAIGN_EVENT_FAILED || event->kind == CAMPAIGN_EVENT_ASIDE;
    if (line) /* a message stands below the block now: the next block goes below it */
        out->lines = 0;
    if (event->kind == CAMPAIGN_EVENT_GOLDEN && out->terminal) {
        print_golden(out, event);
        return;
    }
    if (event->kind == CAMPAIGN_EVENT_BEGIN)
        out->last = out->terminal ? 0 : now;
    if (event->kind == CAMPAIGN_EVENT_END && out->terminal)
        print_block(out, event->progress);
    if ((event->kind != CAMPAIGN_EVENT_BATCH && event->kind != CAMPAIGN_EVENT_TICK) ||
        now - out->last < (out->terminal ? REFRESH : PLAIN))
        return;
    out->last = now;
    if (out->terminal) {
        print_block(out, event->progress);
        return;
    }
    fprintf(stderr, "vkfi: ");
    print_total(stderr, event->progress);
    fprintf(stderr, "\n");
}

/* --- JSON --- */

static void put_int(struct json_writer *w, const char *key, uint64_t value)
{
    json_put_key(w, key);
    json_put_int(w, (int64_t)value);
}

/* Null where it is not known. */
static void put_number(struct json_writer *w, const char *key, bool known, double value)
{
    json_put_key(w, key);
    if (known && isfinite(value))
        json_put_number(w, value);
    else
        json_put_null(w);
}

static void put_progress(struct json_writer *w, const struct campaign_progress *p)
{
    put_int(w, "planned", p->planned);
    put_int(w, "target", p->target);
    put_int(w, "done", p->done);
    put_number(w, "seconds", true, p->seconds);
    put_number(w, "per_second", true, p->per_second);
    put_number(w, "seconds_left", true, p->left);
    put_int(w, "counted", p->counted);
    put_int(w, "sdc", p->sdc);
    put_int(w, "due", p->due);
    put_int(w, "incidents", p->incidents);
    put_number(w, "sdc_rate", p->rated, p->sdc_rate);
    put_number(w, "sdc_low", p->rated, p->sdc_interval.low);
    put_number(w, "sdc_high", p->rated, p->sdc_interval.high);
    json_put_key(w, "devices");
    json_array_open(w);
    for (uint32_t i = 0; i < p->n_rates; i++) {
        json_object_open(w);
        json_put_key(w, "name");
        json_put_text(w, p->rate[i].name);
        put_int(w, "done", p->rate[i].done);
        put_number(w, "per_second", true, p->rate[i].per_second);
        json_put_key(w, "aside");
        json_put_bool(w, p->rate[i].aside);
        json_object_close(w);
    }
    json_array_close(w);
}

static bool has_progress(enum campaign_event_kind kind)
{
    return kind == CAMPAIGN_EVENT_BEGIN || kind == CAMPAIGN_EVENT_BATCH ||
           kind == CAMPAIGN_EVENT_TICK || kind == CAMPAIGN_EVENT_END;
}

static void put_event(const struct campaign_event *event)
{
    struct json_writer w;
    json_begin(&w, stdout, false);
    json_object_open(&w);
    json_put_key(&w, "event");
    json_put_text(&w, KINDS_OF_EVENT[event->kind]);
    if (event->kind == CAMPAIGN_EVENT_GOLDEN) {
        put_int(&w, "item", event->item);
        put_int(&w, "items", event->items);
    } else if (event->kind != CAMPAIGN_EVENT_BEGIN && event->kind != CAMPAIGN_EVENT_TICK &&
               event->kind != CAMPAIGN_EVENT_END) {
        put_int(&w, "device", event->device);
    }
    if (event->kind == CAMPAIGN_EVENT_BATCH)
        put_int(&w, "trials", event->count);
    if (event->kind == CAMPAIGN_EVENT_INCIDENT || event->kind == CAMPAIGN_EVENT_DUE)
        put_int(&w, "trial", event->trial);
    if (event->text) {
        json_put_key(&w, "text");
        json_put_text(&w, event->text);
    }
    if (has_progress(event->kind))
        put_progress(&w, event->progress);
    json_object_close(&w);
    const enum status written = json_end(&w);
    (void)written; /* a reader that went away does not end a campaign; main's flush reports it */
}

void cli_campaign_progress_event(void *user, const struct campaign_event *event)
{
    struct cli_campaign_progress *out = user;
    if (out->json)
        put_event(event);
    else
        show(out, event);
}
