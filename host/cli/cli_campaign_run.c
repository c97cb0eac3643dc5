/* SPDX-License-Identifier: MIT */
/* From a command line to campaign_run. */
#include "cli/cli_campaign.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli_gate.h"

static void take_event(void *user, const struct campaign_event *event)
{
    struct cli_campaign *c = user;
    if (event->kind == CAMPAIGN_EVENT_BEGIN) {
        c->began = clock_seconds();
        c->before = event->progress->done;
    }
    if (event->kind == CAMPAIGN_EVENT_END) {
        c->end = *event->progress;
        memcpy(c->rate, c->end.rate, c->end.n_rates * sizeof(*c->rate));
        c->end.rate = c->rate;
        c->ended = true;
    }
    cli_campaign_progress_event(&c->progress, event);
}

static enum status watch(struct cli_campaign *c, const struct campaign_look *now, bool *out_stop)
{
    const struct report_watch_progress progress = {now->leading, now->done, now->trials};
    if (!report_watch_is_due(&c->watch, &progress))
        return STATUS_OK;
    const enum status st = report_watch_look(&c->watch, &progress);
    if (!st && !isnan(c->watch.gate.rate) && !c->watch.off)
        cli_campaign_progress_look(&c->progress, &c->watch.gate, &c->crew->plan.gate);
    *out_stop = c->watch.decided;
    return st;
}

/* campaign_params.look */
static enum status look(void *user, const struct campaign_look *now, bool *out_stop)
{
    struct cli_campaign *c = user;
    if (c->watched)
        return watch(c, now, out_stop);
    *out_stop =
        c->call->seconds > 0 && c->began > 0 && clock_seconds() - c->began > c->call->seconds;
    return STATUS_OK;
}

static const char *variable(void *user, const char *name)
{
    (void)user;
    return getenv(name);
}

enum status cli_campaign_open(struct cli_campaign *out, const struct cli_env *env,
                              const struct cli_campaign_call *call)
{
    *out = (struct cli_campaign){
        .call = call, .crew = calloc(1, sizeof(*out->crew)), .shard = {.count = 1}};
    if (!out->crew) {
        log_error("out of host memory for a campaign");
        return STATUS_MEMORY;
    }
    const enum status st = cli_crew_devices(out->crew, env, call->devices, call->threads);
    return st || call->whole ? st : campaign_shard_find(&out->shard, call->shard, variable, NULL);
}

/* A folder for a temporary database. Signals are already caught. */
static enum status make_scratch(struct cli_campaign *c)
{
    struct arena *arena = &c->crew->arena;
    const char *base = getenv("TMPDIR");
    char *path = arena_printf(arena, "%s/vkfi-campaign.XXXXXX", base && *base ? base : "/tmp");
    if (!path)
        return STATUS_MEMORY;
    if (!mkdtemp(path)) {
        log_error("%s: the folder could not be made: %s", path, strerror(errno));
        return STATUS_IO;
    }
    c->scratch = path;
    c->database = arena_printf(arena, "%s/campaign.db", path);
    return c->database ? STATUS_OK : STATUS_MEMORY;
}

static enum status choose_database(struct cli_campaign *c, const char *database)
{
    if (!database)
        return make_scratch(c);
    c->database = campaign_shard_path(&c->crew->arena, database, &c->shard);
    return c->database ? STATUS_OK : STATUS_MEMORY;
}

static void tell_part(const struct cli_campaign *c)
{
    if (c->shard.source)
        log_info("part %" PRIu32 " of %" PRIu32 " (%s)", c->shard.index, c->shard.count,
                 c->shard.source);
    if (c->shard.count > 1 && plan_stops_itself(&c->crew->plan))
        log_warn("a part of a campaign never stops itself: the question of the plan is for the "
                 "whole, after vkfi merge");
}

enum status cli_campaign_run(struct cli_campaign *c, const struct cli_env *env,
                             const char *database)
{
    struct cli_crew *crew = c->crew;
    struct campaign_params params = {.limit = c->call->limit, .shard = c->shard};
    enum status st = cli_crew_open(crew, env);
    if (st)
        return st;
    tell_part(c);
    crew->setup.naive = c->call->naive;
    cli_crew_catch(crew);
    st = choose_database(c, database);
    if (st)
        return st;
    c->watched = plan_stops_itself(&crew->plan) && c->shard.count == 1 && !(c->call->seconds > 0);
    report_watch_init(&c->watch, c->database, &crew->plan);
    cli_campaign_progress_init(&c->progress, c->database, c->call->json);
    params.setup = crew->setup;
    params.identity = crew->identity;
    params.database = c->database;
    params.event = take_event;
    params.look = look;
    params.user = c;
    return campaign_run(&params);
}

bool cli_campaign_interrupted(const struct cli_campaign *c)
{
    return !c->ended || c->end.interrupted;
}

/* The last look's answer, and whether an earlier call had stopped there. */
static void print_question(const struct cli_campaign *c)
{
    const bool before = c->watch.decided && c->end.done == c->before;
    printf("gate: ");
    cli_gate_line(stdout, &c->watch.gate, &c->crew->plan.gate);
    if (c->watch.decided && c->end.done < c->end.planned)
        printf("; %" PRIu64 " trials are not needed", c->end.planned - c->end.done);
    printf("%s\n", before ? " (decided before: nothing was run)" : "");
}

void cli_campaign_summary(const struct cli_campaign *c)
{
    const struct campaign_progress *p = &c->end;
    char rate[CLI_CAMPAIGN_RATE];
    if (!c->ended || c->progress.json)
        return;
    printf("%s: %" PRIu64 " of %" PRIu64 " trials, ", c->database, p->done, p->planned);
    if (p->armed > 0)
        printf("%" PRIu64 " runs in arms, ", p->armed);
    printf("%.2f/s in this call\n", p->per_second);
    cli_campaign_progress_rate(rate, p);
    printf("%s; %" PRIu64 " due, %" PRIu64 " incidents\n", rate, p->due, p->incidents);
    if (c->watched && c->watch.looks > 0 && !c->watch.off)
        print_question(c);
    if (p->interrupted)
        printf("interrupted: the same command goes on\n");
}

static void remove_scratch(const struct cli_campaign *c)
{
    if (c->database)
        store_remove(c->database);
    if (rmdir(c->scratch) != 0)
        log_warn("%s: the folder could not be removed: %s", c->scratch, strerror(errno));
}

void cli_campaign_close(struct cli_campaign *c, enum status st)
{
    if (c->scratch)
        remove_scratch(c);
    if (c->crew)
        cli_crew_finish(c->crew);
    free(c->crew);
    c->crew = NULL;
    if (!st)
        cli_crew_reraise();
}
