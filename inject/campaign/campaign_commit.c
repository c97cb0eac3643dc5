/* SPDX-License-Identifier: MIT */
/* Writes rows, one transaction per batch, after comparing controls. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/campaign/campaign_answer.h"
#include "inject/campaign/campaign_doubt.h"
#include "inject/campaign/campaign_row.h"
#include "inject/campaign/campaign_score.h"
#include "inject/campaign/campaign_state.h"

/* --- controls --- */

static enum status tell_marked(enum status st, uint64_t rows)
{
    if (!st && rows > 0)
        log_warn("%" PRIu64 " trials since the last good control are marked as suspect", rows);
    return st;
}

/* Reports a failed control; `original` is null unless it runs another trial again. */
static enum status fail_control(struct campaign_state *s, const struct trial_row *control,
                                const struct trial_row *original, const char *what)
{
    char why[FIELD_DIFFERENCE_TEXT + 128];
    uint64_t rows = 0;
    snprintf(why, sizeof(why), "%s control %" PRId64 ": %s", control->control, control->trial,
             what);
    log_error("%s; the campaign stops", why);
    struct campaign_doubt doubt = {.store = s->store,
                                   .sample = s->sample,
                                   .role =
                                       (enum trial_role)kinds_find(KINDS_ROLE, control->control),
                                   .device = (uint32_t)control->device_id,
                                   .why = why};
    if (original) {
        doubt.original = (uint64_t)original->trial;
        doubt.original_device = (uint32_t)original->device_id;
    }
    const enum status st = tell_marked(campaign_doubt_mark(&doubt, &rows), rows);
    return st ? st : STATUS_INTERNAL;
}

/* A device that broke a promise may have broken it before. */
enum status campaign_commit_broken(void *user, uint32_t device, enum status st, const char *how)
{
    struct campaign_state *s = user;
    const struct campaign_doubt doubt = {
        .store = s->store, .sample = s->sample, .device = s->seat[device].row, .why = how};
    uint64_t rows = 0;
    /* STATUS_DEVICE: its golden run is no longer that of the CPU */
    if ((st != STATUS_INTERNAL && st != STATUS_DEVICE) || !s->seat[device].opened)
        return st;
    const enum status marked = tell_marked(campaign_doubt_mark_device(&doubt, &rows), rows);
    return marked ? marked : st;
}

static const struct campaign_shadow *find_shadow(const struct campaign_state *s, uint64_t trial)
{
    const struct campaign_shadow *shadow = s->shadow;
    while (shadow && (uint64_t)shadow->row.trial != trial)
        shadow = shadow->next;
    return shadow;
}

/* The row of the trial that a control ran again. */
static enum status find_original(struct campaign_state *s, struct arena *arena, uint64_t trial,
                                 struct trial_row *out)
{
    const struct campaign_shadow *shadow = find_shadow(s, trial);
    bool found = true;
    if (shadow) {
        *out = shadow->row;
        return STATUS_OK;
    }
    enum status st = store_find_row(s->store, trial, arena, out, &found);
    if (st || found)
        return st;
    log_error("trial %" PRIu64 " is not in the database, though a control that waited for it ran",
              trial);
    return STATUS_INTERNAL;
}

/* Trials run again must give the same record. */
static enum status check_rerun(struct campaign_state *s, struct arena *arena,
                               const struct trial_row *control)
{
    struct sample_draw draw;
    struct trial_row original;
    struct trial_row_difference difference;
    enum status st = sample_draw(s->sample, (uint64_t)control->trial, arena, &draw);
    if (!st)
        st = find_original(s, arena, draw.original, &original);
    if (st)
        return st;
    struct trial_row again = *control; /* the two differ here by design */
    again.trial = original.trial;
    again.control = original.control;
    again.stratum = original.stratum;
    again.weight = original.weight;
    again.draw_prob = original.draw_prob;
    if (trial_row_compare(&original, &again, &difference))
        return STATUS_OK;
    return fail_control(s, control, &original, difference.text);
}

/* Another token, whatever its text; choices are given, there it is another logit. */
static bool differs(const struct campaign_state *s, const struct trial_row *row)
{
    if (s->item[row->item].input.choices.n_choices == 0)
        return row->first_diff != TRIAL_ROW_NULL;
    return strcmp(row->outcome, kinds_text(KINDS_OUTCOME, OUTCOME_MASKED_BITEXACT)) != 0;
}

static enum status check_control(struct campaign_state *s, struct arena *arena,
                                 const struct trial_row *row)
{
    if (!row->control)
        return STATUS_OK;
    const int role = kinds_find(KINDS_ROLE, row->control);
    if (role == ROLE_NAIVE || role == ROLE_CPU)
        return check_rerun(s, arena, row);
    const bool ended = strcmp(row->outcome, kinds_text(KINDS_OUTCOME, OUTCOME_DUE)) == 0;
    const bool reached = strcmp(row->outcome, kinds_text(KINDS_OUTCOME, OUTCOME_NOT_REACHED)) != 0;
    if (role == ROLE_DRY && reached && /* an expert that golden did not choose is not read */
        strcmp(row->outcome, kinds_text(KINDS_OUTCOME, OUTCOME_MASKED_BITEXACT)) != 0)
        return fail_control(s, row, NULL,
                            "a fault that changes nothing was not masked bit for bit");
    /* compares tokens, not text: two invalid bytes look alike */
    if (role == ROLE_SENTINEL && !ended && !differs(s, row))
        return fail_control(s, row, NULL, "a fault that always changes the first token did not");
    return STATUS_OK;
}

/* --- rows --- */

static enum status keep_shadow(struct campaign_state *s, const struct trial_row *row)
{
    struct campaign_shadow *shadow = calloc(1, sizeof(*shadow));
    if (!shadow) {
        log_error("out of host memory for the row of a control's trial");
        return STATUS_MEMORY;
    }
    shadow->row = *row;
    shadow->next = s->shadow;
    s->shadow = shadow;
    return field_copy_texts(&trial_row_table, &shadow->row, &shadow->arena);
}

void campaign_commit_finish(struct campaign_state *s)
{
    while (s->shadow) {
        struct campaign_shadow *next = s->shadow->next;
        arena_finish(&s->shadow->arena);
        free(s->shadow);
        s->shadow = next;
    }
}

static enum status put_rows(struct campaign_state *s, struct arena *arena,
                            const struct campaign_answer_rows *rows)
{
    enum status st = STATUS_OK;
    /* all of them: each kind of failure has its own rows to mark */
    for (uint32_t i = 0; i < rows->n_rows; i++) {
        const enum status found = check_control(s, arena, &rows->row[i]);
        st = st ? st : found;
    }
    if (!st)
        st = store_put(s->store,
                       &(struct store_batch){rows->row, rows->n_rows, rows->fault, rows->n_faults});
    return st;
}

/* What a row of the database counts for: rates, and whether it runs again under arms. */
static enum status take_row(struct campaign_state *s, const struct trial_row *row)
{
    const enum status st = campaign_estimate_add(s->estimate, row);
    return st ? st : campaign_armed_add(s, row);
}

/* All rows of a batch, however it ended. */
static enum status commit(struct campaign_state *s, struct arena *arena,
                          const struct campaign_answer *answer,
                          const struct campaign_answer_rows *rows)
{
    const struct campaign_batch *batch = answer->batch;
    const uint32_t way = batch->work;
    const bool kept = way != CAMPAIGN_WAY_SHADOW;
    uint32_t arm;
    const bool armed = campaign_way_arm(way, &arm);
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < rows->n_rows; i++) {
        struct trial_row *row = &rows->row[i];
        if ((uint64_t)row->trial != batch->id[i]) {
            log_error("found the row of trial %" PRId64 " for trial %" PRIu64, row->trial,
                      batch->id[i]);
            return STATUS_INTERNAL;
        }
        st = campaign_score_row(s->score, arena, row, &s->item[batch->item].row);
        row->attempts = answer->attempts;
        row->device_id = s->seat[answer->device].row;
        row->seconds = answer->armed / rows->n_rows;
        if (!st && armed)
            st = campaign_armed_weigh(s, row);
        if (!st && !kept)
            st = keep_shadow(s, row);
    }
    if (!st && kept)
        st = put_rows(s, arena, rows);
    for (uint32_t i = 0; !st && i < rows->n_rows; i++)
        st = campaign_queue_done(s->queue, way, batch->id[i]);
    for (uint32_t i = 0; !st && kept && !armed && i < rows->n_rows; i++)
        st = take_row(s, &rows->row[i]);
    s->armed_done += !st && armed ? rows->n_rows : 0;
    s->seat[answer->device].item = batch->item;
    if (!st)
        st = campaign_tell_batch(s, answer, kept ? rows->n_rows : 0);
    return st ? st : campaign_look_now(s);
}

enum status campaign_commit_answer(void *user, const struct campaign_answer *answer,
                                   struct field_bytes *body)
{
    struct campaign_state *s = user;
    struct campaign_answer_rows rows;
    struct arena arena = {0};
    enum status st = campaign_answer_read_rows(body, &arena, answer->batch->count, &rows);
    if (!st)
        st = commit(s, &arena, answer, &rows);
    arena_finish(&arena);
    return st;
}

enum status campaign_commit_due(void *user, const struct campaign_due *due)
{
    struct campaign_state *s = user;
    struct campaign_row_context context = {.bounds =
                                               campaign_worker_bounds(&s->world, due->batch->item),
                                           .golden_len = s->item[due->batch->item].n_tokens};
    uint32_t arm;
    if (campaign_way_arm(due->batch->work, &arm))
        context.arm = s->setup->plan->arm[arm].name;
    const struct campaign_answer answer = {
        .device = due->device, .batch = due->batch, .attempts = due->attempts};
    struct arena arena = {0};
    struct sample_draw draw;
    struct trial_row row;
    enum status st =
        campaign_worker_draw(&s->world, due->batch->id[0], due->batch->item, &arena, &draw);
    if (!st)
        st = campaign_row_due(&row, &arena, &context, &draw, due->reason);
    if (!st) {
        const bool naive = due->batch->work == CAMPAIGN_WAY_NAIVE || s->setup->naive;
        row.path = naive ? "naive" : "fast";
        campaign_tell(s, &(struct campaign_event){.kind = CAMPAIGN_EVENT_DUE,
                                                  .device = due->device,
                                                  .trial = due->batch->id[0],
                                                  .text = due->how});
        st = commit(s, &arena, &answer, &(struct campaign_answer_rows){.row = &row, .n_rows = 1});
    }
    arena_finish(&arena);
    return st;
}

enum status campaign_commit_incident(void *user, uint32_t device, uint64_t trial, const char *what)
{
    struct campaign_state *s = user;
    const struct store_incident incident = {
        .trial = trial, .device = s->seat[device].row, .what = what};
    s->progress.incidents++;
    campaign_tell(
        s, &(struct campaign_event){
               .kind = CAMPAIGN_EVENT_INCIDENT, .device = device, .trial = trial, .text = what});
    return store_put_incident(s->store, &incident);
}
