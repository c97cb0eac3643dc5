/* SPDX-License-Identifier: MIT */
/* Fills a pass with the columns of many lanes, runs it, and gives each its results. */
#include "inject/trial/trial_pass.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define AT_ONCE 4u /* unsettled columns of a lane computed at a time */

enum status trial_pass_init(struct trial_pass *out, const struct golden *golden,
                            const struct trial_settings *settings, struct trial_work *work)
{
    const uint32_t guards = decode_guards(trial_decode(golden, settings));
    struct executor_info info;
    executor_info(golden->params.ex, &info);
    const uint32_t n = info.max_columns;
    *out = (struct trial_pass){.golden = golden, .settings = settings, .work = work, .most = n};
    out->share = calloc(n, sizeof(struct trial_share *));
    out->column = calloc(n, sizeof(*out->column));
    out->found = calloc(n, sizeof(*out->found));
    out->guard = calloc((size_t)n * guards + 1, sizeof(*out->guard));
    out->step = calloc(n, sizeof(*out->step));
    out->late = calloc(n, sizeof(*out->late));
    out->late_of = calloc(n, sizeof(*out->late_of));
    out->result = calloc(n, sizeof(*out->result));
    if (!out->share || !out->column || !out->found || !out->guard || !out->step || !out->late ||
        !out->late_of || !out->result) {
        log_error("out of memory for a batch of trials");
        return STATUS_MEMORY;
    }
    const enum status st = tap_open(&out->pass, golden->params.ex);
    if (!st)
        tap_guarded(out->pass, guards);
    return st;
}

void trial_pass_finish(struct trial_pass *p)
{
    tap_close(&p->pass);
    free(p->share);
    free(p->column);
    free(p->found);
    free(p->guard);
    free(p->step);
    free(p->late);
    free(p->late_of);
    free(p->result);
}

void trial_pass_begin(struct trial_pass *p)
{
    p->n_columns = p->n_guards = p->n_shares = 0;
    tap_begin(p->pass);
}

/* Residuals are kept if they are compared, or if logits may be computed from them. */
static bool keeps_residual(const struct trial_pass *p, const struct lane *lane,
                           const struct column *column)
{
    const bool compared =
        p->settings->level == RECORD_FULL && !lane->off && column->position >= lane->first;
    return compared || column->outputs == COLUMN_HIDDEN;
}

/* A column that the lane wants: its save row, its work. */
static void prepare(struct trial_pass *p, const struct lane *lane, uint32_t index)
{
    struct column *column = &p->column[index];
    const uint32_t layers = column->end_layer - column->start_layer;
    if (keeps_residual(p, lane, column))
        column->save = p->golden->spare_row + index;
    if (lane->off)
        p->work->decoded += layers;
    else
        p->work->verified += layers;
    p->work->outputs += (column->outputs & ~COLUMN_HIDDEN) != 0;
}

/* Guards of the lane's columns, which were just added. */
static enum status add_guards(struct trial_pass *p, struct trial_share *share)
{
    struct lane *lane = share->lane;
    share->guard = p->n_guards;
    share->n_guards = 0;
    for (uint32_t i = 0; i < share->n && lane->watched; i++) {
        struct guard *own = p->guard + p->n_guards;
        const uint32_t n = decode_ask(lane->decode, &lane->run, &p->column[share->first + i], own);
        for (uint32_t k = 0; k < n; k++)
            own[k].column = i;
        p->n_guards += n;
        share->n_guards += n;
    }
    return share->n_guards > 0 ? tap_guard(p->pass, p->guard + share->guard, share->n_guards)
                               : STATUS_OK;
}

enum status trial_pass_add(struct trial_pass *p, struct trial_share *share, uint32_t trial)
{
    const uint32_t first = p->n_columns;
    const uint32_t room = tap_room(p->pass, &share->lane->tap, share->lane->next);
    struct lane_columns columns = {.column = p->column + first, .most = room};
    share->first = first;
    share->n = share->counted = 0;
    if (room == 0 && first > 0)
        return STATUS_OK;
    if (room == 0) {
        log_error("trial %u: too many faults meet at position %u", trial, share->lane->next);
        return STATUS_INPUT;
    }
    enum status st = lane_fill(share->lane, &columns);
    if (st || columns.n == 0)
        return st;
    for (uint32_t i = 0; i < columns.n; i++)
        prepare(p, share->lane, first + i);
    st = tap_add(p->pass, &share->lane->tap, columns.column, columns.n, p->found + first);
    if (st)
        return st;
    if (share->lane->tap.due) { /* an integer out of range: the column is not evaluated */
        share->lane->due = DUE_RANGE;
        share->lane->done = true;
        return STATUS_OK;
    }
    share->n = columns.n;
    p->n_columns += columns.n;
    p->share[p->n_shares++] = share;
    return add_guards(p, share);
}

static void look(struct trial_pass *p, struct trial_share *share)
{
    for (uint32_t i = share->first; i < share->first + share->n; i++) {
        const struct column *column = &p->column[i];
        const struct column_result *result = &p->found[i];
        p->step[i] = (struct lane_step){0};
        if (column->outputs == COLUMN_HIDDEN)
            p->step[i] = lane_certify(share->lane, column, result);
        else if (column->outputs != 0)
            p->step[i] = lane_compute(share->lane, column, result);
    }
}

static enum status take(struct trial_pass *p, struct trial_share *share)
{
    const uint32_t at = share->first + share->counted;
    const struct lane_results results = {.column = p->column + at,
                                         .step = p->step + at,
                                         .found = p->found + at,
                                         .guard = p->guard + share->guard,
                                         .n = share->n - share->counted,
                                         .n_guards = share->n_guards};
    uint32_t counted;
    const enum status st = lane_take(share->lane, &results, &counted);
    for (uint32_t i = at; i < at + counted; i++)
        p->work->certified += p->step[i].certified;
    share->counted += counted;
    /* columns after a difference are dropped, as those after one that is computed again */
    if (share->lane->off || share->lane->done || share->lane->watched)
        share->n = share->counted;
    return st;
}

/* Columns on which the next steps of a lane depend. */
static uint32_t gather_late(struct trial_pass *p, const struct trial_share *share, uint32_t n)
{
    const uint32_t n_layers = p->golden->params.ex->model->hp.n_layers;
    const uint32_t stop = n + AT_ONCE < p->most ? n + AT_ONCE : p->most;
    for (uint32_t i = share->first + share->counted; i < share->first + share->n && n < stop; i++) {
        if (lane_knows(share->lane, &p->step[i]))
            continue;
        p->late_of[n] = i;
        p->late[n] = p->column[i];
        /* a column that starts after the layers has saved nothing: its checkpoint serves again */
        if (p->column[i].start_layer < n_layers)
            p->late[n].checkpoint = p->column[i].save;
        p->late[n].save = EXECUTOR_NONE;
        p->late[n].start_layer = n_layers;
        p->late[n].outputs = decode_outputs(trial_decode(p->golden, p->settings));
        n++;
    }
    return n;
}

/* Computes the logits that proofs left open, until every lane knows its steps. */
static enum status settle(struct trial_pass *p)
{
    enum status st = STATUS_OK;
    for (;;) {
        uint32_t n = 0, owner[p->most];
        for (uint32_t i = 0; i < p->n_shares && !st; i++) {
            const uint32_t before = n;
            if (p->share[i]->counted < p->share[i]->n)
                n = gather_late(p, p->share[i], n);
            for (uint32_t k = before; k < n; k++)
                owner[k] = i;
        }
        if (n == 0)
            return st;
        const double start = clock_seconds();
        const struct pass pass = {.columns = p->late, .n_columns = n};
        st = executor_pass(p->golden->params.ex, &pass, p->result);
        p->work->output_seconds += clock_seconds() - start;
        p->work->outputs += n;
        for (uint32_t i = 0; i < n && !st; i++)
            p->step[p->late_of[i]] =
                lane_compute(p->share[owner[i]]->lane, &p->late[i], &p->result[i]);
        for (uint32_t i = 0; i < p->n_shares && !st; i++) {
            if (p->share[i]->counted < p->share[i]->n)
                st = take(p, p->share[i]);
        }
        if (st)
            return st;
    }
}

enum status trial_pass_run(struct trial_pass *p)
{
    if (p->n_columns == 0)
        return STATUS_OK;
    const double start = clock_seconds();
    enum status st = tap_go(p->pass, NULL, NULL);
    const double middle = clock_seconds();
    p->work->passes++;
    p->work->pass_seconds += middle - start;
    for (uint32_t i = 0; i < p->n_shares && !st; i++) {
        look(p, p->share[i]);
        st = take(p, p->share[i]);
    }
    p->work->certify_seconds += clock_seconds() - middle;
    return st ? st : settle(p);
}
