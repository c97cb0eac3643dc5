/* SPDX-License-Identifier: MIT */
/* The first part of a campaign: golden runs on the reference, whose lengths the draw needs. The
 * other devices are opened meanwhile, so that a failure is known before the long work. */
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "inject/campaign/campaign_score.h"
#include "inject/campaign/campaign_state.h"
#include "inject/campaign/campaign_team.h"
#include "inject/store/store_tables.h"

#define KEEP_SECONDS 2.0 /* what a kill can cost; shorter work is not kept */

/* A campaign's golden runs while they are made. */
struct goldens {
    struct campaign_state *s;
    uint32_t known;           /* items */
    struct store_item *loose; /* (n_items) rows that are in no file yet */
    uint32_t n_loose;
    double written; /* when the last ones were */
};

/* --- the file beside the database --- */

static const char *path_of(struct campaign_state *s)
{
    return arena_printf(&s->arena, "%s-golden", s->params->database);
}

/* What golden runs depend on. */
static struct store_identity identity_of(const struct campaign_state *s)
{
    struct store_identity identity = s->params->identity;
    identity.waves = "";
    identity.trials = 0;
    identity.shard = 0;
    identity.shards = 1;
    return identity;
}

/* A file that is of no use is dropped: what it had can be made again. */
static enum status drop_unusable(struct campaign_state *s, const char *path)
{
    store_destroy(&s->kept);
    store_remove(path);
    if (access(path, F_OK) == 0) { /* a folder */
        log_error("%s", log_last_error());
        return STATUS_INPUT;
    }
    for (uint32_t i = 0; i < s->setup->plan->n_items; i++)
        s->item[i].known = false;
    log_warn("%s; the golden runs are made again", log_last_error());
    return STATUS_OK;
}

/* Takes the golden runs that an earlier call left. Those of another plan, model or build, of
 * another version, or damaged are dropped. */
static enum status take_kept(struct campaign_state *s)
{
    const struct campaign_setup *setup = s->setup;
    const struct store_identity identity = identity_of(s);
    const char *path = path_of(s);
    if (!path)
        return STATUS_MEMORY;
    if (s->store || access(path, F_OK) != 0)
        return STATUS_OK;
    log_hold_errors(true);
    enum status st = store_create(&s->kept, path, &identity);
    if (!st)
        st = campaign_items_read(s->item, &s->arena, s->kept, setup->plan, setup->model);
    log_hold_errors(false);
    if (st == STATUS_INPUT)
        return drop_unusable(s, path);
    if (st)
        log_error("%s", log_last_error());
    return st;
}

static enum status keep(struct goldens *g)
{
    struct campaign_state *s = g->s;
    const struct store_identity identity = identity_of(s);
    const char *path = path_of(s);
    enum status st = path ? STATUS_OK : STATUS_MEMORY;
    if (!st && !s->kept)
        st = store_create(&s->kept, path, &identity);
    if (!st)
        st = store_put_items(s->kept, g->loose, g->n_loose);
    g->n_loose = 0;
    g->written = clock_seconds();
    return st;
}

void campaign_golden_drop(struct campaign_state *s)
{
    if (!s->kept)
        return;
    store_destroy(&s->kept);
    const char *path = path_of(s);
    if (path)
        store_remove(path);
}

/* --- the runs --- */

static uint32_t find_unknown(const struct campaign_state *s)
{
    const uint32_t n = s->setup->plan->n_items;
    uint32_t i = 0;
    while (i < n && s->item[i].known)
        i++;
    return i;
}

static enum status next(void *user, uint32_t device, struct campaign_batch *out)
{
    const struct goldens *g = user;
    const struct campaign_setup *setup = g->s->setup;
    *out = (struct campaign_batch){.work = CAMPAIGN_WAY_OPEN, .any = !g->s->seat[device].opened};
    if (device == setup->reference) {
        out->work = CAMPAIGN_WAY_GOLDEN;
        out->any = g->known < setup->plan->n_items;
    }
    return STATUS_OK;
}

static enum status ready(void *user, uint32_t device, struct field_bytes *body)
{
    struct campaign_state *s = ((struct goldens *)user)->s;
    struct store_device info;
    s->seat[device].opened = true;
    return campaign_channel_take_last(body, store_tables_fields(STORE_DEVICES), &info, &s->arena);
}

static enum status refuse(uint32_t item)
{
    log_error("a worker's golden runs: found item %" PRIu32 ", expected each of the rest once",
              item);
    return STATUS_INTERNAL;
}

static enum status part(void *user, uint32_t device, struct field_bytes *body)
{
    struct goldens *g = user;
    struct campaign_state *s = g->s;
    const struct campaign_setup *setup = s->setup;
    struct store_item row = {0};
    (void)device;
    enum status st =
        campaign_channel_take_last(body, store_tables_fields(STORE_ITEMS), &row, &s->arena);
    if (!st && row.id < setup->plan->n_items && s->item[row.id].known)
        st = refuse(row.id);
    if (!st)
        st = campaign_items_take(s->item, &s->arena, setup->plan, setup->model, &row);
    if (!st)
        st = campaign_score_item(s->score, &s->arena, &s->item[row.id].row);
    if (!st && !s->store) {
        g->loose[g->n_loose++] = s->item[row.id].row;
        if (clock_seconds() - g->written > KEEP_SECONDS)
            st = keep(g);
    }
    if (!st)
        campaign_tell(s, &(struct campaign_event){.kind = CAMPAIGN_EVENT_GOLDEN,
                                                  .item = g->known++,
                                                  .items = setup->plan->n_items});
    return st;
}

static enum status done(void *user, const struct campaign_answer *answer, struct field_bytes *body)
{
    const struct goldens *g = user;
    const bool all = g->known == g->s->setup->plan->n_items;
    (void)body;
    return answer->batch->work == CAMPAIGN_WAY_OPEN || all ? STATUS_OK : refuse(find_unknown(g->s));
}

static void failed(void *user, uint32_t device, const char *how, bool aside)
{
    campaign_tell_failed(((struct goldens *)user)->s, device, how, aside);
}

/* Golden runs have no trials to blame. */
static enum status due(void *user, const struct campaign_due *due_trial)
{
    (void)user;
    log_error("a golden run was taken for a trial (%s)", due_trial->how);
    return STATUS_INTERNAL;
}

static enum status incident(void *user, uint32_t device, uint64_t trial, const char *what)
{
    (void)user;
    (void)device;
    (void)trial;
    log_error("a golden run was taken for a trial (%s)", what);
    return STATUS_INTERNAL;
}

enum status campaign_golden_run(struct campaign_state *s)
{
    const struct campaign_setup *setup = s->setup;
    const uint32_t n = setup->plan->n_items;
    struct goldens goldens = {.s = s};
    const struct campaign_crew_owner owner = {.user = &goldens,
                                              .next = next, /* an item given back stays unknown */
                                              .ready = ready,
                                              .part = part,
                                              .done = done,
                                              .due = due,
                                              .incident = incident,
                                              .failed = failed};
    enum status st = take_kept(s);
    if (st)
        return st;
    for (uint32_t i = 0; i < n; i++)
        goldens.known += s->item[i].known;
    if (goldens.known == n)
        return STATUS_OK;
    goldens.written = clock_seconds();
    goldens.loose = arena_array(&s->arena, n, sizeof(*goldens.loose));
    if (!goldens.loose)
        return STATUS_MEMORY;
    st = campaign_team_run(&s->world, setup->n_devices, &owner);
    for (uint32_t i = 0; i < setup->n_devices; i++)
        s->seat[i] = (struct campaign_seat){.item = CAMPAIGN_QUEUE_NO_ITEM};
    /* A campaign that ends here, or has a file already, leaves all that was done. */
    if (goldens.n_loose > 0 && (st || s->kept || campaign_state_stop(s) > 0)) {
        const enum status kept = keep(&goldens);
        st = st ? st : kept;
    }
    const uint32_t left = find_unknown(s);
    if (st || left == n || campaign_state_stop(s) > 0)
        return st;
    log_error("%s: could not make the golden run of prompt %" PRIu32,
              setup->device[setup->reference].name, left);
    return STATUS_DEVICE;
}
