/* SPDX-License-Identifier: MIT */
/* From the words of a command line to campaign_run. */
#include "cli/cli_campaign_run.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

static void take_event(void *user, const struct campaign_event *event)
{
    struct cli_campaign *c = user;
    if (event->kind == CAMPAIGN_EVENT_END) {
        c->end = *event->progress;
        c->ended = true;
    }
    cli_campaign_progress_event(&c->progress, event);
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
        .call = call, .crew = calloc(1, sizeof *out->crew), .shard = {.count = 1}};
    if (!out->crew) {
        log_error("out of host memory for a campaign");
        return STATUS_MEMORY;
    }
    const enum status st = cli_crew_devices(out->crew, env, call->devices);
    return st || call->whole ? st : campaign_shard_find(&out->shard, call->shard, variable, NULL);
}

enum status cli_campaign_run(struct cli_campaign *c, const struct cli_env *env,
                             const char *database)
{
    struct cli_crew *crew = c->crew;
    struct campaign_params params = {.limit = c->call->limit, .shard = c->shard};
    const enum status st = cli_crew_open(crew, env);
    if (st)
        return st;
    if (c->shard.source)
        log_info("part %" PRIu32 " of %" PRIu32 " (%s)", c->shard.index, c->shard.count,
                 c->shard.source);
    crew->setup.naive = c->call->naive;
    cli_crew_catch(crew);
    params.setup = crew->setup;
    params.identity = crew->identity;
    params.database = campaign_shard_path(&crew->arena, database, &c->shard);
    if (!params.database)
        return STATUS_MEMORY;
    cli_campaign_progress_init(&c->progress, params.database, c->call->json);
    params.event = take_event;
    params.user = c;
    return campaign_run(&params);
}

void cli_campaign_close(struct cli_campaign *c, enum status st)
{
    if (c->crew)
        cli_crew_finish(c->crew);
    free(c->crew);
    c->crew = NULL;
    if (!st)
        cli_crew_reraise();
}
