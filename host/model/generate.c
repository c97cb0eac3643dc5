/* SPDX-License-Identifier: MIT */
/* Runs a prompt and decodes behind it, on one branch of an executor. */
#include "model/generate.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

struct run {
    const struct generate_params *p;
    struct generation *g;
    struct arena *arena;
    uint32_t columns;             /* most a pass */
    struct column *column;        /* (columns) */
    struct column_result *result; /* (columns) */
    struct tap_pass *pass;
};

const char *generate_stop_name(enum generate_stop stop)
{
    return stop == GENERATE_END ? "end" : stop == GENERATE_DUE ? "due" : "length";
}

static bool wants_logits(const struct generate_params *p)
{
    return p->top > 0 || p->logsumexp || p->sampler.temperature > 0;
}

static int32_t token_at(const struct run *r, uint32_t position)
{
    return position < r->p->n_ids ? r->p->ids[position] : r->g->tokens[position - r->p->n_ids];
}

static uint32_t save_row(const struct generate_params *p, uint32_t position)
{
    if (p->checkpoints && position >= p->checkpoint_first)
        return position - p->checkpoint_first;
    return position == p->save_position ? p->save_row : EXECUTOR_NONE;
}

static void fill_column(const struct run *r, uint32_t i, uint32_t position)
{
    const struct generate_params *p = r->p;
    bool last = position + 1 >= p->n_ids;
    uint32_t outputs = last ? COLUMN_ARGMAX | COLUMN_HASH : 0;
    if (last && wants_logits(p))
        outputs |= COLUMN_LOGITS;
    if (!last && p->prompt_logprobs)
        outputs |= COLUMN_LOGITS;
    r->column[i] = (struct column){.branch = r->g->branch,
                                   .position = position,
                                   .token = token_at(r, position),
                                   .checkpoint = EXECUTOR_NONE,
                                   .start_layer = 0,
                                   .end_layer = p->ex->model->hp.n_layers,
                                   .save = save_row(p, position),
                                   .outputs = outputs};
}

/* A fault made an integer that the run cannot go on with. */
static bool is_due(const struct run *r)
{
    return r->p->tap && r->p->tap->due;
}

/* At most n columns from `position` on that may share a pass; 0 (logged): not even one. */
static uint32_t columns_of_pass(const struct run *r, uint32_t position, uint32_t n)
{
    tap_begin(r->pass);
    const uint32_t room = tap_room(r->pass, r->p->tap, position);
    if (room == 0)
        log_error("more than %d faults meet at position %u", HOOK_MOST, position);
    return tap_split(r->p->tap, position, room < n ? room : n);
}

static enum status run_columns(struct run *r, uint32_t position, uint32_t n)
{
    if (n == 0)
        return STATUS_INPUT;
    for (uint32_t i = 0; i < n; i++)
        fill_column(r, i, position + i);
    tap_begin(r->pass);
    enum status st = tap_add(r->pass, r->p->tap, r->column, n, r->result);
    if (st || is_due(r))
        return st;
    return tap_go(r->pass, r->p->watch, r->p->watch_user);
}

static void take_logprobs(struct run *r, uint32_t position, uint32_t n)
{
    uint32_t n_vocab = r->p->ex->model->hp.n_vocab;
    for (uint32_t i = 0; i < n && position + i + 1 < r->p->n_ids; i++) {
        const float *logits = r->result[i].logits;
        double total = sampler_logsumexp(logits, n_vocab);
        r->g->prompt_logprobs[position + i] = (double)logits[r->p->ids[position + i + 1]] - total;
    }
}

static enum status run_prompt(struct run *r, struct column_result *out_last)
{
    const struct generate_params *p = r->p;
    for (uint32_t done = 0; done < p->n_ids;) {
        uint32_t n = p->n_ids - done < r->columns ? p->n_ids - done : r->columns;
        n = columns_of_pass(r, done, n);
        enum status st = run_columns(r, done, n);
        if (st || is_due(r))
            return st;
        if (p->prompt_logprobs)
            take_logprobs(r, done, n);
        done += n;
        *out_last = r->result[n - 1];
        if (p->progress)
            p->progress(p->progress_user, -1, done);
    }
    return STATUS_OK;
}

/* Appends the token that a column's logits give. */
static enum status take_step(struct run *r, const struct column_result *result, uint32_t position)
{
    const struct generate_params *p = r->p;
    uint32_t n_vocab = p->ex->model->hp.n_vocab;
    uint32_t token = result->token;
    struct generate_step *step = &r->g->step[r->g->n_tokens];
    *step =
        (struct generate_step){.hash = result->hash, .finite = result->finite, .logsumexp = NAN};
    if (p->sampler.temperature > 0)
        token = sampler_pick(&p->sampler, result->logits, n_vocab, position);
    if (p->logsumexp)
        step->logsumexp = sampler_logsumexp(result->logits, n_vocab);
    if (p->top > 0) {
        step->top = arena_array(r->arena, p->top, sizeof *step->top);
        if (!step->top)
            return STATUS_MEMORY;
        sampler_top(result->logits, n_vocab, step->top, p->top);
    }
    enum status st = tap_pick(p->tap, position, &token);
    if (st || is_due(r))
        return st;
    r->g->tokens[r->g->n_tokens++] = (int32_t)token;
    r->g->hash = hash_fold64(r->g->hash, result->hash);
    if (p->progress)
        p->progress(p->progress_user, (int32_t)token, r->g->n_tokens);
    return STATUS_OK;
}

static enum status decode(struct run *r, struct column_result result)
{
    const struct generate_params *p = r->p;
    for (uint32_t position = p->n_ids - 1;; position++) {
        enum status st = take_step(r, &result, position);
        if (st || is_due(r))
            return st;
        int32_t token = r->g->tokens[r->g->n_tokens - 1];
        if (!p->ignore_end && tokenizer_is_end(p->ex->model->tokenizer, token)) {
            r->g->stop = GENERATE_END;
            return STATUS_OK;
        }
        if (r->g->n_tokens == p->n)
            return STATUS_OK;
        st = run_columns(r, position + 1, columns_of_pass(r, position + 1, 1));
        if (st || is_due(r))
            return st;
        result = r->result[0];
    }
}

static enum status run_init(struct run *r, struct generation *g, struct arena *arena,
                            const struct generate_params *p)
{
    struct executor_info info;
    executor_info(p->ex, &info);
    uint32_t most = info.max_columns;
    *r = (struct run){.p = p, .g = g, .arena = arena};
    r->columns = p->columns != 0 && p->columns < most ? p->columns : most;
    r->column = arena_array(arena, r->columns, sizeof *r->column);
    r->result = arena_array(arena, r->columns, sizeof *r->result);
    g->tokens = arena_array(arena, p->n, sizeof *g->tokens);
    g->step = arena_array(arena, p->n, sizeof *g->step);
    bool ok = r->column && r->result && g->tokens && g->step;
    if (ok && p->prompt_logprobs) {
        g->prompt_logprobs = arena_array(arena, p->n_ids, sizeof *g->prompt_logprobs);
        ok = g->prompt_logprobs != NULL;
    }
    return ok ? tap_open(&r->pass, p->ex) : STATUS_MEMORY;
}

enum status generate(struct generation *out, struct arena *arena,
                     const struct generate_params *params)
{
    struct run run = {.p = params};
    struct column_result last = {0};
    if (params->n_ids == 0 || params->n == 0) {
        log_error(
            "nothing to run: %u prompt tokens, %u tokens to generate; expected at least 1 each",
            params->n_ids, params->n);
        return STATUS_USAGE;
    }
    *out = (struct generation){.stop = GENERATE_LENGTH};
    enum status st = kv_branch(params->ex->kv, &out->branch);
    if (st)
        return st;
    double start = 0, middle = 0;
    st = run_init(&run, out, arena, params);
    if (!st) {
        start = middle = clock_seconds();
        st = run_prompt(&run, &last);
    }
    if (!st && !is_due(&run)) {
        middle = clock_seconds();
        st = decode(&run, last);
    }
    tap_close(&run.pass);
    if (st) {
        kv_release(params->ex->kv, out->branch);
        return st;
    }
    if (is_due(&run))
        out->stop = GENERATE_DUE;
    out->prompt_seconds = middle - start;
    out->decode_seconds = clock_seconds() - middle;
    return STATUS_OK;
}
