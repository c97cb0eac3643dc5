/* SPDX-License-Identifier: MIT */
/* A campaign from its plan to its end: golden runs, draw, database, its data on the model,
 * workers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/log.h"
#include "inject/campaign/campaign_answer.h"
#include "inject/campaign/campaign_arm.h"
#include "inject/campaign/campaign_score.h"
#include "inject/campaign/campaign_state.h"
#include "inject/campaign/campaign_team.h"
#include "inject/store/store_tables.h"
#include "model/model.h"

/* "general.file_type" of GGUF, of the types that are supported. */
static const char *file_type_name(uint64_t type)
{
    static const struct {
        uint64_t type;
        const char *name;
    } names[] = {{0, "F32"},       {1, "F16"},     {2, "Q4_0"},    {3, "Q4_1"},    {7, "Q8_0"},
                 {8, "Q5_0"},      {9, "Q5_1"},    {14, "Q4_K_S"}, {15, "Q4_K_M"}, {16, "Q5_K_S"},
                 {17, "Q5_K_M"},   {18, "Q6_K"},   {32, "BF16"},   {10, "Q2_K"},   {21, "Q2_K_S"},
                 {11, "Q3_K_S"},   {12, "Q3_K_M"}, {13, "Q3_K_L"}, {25, "IQ4_NL"}, {30, "IQ4_XS"},
                 {38, "MXFP4_MOE"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (names[i].type == type)
            return names[i].name;
    }
    return NULL;
}

static enum status put_metadata(struct json_writer *w, const struct gguf *gguf)
{
    const char *name = NULL;
    uint64_t type = 0;
    size_t length = 0;
    enum status st = STATUS_OK;
    if (gguf_has(gguf, "general.name"))
        st = gguf_text(gguf, "general.name", &name, &length);
    if (!st && gguf_has(gguf, "general.file_type"))
        st = gguf_uint(gguf, "general.file_type", UINT32_MAX, &type);
    if (st)
        return st;
    if (name)
        json_member_text(w, "name", name);
    if (gguf_has(gguf, "general.file_type") && file_type_name(type))
        json_member_text(w, "file_type", file_type_name(type));
    return STATUS_OK;
}

static void put_tensors(struct json_writer *w, const struct gguf *gguf)
{
    json_put_key(w, "tensors");
    json_object_open(w);
    for (int type = 0; type < QUANT_COUNT; type++) {
        int64_t count = 0;
        for (uint64_t i = 0; i < gguf_tensor_count(gguf); i++)
            count += gguf_tensors(gguf)[i].type == (enum quant)type;
        if (count > 0)
            json_member_int(w, quant_name((enum quant)type), count);
    }
    json_object_close(w);
}

/* An object: "architecture"; "name" and "file_type" (as "Q4_K_M") if the file has them; "bytes" of
 * the file; "tensors", how many of each type. From `arena`. */
static enum status campaign_about_model(const char **out, struct arena *arena,
                                        const struct model *model)
{
    struct json_memory m;
    struct stat info;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    json_member_text(&m.w, "architecture", hparams_arch_name(model->hp.arch));
    json_take(&m.w, put_metadata(&m.w, model->gguf));
    if (stat(gguf_path(model->gguf), &info) == 0)
        json_member_int(&m.w, "bytes", info.st_size);
    put_tensors(&m.w, model->gguf);
    json_object_close(&m.w);
    return json_end_line(out, &m, arena);
}

#define BATCH_SECONDS 8.0 /* length of a batch, about: what a crash can cost */
#define FIRST_BATCH 8u    /* trials, until a device's speed is known */

/* --- what the crew asks --- */

/* Trials for a device: some seconds' worth, fewer near the end so that devices end together. */
static uint32_t batch_size(const struct campaign_state *s, uint32_t device)
{
    const double speed = s->rate[device].per_second;
    const uint64_t left = campaign_queue_left(s->queue) + campaign_queue_arms_left(s->queue);
    const uint64_t fair = left / (2 * (uint64_t)s->setup->n_devices) + 1;
    double most = speed > 0 ? speed * BATCH_SECONDS : FIRST_BATCH;
    if (s->setup->n_devices > 1 && (double)fair < most)
        most = (double)fair;
    return most < 1 ? 1 : most > CAMPAIGN_BATCH_MAX ? CAMPAIGN_BATCH_MAX : (uint32_t)most;
}

static enum status next(void *user, uint32_t device, struct campaign_batch *out)
{
    struct campaign_state *s = user;
    const bool others = !s->setup->device[device].reference_only;
    const struct campaign_queue_asker asker = {
        .takes = {[CAMPAIGN_WAY_FAST] = others,
                  [CAMPAIGN_WAY_SHADOW] = others,
                  [CAMPAIGN_WAY_NAIVE] = others,
                  [CAMPAIGN_WAY_CPU] = device == s->setup->reference},
        .arms = others,
        .item = s->seat[device].item,
        .most = batch_size(s, device)};
    out->any = false;
    const enum status st = s->decided ? STATUS_OK : campaign_queue_next(s->queue, &asker, out);
    if (!st && out->any) {
        s->rate[device].prompts += s->seat[device].item != out->item;
        s->seat[device].item = out->item;
    }
    return st;
}

static enum status give_back(void *user, const struct campaign_batch *batch)
{
    struct campaign_state *s = user;
    return campaign_queue_give_back(s->queue, batch);
}

static enum status ready(void *user, uint32_t device, struct field_bytes *body)
{
    struct campaign_state *s = user;
    struct campaign_seat *seat = &s->seat[device];
    struct store_device info;
    struct arena arena = {0};
    enum status st =
        campaign_channel_take_last(body, store_tables_fields(STORE_DEVICES), &info, &arena);
    if (!st)
        st = store_device(s->store, &info, &seat->row);
    if (!st && !seat->opened)
        campaign_tell(s, &(struct campaign_event){
                             .kind = CAMPAIGN_EVENT_DEVICE, .device = device, .text = info.name});
    seat->opened = true;
    arena_finish(&arena);
    return st;
}

/* --- the database --- */

/* True if it holds a campaign: a file that a killed process was about to fill is empty. */
static bool has_database(const char *path, struct arena *arena)
{
    struct stat info;
    const char *journal = arena_printf(arena, "%s-journal", path);
    if (stat(path, &info) != 0 || info.st_size == 0)
        return false;
    return !journal || stat(journal, &info) != 0;
}

static struct store_identity identity_of(const struct campaign_params *params)
{
    struct store_identity identity = params->identity;
    identity.shard = params->shard.index;
    identity.shards = params->shard.count;
    return identity;
}

/* Continues an existing database: its identity is checked before anything runs, and its golden runs
 * are reused. Its waves are compared once the draw is known. */
static enum status open_database(struct campaign_state *s)
{
    const char *path = s->params->database;
    struct store_identity identity = identity_of(s->params);
    struct store *reader = NULL;
    if (!has_database(path, &s->arena))
        return STATUS_OK;
    enum status st = store_open(&reader, path);
    if (st)
        return st;
    const char *waves = store_identity(reader)->waves;
    identity.trials = store_identity(reader)->trials;
    identity.waves = arena_text(&s->arena, waves, strlen(waves));
    store_destroy(&reader);
    st = identity.waves ? store_create(&s->store, path, &identity) : STATUS_MEMORY;
    s->resumed = !st;
    return st ? st
              : campaign_items_read(s->item, &s->arena, s->store, s->setup->plan, s->setup->model);
}

static struct store_stratum *list_strata(struct campaign_state *s, uint32_t n)
{
    struct store_stratum *strata = arena_array(&s->arena, n, sizeof(*strata));
    for (uint32_t h = 0; strata && h < n; h++) {
        const struct sample_stratum stratum = sample_stratum(s->sample, h);
        strata[h] = (struct store_stratum){.id = h,
                                           .label = stratum.label,
                                           .weight = stratum.weight,
                                           .size = stratum.size,
                                           .planned = stratum.trials,
                                           .distinct_faults = stratum.distinct,
                                           .no_fault = sample_no_fault(s->sample, h)};
    }
    return strata;
}

/* "500@3328+200@3848", as in a database's identity. */
static enum status list_waves(struct campaign_state *s, const char **out)
{
    const struct plan *plan = s->setup->plan;
    struct text text = {0};
    enum status st = text_add(&text, "", 0);
    for (uint32_t w = 0; !st && w < plan->n_waves; w++)
        st = text_addf(&text, "%s%" PRIu64 "@%" PRIu64, w ? "+" : "", plan->wave[w],
                       sample_wave_begin(s->sample, w + 1));
    *out = st ? NULL : arena_text(&s->arena, text.data, text.size);
    text_finish(&text);
    return st ? st : *out ? STATUS_OK : STATUS_MEMORY;
}

/* The existing database must be of the same draw, or of its first waves. */
static enum status join_database(struct campaign_state *s, const struct store_identity *identity,
                                 const struct store_stratum *strata, uint32_t n)
{
    const struct store_identity *there = store_identity(s->store);
    if (strcmp(there->waves, identity->waves) != 0) {
        const struct store_extension extension = {identity, strata, n};
        return store_extend(s->store, &extension);
    }
    if (there->trials != identity->trials) {
        log_error("%s: found a campaign of %" PRIu64 " trials, the plan gives %" PRIu64
                  " with its golden runs",
                  s->params->database, there->trials, identity->trials);
        return STATUS_INTERNAL;
    }
    return store_put_strata(s->store, strata, n);
}

static void tell_cut(const struct campaign_state *s)
{
    const uint64_t cut = sample_cut(s->sample);
    if (cut > 0)
        log_warn("%s: found %" PRIu64 " trials more than strata have faults; each is drawn once, "
                 "and no more: `vkfi plan show` says where",
                 plan_place(s->setup->plan, "/sampling"), cut);
}

/* A draw with answers as long as they may get: what is wrong in a plan is known before the long
 * work of golden runs. */
static enum status check_draw(struct campaign_state *s)
{
    struct sample *sample = NULL;
    const struct plan *plan = s->setup->plan;
    const struct sample_item *sizes = campaign_items_longest(s->item, &s->arena, plan);
    const enum status st =
        sizes ? sample_create(&sample, plan, s->setup->model, sizes) : STATUS_MEMORY;
    sample_destroy(&sample);
    return st;
}

/* Draws, then creates the database or checks that the existing one is of the same draw. */
static enum status make_database(struct campaign_state *s)
{
    const struct plan *plan = s->setup->plan;
    const struct sample_item *sizes = campaign_items_sizes(s->item, &s->arena, plan);
    struct store_identity identity = identity_of(s->params);
    const enum status about = campaign_about_model(&identity.model, &s->arena, s->setup->model);
    if (about)
        return about;
    enum status st =
        sizes ? sample_create(&s->sample, plan, s->setup->model, sizes) : STATUS_MEMORY;
    st = st ? st : list_waves(s, &identity.waves);
    if (st)
        return st;
    const uint32_t n = sample_strata(s->sample);
    const struct store_stratum *strata = list_strata(s, n);
    if (!strata)
        return STATUS_MEMORY;
    identity.trials = sample_trials(s->sample);
    tell_cut(s);
    if (s->store) {
        st = join_database(s, &identity, strata, n);
    } else {
        st = store_create(&s->store, s->params->database, &identity);
        st = st ? st : store_put_strata(s->store, strata, n);
    }
    st = st ? st : campaign_items_write(s->item, s->store, plan);
    if (!st)
        campaign_golden_drop(s);
    return st;
}

/* --- remaining work --- */

static enum status describe(void *user, uint64_t id, struct campaign_queue_trial *out)
{
    const struct campaign_state *s = user;
    struct arena arena = {0};
    struct sample_draw draw;
    enum status st = sample_draw(s->sample, id, &arena, &draw);
    if (!st)
        *out = (struct campaign_queue_trial){.way = draw.role == ROLE_NAIVE ? CAMPAIGN_WAY_NAIVE
                                                    : draw.role == ROLE_CPU ? CAMPAIGN_WAY_CPU
                                                                            : CAMPAIGN_WAY_FAST,
                                             .item = draw.item,
                                             .original = draw.original};
    arena_finish(&arena);
    return st;
}

static enum status count_row(void *user, const struct trial_row *row)
{
    struct campaign_state *s = user;
    s->done_before++;
    const enum status st = campaign_armed_add(s, row);
    return st ? st : campaign_estimate_add(s->estimate, row);
}

/* From the database's trials to the remaining ones. */
static enum status plan_work(struct campaign_state *s)
{
    const uint64_t trials = sample_trials(s->sample);
    uint8_t *done = calloc((size_t)(trials / 8) + 1, 1);
    if (!done) {
        log_error("out of host memory for %" PRIu64 " trials", trials);
        return STATUS_MEMORY;
    }
    enum status st = store_done(s->store, done, trials);
    struct campaign_queue_params params = {.describe = describe,
                                           .user = s,
                                           .n_items = s->setup->plan->n_items,
                                           .n_arms = s->setup->plan->n_arms,
                                           .trials = trials,
                                           .shard = s->params->shard.index,
                                           .shards = s->params->shard.count,
                                           .done = done,
                                           .limit = s->params->limit};
    if (!st)
        st = campaign_look_order(s, &params);
    if (!st)
        st = campaign_queue_create(&s->queue, &params);
    free(done);
    if (!st)
        st = campaign_estimate_create(&s->estimate, s->setup->plan, s->sample);
    if (!st)
        st = campaign_armed_begin(s);
    return st ? st : store_each_row(s->store, count_row, s);
}

static enum status run_workers(struct campaign_state *s)
{
    const struct campaign_crew_owner owner = {.user = s,
                                              .next = next,
                                              .give_back = give_back,
                                              .ready = ready,
                                              .done = campaign_commit_answer,
                                              .due = campaign_commit_due,
                                              .incident = campaign_commit_incident,
                                              .failed = campaign_tell_failed,
                                              .broken = campaign_commit_broken,
                                              .tick = campaign_tell_tick};
    for (uint32_t i = 0; i < s->setup->n_devices; i++)
        s->seat[i].item = CAMPAIGN_QUEUE_NO_ITEM;
    enum status st = campaign_tell_begin(s);
    if (!st)
        st = campaign_team_run(&s->world, s->setup->n_devices, &owner);
    const enum status told = campaign_tell_end(s);
    return st ? st : told;
}

/* Whether all requested trials are done. */
static enum status judge(const struct campaign_state *s)
{
    const uint64_t left = campaign_queue_left(s->queue) + campaign_queue_arms_left(s->queue);
    if (left == 0 || s->decided || campaign_state_stop(s) > 0)
        return STATUS_OK;
    log_error("%" PRIu64 " trials are left and no device that can run them; what was done is in "
              "%s, and the same command goes on",
              left, s->params->database);
    return STATUS_DEVICE;
}

static enum status run(struct campaign_state *s)
{
    const struct plan *plan = s->setup->plan;
    enum status st = campaign_items_make(&s->item, &s->arena, plan, s->setup->model);
    s->world.item = s->item;
    if (!st)
        st = campaign_arm_check(plan, s->setup->model);
    if (!st)
        st = campaign_score_create(&s->score, plan);
    if (!st)
        st = open_database(s);
    if (!st && !s->resumed)
        st = check_draw(s);
    if (!st)
        st = campaign_golden_run(s);
    if (st || campaign_state_stop(s) > 0)
        return st;
    st = make_database(s);
    if (!st)
        st = plan_work(s);
    if (!st)
        st = campaign_look_now(s);
    if (!st && !s->decided && plan->record == PLAN_RECORD_OUTCOME && !s->setup->naive)
        st = certify_create(&s->certify, s->setup->model);
    s->world.sample = s->sample;
    s->world.certify = s->certify;
    if (!st)
        st = run_workers(s);
    return st ? st : judge(s);
}

enum status campaign_run(const struct campaign_params *params)
{
    struct campaign_state *s = calloc(1, sizeof(*s));
    if (!s) {
        log_error("out of host memory for a campaign");
        return STATUS_MEMORY;
    }
    s->params = params;
    s->setup = &params->setup;
    s->world.setup = &params->setup;
    const enum status st = run(s);
    campaign_commit_finish(s);
    campaign_estimate_destroy(&s->estimate);
    campaign_queue_destroy(&s->queue);
    store_destroy(&s->store);
    store_destroy(&s->kept);
    certify_destroy(&s->certify);
    campaign_score_destroy(&s->score);
    sample_destroy(&s->sample);
    arena_finish(&s->arena);
    free(s);
    return st;
}
