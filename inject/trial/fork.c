/* SPDX-License-Identifier: MIT */
/* Forks a branch where the fault leaves golden, verifies in batched passes, decodes the tail. */
#include "inject/trial/fork.h"

#include <string.h>

#include "base/hash.h"
#include "base/log.h"

/* Where columns start (engine 2): the struck one, and those behind it. */
struct reach {
    bool from_token;     /* columns start from their tokens, not from checkpoints */
    bool rest;           /* later columns differ at all */
    uint32_t first;      /* layer where the struck column starts */
    uint32_t rest_first; /* layer where later columns start */
};

struct verify {
    struct trial *trial;
    struct reach reach;
    uint32_t branch;
    uint32_t columns;             /* most a pass */
    struct column *column;        /* (columns) */
    struct column_result *result; /* (columns) */
    struct tap_pass *pass;
};

/* Nodes of a layer before the K/V store whose results reach K or V. */
static bool reaches_kv(const struct graph *graph, uint32_t index)
{
    const struct node *node = &graph->node[index];
    for (uint32_t i = graph->layer_begin[node->layer]; i < index; i++) {
        if (graph->node[i].op == OP_STORE)
            return false;
    }
    return node->out != REG_Q;
}

static struct reach reach_of(const struct trial *trial)
{
    const struct fault *fault = trial->fault;
    const struct model *model = trial->golden->params.ex->model;
    uint32_t n_layers = model->hp.n_layers;
    if (fault->place == PLACE_TABLE || fault->place == PLACE_CONTROL)
        return (struct reach){.from_token = true, .rest = true};
    if (fault->layer == GRAPH_NO_LAYER) {
        const struct node *node = NULL;
        bool embedding = false;
        if (fault->place == PLACE_OP)
            node = &model->graph.node[fault->node];
        else
            embedding = strcmp(fault->tensor->name, "token_embd.weight") == 0;
        embedding = embedding || (node && node->op == OP_EMBED);
        /* a stored fault stays; an evaluation of output norm or output leaves no trace in KV */
        return (struct reach){.from_token = embedding,
                              .rest = embedding || fault->place == PLACE_WEIGHT,
                              .first = embedding ? 0 : n_layers,
                              .rest_first = embedding ? 0 : n_layers};
    }
    bool behind_kv = fault->place == PLACE_OP && !reaches_kv(&model->graph, fault->node);
    uint32_t rest_first = behind_kv ? fault->layer + 1 : fault->layer;
    /* behind the last layer's K/V nothing reaches later columns */
    return (struct reach){
        .rest = rest_first < n_layers, .first = fault->layer, .rest_first = rest_first};
}

uint32_t fork_first_layer(const struct trial *trial)
{
    return reach_of(trial).from_token ? 0 : reach_of(trial).first + 1;
}

/* Layers below the recomputed ones keep golden's pages, the others those before the fault. */
static enum status open_branch(struct verify *v)
{
    const struct golden *golden = v->trial->golden;
    struct kv *kv = golden->params.ex->kv;
    uint32_t n_layers = golden->params.ex->model->hp.n_layers;
    enum status st = kv_branch(kv, &v->branch);
    if (st)
        return st;
    struct kv_share below = {.from = golden->run.branch,
                             .to = v->branch,
                             .layer = 0,
                             .layer_count = v->reach.rest_first,
                             .positions = golden->n_evaluated};
    struct kv_share above = {.from = golden->run.branch,
                             .to = v->branch,
                             .layer = v->reach.rest_first,
                             .layer_count = n_layers - v->reach.rest_first,
                             .positions = tap_first(&v->trial->tap)};
    kv_share(kv, &below);
    kv_share(kv, &above);
    return STATUS_OK;
}

static int32_t token_at(const struct verify *v, uint32_t position)
{
    const struct generate_params *p = &v->trial->golden->params;
    return position < p->n_ids ? p->ids[position] : v->trial->run.tokens[position - p->n_ids];
}

static uint32_t outputs_at(const struct verify *v, uint32_t position)
{
    const struct generate_params *p = &v->trial->golden->params;
    if (position + 1 < p->n_ids)
        return 0;
    return COLUMN_ARGMAX | COLUMN_HASH | (p->sampler.temperature > 0 ? COLUMN_LOGITS : 0);
}

/* A column that starts from golden's checkpoint (or token) where the fault can first be seen. */
static void fill_forked(struct verify *v, uint32_t i, uint32_t position)
{
    bool struck = position == v->trial->fault->position;
    uint32_t layer = position <= v->trial->fault->position ? v->reach.first : v->reach.rest_first;
    v->column[i] = (struct column){.branch = v->branch,
                                   .position = position,
                                   .token = token_at(v, position),
                                   .checkpoint = v->reach.from_token ? EXECUTOR_NONE : position,
                                   .start_layer = layer,
                                   .end_layer = v->trial->golden->params.ex->model->hp.n_layers,
                                   .save = struck ? v->trial->golden->spare_row : EXECUTOR_NONE,
                                   .outputs = outputs_at(v, position)};
}

static void fill_plain(struct verify *v, uint32_t position)
{
    v->column[0] = (struct column){.branch = v->branch,
                                   .position = position,
                                   .token = token_at(v, position),
                                   .checkpoint = EXECUTOR_NONE,
                                   .end_layer = v->trial->golden->params.ex->model->hp.n_layers,
                                   .save = EXECUTOR_NONE,
                                   .outputs = outputs_at(v, position)};
}

/* Appends what a column's logits give. */
static void take_step(struct verify *v, const struct column_result *result, uint32_t position)
{
    const struct generate_params *p = &v->trial->golden->params;
    struct generation *run = &v->trial->run;
    uint32_t token = result->token;
    if (p->sampler.temperature > 0)
        token = sampler_pick(&p->sampler, result->logits, p->ex->model->hp.n_vocab, position);
    run->step[run->n_tokens] =
        (struct generate_step){.hash = result->hash, .finite = result->finite};
    run->tokens[run->n_tokens++] = (int32_t)token;
}

static bool run_ended(const struct verify *v)
{
    const struct generate_params *p = &v->trial->golden->params;
    const struct generation *run = &v->trial->run;
    bool end = !p->ignore_end && run->n_tokens > 0 &&
               tokenizer_is_end(p->ex->model->tokenizer, run->tokens[run->n_tokens - 1]);
    return end || run->n_tokens == p->n;
}

static bool diverged(const struct verify *v)
{
    const struct generation *run = &v->trial->run;
    uint32_t last = run->n_tokens;
    return last > 0 && run->tokens[last - 1] != v->trial->golden->run.tokens[last - 1];
}

static enum status run_columns(struct verify *v, uint32_t n)
{
    tap_begin(v->pass);
    enum status st = tap_add(v->pass, &v->trial->tap, v->column, n, v->result);
    return st ? st : tap_go(v->pass, NULL, NULL);
}

/* Feeds golden's tokens from the struck position on until one comes out different. */
static enum status verify_golden(struct verify *v)
{
    const struct golden *golden = v->trial->golden;
    struct generation *run = &v->trial->run;
    uint32_t end = v->reach.rest ? golden->n_evaluated : v->trial->fault->position + 1;
    /* golden's tokens stand in `run` already: steps overwrite them as they are verified */
    memcpy(run->tokens, golden->run.tokens, golden->run.n_tokens * sizeof *run->tokens);
    uint32_t start = tap_first(&v->trial->tap);
    if (v->reach.first == golden->params.ex->model->hp.n_layers && start + 1 < golden->params.n_ids)
        start = golden->params.n_ids - 1; /* output norm and output run from there on only */
    for (uint32_t position = start; position < end;) {
        uint32_t n = end - position < v->columns ? end - position : v->columns;
        n = tap_split(&v->trial->tap, position, n);
        for (uint32_t i = 0; i < n; i++)
            fill_forked(v, i, position + i);
        enum status st = run_columns(v, n);
        if (st)
            return st;
        for (uint32_t i = 0; i < n; i++) {
            if (v->column[i].outputs == 0)
                continue;
            take_step(v, &v->result[i], position + i);
            if (diverged(v))
                return STATUS_OK;
        }
        position += n;
    }
    /* what was not recomputed is golden */
    for (; run->n_tokens < golden->run.n_tokens; run->n_tokens++) {
        run->step[run->n_tokens] = golden->run.step[run->n_tokens];
        run->tokens[run->n_tokens] = golden->run.tokens[run->n_tokens];
    }
    return STATUS_OK;
}

/* Goes on from the token that differs, one at a time. */
static enum status decode_tail(struct verify *v)
{
    const struct golden *golden = v->trial->golden;
    struct generation *run = &v->trial->run;
    kv_cut(golden->params.ex->kv, v->branch, golden->params.n_ids + run->n_tokens - 1);
    tap_cut(&v->trial->tap, golden->params.n_ids + run->n_tokens - 1);
    while (!run_ended(v)) {
        uint32_t position = golden->params.n_ids + run->n_tokens - 1;
        fill_plain(v, position);
        enum status st = run_columns(v, 1);
        if (st)
            return st;
        take_step(v, &v->result[0], position);
    }
    return STATUS_OK;
}

static enum status verify_init(struct verify *v, struct arena *arena)
{
    const struct generate_params *p = &v->trial->golden->params;
    struct generation *run = &v->trial->run;
    struct executor_info info;
    executor_info(p->ex, &info);
    v->columns = info.max_columns;
    v->column = arena_array(arena, v->columns, sizeof *v->column);
    v->result = arena_array(arena, v->columns, sizeof *v->result);
    run->tokens = arena_array(arena, p->n, sizeof *run->tokens);
    run->step = arena_array(arena, p->n, sizeof *run->step);
    bool ok = v->column && v->result && run->tokens && run->step;
    return ok ? tap_open(&v->pass, p->ex) : STATUS_MEMORY;
}

/* Steps before the struck position are golden's own. */
static void take_golden_steps(struct verify *v)
{
    const struct golden *golden = v->trial->golden;
    struct generation *run = &v->trial->run;
    uint32_t position = tap_first(&v->trial->tap);
    uint32_t steps = position + 1 > golden->params.n_ids ? position + 1 - golden->params.n_ids : 0;
    memcpy(run->step, golden->run.step, steps * sizeof *run->step);
    run->n_tokens = steps;
}

enum status fork_run(struct trial *trial, struct arena *arena)
{
    struct verify v = {.trial = trial, .reach = reach_of(trial)};
    struct generation *run = &trial->run;
    enum status st = verify_init(&v, arena);
    if (!st)
        st = open_branch(&v);
    if (st) {
        tap_close(&v.pass);
        return st;
    }
    take_golden_steps(&v);
    st = verify_golden(&v);
    if (!st && diverged(&v))
        st = decode_tail(&v);
    tap_close(&v.pass);
    kv_release(trial->golden->params.ex->kv, v.branch);
    for (uint32_t i = 0; i < run->n_tokens; i++)
        run->hash = hash_fold64(run->hash, run->step[i].hash);
    return st;
}
