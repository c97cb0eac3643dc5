/* SPDX-License-Identifier: MIT */
/* Runs a batch: which jobs share passes, which lanes are in flight, what each pass holds. */
#include "inject/trial/trial.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "inject/trial/lane.h"
#include "inject/trial/origin.h"
#include "inject/trial/predict.h"
#include "inject/trial/record.h"

#define AT_ONCE 4u /* unsettled columns of a lane computed at a time */

/* A run of a job in flight: runs are counted job by job, each job has one, or one per choice. */
struct slot {
    bool busy;
    uint32_t job, choice;
    struct lane run, fed;
    struct lane *lane;          /* the one that is running; null: it waits */
    struct slot *leader;        /* to fork from this one's run */
    uint32_t first, n, counted; /* its columns of this pass, and how many were taken */
};

struct batch {
    const struct golden *golden;
    const struct trial_settings *settings;
    const struct trial_job *jobs;
    struct record *out;
    struct arena *arena;
    struct trial_work *work;
    struct tap_pass *pass;
    uint32_t most;     /* columns per pass */
    struct slot *slot; /* (n_slots) */
    uint32_t n_slots;
    struct column *column;        /* (most) of this pass, slot after slot */
    struct column_result *found;  /* (most) their results */
    struct lane_step *step;       /* (most) */
    struct column *late;          /* (most) columns whose logits are computed afterwards */
    uint32_t *late_of;            /* (most) index in `column` */
    struct column_result *result; /* (most) of `late` */
    uint32_t runs;                /* of a job */
    struct lane **ended; /* (jobs, runs) of choices: closed lanes; null: not struck, or not yet */
    uint32_t *left;      /* (jobs) runs that have not ended */
};

static const struct golden *golden_of(const struct batch *b, uint32_t choice)
{
    return golden_is_choice(b->golden) ? &b->golden->choice[choice] : b->golden;
}

static void finish(struct batch *b)
{
    tap_close(&b->pass);
    free(b->slot);
    free(b->column);
    free(b->found);
    free(b->step);
    free(b->late);
    free(b->late_of);
    free(b->result);
}

static enum status init(struct batch *b, uint32_t n_jobs)
{
    struct executor_info info;
    b->runs = golden_is_choice(b->golden) ? b->golden->n_choices : 1;
    b->ended = arena_array(b->arena, (size_t)n_jobs * b->runs, sizeof(*b->ended));
    b->left = arena_array(b->arena, n_jobs, sizeof(*b->left));
    if (!b->ended || !b->left)
        return STATUS_MEMORY;
    executor_info(b->golden->params.ex, &info);
    b->most = info.max_columns;
    b->n_slots = b->golden->lanes;
    b->slot = calloc(b->n_slots, sizeof(*b->slot));
    b->column = calloc(b->most, sizeof(*b->column));
    b->found = calloc(b->most, sizeof(*b->found));
    b->step = calloc(b->most, sizeof(*b->step));
    b->late = calloc(b->most, sizeof(*b->late));
    b->late_of = calloc(b->most, sizeof(*b->late_of));
    b->result = calloc(b->most, sizeof(*b->result));
    if (b->slot && b->column && b->found && b->step && b->late && b->late_of && b->result)
        return tap_open(&b->pass, b->golden->params.ex);
    log_error("out of memory for a batch of trials");
    return STATUS_MEMORY;
}

static enum status open_lane(struct batch *b, struct slot *slot, bool fed)
{
    const struct golden *golden = golden_of(b, slot->choice);
    const bool given = fed || golden_is_choice(golden);
    const struct lane_params params = {.golden = golden,
                                       .settings = b->settings,
                                       .job = &b->jobs[slot->job],
                                       .whole = b->settings->path == TRIAL_NAIVE,
                                       .feed = given ? golden->run.tokens : NULL,
                                       .n_feed = given ? golden->run.n_tokens : 0};
    const struct lane *leader = slot->leader ? slot->leader->lane : NULL;
    slot->lane = fed ? &slot->fed : &slot->run;
    slot->leader = NULL;
    if (leader)
        return lane_fork(slot->lane, b->arena, &params, leader);
    return lane_open(slot->lane, b->arena, &params);
}

/* Predicts how often faults that fire on a value pattern fire at first. */
static enum status predict(struct lane *run)
{
    uint64_t first;
    if (!run->proof.conditional || !predict_can(run))
        return STATUS_OK;
    const enum status st = predict_first(&first, run);
    if (!st)
        run->proof.expected += first - run->proof.count_first;
    return st;
}

static enum status make_record(struct batch *b, const struct slot *slot)
{
    const bool summary = b->settings->level > RECORD_OUTCOME;
    const struct lane *run = &slot->run;
    struct record *record = &b->out[slot->job];
    const struct record_lanes lanes = {.run = run,
                                       .fed = summary && run->due == DUE_NONE ? slot->lane : NULL};
    const enum status st = record_make(record, &lanes);
    return st || !record_wants_origin(record, run) ? st : origin_find(record, run);
}

static enum status make_choices(struct batch *b, uint32_t job)
{
    struct lane **ended = b->ended + (size_t)job * b->runs;
    struct record *record = &b->out[job];
    const struct record_choices choices = {b->golden, b->settings, &b->jobs[job], ended};
    enum status st = record_choices_make(record, b->arena, &choices);
    for (uint32_t i = 0; i < b->runs && !st && !record->nan_site; i++) {
        if (ended[i] && record_wants_origin(record, ended[i]))
            st = origin_find(record, ended[i]);
    }
    return st;
}

/* The record is made once the job's last run has ended. */
static enum status end_choice(struct batch *b, const struct slot *slot)
{
    struct lane *own = arena_alloc(b->arena, sizeof(*own));
    if (!own)
        return STATUS_MEMORY;
    *own = slot->run;
    b->ended[(size_t)slot->job * b->runs + slot->choice] = own;
    return --b->left[slot->job] > 0 ? STATUS_OK : make_choices(b, slot->job);
}

/* The lane is done: if it left golden's tokens, these are fed next; else the record is made. */
static enum status finish_lane(struct batch *b, struct slot *slot)
{
    const bool summary = b->settings->level > RECORD_OUTCOME;
    const bool choice = golden_is_choice(b->golden);
    struct lane *run = &slot->run;
    enum status st = lane_close(slot->lane);
    if (st)
        return st;
    if (summary && !choice && slot->lane == run && run->off && run->due == DUE_NONE)
        return open_lane(b, slot, true);
    const double start = clock_seconds();
    st = predict(run);
    if (!st)
        st = choice ? end_choice(b, slot) : make_record(b, slot);
    b->work->record_seconds += clock_seconds() - start;
    slot->busy = false;
    return st;
}

/* Residuals are kept if they are compared, or if logits may be computed from them. */
static bool keeps_residual(const struct batch *b, const struct lane *lane,
                           const struct column *column)
{
    const bool compared =
        b->settings->level == RECORD_FULL && !lane->off && column->position >= lane->first;
    return compared || column->outputs == COLUMN_HIDDEN;
}

/* Adds the next columns of a lane to the pass. */
static enum status add_columns(struct batch *b, struct slot *slot, uint32_t first)
{
    const uint32_t room = tap_room(b->pass, &slot->lane->tap, slot->lane->next);
    struct lane_columns columns = {.column = b->column + first, .most = room};
    slot->first = first;
    slot->n = slot->counted = 0;
    if (room == 0 && first > 0)
        return STATUS_OK;
    if (room == 0) {
        log_error("trial %u: too many faults meet at position %u", slot->job, slot->lane->next);
        return STATUS_INPUT;
    }
    enum status st = lane_fill(slot->lane, &columns);
    if (st || columns.n == 0)
        return st;
    slot->n = columns.n;
    for (uint32_t i = 0; i < columns.n; i++) {
        struct column *column = &columns.column[i];
        const uint32_t layers = column->end_layer - column->start_layer;
        if (keeps_residual(b, slot->lane, column))
            column->save = b->golden->spare_row + first + i;
        if (slot->lane->off)
            b->work->decoded += layers;
        else
            b->work->verified += layers;
        b->work->outputs += (column->outputs & ~COLUMN_HIDDEN) != 0;
    }
    st = tap_add(b->pass, &slot->lane->tap, columns.column, columns.n, b->found + first);
    if (!slot->lane->tap.due)
        return st;
    /* an integer out of range: the column is not evaluated */
    slot->lane->due = DUE_RANGE;
    slot->lane->done = true;
    slot->n = 0;
    return st;
}

/* Lanes on their own tokens first: they take longest. */
static enum status fill_pass(struct batch *b, uint32_t *out_n)
{
    enum status st = STATUS_OK;
    *out_n = 0;
    tap_begin(b->pass);
    for (int off = 1; off >= 0; off--) {
        for (uint32_t i = 0; i < b->n_slots && !st; i++) {
            struct slot *slot = &b->slot[i];
            if (!slot->busy || !slot->lane || slot->lane->off != off)
                continue;
            st = add_columns(b, slot, *out_n);
            *out_n += slot->n;
            if (!st && slot->lane->done)
                st = finish_lane(b, slot);
        }
    }
    return st;
}

static void look(struct batch *b, struct slot *slot)
{
    for (uint32_t i = slot->first; i < slot->first + slot->n; i++) {
        const struct column *column = &b->column[i];
        const struct column_result *result = &b->found[i];
        b->step[i] = (struct lane_step){0};
        if (column->outputs == COLUMN_HIDDEN)
            b->step[i] = lane_certify(slot->lane, column, result);
        else if (column->outputs != 0)
            b->step[i] = lane_compute(slot->lane, column, result);
    }
}

static enum status take(struct batch *b, struct slot *slot)
{
    const uint32_t at = slot->first + slot->counted;
    const struct lane_results results = {
        .column = b->column + at, .step = b->step + at, .n = slot->n - slot->counted};
    uint32_t counted;
    const enum status st = lane_take(slot->lane, &results, &counted);
    for (uint32_t i = at; i < at + counted; i++)
        b->work->certified += b->step[i].certified;
    slot->counted += counted;
    /* columns after a difference are dropped */
    if (slot->lane->off || slot->lane->done)
        slot->n = slot->counted;
    return st;
}

/* Columns on which the next steps of a lane depend. */
static uint32_t gather_late(struct batch *b, const struct slot *slot, uint32_t n)
{
    const uint32_t n_layers = b->golden->params.ex->model->hp.n_layers;
    const uint32_t stop = n + AT_ONCE < b->most ? n + AT_ONCE : b->most;
    for (uint32_t i = slot->first + slot->counted; i < slot->first + slot->n && n < stop; i++) {
        if (lane_knows(slot->lane, &b->step[i]))
            continue;
        b->late_of[n] = i;
        b->late[n] = b->column[i];
        /* a column that starts after the layers has saved nothing: its checkpoint serves again */
        if (b->column[i].start_layer < n_layers)
            b->late[n].checkpoint = b->column[i].save;
        b->late[n].save = EXECUTOR_NONE;
        b->late[n].start_layer = n_layers;
        b->late[n].outputs = decode_outputs(&b->golden->decode);
        n++;
    }
    return n;
}

/* Computes the logits that proofs left open, until every lane knows its steps. */
static enum status settle(struct batch *b)
{
    enum status st = STATUS_OK;
    for (;;) {
        uint32_t n = 0, owner[b->most];
        for (uint32_t i = 0; i < b->n_slots && !st; i++) {
            const uint32_t before = n;
            if (b->slot[i].busy && b->slot[i].counted < b->slot[i].n)
                n = gather_late(b, &b->slot[i], n);
            for (uint32_t k = before; k < n; k++)
                owner[k] = i;
        }
        if (n == 0)
            return st;
        const double start = clock_seconds();
        const struct pass pass = {.columns = b->late, .n_columns = n};
        st = executor_pass(b->golden->params.ex, &pass, b->result);
        b->work->output_seconds += clock_seconds() - start;
        b->work->outputs += n;
        for (uint32_t i = 0; i < n && !st; i++)
            b->step[b->late_of[i]] =
                lane_compute(b->slot[owner[i]].lane, &b->late[i], &b->result[i]);
        for (uint32_t i = 0; i < b->n_slots && !st; i++) {
            if (b->slot[i].busy && b->slot[i].counted < b->slot[i].n)
                st = take(b, &b->slot[i]);
        }
        if (st)
            return st;
    }
}

static enum status run_pass(struct batch *b)
{
    const double start = clock_seconds();
    enum status st = tap_go(b->pass, NULL, NULL);
    const double middle = clock_seconds();
    b->work->passes++;
    b->work->pass_seconds += middle - start;
    for (uint32_t i = 0; i < b->n_slots && !st; i++) {
        if (!b->slot[i].busy || b->slot[i].n == 0)
            continue;
        look(b, &b->slot[i]);
        st = take(b, &b->slot[i]);
    }
    b->work->certify_seconds += clock_seconds() - middle;
    return st ? st : settle(b);
}

/* No token is picked if they are given. */
static bool strikes(const struct fault *fault, const struct golden *golden)
{
    const bool picks = fault->place == PLACE_CONTROL && fault->control == CONTROL_SAMPLER;
    return fault->position < golden->n_evaluated && !(picks && golden_is_choice(golden));
}

/* Whether a run of the job evaluates a struck site. */
static bool reached(const struct batch *b, uint32_t job, uint32_t choice)
{
    const struct trial_job *own = &b->jobs[job];
    if (own->choice > 0 && own->choice != choice + 1)
        return false;
    for (uint32_t i = 0; i < own->n_faults; i++) {
        if (strikes(&own->fault[i], golden_of(b, choice)))
            return true;
    }
    return false;
}

/* Strikes memory that every lane reads. */
static bool is_global(const struct batch *b, uint32_t job)
{
    for (uint32_t i = 0; i < b->jobs[job].n_faults; i++) {
        const struct fault *fault = &b->jobs[job].fault[i];
        if (fault->place == PLACE_TABLE ||
            (fault->place == PLACE_WEIGHT &&
             (decode_watches(&b->golden->decode) ||
              !lane_emulates(&b->jobs[job], i, b->golden->params.ex->model))))
            return true;
    }
    return false;
}

static bool takes(const struct batch *b, uint32_t run, bool alone)
{
    const uint32_t job = run / b->runs;
    const bool naive = b->settings->path == TRIAL_NAIVE;
    return reached(b, job, run % b->runs) && (naive || is_global(b, job)) == alone;
}

/* Puts the other runs of an item of choices into free slots, to wait where the contexts end for
 * what this one did to them. Those without a slot run by themselves later. Returns the next run. */
static uint32_t add_followers(struct batch *b, struct slot *leader, uint32_t next, uint32_t n)
{
    const uint32_t fork = lane_forks(leader->lane);
    for (uint32_t i = 0; fork > 0 && i < b->n_slots; i++) {
        if (b->slot[i].busy)
            continue;
        while (next < n && next / b->runs == leader->job && !takes(b, next, false))
            next++;
        if (next == n || next / b->runs != leader->job)
            return next;
        b->slot[i] = (struct slot){
            .busy = true, .job = leader->job, .choice = next % b->runs, .leader = leader};
        leader->lane->pause = fork;
        next++;
    }
    return next;
}

static enum status open_followers(struct batch *b)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < b->n_slots && !st; i++) {
        struct slot *slot = &b->slot[i];
        if (slot->busy && slot->leader && slot->leader->lane->next >= slot->leader->lane->pause)
            st = open_lane(b, slot, false);
    }
    for (uint32_t i = 0; i < b->n_slots && !st; i++) { /* nobody waits for it any more */
        struct slot *slot = &b->slot[i];
        if (slot->busy && slot->lane && slot->lane->next >= slot->lane->pause)
            slot->lane->pause = 0;
    }
    return st;
}

/* The runs of jobs that are (not) alone, at most `most` at a time. */
static enum status run_jobs(struct batch *b, uint32_t n_jobs, bool alone)
{
    const uint32_t n = n_jobs * b->runs;
    const uint32_t most = alone ? 1 : b->n_slots;
    uint32_t next = 0, busy = 0;
    enum status st = STATUS_OK;
    do {
        for (uint32_t i = 0; i < most && !st; i++) {
            struct slot *slot = &b->slot[i];
            while (!slot->busy && next < n && !takes(b, next, alone))
                next++;
            if (slot->busy || next == n)
                continue;
            *slot = (struct slot){.busy = true, .job = next / b->runs, .choice = next % b->runs};
            next++;
            st = open_lane(b, slot, false);
            if (!st && !alone)
                next = add_followers(b, slot, next, n);
        }
        uint32_t columns = 0;
        st = st ? st : open_followers(b);
        if (!st)
            st = fill_pass(b, &columns);
        if (!st && columns > 0)
            st = run_pass(b);
        busy = 0;
        for (uint32_t i = 0; i < most; i++)
            busy += b->slot[i].busy;
    } while (!st && (busy > 0 || next < n));
    return st;
}

static enum status not_reached(struct batch *b, uint32_t job)
{
    if (golden_is_choice(b->golden))
        return make_choices(b, job);
    record_not_reached(&b->out[job], b->golden, b->settings, &b->jobs[job]);
    return STATUS_OK;
}

enum status trial_batch(struct record *out, struct arena *arena, const struct golden *golden,
                        const struct trial_settings *settings, const struct trial_jobs *jobs)
{
    struct trial_work work = {0};
    struct batch b = {.golden = golden,
                      .settings = settings,
                      .jobs = jobs->job,
                      .out = out,
                      .arena = arena,
                      .work = settings->work ? settings->work : &work};
    enum status st = init(&b, jobs->n);
    for (uint32_t i = 0; i < jobs->n && !st; i++) {
        for (uint32_t k = 0; k < b.runs; k++)
            b.left[i] += reached(&b, i, k);
        if (b.left[i] == 0)
            st = not_reached(&b, i);
    }
    if (!st)
        st = run_jobs(&b, jobs->n, false);
    if (!st)
        st = run_jobs(&b, jobs->n, true);
    for (uint32_t i = 0; b.slot && i < b.n_slots; i++) {
        const enum status run = lane_close(&b.slot[i].run), fed = lane_close(&b.slot[i].fed);
        st = st ? st : run ? run : fed;
    }
    finish(&b);
    return st;
}
