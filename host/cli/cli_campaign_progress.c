/* SPDX-License-Identifier: MIT */
/* Prints the events of a campaign. */
#include "cli/cli_campaign.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli_gate.h"

#define REFRESH 0.2 /* seconds between two blocks on a terminal */
#define PLAIN 10.0  /* seconds between two lines elsewhere */
#define OBJECTS 1.0 /* seconds between two objects of progress */
#define LINE 512    /* bytes of a line */
#define INTERRUPTED "finishing the batches that run; a second signal ends at once"

static const char *const KINDS_OF_EVENT[] = {
    [CAMPAIGN_EVENT_GOLDEN] = "golden", [CAMPAIGN_EVENT_BEGIN] = "begin",
    [CAMPAIGN_EVENT_DEVICE] = "device", [CAMPAIGN_EVENT_BATCH] = "progress",
    [CAMPAIGN_EVENT_TICK] = "progress", [CAMPAIGN_EVENT_FAILED] = "failed",
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

/* ", critical 1 (0.67 %)" where items have scores. */
static void add_critical(char out[CLI_CAMPAIGN_RATE], const struct campaign_progress *p)
{
    const size_t n = strlen(out);
    if (p->scored && p->counted > 0)
        snprintf(out + n, CLI_CAMPAIGN_RATE - n, ", critical %" PRIu64 " (%.2f %%)", p->critical,
                 100 * (double)p->critical / (double)p->counted);
}

/* "SDC 3 of 150 (2.00 %)". */
static void put_share(char out[CLI_CAMPAIGN_RATE], const struct campaign_progress *p)
{
    const int n =
        snprintf(out, CLI_CAMPAIGN_RATE, "SDC %" PRIu64 " of %" PRIu64, p->sdc, p->counted);
    if (p->counted > 0)
        snprintf(out + n, CLI_CAMPAIGN_RATE - (size_t)n, " (%.2f %%)",
                 100 * (double)p->sdc / (double)p->counted);
}

/* The share, with its interval if it has one and `bounds` is wanted. */
static void put_rate(char out[CLI_CAMPAIGN_RATE], const struct campaign_progress *p, bool bounds)
{
    char text[REPORT_INTERVAL_TEXT];
    const struct report_interval rate = {p->sdc_rate, p->sdc_interval, 1};
    put_share(out, p);
    if (!bounds || !p->rated || !p->enough)
        return;
    report_interval_text(text, &rate, p->sdc_confidence);
    if (p->weighted) {
        const size_t n = strlen(out);
        snprintf(out + n, CLI_CAMPAIGN_RATE - n, "; weighted over strata %s", text);
    } else {
        snprintf(out, CLI_CAMPAIGN_RATE, "SDC %" PRIu64 " of %" PRIu64 ": %s", p->sdc, p->counted,
                 text);
    }
}

void cli_campaign_progress_rate(char out[CLI_CAMPAIGN_RATE], const struct campaign_progress *p)
{
    put_rate(out, p, true);
    add_critical(out, p);
}

/* Parts of a line in the order in which a long line drops them: the interval with its basis, trials
 * per second, the time left, abnormal ends, SDC. */
enum { PART_INTERVAL, PART_SPEED, PART_LEFT, PART_TROUBLE, PART_SDC, PARTS };

/* "12/80 trials, 23.45/s, 3 s left, SDC 3 of 150 (2.00 %)", or with its interval, without the parts
 * before `part`. */
static void put_parts(char out[LINE], const struct campaign_progress *p, int part)
{
    char left[32], sdc[CLI_CAMPAIGN_RATE];
    int n = snprintf(out, LINE, "%" PRIu64 "/%" PRIu64 " trials", p->done, p->target);
    if (p->armed_left > 0)
        n += snprintf(out + n, LINE - (size_t)n, ", %" PRIu64 " in arms left", p->armed_left);
    if (part <= PART_SPEED)
        n += snprintf(out + n, LINE - (size_t)n, ", %.2f/s", p->per_second);
    if (part <= PART_LEFT)
        n += snprintf(out + n, LINE - (size_t)n, ", %s left", duration(left, p->left));
    put_rate(sdc, p, part <= PART_INTERVAL);
    add_critical(sdc, p);
    if (part <= PART_SDC)
        n += snprintf(out + n, LINE - (size_t)n, ", %s", sdc);
    if (part <= PART_TROUBLE && (p->due > 0 || p->incidents > 0))
        snprintf(out + n, LINE - (size_t)n, ", %" PRIu64 " due, %" PRIu64 " incidents", p->due,
                 p->incidents);
}

/* As much of it as `columns` hold, in whole parts. */
static void put_total(char out[LINE], const struct campaign_progress *p, size_t columns)
{
    for (int part = 0; part <= PARTS; part++) {
        put_parts(out, p, part);
        if (strlen(out) <= columns)
            return;
    }
}

/* --- a terminal: the block is overwritten, line by line --- */

/* Columns of a line that does not wrap, so that it can be overwritten. */
static size_t columns_of_line(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79;
}

static void put_line(struct cli_campaign_progress *out, const char *line)
{
    fprintf(stderr, "%.*s\033[K\n", (int)columns_of_line(), line);
    out->lines++;
}

/* The longer of two lines, if it fits. */
static void put_either(struct cli_campaign_progress *out, const char *longer, const char *shorter)
{
    put_line(out, strlen(longer) <= columns_of_line() ? longer : shorter);
}

/* To the first line of the shown block. */
static void go_up(struct cli_campaign_progress *out)
{
    if (out->lines > 0)
        fprintf(stderr, "\r\033[%" PRIu32 "A", out->lines);
    out->lines = 0;
}

static void print_block(struct cli_campaign_progress *out, const struct campaign_progress *p)
{
    char line[LINE], shorter[LINE];
    go_up(out);
    for (uint32_t i = 0; i < p->n_rates && p->n_rates > 1; i++) { /* of one: the total says it */
        const struct campaign_rate *rate = &p->rate[i];
        const char *aside = rate->aside ? ", set aside" : "";
        snprintf(line, sizeof(line), "  %-24.24s %8" PRIu64 " trials, %8.2f/s%s", rate->name,
                 rate->done, rate->per_second, aside);
        snprintf(shorter, sizeof(shorter), "  %.6s %" PRIu64 "%s", rate->name, rate->done, aside);
        put_either(out, line, shorter);
    }
    put_total(line, p, columns_of_line());
    put_line(out, line);
    if (p->interrupted)
        put_either(out, INTERRUPTED, "finishing");
    fputs("\033[J", stderr); /* what a key press left below, such as ^C */
    fflush(stderr);
}

static void put_golden(char line[LINE], const struct campaign_event *event)
{
    snprintf(line, LINE, "golden run of prompt %" PRIu32 " of %" PRIu32, event->item + 1,
             event->items);
}

static void print_golden(struct cli_campaign_progress *out, const struct campaign_event *event)
{
    char line[LINE], shorter[LINE];
    put_golden(line, event);
    snprintf(shorter, sizeof(shorter), "golden %" PRIu32 "/%" PRIu32, event->item + 1,
             event->items);
    go_up(out);
    put_either(out, line, shorter);
}

static void show_on_terminal(struct cli_campaign_progress *out, const struct campaign_event *event)
{
    const double now = clock_seconds();
    switch (event->kind) {
    case CAMPAIGN_EVENT_FAILED:
    case CAMPAIGN_EVENT_ASIDE:
        out->lines = 0; /* a message is now below the block: the next block goes below it */
        break;
    case CAMPAIGN_EVENT_GOLDEN:
        print_golden(out, event);
        break;
    case CAMPAIGN_EVENT_BATCH:
    case CAMPAIGN_EVENT_TICK:
        if (now - out->last < REFRESH)
            break;
        out->last = now;
        print_block(out, event->progress);
        break;
    case CAMPAIGN_EVENT_END:
        print_block(out, event->progress);
        break;
    default:
        break;
    }
}

/* --- elsewhere: a line now and then --- */

static void show_plain(struct cli_campaign_progress *out, const struct campaign_event *event)
{
    char line[LINE];
    const double now = clock_seconds();
    const bool golden = event->kind == CAMPAIGN_EVENT_GOLDEN;
    if (event->kind == CAMPAIGN_EVENT_BEGIN || (golden && out->last == 0))
        out->last = now;
    if (!golden && event->kind != CAMPAIGN_EVENT_BATCH && event->kind != CAMPAIGN_EVENT_TICK)
        return;
    if (!golden && event->progress->interrupted && !out->told)
        fprintf(stderr, "vkfi: %s\n", INTERRUPTED);
    out->told = !golden && event->progress->interrupted;
    if (now - out->last < PLAIN)
        return;
    out->last = now;
    if (golden)
        put_golden(line, event);
    else
        put_total(line, event->progress, LINE);
    fprintf(stderr, "vkfi: %s\n", line);
}

/* --- JSON --- */

static void put_progress(struct json_writer *w, const struct campaign_progress *p)
{
    json_member_int(w, "planned", p->planned);
    json_member_int(w, "target", p->target);
    json_member_int(w, "done", p->done);
    if (p->armed > 0 || p->armed_left > 0) {
        json_member_int(w, "armed", p->armed);
        json_member_int(w, "armed_left", p->armed_left);
    }
    json_member_number(w, "seconds", p->seconds);
    json_member_number(w, "per_second", p->per_second);
    json_member_number(w, "seconds_left", p->left);
    json_member_int(w, "counted", p->counted);
    json_member_int(w, "sdc", p->sdc);
    json_member_int(w, "due", p->due);
    if (p->scored)
        json_member_int(w, "critical", p->critical);
    json_member_int(w, "incidents", p->incidents);
    json_member_bool(w, "interrupted", p->interrupted);
    json_member_number(w, "sdc_rate", p->rated ? p->sdc_rate : NAN);
    const bool bounded = p->rated && p->enough;
    json_member_number(w, "sdc_low", bounded ? p->sdc_interval.bounds.low : NAN);
    json_member_number(w, "sdc_high", bounded ? p->sdc_interval.bounds.high : NAN);
    if (bounded) {
        report_interval_members(w, &p->sdc_interval);
        json_member_number(w, "confidence", p->sdc_confidence);
    }
    json_member_array(w, "devices");
    for (uint32_t i = 0; i < p->n_rates; i++) {
        json_object_open(w);
        json_member_text(w, "name", p->rate[i].name);
        json_member_int(w, "done", p->rate[i].done);
        json_member_number(w, "per_second", p->rate[i].per_second);
        json_member_bool(w, "aside", p->rate[i].aside);
        json_object_close(w);
    }
    json_array_close(w);
}

static bool has_progress(enum campaign_event_kind kind)
{
    return kind == CAMPAIGN_EVENT_BEGIN || kind == CAMPAIGN_EVENT_BATCH ||
           kind == CAMPAIGN_EVENT_TICK || kind == CAMPAIGN_EVENT_END;
}

/* Golden runs and progress, which may come thousands of times a second, are shown at intervals; all
 * else, and the first and the last prompt, always. */
static bool is_due(struct cli_campaign_progress *out, const struct campaign_event *event)
{
    const bool golden = event->kind == CAMPAIGN_EVENT_GOLDEN;
    const double now = clock_seconds();
    if (!golden && event->kind != CAMPAIGN_EVENT_BATCH && event->kind != CAMPAIGN_EVENT_TICK)
        return true;
    const bool edge = golden && (event->item == 0 || event->item + 1 == event->items);
    if (!edge && now - out->last < OBJECTS)
        return false;
    out->last = now;
    return true;
}

static void put_event(const struct campaign_event *event)
{
    struct json_writer w;
    json_begin(&w, stdout, false);
    json_object_open(&w);
    json_member_text(&w, "event", KINDS_OF_EVENT[event->kind]);
    if (event->kind == CAMPAIGN_EVENT_GOLDEN) {
        json_member_int(&w, "item", event->item);
        json_member_int(&w, "items", event->items);
    } else if (!has_progress(event->kind)) {
        json_member_int(&w, "device", event->device);
    }
    if (event->kind == CAMPAIGN_EVENT_INCIDENT || event->kind == CAMPAIGN_EVENT_DUE)
        json_member_int(&w, "trial", event->trial);
    if (event->text)
        json_member_text(&w, "text", event->text);
    if (has_progress(event->kind))
        put_progress(&w, event->progress);
    json_object_close(&w);
    const enum status written = json_end(&w);
    (void)written; /* a closed reader does not end a campaign; main's flush reports it */
}

void cli_campaign_progress_look(const struct cli_campaign_progress *progress,
                                const struct report_gate *gate, const struct plan_gate *question)
{
    struct json_writer w;
    if (!progress->json)
        return; /* the summary says it */
    json_begin(&w, stdout, false);
    json_object_open(&w);
    json_member_text(&w, "event", "look");
    cli_gate_members(&w, gate, question);
    json_object_close(&w);
    const enum status written = json_end(&w);
    (void)written; /* as above */
}

void cli_campaign_progress_event(void *user, const struct campaign_event *event)
{
    struct cli_campaign_progress *out = user;
    if (out->json && is_due(out, event))
        put_event(event);
    else if (out->json)
        return;
    else if (out->terminal)
        show_on_terminal(out, event);
    else
        show_plain(out, event);
}
