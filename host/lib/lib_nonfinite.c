/* SPDX-License-Identifier: MIT */
/* The first Inf or NaN of a run, found by watching it once more. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "inject/trial/origin.h"
#include "lib/lib_nonfinite.h"
#include "shared/numerics.h"
#include "shared/order.h"

struct search {
    struct lib_nonfinite *out;
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
    struct lib_nonfinite *out = s->out;
    const uint32_t position = s->base + column;
    if (out->found &&
        (position > out->position || (position == out->position && node >= out->node)))
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (is_finite(values[i]) || is_absent(node, position, i))
            continue;
        *out = (struct lib_nonfinite){
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

static void report(const struct executor *ex, uint32_t n_ids, const struct lib_nonfinite *found)
{
    const bool prefill = found->position + 1 < n_ids;
    const bool stored = found->node->op == OP_STORE;
    char layer[24] = "", step[48] = "in the prompt";
    if (found->node->layer != GRAPH_NO_LAYER)
        snprintf(layer, sizeof(layer), ", layer %" PRIu32, found->node->layer);
    if (!prefill)
        snprintf(step, sizeof(step), "step %" PRIu32, found->position + 1 - n_ids);
    log_warn("logits are not finite: first %s at site %s%s, %s (position %" PRIu32 ", element "
             "%" PRIu32 "); %s are stored as %s",
             nm_is_nan(lang_bits(found->value)) ? "NaN" : "Inf", found->site, layer, step,
             found->position, found->index, stored ? "K and V (--kv)" : "activations",
             storage_name(stored ? ex->kv_storage : ex->act));
}

static uint32_t first_step(const struct generation *g)
{
    uint32_t first = 0;
    while (first < g->n_tokens && g->step[first].finite)
        first++;
    return first;
}

bool lib_nonfinite_any(const struct generation *g)
{
    return first_step(g) < g->n_tokens;
}

enum status lib_nonfinite_find(struct lib_nonfinite *out, struct arena *arena,
                               const struct generate_params *run, const struct generation *g)
{
    const uint32_t first = first_step(g);
    *out = (struct lib_nonfinite){0};
    if (first == g->n_tokens)
        return STATUS_OK;

    struct search search = {.out = out, .n_ids = run->n_ids};
    struct generate_params params = *run;
    struct generation again;
    params.rules.n = first + 1;
    params.top = 0;
    params.logsumexp = params.prompt_logprobs = false;
    params.watch = look;
    params.watch_user = &search;
    params.progress = advance;
    params.progress_user = &search;
    enum status st = generate(&again, arena, &params);
    if (st)
        return st;
    kv_release(params.ex->kv, again.branch);
    if (!out->found) {
        log_error("step %" PRIu32 " has logits that are not finite, but no op gave one when run "
                  "again under watch",
                  first);
        return STATUS_INTERNAL;
    }
    report(params.ex, run->n_ids, out);
    return STATUS_OK;
}
