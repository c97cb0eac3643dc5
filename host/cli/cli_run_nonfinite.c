/* SPDX-License-Identifier: MIT */
/* The first Inf or NaN of a run, found by watching it once more. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/cli_run.h"
#include "inject/trial/origin.h"
#include "shared/numerics.h"
#include "shared/order.h"

struct search {
    struct cli_run_nonfinite *out;
    const struct model *model;
    uint32_t n_ids;
    uint32_t base; /* position of the first column of the current pass */
};

static bool is_finite(float value)
{
    return (lang_bits(value) & NM_INF) != NM_INF;
}

/* Scores and probabilities outside the window are absent: their memory is unset. */
static bool is_absent(const struct node *node, uint32_t position, uint32_t index)
{
    const bool keyed = node->out == REG_S || node->out == REG_P;
    const uint32_t key = index % (position + 1);
    return keyed && key < order_first_key(position, node->window);
}

static void look(void *user, const struct node *node, uint32_t column, const float *values,
                 uint32_t count)
{
    struct search *s = user;
    struct cli_run_nonfinite *out = s->out;
    const uint32_t position = s->base + column;
    if (out->found &&
        (position > out->position || (position == out->position && node >= out->node)))
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (is_finite(values[i]) || is_absent(node, position, i))
            continue;
        *out = (struct cli_run_nonfinite){
            .found = true, .node = node, .position = position, .index = i, .value = values[i]};
        origin_site(out->site, node, i);
        if (node->op == OP_STORE)
            out->index %= node->rows;
        return;
    }
}

static void advance(void *user, int32_t token, uint32_t done)
{
    struct search *s = user;
    s->base = token < 0 ? done : s->n_ids + done - 1;
}

static void report(const struct cli_run *run, const struct cli_run_nonfinite *found)
{
    const bool prefill = found->position + 1 < run->n_ids;
    const bool stored = found->node->op == OP_STORE;
    char layer[24] = "", step[48] = "in the prompt";
    if (found->node->layer != GRAPH_NO_LAYER)
        snprintf(layer, sizeof(layer), ", layer %" PRIu32, found->node->layer);
    if (!prefill)
        snprintf(step, sizeof(step), "step %" PRIu32, found->position + 1 - run->n_ids);
    log_warn("logits are not finite: first %s at site %s%s, %s (position %" PRIu32 ", element "
             "%" PRIu32 "); %s are stored as %s",
             nm_is_nan(lang_bits(found->value)) ? "NaN" : "Inf", found->site, layer, step,
             found->position, found->index, stored ? "K and V (--kv)" : "activations",
             storage_name((enum storage)(stored ? run->options.kv : run->options.act)));
}

enum status cli_run_nonfinite(struct cli_run_nonfinite *out, struct cli_run *run,
                              const struct generation *g)
{
    *out = (struct cli_run_nonfinite){0};
    uint32_t first = 0;
    while (first < g->n_tokens && g->step[first].finite)
        first++;
    if (first == g->n_tokens)
        return STATUS_OK;

    struct search search = {.out = out, .model = run->model, .n_ids = run->n_ids};
    struct generate_params params = run->params;
    struct generation again;
    params.rules.n = first + 1;
    params.top = 0;
    params.logsumexp = params.prompt_logprobs = false;
    params.watch = look;
    params.watch_user = &search;
    params.progress = advance;
    params.progress_user = &search;
    enum status st = generate(&again, &run->arena, &params);
    if (st)
        return st;
    kv_release(run->device.ex->kv, again.branch);
    if (!out->found) {
        log_error("step %" PRIu32 " has logits that are not finite, but no op gave one when run "
                  "again under watch",
                  first);
        return STATUS_INTERNAL;
    }
    report(run, out);
    return STATUS_OK;
}
