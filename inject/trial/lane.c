/* SPDX-License-Identifier: MIT */
/* Chooses a trial's next columns and takes their results, distances from golden's residuals among
 * them. */
#include "inject/trial/lane.h"

#include "base/log.h"
#include "base/status.h"
#include "inject/trial/trial.h"
#include "shared/numerics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A faulted column's residuals in the checkpoint store. */
struct deviation_row {
    uint32_t position;
    uint32_t row;       /* of the column */
    uint32_t first;     /* boundaries below were not evaluated: golden's */
    const float *clean; /* golden's residuals (n_layers + 1, n_embd); null: its row is kept */
};

static struct trial_deviation compare(const float *golden, const float *faulty, uint32_t n)
{
    struct trial_deviation d = {0};
    double difference = 0, norm = 0;
    for (uint32_t i = 0; i < n; i++) {
        double delta = (double)faulty[i] - (double)golden[i];
        uint32_t a = nm_canon(lang_bits(golden[i])), b = nm_canon(lang_bits(faulty[i]));
        d.bits += (uint32_t)__builtin_popcount(a ^ b);
        if (a == b)
            delta = 0; /* Inf - Inf of equal values is no deviation */
        if (isnan(delta) || !(fabs(delta) <= d.max_abs))
            d.max_abs = isnan(d.max_abs) ? d.max_abs : fabs(delta);
        difference += delta * delta;
        norm += (double)golden[i] * (double)golden[i];
    }
    d.rel_l2 = difference == 0 ? 0 : sqrt(difference) / sqrt(norm);
    return d;
}

/* Reads one boundary of golden and of the column. */
static enum status read_pair(const struct golden *golden, const struct deviation_row *row,
                             uint32_t layer, float *values)
{
    struct executor *ex = golden->params.ex;
    const uint32_t n_embd = ex->model->hp.n_embd;
    enum status st = STATUS_OK;
    if (row->clean)
        memcpy(values, row->clean + (size_t)layer * n_embd, n_embd * sizeof(*values));
    else
        st = executor_read_checkpoint(ex, golden_row(golden, row->position), layer, values);
    return st ? st : executor_read_checkpoint(ex, row->row, layer, values + n_embd);
}

static float *room(const struct golden *golden)
{
    const uint32_t n_embd = golden->params.ex->model->hp.n_embd;
    float *values = malloc(2 * (size_t)n_embd * sizeof(*values));
    if (!values)
        log_error("out of memory for a deviation of %u values", n_embd);
    return values;
}

/* out (n_layers + 1): golden's residuals against the column's, in double, index order; entries
 * below row->first are not written. */
static enum status deviation_read(struct trial_deviation *out, const struct golden *golden,
                                  const struct deviation_row *row)
{
    const struct hparams *hp = &golden->params.ex->model->hp;
    float *values = room(golden);
    enum status st = values ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t layer = row->first; layer <= hp->n_layers && !st; layer++) {
        st = read_pair(golden, row, layer, values);
        if (!st)
            out[layer] = compare(values, values + hp->n_embd, hp->n_embd);
    }
    free(values);
    return st;
}

/* True in `out` if the column has golden's bits (canonical NaN) at every boundary, by their hash.
 */
static enum status deviation_none(bool *out, const struct golden *golden,
                                  const struct deviation_row *row)
{
    struct executor *ex = golden->params.ex;
    const struct hparams *hp = &ex->model->hp;
    const uint64_t *hash = golden->residual_hash + (size_t)row->position * (hp->n_layers + 1);
    float *values = room(golden);
    enum status st = values ? STATUS_OK : STATUS_MEMORY;
    *out = true;
    for (uint32_t layer = row->first; layer <= hp->n_layers && !st && *out; layer++) {
        st = executor_read_checkpoint(ex, row->row, layer, values);
        *out = !st && golden_residual_hash(values, hp->n_embd) == hash[layer];
    }
    free(values);
    return st;
}

#define CHUNK 16u /* columns verified at a time: those after a difference are wasted */

static uint32_t n_layers_of(const struct lane *lane)
{
    return lane->golden->params.ex->model->hp.n_layers;
}

/* Decode step of the column of a position, if it has one. */
static bool has_step(const struct lane *lane, uint32_t position)
{
    return position + 1 >= lane->golden->params.n_ids;
}

static uint32_t step_of(const struct lane *lane, uint32_t position)
{
    return position + 1 - lane->golden->params.n_ids;
}

static bool run_ended(const struct lane *lane)
{
    if (lane->feed)
        return lane->run.n_tokens == lane->n_feed;
    return lane->run.end != DECODE_OPEN;
}

static int32_t token_at(const struct lane *lane, uint32_t position)
{
    const struct generate_params *p = &lane->golden->params;
    if (position < p->n_ids)
        return p->ids[position];
    return lane->feed ? lane->feed[position - p->n_ids] : lane->run.tokens[position - p->n_ids];
}

/* Where a column starts; `layer` FAULT_REACH_NONE: the column is golden's. */
struct start {
    uint32_t layer;
    bool from_token;
};

static struct start start_of(const struct lane *lane, uint32_t position)
{
    if (lane->whole || lane->off)
        return (struct start){.layer = 0, .from_token = true};
    const uint32_t layer = lane->start[position];
    const bool kept = golden_row(lane->golden, position) != EXECUTOR_NONE;
    if (layer != FAULT_REACH_NONE && (layer == 0 || !kept))
        return (struct start){.layer = 0, .from_token = true};
    return (struct start){.layer = layer};
}

/* Whether log-probabilities are compared with golden's: always for choices. */
static bool compares(const struct lane *lane)
{
    return !lane->off && (lane->settings->level > RECORD_OUTCOME || golden_is_choice(lane->golden));
}

static uint32_t outputs_at(const struct lane *lane, uint32_t position)
{
    const bool compared = compares(lane);
    if (!has_step(lane, position))
        return 0;
    if (lane->certifies && !lane->off && lane->golden->step[step_of(lane, position)].certify)
        return COLUMN_HIDDEN;
    return decode_outputs(lane->decode) | (compared ? COLUMN_LOGITS : 0);
}

/* Most columns of this pass, hooks not considered. */
static uint32_t columns_left(const struct lane *lane)
{
    const struct golden *golden = lane->golden;
    const uint32_t n_ids = golden->params.n_ids;
    const uint32_t last = lane->feed ? n_ids + lane->n_feed - 1 : golden->n_evaluated;
    const uint32_t end = lane->pause > 0 ? lane->pause : last;
    if (!lane->feed && (lane->off || lane->whole))
        return n_ids + lane->run.n_tokens + lane->run.n_drafts - lane->next;
    return lane->whole || end - lane->next < CHUNK ? end - lane->next : CHUNK;
}

static bool over_budget(struct lane *lane)
{
    const double factor = lane->settings->work_factor;
    if (factor <= 0 || lane->feed || lane->next + 1 <= factor * lane->golden->n_evaluated)
        return false;
    lane->due = DUE_RUNAWAY;
    return true;
}

struct lane_step lane_certify(const struct lane *lane, const struct column *column,
                              const struct column_result *result)
{
    const struct golden *golden = lane->golden;
    const struct certify_verdict verdict = certify_column(
        golden->certify, golden->step[step_of(lane, column->position)].certify, result->hidden);
    const bool proven = verdict.certified && decode_proves(lane->decode, verdict.token);
    return (struct lane_step){.wanted = true,
                              .certified = proven,
                              .known = proven && (verdict.same_bits || verdict.other_bits),
                              .token = verdict.token,
                              .finite = true,
                              .same = verdict.same_bits,
                              .other = verdict.other_bits};
}

struct lane_step lane_compute(const struct lane *lane, const struct column *column,
                              const struct column_result *result)
{
    const uint32_t step = step_of(lane, column->position);
    const struct generation *golden = &lane->golden->run;
    const bool same = step < golden->n_tokens && golden->step[step].hash == result->hash;
    return (struct lane_step){.wanted = true,
                              .known = true,
                              .token = decode_pick(lane->decode, column->position, result),
                              .hash = result->hash,
                              .finite = result->finite,
                              .same = same,
                              .other = !same,
                              .result = result};
}

/* Log-probabilities while golden's tokens are fed. */
static void take_shift(struct lane *lane, uint32_t position, const struct lane_step *step)
{
    const uint32_t index = step_of(lane, position);
    const struct golden_step *golden = &lane->golden->step[index];
    if (!compares(lane) || position < lane->first)
        return;
    if (step->same) {
        shift_add_equal(&lane->shift);
        return;
    }
    shift_add(&lane->shift,
              &(struct shift_step){.golden = golden->logits,
                                   .faulty = step->result->logits,
                                   .golden_logsumexp = golden->logsumexp,
                                   .n = lane->golden->params.ex->model->hp.n_vocab,
                                   .kl = lane->settings->level > RECORD_OUTCOME,
                                   .token = (uint32_t)lane->golden->run.tokens[index]});
}

/* Compares residuals with golden's while golden's tokens are fed. */
static enum status take_residuals(struct lane *lane, const struct column *column)
{
    const struct deviation_row row = {
        .position = column->position,
        .row = column->save,
        .first = column->checkpoint == EXECUTOR_NONE ? 0 : column->start_layer + 1,
        .clean = lane->clean};
    bool none = true;
    enum status st = STATUS_OK;
    if (lane->settings->level < RECORD_FULL || lane->off || column->position < lane->first)
        return STATUS_OK;
    if (column->position == lane->first)
        st = deviation_read(lane->deviation, lane->golden, &row);
    if (!st)
        st = deviation_none(&none, lane->golden, &row);
    if (!none)
        lane->differs_until = column->position + 1;
    return st;
}

/* The run has gone back. From now on it feeds its own tokens; a lane that is fed golden's measures
 * against golden. */
static void go_back(struct lane *lane, uint32_t position)
{
    const struct generation *golden = &lane->golden->run;
    lane->next = position;
    lane->nonfinite = lane->other_bits = lane->done = false;
    if (!lane->feed)
        lane->off = true;
    lane->run.n_drafts = lane->feed ? 0 : lane->run.n_drafts;
    if (lane->shift_at && lane->run.n_tokens < lane->n_feed)
        lane->shift = lane->shift_at[lane->run.n_tokens];
    for (uint32_t i = 0; i < lane->run.n_tokens; i++) {
        const struct decode_step *step = &lane->run.step[i];
        lane->nonfinite |= !step->finite;
        lane->other_bits |= i >= golden->n_tokens || golden->step[i].hash != step->hash;
    }
}

/* Appends the token, or takes the one that is fed. `out_back` as decode_take. */
static enum status give(struct lane *lane, struct decode_picked *pick, uint32_t *out_back)
{
    struct generation *run = &lane->run;
    enum status st = STATUS_OK;
    if (!lane->feed)
        return decode_take(lane->decode, run, &lane->tap, pick, out_back);
    if (lane->watched)
        st = decode_look(lane->decode, run, &lane->tap, pick, out_back);
    if (!st && *out_back == 0) {
        decode_feed(run, pick);
        if (pick->trapped && golden_is_choice(lane->golden))
            run->end = DECODE_TRAP;
    }
    return st;
}

/* `out_on`: the run goes on as before. */
static enum status take_step(struct lane *lane, struct decode_picked *pick,
                             const struct lane_step *step, bool *out_on)
{
    const struct generation *golden = &lane->golden->run;
    const uint32_t index = lane->run.n_tokens;
    const bool golden_finite = index >= golden->n_tokens || golden->step[index].finite;
    uint32_t back = 0;
    pick->token = lane->feed ? (uint32_t)lane->feed[index] : step->token;
    pick->step = (struct decode_step){.hash = step->hash, .finite = step->finite, .logsumexp = NAN};
    pick->trapped = !step->finite && golden_finite && lane->settings->nan_trap;
    *out_on = false;
    if (lane->shift_at)
        lane->shift_at[index] = lane->shift;
    take_shift(lane, pick->position, step);
    lane->nonfinite |= !step->finite;
    lane->other_bits |= step->other;
    const enum status st = give(lane, pick, &back);
    if (back > 0)
        go_back(lane, pick->position + 1 - back);
    if (lane->run.end == DECODE_DUE || lane->run.end == DECODE_TRAP) {
        lane->due = lane->run.end == DECODE_DUE ? DUE_RANGE : DUE_NAN_TRAP;
        lane->done = true;
        tap_cut(&lane->tap, pick->position + 1); /* later columns belong to no run */
    }
    if (st || lane->done || back > 0)
        return st;
    *out_on = !lane->run.strayed &&
              (lane->feed || lane->off ||
               (index < golden->n_tokens && golden->tokens[index] == lane->run.tokens[index]));
    if (*out_on || lane->off)
        return STATUS_OK;
    lane->off = true;
    tap_cut(&lane->tap, pick->position + 1);
    kv_cut(lane->golden->params.ex->kv, lane->run.branch, pick->position + 1);
    return STATUS_OK;
}

/* The column of `position` and its result are golden's; memory is still struck, and the pick may
 * be. */
static enum status take_golden(struct lane *lane, uint32_t position)
{
    const struct golden *golden = lane->golden;
    const uint32_t index = step_of(lane, position);
    bool on;
    lane->next = position + 1;
    enum status st = tap_strike(&lane->tap, golden->params.ex, lane->run.branch, position);
    if (st || !has_step(lane, position))
        return st;
    const struct lane_step step = {.wanted = true,
                                   .known = true,
                                   .token = (uint32_t)golden->run.tokens[index],
                                   .hash = golden->run.step[index].hash,
                                   .finite = golden->run.step[index].finite,
                                   .same = true};
    return take_step(lane, &(struct decode_picked){.position = position}, &step, &on);
}

static bool is_done(struct lane *lane)
{
    const bool verified = !lane->off && !lane->whole && lane->next == lane->golden->n_evaluated;
    return lane->done || verified || (has_step(lane, lane->next) && run_ended(lane)) ||
           over_budget(lane);
}

/* The check has the last word about a run that is done. */
static enum status end_run(struct lane *lane)
{
    const uint32_t next = lane->next;
    uint32_t back = 0;
    enum status st = STATUS_OK;
    lane->done = is_done(lane);
    if (lane->done && lane->watched && lane->due == DUE_NONE)
        st = decode_finish(lane->decode, &lane->run, &lane->tap, &back);
    if (back > 0)
        go_back(lane, next - back);
    return st;
}

static bool pauses(const struct lane *lane)
{
    return lane->pause > 0 && lane->next >= lane->pause;
}

enum status lane_fill(struct lane *lane, struct lane_columns *out)
{
    enum status st = STATUS_OK;
    out->n = 0;
    while (!st && !pauses(lane) && !is_done(lane) &&
           start_of(lane, lane->next).layer == FAULT_REACH_NONE)
        st = take_golden(lane, lane->next);
    if (st || pauses(lane))
        return st;
    st = end_run(lane);
    if (st || lane->done)
        return st;
    const uint32_t n = columns_left(lane);
    out->n = tap_split(&lane->tap, lane->next, n < out->most ? n : out->most);
    for (uint32_t i = 0; i < out->n; i++) {
        const uint32_t position = lane->next + i;
        const struct start start = start_of(lane, position);
        if (start.layer == FAULT_REACH_NONE)
            out->n = i;
        else
            out->column[i] = (struct column){
                .branch = lane->run.branch,
                .position = position,
                .token = token_at(lane, position),
                .checkpoint = start.from_token ? EXECUTOR_NONE : golden_row(lane->golden, position),
                .start_layer = start.layer,
                .end_layer = n_layers_of(lane),
                .save = EXECUTOR_NONE,
                .outputs = outputs_at(lane, position)};
    }
    return STATUS_OK;
}

/* After one step with other bits it does not matter which others have them. */
bool lane_knows(const struct lane *lane, const struct lane_step *step)
{
    return !step->wanted || step->known || (step->certified && lane->other_bits);
}

/* A column whose row gives no token. */
static enum status look(struct lane *lane, struct decode_picked *pick, bool *out_on)
{
    uint32_t back = 0;
    if (!lane->watched)
        return STATUS_OK;
    const enum status st = decode_look(lane->decode, &lane->run, &lane->tap, pick, &back);
    if (back > 0)
        go_back(lane, pick->position + 1 - back);
    *out_on = back == 0;
    return st;
}

enum status lane_take(struct lane *lane, const struct lane_results *results, uint32_t *out_counted)
{
    enum status st = STATUS_OK;
    bool on = true;
    *out_counted = 0;
    for (uint32_t i = 0, guard = 0; i < results->n && !st && on; i++) {
        const struct column *column = &results->column[i];
        const struct lane_step *step = &results->step[i];
        struct decode_picked pick = {.position = column->position,
                                     .fed = (uint32_t)column->token,
                                     .token = DECODE_NO_TOKEN,
                                     .result = &results->found[i],
                                     .guard = results->guard + guard};
        if (!tap_takes(&lane->tap, column->position)) {
            lane->next = column->position + 1;
            lane->due = DUE_RANGE;
            lane->done = true;
            break;
        }
        if (!lane_knows(lane, step))
            break;
        while (guard < results->n_guards && results->guard[guard].column == i) {
            pick.n_guards++;
            guard++;
        }
        st = take_residuals(lane, column);
        lane->next = column->position + 1;
        ++*out_counted;
        if (!st)
            st = step->wanted ? take_step(lane, &pick, step, &on) : look(lane, &pick, &on);
    }
    return st;
}
