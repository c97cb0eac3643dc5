/* SPDX-License-Identifier: MIT */
/* Runs an item clean, keeps residuals within a budget, and computes its logits once more. */
#include "inject/trial/golden.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "inject/trial/golden_experts.h"
#include "inject/trial/golden_given.h"
#include "shared/order.h"

#define COLUMNS 64u   /* per pass by default */
#define EXTRA 2u      /* branches and pages: golden's column run again, a lane beside the others */
#define RE_COLUMNS 8u /* per pass of golden's steps: each keeps a row of logits */

/* As requested, or as many as GOLDEN_KV_BYTES hold if each lane owned all its pages. */
static uint32_t lanes_of(const struct golden_shape *shape, const struct hparams *hp,
                         enum storage kv)
{
    const uint64_t positions = (uint64_t)shape->n_ids + shape->n + KV_PAGE_POSITIONS;
    const uint64_t lane =
        2 * positions * hp->n_layers * hp->n_head_kv * hp->head_dim * (storage_bits(kv) / 8);
    const uint64_t fit = GOLDEN_KV_BYTES / lane;
    if (shape->lanes)
        return shape->lanes;
    return fit < 2 ? 2 : fit < GOLDEN_LANES ? (uint32_t)fit : GOLDEN_LANES;
}

/* Rows of a pass's columns, and one for golden_residuals. */
static uint32_t spare_rows(uint32_t columns)
{
    return columns + 1;
}

static uint32_t rows_of(const struct golden_shape *shape)
{
    return shape->rows ? shape->rows : shape->n_ids + shape->n;
}

static uint32_t kept_positions(const struct golden_shape *shape, const struct hparams *hp)
{
    const uint64_t row = (uint64_t)(hp->n_layers + 1) * hp->n_embd * sizeof(float);
    const uint32_t positions = rows_of(shape);
    const uint64_t fit = shape->checkpoint_bytes ? shape->checkpoint_bytes / row : positions;
    return fit < positions ? (uint32_t)fit : positions;
}

void golden_needs(struct executor_params *params, const struct golden_shape *shape)
{
    const uint32_t positions = shape->n_ids + shape->n;
    const uint32_t blocks = order_ceil(positions, KV_PAGE_POSITIONS);
    const uint32_t lanes = lanes_of(shape, &params->model->hp, params->kv);
    const uint32_t runs = shape->n_choices > 1 ? shape->n_choices : 1;

    params->positions = positions;
    params->branches = runs + EXTRA + lanes;
    params->pages = (runs + lanes) * blocks + EXTRA;
    params->columns = params->columns ? params->columns : COLUMNS;
    params->checkpoints = kept_positions(shape, &params->model->hp) + spare_rows(params->columns);
}

uint32_t golden_row(const struct golden *golden, uint32_t position)
{
    const uint32_t row = position < golden->n_shared ? position : position + golden->apart;
    const bool kept = row >= golden->kept_first && position < golden->n_evaluated;
    return kept ? row - golden->kept_first : EXECUTOR_NONE;
}

struct fault_bounds golden_bounds(const struct golden *golden)
{
    const struct executor *ex = golden->params.ex;
    return (struct fault_bounds){.model = ex->model,
                                 .act = ex->act,
                                 .kv = ex->kv_storage,
                                 .n_prompt = golden->params.n_ids,
                                 .positions = ex->positions};
}

int32_t golden_token(const struct golden *golden, uint32_t position)
{
    const struct generate_params *p = &golden->params;
    return position < p->n_ids ? p->ids[position] : golden->run.tokens[position - p->n_ids];
}

/* Runs on a branch of its own, since trials share golden's pages. */
static enum status run_again(const struct golden *golden, uint32_t position, uint32_t row)
{
    struct executor *ex = golden->params.ex;
    const uint32_t n_layers = ex->model->hp.n_layers;
    struct column column = {.position = position,
                            .token = golden_token(golden, position),
                            .checkpoint = EXECUTOR_NONE,
                            .end_layer = n_layers,
                            .save = row};
    const struct pass pass = {.columns = &column, .n_columns = 1};
    struct column_result result;
    enum status st = kv_branch(ex->kv, &column.branch);

    if (st)
        return st;
    kv_share(ex->kv, &(struct kv_share){.from = golden->run.branch,
                                        .to = column.branch,
                                        .layer_count = n_layers,
                                        .positions = position});
    st = executor_pass(ex, &pass, &result);
    kv_release(ex->kv, column.branch);
    return st;
}

enum status golden_residuals(float *out, const struct golden *golden, uint32_t position)
{
    struct executor *ex = golden->params.ex;
    const uint32_t row = golden->spare_row + golden->n_spare - 1;
    enum status st = run_again(golden, position, row);
    for (uint32_t layer = 0; layer <= ex->model->hp.n_layers && !st; layer++)
        st = executor_read_checkpoint(ex, row, layer, out + (size_t)layer * ex->model->hp.n_embd);
    return st;
}

uint64_t golden_residual_hash(const float *values, uint32_t n)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < n; i++)
        hash = hash_fold64(hash, nm_canon(lang_bits(values[i])));
    return hash;
}

/* Hashes that residuals of trials are compared with, also where rows are not kept. */
static enum status hash_residuals(struct golden *golden, struct arena *arena)
{
    struct executor *ex = golden->params.ex;
    const uint32_t boundaries = ex->model->hp.n_layers + 1, n_embd = ex->model->hp.n_embd;
    float *values = malloc((size_t)boundaries * n_embd * sizeof(*values));
    golden->residual_hash = arena_array(arena, (size_t)golden->n_evaluated * boundaries,
                                        sizeof(*golden->residual_hash));
    enum status st = values && golden->residual_hash ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t position = 0; position < golden->n_evaluated && !st; position++) {
        const uint32_t row = golden_row(golden, position);
        uint64_t *hash = golden->residual_hash + (size_t)position * boundaries;
        if (row == EXECUTOR_NONE)
            st = golden_residuals(values, golden, position);
        for (uint32_t layer = 0; layer < boundaries && !st; layer++) {
            float *at = values + (size_t)layer * n_embd;
            if (row != EXECUTOR_NONE)
                st = executor_read_checkpoint(ex, row, layer, at);
            hash[layer] = golden_residual_hash(at, n_embd);
        }
    }
    free(values);
    return st;
}

static enum status take_step(struct golden *golden, struct arena *arena, uint32_t step,
                             const struct column_result *result)
{
    const uint32_t n_vocab = golden->params.ex->model->hp.n_vocab;
    struct golden_step *out = &golden->step[step];
    struct sampler_top top[2];

    if (result->hash != golden->run.step[step].hash) {
        log_error("golden run: step %" PRIu32 " gave hash %016" PRIx64
                  " when evaluated again, expected %016" PRIx64,
                  step, result->hash, golden->run.step[step].hash);
        return STATUS_INTERNAL;
    }
    sampler_top(result->logits, n_vocab, top, 2);
    out->margin = (double)top[0].logit - (double)top[1].logit;
    if (!isfinite(out->margin))
        out->margin = NAN;
    out->logsumexp = NAN;
    if (golden->level > RECORD_OUTCOME || golden_is_choice(golden)) {
        float *copy = arena_array(arena, n_vocab, sizeof(*copy));
        if (!copy)
            return STATUS_MEMORY;
        memcpy(copy, result->logits, n_vocab * sizeof(*copy));
        out->logits = copy;
        out->logsumexp = sampler_logsumexp(copy, n_vocab);
        if (golden_is_choice(golden))
            golden->logp += (double)copy[golden->run.tokens[step]] - out->logsumexp;
    }
    if (!golden->certify)
        return STATUS_OK;
    return certify_golden(&out->certify, arena, golden->certify, result->hidden, result->logits);
}

/* The last position's row gives a step: from its residual, or from its token once more. */
static struct column step_column(const struct golden *golden, uint32_t position)
{
    const uint32_t n_layers = golden->params.ex->model->hp.n_layers;
    const uint32_t row = golden_row(golden, position);

    return (struct column){.branch = golden->run.branch,
                           .position = position,
                           .token = golden_token(golden, position),
                           .checkpoint = row,
                           .start_layer = row == EXECUTOR_NONE ? 0 : n_layers,
                           .end_layer = n_layers,
                           .save = EXECUTOR_NONE,
                           .outputs = COLUMN_HASH | COLUMN_LOGITS | COLUMN_HIDDEN};
}

/* Golden's logits were only hashed at first; margins, bounds and log-probabilities need them. */
static enum status look_again(struct golden *golden, struct arena *arena)
{
    const uint32_t n = golden->run.n_tokens, first = golden->params.n_ids - 1;
    struct column_result result[RE_COLUMNS];
    struct column column[RE_COLUMNS];
    const uint32_t most = golden->columns < RE_COLUMNS ? golden->columns : RE_COLUMNS;
    enum status st = STATUS_OK;

    for (uint32_t done = 0, some; done < n && !st; done += some) {
        some = n - done < most ? n - done : most;
        for (uint32_t i = 0; i < some; i++)
            column[i] = step_column(golden, first + done + i);
        const struct pass pass = {.columns = column, .n_columns = some};
        st = executor_pass(golden->params.ex, &pass, result);
        for (uint32_t i = 0; i < some && !st; i++)
            st = take_step(golden, arena, done + i, &result[i]);
    }
    return st;
}

static void init(struct golden *out, const struct golden_params *params)
{
    const struct executor *ex = params->generate.ex;
    uint32_t positions = params->generate.n_ids + params->generate.rules.n;
    struct executor_info info;
    const bool choices = params->n_choices > 0;
    if (choices) {
        positions = params->n_shared;
        for (uint32_t i = 0; i < params->n_choices; i++)
            positions += params->choice[i].n_ids - 1 - params->n_shared;
    }

    executor_info(ex, &info);
    *out = (struct golden){.params = params->generate,
                           .level = params->level,
                           .certify = params->certify,
                           .reference = EXECUTOR_NONE,
                           .chosen = EXECUTOR_NONE,
                           .logp = NAN,
                           .columns = info.max_columns,
                           .lanes = lanes_of(&params->shape, &ex->model->hp, ex->kv_storage)};
    const uint32_t spare = spare_rows(info.max_columns);
    const uint32_t kept = ex->n_checkpoints > spare ? ex->n_checkpoints - spare : 0;
    out->kept_first = positions > kept ? positions - kept : 0;
    out->spare_row = kept < positions ? kept : positions;
    out->n_spare = ex->n_checkpoints - out->spare_row;
    out->params.checkpoints = kept > 0;
    out->params.checkpoint_first = out->kept_first;
    if (choices) /* each run's own follow */
        out->params.rules.n = 1;
    out->params.tap = NULL;
    out->params.watch = NULL;
    out->params.save_position = EXECUTOR_NONE;
}

/* Computes what trials need of the logits. */
static enum status know(struct golden *golden, struct arena *arena)
{
    const bool rows = golden->certify || golden->level > RECORD_OUTCOME || golden_is_choice(golden);
    golden->n_evaluated = golden->params.n_ids + golden->run.n_tokens - 1;
    golden->step = arena_array(arena, golden->run.n_tokens, sizeof(*golden->step));
    enum status st = golden->step ? STATUS_OK : STATUS_MEMORY;
    if (!st && rows)
        st = look_again(golden, arena);
    if (!st)
        st = golden_experts(&golden->experts, arena, golden);
    return st || golden->level < RECORD_FULL ? st : hash_residuals(golden, arena);
}

/* --- choices --- */

uint32_t golden_choose(const struct golden *golden, const double *logp)
{
    uint32_t best = 0;
    double most = NAN;
    for (uint32_t i = 0; i < golden->n_choices; i++) {
        const double own = logp[i] / golden->choices[i].length;
        if (isnan(own) || own <= most) /* false while `most` is NaN */
            continue;
        most = own;
        best = i;
    }
    return best;
}

uint64_t golden_hash(const struct golden *golden)
{
    uint64_t hash = golden->run.hash;
    for (uint32_t i = 1; i < golden->n_choices; i++)
        hash = hash_fold64(hash, golden->choice[i].run.hash);
    return hash;
}

uint32_t golden_tokens(const struct golden *golden)
{
    uint32_t n = golden->run.n_tokens;
    for (uint32_t i = 1; i < golden->n_choices; i++)
        n = golden->choice[i].run.n_tokens > n ? golden->choice[i].run.n_tokens : n;
    return n;
}

/* The common part of runs is taken from the first: if it is the whole context, the row of the first
 * token too. */
static void share(struct golden *golden, const struct golden *first,
                  const struct golden_choice *own)
{
    struct executor *ex = golden->params.ex;
    kv_share(ex->kv, &(struct kv_share){.from = first->run.branch,
                                        .to = golden->run.branch,
                                        .layer_count = ex->model->hp.n_layers,
                                        .positions = golden->n_shared});
    if (golden->n_shared < own->n_context)
        return;
    golden->run.step[0] = first->run.step[0];
    golden->run.tokens[0] = own->ids[own->n_context];
    golden->run.n_tokens = 1;
}

/* Runs choice `index`, after all before it. */
static enum status run_choice(struct golden *runs, struct arena *arena, uint32_t index)
{
    struct golden *golden = &runs[index];
    const struct golden_choice *own = &golden->choices[index];
    golden->params.ids = own->ids;
    golden->params.n_ids = own->n_context;
    golden->params.rules.n = own->n_ids - own->n_context;
    golden->n_evaluated = own->n_ids - 1;
    golden->logp = 0;
    enum status st =
        decode_begin(&golden->run, arena, &golden->decode,
                     &(struct decode_size){golden->params.n_ids, golden->params.rules.n});
    if (!st)
        st = kv_branch(golden->params.ex->kv, &golden->run.branch);
    if (st)
        return st;
    bool same = true;
    golden->run.end = DECODE_LENGTH;
    if (index > 0)
        share(golden, runs, own);
    st = golden_given_feed(golden, own, index > 0 ? golden->n_shared : 0, golden->n_evaluated,
                           &same);
    golden->run.hash = st ? 0 : decode_hash(golden->run.step, golden->run.n_tokens);
    st = st ? st : know(golden, arena);
    if (st)
        kv_release(golden->params.ex->kv, golden->run.branch);
    return st;
}

/* `first` is prepared; it becomes the first of the runs. */
static enum status run_choices(struct golden *first, struct arena *arena,
                               const struct golden_params *params)
{
    const uint32_t n = params->n_choices;
    struct golden *runs = arena_array(arena, n, sizeof(*runs));
    double *logp = arena_array(arena, n, sizeof(*logp));
    enum status st = runs && logp ? STATUS_OK : STATUS_MEMORY;
    uint32_t done = 0;
    first->choice = runs;
    first->choices = params->choice;
    first->n_choices = n;
    first->n_shared = params->n_shared;
    first->reference = params->reference;
    first->certify = NULL;
    for (uint32_t apart = 0; done < n && !st; done += !st) {
        runs[done] = *first;
        runs[done].apart = apart;
        apart += params->choice[done].n_ids - 1 - params->n_shared;
        st = run_choice(runs, arena, done);
        if (!st)
            logp[done] = runs[done].logp;
    }
    for (uint32_t i = 0; i < done && st; i++)
        kv_release(first->params.ex->kv, runs[i].run.branch);
    for (uint32_t i = 0; i < n && !st; i++)
        runs[i].chosen = golden_choose(first, logp);
    if (!st)
        *first = runs[0];
    return st;
}

/* --- an item --- */

static enum status run_generation(struct golden *golden, struct arena *arena,
                                  const struct golden_params *params)
{
    bool same = params->n_known > 0 && params->n_known <= params->generate.rules.n &&
                !decode_watches(&golden->decode);
    enum status st = same ? golden_given_run(golden, arena, params, &same) : STATUS_OK;
    if (!st && !same)
        st = generate(&golden->run, arena, &golden->params);
    if (st)
        return st;
    if (!decode_provable(&golden->decode))
        golden->certify = NULL;
    st = know(golden, arena);
    if (st)
        golden_release(golden);
    return st;
}

enum status golden_run(struct golden *out, struct arena *arena, const struct golden_params *params)
{
    init(out, params);
    const enum status st = decode_open(&out->decode, arena, &out->params.rules, out->params.ex);
    if (st)
        return st;
    return params->n_choices > 0 ? run_choices(out, arena, params)
                                 : run_generation(out, arena, params);
}

void golden_release(struct golden *golden)
{
    struct kv *kv = golden->params.ex->kv;
    for (uint32_t i = 0; i < golden->n_choices; i++)
        kv_release(kv, golden->choice[i].run.branch);
    if (!golden_is_choice(golden))
        kv_release(kv, golden->run.branch);
}
