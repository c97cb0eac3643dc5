/* SPDX-License-Identifier: MIT */
/* Runs a prompt and decodes after it, on one branch of an executor. */
#include "model/generate.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

struct generate_run {
    struct generate_params params;
    const struct generate_params *p; /* params */
    struct decode decode;
    struct generation *g;
    struct arena *arena;
    uint32_t next;                /* position that is run next */
    uint32_t columns;             /* most a pass */
    struct column *column;        /* (columns) */
    struct column_result *result; /* (columns) */
    struct guard *guard;          /* (columns, decode_guards) those of a pass, column by column */
    uint32_t n_guards;
    struct sampler_top *likely; /* (prompt_top) of a row */
    struct tap_pass *pass;      /* of its own */
    uint32_t first, n;          /* its columns in the pass at hand: from position `first` on */
    bool due;                   /* an integer of the first is out of its range */
    double start;               /* of the pass at hand */
    bool prompt_done;           /* its last pass has run */
};

static int32_t token_at(const struct generate_run *r, uint32_t position)
{
    return position < r->p->n_ids ? r->p->ids[position] : r->g->tokens[position - r->p->n_ids];
}

static uint32_t save_row(const struct generate_params *p, uint32_t position)
{
    if (p->checkpoints && position >= p->checkpoint_first)
        return position - p->checkpoint_first;
    return position == p->save_position ? p->save_row : EXECUTOR_NONE;
}

static void fill_column(const struct generate_run *r, uint32_t i, uint32_t position)
{
    const struct generate_params *p = r->p;
    bool last = position + 1 >= p->n_ids;
    uint32_t outputs = last ? decode_outputs(&r->decode) : 0;
    if (last ? p->top > 0 || p->logsumexp : p->prompt_logprobs)
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

/* A fault left an integer out of its range. */
static bool is_due(const struct generate_run *r)
{
    return r->p->tap && r->p->tap->due;
}

/* How many of n columns from `position` on may go into the pass; 0: it is full. An empty pass is
 * too small (STATUS_INPUT, logged) only where too many faults meet. */
static enum status columns_of_pass(uint32_t *out, const struct generate_run *r,
                                   const struct tap_pass *pass, uint32_t n)
{
    const uint32_t room = tap_room(pass, r->p->tap, r->first);
    *out = room > 0 ? tap_split(r->p->tap, r->first, room < n ? room : n) : 0;
    if (*out > 0 || tap_count(pass) > 0)
        return STATUS_OK;
    log_error("more than %d faults meet at position %u", HOOK_MOST, r->first);
    return STATUS_INPUT;
}

static enum status add_guards(struct generate_run *r, struct tap_pass *pass, uint32_t n)
{
    r->n_guards = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct guard *own = r->guard + r->n_guards;
        const uint32_t count = decode_ask(&r->decode, r->g, &r->column[i], own);
        for (uint32_t k = 0; k < count; k++)
            own[k].column = i;
        r->n_guards += count;
    }
    return r->n_guards > 0 ? tap_guard(pass, r->guard, r->n_guards) : STATUS_OK;
}

static enum status add_columns(struct generate_run *r, struct tap_pass *pass, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        fill_column(r, i, r->first + i);
    const enum status st = tap_add(pass, r->p->tap, r->column, n, r->result);
    r->due = !st && is_due(r);
    if (st || r->due)
        return st;
    const enum status guarded = add_guards(r, pass, n);
    if (guarded)
        tap_undo(pass);
    else
        r->n = n;
    return guarded;
}

/* The first tokens of the row at `position`, whose logsumexp is `total`. */
static void take_likely(struct generate_run *r, uint32_t position, const float *logits,
                        double total)
{
    const uint32_t n = r->p->prompt_top;
    struct decode_likely *out = r->g->prompt_top + (size_t)position * n;
    if (n == 0)
        return;
    sampler_top(logits, r->p->ex->model->hp.n_vocab, r->likely, n);
    for (uint32_t i = 0; i < n; i++)
        out[i] = (struct decode_likely){r->likely[i].id, (double)r->likely[i].logit - total};
}

static void take_logprobs(struct generate_run *r, uint32_t position, uint32_t n)
{
    uint32_t n_vocab = r->p->ex->model->hp.n_vocab;
    for (uint32_t i = 0; i < n && position + i + 1 < r->p->n_ids; i++) {
        const float *logits = r->result[i].logits;
        double total = sampler_logsumexp(logits, n_vocab);
        r->g->prompt_logprobs[position + i] = (double)logits[r->p->ids[position + i + 1]] - total;
        take_likely(r, position + i, logits, total);
    }
}

/* The result of column `i` of the pass, for the check; `guard`: its first guard. */
static struct decode_picked picked(const struct generate_run *r, uint32_t i, uint32_t guard)
{
    const uint32_t all = r->n_guards;
    struct decode_picked pick = {.position = r->column[i].position,
                                 .fed = (uint32_t)r->column[i].token,
                                 .token = DECODE_NO_TOKEN,
                                 .result = &r->result[i],
                                 .guard = r->guard + guard};
    while (guard + pick.n_guards < all && pick.guard[pick.n_guards].column == i)
        pick.n_guards++;
    return pick;
}

/* Appends the token that a column's logits give, unless it is run again. */
static enum status take_step(struct generate_run *r, struct decode_picked *pick, uint32_t *out_back)
{
    const struct generate_params *p = r->p;
    const struct column_result *result = pick->result;
    const uint32_t n_vocab = p->ex->model->hp.n_vocab;
    pick->token = decode_pick(&r->decode, pick->position, result);
    pick->step = (struct decode_step){
        .hash = result->hash, .finite = result->finite, .logsumexp = NAN, .logit = NAN};
    if (p->logsumexp)
        pick->step.logsumexp = sampler_logsumexp(result->logits, n_vocab);
    if (p->top > 0) {
        pick->step.top = arena_array(r->arena, p->top, sizeof(*pick->step.top));
        if (!pick->step.top)
            return STATUS_MEMORY;
        sampler_top(result->logits, n_vocab, pick->step.top, p->top);
    }
    const enum status st = decode_take(&r->decode, r->g, p->tap, pick, out_back);
    if (st || *out_back > 0 || r->g->end == DECODE_DUE)
        return st;
    const uint32_t last = r->g->n_tokens - 1;
    if (p->logsumexp)
        r->g->step[last].logit = result->logits[r->g->tokens[last]];
    if (p->progress)
        p->progress(p->progress_user, r->g->tokens[last], r->g->n_tokens);
    return STATUS_OK;
}

/* After a pass of the prompt, the columns of positions `done` to `done` + n - 1. */
static void take_prompt(struct generate_run *r, uint32_t done, uint32_t n)
{
    const struct generate_params *p = r->p;
    if (p->prompt_logprobs)
        take_logprobs(r, done, n);
    if (p->progress)
        p->progress(p->progress_user, -1, done + n);
}

/* Takes the columns of a pass up to the first after which the run does not go on with the next. */
static enum status take_columns(struct generate_run *r, uint32_t n)
{
    enum status st = STATUS_OK;
    uint32_t back = 0;
    for (uint32_t i = 0, guard = 0; i < n && !st && back == 0; i++) {
        struct decode_picked pick = picked(r, i, guard);
        const bool step = pick.position + 1 >= r->p->n_ids;
        if (!tap_takes(r->p->tap, pick.position)) {
            r->g->end = DECODE_DUE;
            break;
        }
        guard += pick.n_guards;
        st = step ? take_step(r, &pick, &back)
                  : decode_look(&r->decode, r->g, r->p->tap, &pick, &back);
        r->next = pick.position + 1 - back;
        if (step && (r->g->end != DECODE_OPEN || r->g->strayed))
            break; /* the next column was fed another token */
    }
    return st;
}

/* Columns whose tokens are known share a pass: those of the prompt and of drafts, else one at a
 * time. */
enum status generate_add(struct generate_run *r, struct tap_pass *pass, uint32_t most,
                         uint32_t *out_n)
{
    const uint32_t left = r->p->n_ids + r->g->n_tokens + r->g->n_drafts - r->next;
    uint32_t n = left < r->columns ? left : r->columns;
    r->start = clock_seconds();
    r->first = r->next;
    r->n = *out_n = 0;
    r->due = false;
    if (r->g->end != DECODE_OPEN)
        return STATUS_OK;
    enum status st = columns_of_pass(&n, r, pass, n < most ? n : most);
    if (!st && n > 0)
        st = add_columns(r, pass, n);
    *out_n = r->n;
    return st;
}

/* Its columns of a pass that has run. */
static enum status take_pass(struct generate_run *r, double *out_prompt_end)
{
    const uint32_t n_ids = r->p->n_ids, first = r->first, n = r->n;
    if (r->due) {
        r->g->end = DECODE_DUE;
        return STATUS_OK;
    }
    if (n == 0)
        return STATUS_OK;
    if (first < n_ids)
        take_prompt(r, first, first + n < n_ids ? n : n_ids - first);
    if (first + n >= n_ids)
        *out_prompt_end = clock_seconds();
    return take_columns(r, n);
}

/* The check has the last word: the run may go back from its end. */
static enum status run_end(struct generate_run *r, bool *out_ended)
{
    uint32_t back = 0;
    const enum status st = decode_finish(&r->decode, r->g, r->p->tap, &back);
    r->next -= back;
    *out_ended = !st && back == 0;
    return st;
}

/* Adds a step's time to that of the prompt, up to its end (0: not in this step), and of decoding.
 */
static void add_seconds(struct generate_run *r, double prompt_end)
{
    const double start = r->start, end = clock_seconds();
    double middle = r->prompt_done ? start : end;
    if (prompt_end > 0 && !r->prompt_done) {
        r->prompt_done = true;
        middle = prompt_end;
    }
    r->g->prompt_seconds += middle - start;
    r->g->decode_seconds += end - middle;
}

enum status generate_take(struct generate_run *r, bool *out_ended)
{
    double prompt_end = 0;
    *out_ended = false;
    const enum status st =
        r->g->end == DECODE_OPEN ? take_pass(r, &prompt_end) : run_end(r, out_ended);
    add_seconds(r, prompt_end);
    if (*out_ended)
        r->g->hash = decode_hash(r->g->step, r->g->n_tokens);
    return st;
}

enum status generate_step(struct generate_run *r, bool *out_ended)
{
    uint32_t n;
    *out_ended = false;
    tap_begin(r->pass);
    enum status st = generate_add(r, r->pass, r->columns, &n);
    if (!st && n > 0)
        st = tap_go(r->pass, r->p->watch, r->p->watch_user);
    return st ? st : generate_take(r, out_ended);
}

uint32_t generate_guards(const struct generate_run *run)
{
    return decode_guards(&run->decode);
}

static enum status run_init(struct generate_run *r)
{
    const struct generate_params *p = r->p;
    struct executor_info info;
    executor_info(p->ex, &info);
    uint32_t most = info.max_columns;
    r->columns = p->columns != 0 && p->columns < most ? p->columns : most;
    r->column = arena_array(r->arena, r->columns, sizeof(*r->column));
    r->result = arena_array(r->arena, r->columns, sizeof(*r->result));
    r->guard =
        arena_array(r->arena, (size_t)r->columns * decode_guards(&r->decode), sizeof(*r->guard));
    bool ok = r->column && r->result && r->guard;
    if (ok && p->prompt_logprobs) {
        r->g->prompt_logprobs = arena_array(r->arena, p->n_ids, sizeof(*r->g->prompt_logprobs));
        r->g->prompt_top =
            arena_array(r->arena, (size_t)p->n_ids * p->prompt_top + 1, sizeof(*r->g->prompt_top));
        r->likely = arena_array(r->arena, p->prompt_top + 1, sizeof(*r->likely));
        ok = r->g->prompt_logprobs && r->g->prompt_top && r->likely;
    }
    for (uint32_t i = 0; ok && r->g->prompt_logprobs && i < r->next; i++)
        r->g->prompt_logprobs[i] = NAN; /* of the prefix */
    if (p->tap)
        p->tap->keeps = decode_watches(&r->decode);
    const enum status st = ok ? tap_open(&r->pass, p->ex) : STATUS_MEMORY;
    if (!st)
        tap_guarded(r->pass, decode_guards(&r->decode));
    return st;
}

enum status generate_open(struct generate_run **out, struct generation *g, struct arena *arena,
                          const struct generate_params *params)
{
    struct generate_run *r = arena_alloc(arena, sizeof(*r));
    *out = NULL;
    if (params->n_ids == 0) {
        log_error("no prompt tokens, expected at least 1");
        return STATUS_USAGE;
    }
    if (!r)
        return STATUS_MEMORY;
    *r = (struct generate_run){.params = *params, .g = g, .arena = arena};
    r->p = &r->params;
    r->next = params->prefix ? params->prefix->positions : 0;
    enum status st = decode_open(&r->decode, arena, &params->rules, params->ex);
    if (!st)
        st = decode_begin(g, arena, &r->decode,
                          &(struct decode_size){params->n_ids, params->rules.n});
    if (!st)
        st = kv_branch(params->ex->kv, &g->branch);
    if (st)
        return st;
    if (params->prefix)
        kv_share(params->ex->kv, &(struct kv_share){.from = params->prefix->branch,
                                                    .to = g->branch,
                                                    .layer_count = params->ex->model->hp.n_layers,
                                                    .positions = r->next});
    st = run_init(r);
    if (st) {
        tap_close(&r->pass);
        kv_release(params->ex->kv, g->branch);
        return st;
    }
    *out = r;
    return STATUS_OK;
}

uint32_t generate_next(const struct generate_run *run)
{
    return run->next;
}

static enum status copy_steps(struct generate_run *r, const struct generation *from)
{
    const uint32_t n = from->n_tokens, top = r->p->top;
    struct sampler_top *tops = arena_array(r->arena, (size_t)n * top + 1, sizeof(*tops));
    if (!tops)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        r->g->tokens[i] = from->tokens[i];
        r->g->step[i] = from->step[i];
        if (top > 0) {
            r->g->step[i].top = tops + (size_t)i * top;
            memcpy(r->g->step[i].top, from->step[i].top, top * sizeof(*tops));
        }
    }
    if (r->g->prompt_logprobs) {
        memcpy(r->g->prompt_logprobs, from->prompt_logprobs,
               r->p->n_ids * sizeof(*from->prompt_logprobs));
        memcpy(r->g->prompt_top, from->prompt_top,
               (size_t)r->p->n_ids * r->p->prompt_top * sizeof(*from->prompt_top));
    }
    r->g->n_tokens = n;
    r->g->end = from->end;
    r->g->hash = from->hash;
    r->g->prompt_seconds = from->prompt_seconds;
    r->g->decode_seconds = from->decode_seconds;
    return STATUS_OK;
}

enum status generate_fork(struct generate_run **out, struct generation *g, struct arena *arena,
                          const struct generate_params *params, const struct generate_run *from)
{
    const struct generate_prefix prefix = {from->g->branch, from->next};
    struct generate_params own = *params;
    own.prefix = &prefix;
    enum status st = generate_open(out, g, arena, &own);
    if (st)
        return st;
    (*out)->params.prefix = NULL;
    (*out)->prompt_done = from->prompt_done;
    st = copy_steps(*out, from->g);
    if (st) {
        generate_close(out);
        kv_release(params->ex->kv, g->branch);
    }
    return st;
}

void generate_close(struct generate_run **run)
{
    if (*run)
        tap_close(&(*run)->pass);
    *run = NULL;
}

enum status generate(struct generation *out, struct arena *arena,
                     const struct generate_params *params)
{
    struct generate_run *run;
    bool ended = false;
    enum status st = generate_open(&run, out, arena, params);
    if (st)
        return st;
    while (!st && !ended)
        st = generate_step(run, &ended);
    generate_close(&run);
    if (st)
        kv_release(params->ex->kv, out->branch);
    return st;
}
