/* SPDX-License-Identifier: MIT */
/* Golden state, dry runs of hook variants, batches of trials: the work of a worker's process. */
#include "inject/campaign/campaign_worker.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fpenv.h"
#include "base/log.h"
#include "inject/campaign/campaign_answer.h"
#include "inject/campaign/campaign_arm.h"
#include "inject/campaign/campaign_goldens.h"
#include "inject/campaign/campaign_row.h"
#include "inject/campaign/campaign_variant.h"
#include "inject/store/store_tables.h"
#include "inject/trial/trial.h"
#include "mitigations/recovery.h"

#define NO_ITEM UINT32_MAX

/* What the watchdog allows a run under an arm, in whole inferences: each column comes again as
 * often as recovery tries, each of its ops is evaluated as often as guards ask. */
#define ARM_INFERENCES ((1.0 + RECOVERY_TRIES) * GUARD_EVALUATIONS)

struct worker {
    const struct campaign_world *world;
    const struct campaign_device *device;
    struct campaign_channel *channel;
    struct campaign_opened opened;
    struct golden_shape shape;
    struct campaign_variant_set proven; /* hook variants that were dry-run here */

    struct arena golden_arena;
    struct golden golden;
    uint32_t item; /* of `golden`; NO_ITEM: none */
    double golden_seconds;
    struct campaign_arms arms;
    bool flushes; /* values are flushed whatever runs */
    bool final;   /* the current failure ends the campaign, whatever its status */
};

/* One CAMPAIGN_WORK message. */
struct job {
    struct campaign_batch batch; /* `work`: enum campaign_way */
    struct arena arena;
    struct sample_draw *draw; /* (batch.count) */
    struct trial_job *trial;  /* (batch.count) */
    struct record *record;    /* (batch.count) */
};

/* --- golden --- */

static void drop_golden(struct worker *w)
{
    if (w->item == NO_ITEM)
        return;
    golden_release(&w->golden);
    arena_finish(&w->golden_arena);
    w->golden_arena = (struct arena){0};
    w->item = NO_ITEM;
}

/* The CPU's golden run is the reference of every device's. */
static enum status check_golden(struct worker *w, uint32_t index)
{
    const struct campaign_item *item = &w->world->item[index];
    const uint32_t n = golden_tokens(&w->golden);
    const uint64_t hash = golden_hash(&w->golden);
    if (!item->known || (item->hash == hash && item->n_tokens == n))
        return STATUS_OK;
    log_error("%s: the golden run of prompt %" PRIu32 " has %" PRIu32 " tokens and hash %016" PRIx64
              ", the CPU's has %" PRIu32 " and %016" PRIx64
              "; expected the same bits: this device does not compute exact",
              w->device->name, index, n, hash, item->n_tokens, item->hash);
    w->final = true;
    return STATUS_DEVICE;
}

static enum status need_golden(struct worker *w, uint32_t index)
{
    const struct campaign_item *item = &w->world->item[index];
    const struct plan *plan = w->world->setup->plan;
    const struct choices_item *choices = &item->input.choices;
    if (w->item == index)
        return STATUS_OK;
    drop_golden(w);
    const struct golden_params params = {.generate = {.ex = w->opened.ex,
                                                      .ids = item->input.ids,
                                                      .n_ids = item->input.n_ids,
                                                      .rules = campaign_goldens_rules(plan, item),
                                                      .save_position = EXECUTOR_NONE},
                                         .choice = item->choice,
                                         .n_choices = choices->n_choices,
                                         .n_shared = choices->n_shared,
                                         .reference = item->question ? item->question->item.gold
                                                                     : EXECUTOR_NONE,
                                         .shape = w->shape,
                                         .known = item->tokens,
                                         .n_known = item->tokens ? item->n_tokens : 0,
                                         .level = (enum record_level)plan->record,
                                         .certify = w->world->certify};
    const double start = clock_seconds();
    fpenv_clear_underflow();
    enum status st = golden_run(&w->golden, &w->golden_arena, &params);
    if (st) {
        arena_finish(&w->golden_arena);
        w->golden_arena = (struct arena){0};
        return st;
    }
    const struct generation *run = &w->golden.run;
    w->golden_seconds = fmax(clock_seconds() - start, run->prompt_seconds + run->decode_seconds);
    w->item = index;
    return check_golden(w, index);
}

/* Whether a value was flushed since the last fpenv_clear_underflow. */
static bool has_flushed(const struct worker *w)
{
    struct executor_info info;
    executor_info(w->opened.ex, &info);
    return info.underflow;
}

static enum status tell_golden(const struct worker *w, uint32_t index,
                               const struct campaign_golden *golden)
{
    const struct model *model = w->world->setup->model;
    struct arena arena = {0};
    struct store_item row;
    enum status st = campaign_items_row(&row, &arena, &w->world->item[index], golden, model);
    if (!st)
        st = campaign_channel_send_one(w->channel, CAMPAIGN_PART, store_tables_fields(STORE_ITEMS),
                                       &row);
    arena_finish(&arena);
    return st;
}

/* Of the item whose state is held. */
static enum status tell_held(const struct worker *w)
{
    const struct golden *run = &w->golden;
    struct arena arena = {0};
    double *logp = arena_array(&arena, run->n_choices + 1, sizeof(*logp));
    const struct campaign_golden golden = {.tokens = golden_is_choice(run) ? NULL : run->run.tokens,
                                           .n_tokens = golden_tokens(run),
                                           .logp = logp,
                                           .hash = golden_hash(run),
                                           .n_choices = run->n_choices,
                                           .chosen = run->chosen,
                                           .underflow = has_flushed(w)};
    for (uint32_t i = 0; logp && i < run->n_choices; i++)
        logp[i] = run->choice[i].logp;
    const enum status st = logp ? tell_golden(w, w->item, &golden) : STATUS_MEMORY;
    arena_finish(&arena);
    return st;
}

/* campaign_goldens_params.done: once a value was flushed, it is not known by which item. */
static enum status take_golden(void *user, uint32_t item, struct campaign_golden *golden)
{
    struct worker *w = user;
    golden->underflow = has_flushed(w);
    if (golden->underflow && !w->flushes)
        return STATUS_OK;
    w->world->item[item].known = true; /* in this process */
    return tell_golden(w, item, golden);
}

/* Many at a time, and those alone of which it is not known whether they flushed a value. */
static enum status answer_goldens(struct worker *w)
{
    const struct campaign_goldens_params params = {
        .world = w->world, .ex = w->opened.ex, .done = take_golden, .user = w};
    drop_golden(w);
    fpenv_clear_underflow();
    w->flushes = has_flushed(w); /* stored weights do: every run is marked */
    enum status st = campaign_goldens_run(&params);
    for (uint32_t i = 0; i < w->world->setup->plan->n_items && !st; i++) {
        if (w->world->item[i].known)
            continue;
        st = need_golden(w, i);
        st = st ? st : tell_held(w);
    }
    return st ? st : campaign_channel_send(w->channel, CAMPAIGN_DONE, &(struct text){0});
}

/* --- trials --- */

static struct trial_settings settings_of(const struct worker *w, uint32_t way)
{
    const struct plan *plan = w->world->setup->plan;
    const bool naive = way == CAMPAIGN_WAY_NAIVE || w->world->setup->naive;
    return (struct trial_settings){.level = (enum record_level)plan->record,
                                   .nan_trap = plan->nan_policy == PLAN_NAN_TRAP,
                                   .work_factor = plan->work_factor,
                                   .path = naive ? TRIAL_NAIVE : TRIAL_FAST};
}

enum status campaign_worker_draw(const struct campaign_world *world, uint64_t id, uint32_t item,
                                 struct arena *arena, struct sample_draw *out)
{
    if (!campaign_arm_is_clean((int64_t)id))
        return sample_draw(world->sample, id, arena, out);
    struct fault *fault = arena_alloc(arena, sizeof(*fault));
    *out = (struct sample_draw){
        .trial = id, .role = ROLE_CLEAN, .item = item, .fault = fault, .n_faults = 1};
    return fault ? campaign_arm_dry(fault, world->setup->model) : STATUS_MEMORY;
}

static enum status draw(struct worker *w, struct job *job)
{
    enum status st = STATUS_OK;
    job->draw = arena_array(&job->arena, job->batch.count, sizeof(*job->draw));
    job->trial = arena_array(&job->arena, job->batch.count, sizeof(*job->trial));
    job->record = arena_array(&job->arena, job->batch.count, sizeof(*job->record));
    if (!job->draw || !job->trial || !job->record)
        return STATUS_MEMORY;
    for (uint32_t i = 0; !st && i < job->batch.count; i++) {
        st = campaign_worker_draw(w->world, job->batch.id[i], job->batch.item, &job->arena,
                                  &job->draw[i]);
        job->trial[i] = (struct trial_job){.fault = job->draw[i].fault,
                                           .n_faults = job->draw[i].n_faults,
                                           .choice = job->draw[i].choice};
    }
    return st;
}

/* Each hook variant shows on this device that it runs and changes nothing, before a trial uses it
 * (METHOD.md 4). */
static enum status dry_run(struct worker *w, struct job *job)
{
    const struct trial_settings settings = settings_of(w, CAMPAIGN_WAY_FAST);
    struct campaign_variant_dry dry;
    enum status st = campaign_variant_missing(&dry, &job->arena, &w->proven, w->world->setup->model,
                                              &(struct trial_jobs){job->trial, job->batch.count});
    for (uint32_t i = 0; !st && i < dry.count; i++) {
        const struct trial_job one = {.fault = &dry.fault[i], .n_faults = 1};
        struct record record;
        char site[FAULT_SITE_TEXT];
        st =
            trial_batch(&record, &job->arena, &w->golden, &settings, &(struct trial_jobs){&one, 1});
        /* weights of experts that golden did not choose are not read, and have no hook */
        const bool idle =
            record.outcome == OUTCOME_MASKED_BITEXACT ||
            (dry.fault[i].place == PLACE_WEIGHT && record.outcome == OUTCOME_NOT_REACHED);
        if (!st && !idle) {
            fault_site(&dry.fault[i], site);
            log_error("%s: a fault that changes nothing, at %s, point %s, gave %s, expected "
                      "masked_bitexact: the hook is not idle",
                      w->device->name, site, kinds_text(KINDS_POINT, dry.fault[i].point),
                      kinds_text(KINDS_OUTCOME, record.outcome));
            st = STATUS_INTERNAL;
        }
    }
    return st ? st : campaign_variant_add(&w->proven, w->world->setup->model, &dry);
}

struct fault_bounds campaign_worker_bounds(const struct campaign_world *world, uint32_t item)
{
    const struct plan *plan = world->setup->plan;
    const struct golden_shape shape = campaign_items_shape(world->item, plan);
    return (struct fault_bounds){.model = world->setup->model,
                                 .act = plan->act,
                                 .kv = plan->kv,
                                 .n_prompt = world->item[item].input.n_ids,
                                 .positions = shape.n_ids + shape.n};
}

static enum status answer_rows(struct worker *w, struct job *job)
{
    struct campaign_row_context context = {.bounds =
                                               campaign_worker_bounds(w->world, job->batch.item),
                                           .golden_len = golden_tokens(&w->golden),
                                           .question = w->world->item[job->batch.item].question,
                                           .golden = &w->golden,
                                           .decode = &w->golden.decode};
    uint32_t arm;
    const bool armed = campaign_way_arm(job->batch.work, &arm);
    if (armed)
        context.arm = w->world->setup->plan->arm[arm].name;
    struct trial_row *row = arena_array(&job->arena, job->batch.count, sizeof(*row));
    enum status st = row ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t i = 0; !st && i < job->batch.count; i++) {
        st = campaign_row_make(&row[i], &job->arena, &context, &job->draw[i], &job->record[i]);
        row[i].path = settings_of(w, job->batch.work).path == TRIAL_NAIVE ? "naive" : "fast";
    }
    return st ? st
              : campaign_answer_rows(w->channel, &job->arena,
                                     &(struct campaign_answer_batch){row, armed ? NULL : job->draw,
                                                                     job->batch.count});
}

static enum status run_job(struct worker *w, struct job *job)
{
    struct trial_settings settings = settings_of(w, job->batch.work);
    struct decode decode;
    uint32_t arm;
    enum status st = draw(w, job);
    if (!st)
        st = need_golden(w, job->batch.item);
    if (!st)
        st = dry_run(w, job);
    if (!st && campaign_way_arm(job->batch.work, &arm)) {
        const struct campaign_arm under = {w->world->setup->plan, arm};
        st = campaign_arms_decode(&w->arms, &job->arena, &under, &w->golden, &decode);
        settings.decode = &decode;
    }
    const double inferences = settings.decode ? ARM_INFERENCES : 1;
    if (!st)
        st = campaign_channel_send_one(w->channel, CAMPAIGN_ARMED, &campaign_armed_table,
                                       &(struct campaign_armed){w->golden_seconds * inferences});
    if (!st)
        st = trial_batch(job->record, &job->arena, &w->golden, &settings,
                         &(struct trial_jobs){job->trial, job->batch.count});
    return st ? st : answer_rows(w, job);
}

static enum status read_job(struct job *job, const struct campaign_message *message,
                            uint32_t n_arms)
{
    struct field_bytes body = message->body;
    if (message->kind == CAMPAIGN_WORK) {
        const enum status st = campaign_channel_take_batch(&body, &job->batch);
        if (st || job->batch.work < CAMPAIGN_WAY_ARM + n_arms)
            return st;
    }
    log_error("a worker was sent a message of kind %" PRIu32 " and %zu bytes, expected work",
              message->kind, message->body.left);
    return STATUS_INTERNAL;
}

static enum status serve(struct worker *w, const struct campaign_message *message)
{
    struct job job = {.arena = {0}};
    enum status st = read_job(&job, message, w->world->setup->plan->n_arms);
    if (!st && job.batch.work == CAMPAIGN_WAY_OPEN)
        st = campaign_channel_send(w->channel, CAMPAIGN_DONE, &(struct text){0});
    else if (!st && job.batch.work == CAMPAIGN_WAY_GOLDEN)
        st = answer_goldens(w);
    else if (!st)
        st = run_job(w, &job);
    arena_finish(&job.arena);
    return st;
}

/* --- life --- */

static enum status open_worker(struct worker *w)
{
    const struct campaign_setup *setup = w->world->setup;
    struct executor_params params = {
        .model = setup->model, .act = setup->plan->act, .kv = setup->plan->kv};
    w->shape = campaign_items_shape(w->world->item, setup->plan);
    golden_needs(&params, &w->shape);
    enum status st = w->world->sample ? STATUS_OK : campaign_goldens_needs(&params, w->world);
    if (!st)
        st = w->device->open(w->device->user, &params, &w->opened);
    return st ? st
              : campaign_channel_send_one(w->channel, CAMPAIGN_READY,
                                          store_tables_fields(STORE_DEVICES), &w->opened.info);
}

/* True if another try cannot help. */
static bool is_final(const struct worker *w, enum status st)
{
    return w->final || st == STATUS_INTERNAL || st == STATUS_USAGE || st == STATUS_INPUT;
}

enum status campaign_worker_serve(const struct campaign_world *world, uint32_t index,
                                  struct campaign_channel *channel)
{
    const struct campaign_setup *setup = world->setup;
    struct worker w = {
        .world = world, .device = &setup->device[index], .channel = channel, .item = NO_ITEM};
    struct campaign_message message;
    enum status st = open_worker(&w);
    while (!st && campaign_channel_wait(channel, &message))
        st = serve(&w, &message);
    if (st) { /* the process ends; the system frees what a failed device holds */
        const struct campaign_failure failure = {st, is_final(&w, st), log_last_error()};
        const enum status told =
            campaign_channel_send_one(channel, CAMPAIGN_FAILED, &campaign_failure_table, &failure);
        return told ? told : st;
    }
    campaign_arms_finish(&w.arms);
    drop_golden(&w);
    campaign_variant_finish(&w.proven);
    return w.device->close(w.device->user, &w.opened);
}
