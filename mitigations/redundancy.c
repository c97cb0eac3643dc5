/* SPDX-License-Identifier: MIT */
/* Chosen ops are evaluated twice and compared bit by bit: a difference is damage by proof, and the
 * column is computed again. `rotate` moves rows to other lanes in the second evaluation, so that a
 * permanent fault of a lane gives a difference too. */
#include "base/log.h"
#include "mitigations/protection.h"
#include "model/op.h"

enum stage { STAGE_ANY, STAGE_PREFILL, STAGE_DECODE };
enum variant { VARIANT_TWIN, VARIANT_ROTATE };

struct params {
    struct protection_sites sites;
    uint32_t layer_first, layer_last, stage, variant;
};

struct self {
    enum stage stage;
    enum guard_kind kind;
    uint32_t *node; /* (n) rising */
    uint32_t n;
};

static const char *const STAGES[] = {"any", "prefill", "decode"};
static const char *const VARIANTS[] = {"twin", "rotate"};

static const struct protection_param PARAMS[] = {
    {.name = "sites",
     .type = PROTECTION_SITES,
     .at = offsetof(struct params, sites),
     .fallback = "['*']",
     .what = "sites whose ops are evaluated twice, globs"},
    {.name = "layer_first",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, layer_first),
     .max = UINT32_MAX,
     .fallback = "0",
     .what = "first layer whose sites are chosen; sites outside the layers are chosen too"},
    {.name = "layer_last",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, layer_last),
     .max = UINT32_MAX,
     .fallback = "4294967295",
     .what = "last layer whose sites are chosen"},
    {.name = "stage",
     .type = PROTECTION_WORD,
     .at = offsetof(struct params, stage),
     .words = {STAGES, sizeof(STAGES) / sizeof(*STAGES)},
     .fallback = "'any'",
     .what = "columns: all, those of the prompt, or those that give tokens"},
    {.name = "variant",
     .type = PROTECTION_WORD,
     .at = offsetof(struct params, variant),
     .words = {VARIANTS, sizeof(VARIANTS) / sizeof(*VARIANTS)},
     .fallback = "'twin'",
     .what = "the second evaluation: on the same lanes, or with rows moved by half their number"},
};

static bool chosen(const struct params *params, const struct node *node)
{
    const bool layer = node->layer == GRAPH_NO_LAYER ||
                       (node->layer >= params->layer_first && node->layer <= params->layer_last);
    return layer && op_is_site(node->op) && protections_match(&params->sites, node->site);
}

static enum status open(void *memory, struct arena *arena, const void *parameters,
                        const struct protection_setup *setup, struct protection_needs *needs)
{
    const struct graph *graph = &setup->ex->model->graph;
    const struct params *params = parameters;
    struct self *self = memory;
    self->stage = (enum stage)params->stage;
    self->kind = params->variant == VARIANT_ROTATE ? GUARD_ROTATED : GUARD_TWIN;
    self->node = arena_array(arena, graph->count, sizeof(*self->node));
    if (!self->node)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < graph->count; i++) {
        if (chosen(params, &graph->node[i]))
            self->node[self->n++] = i;
    }
    needs->guards = self->n;
    if (self->n > 0)
        return STATUS_OK;
    log_error("redundancy: found no op that '%s'%s matches in layers %u to %u",
              params->sites.n > 0 ? params->sites.glob[0] : "", params->sites.n > 1 ? ", .." : "",
              params->layer_first, params->layer_last);
    return STATUS_INPUT;
}

static uint32_t ask(const void *memory, const void *state, uint32_t position, uint32_t prompt,
                    struct guard *out)
{
    const struct self *self = memory;
    const bool prefill = position + 1 < prompt;
    (void)state;
    if (self->stage != STAGE_ANY && prefill != (self->stage == STAGE_PREFILL))
        return 0;
    for (uint32_t i = 0; i < self->n; i++)
        out[i] = (struct guard){.node = self->node[i], .kind = self->kind};
    return self->n;
}

static enum status look(void *memory, void *state, const struct decode_view *view,
                        struct protection_finding *out)
{
    (void)memory;
    (void)state;
    protection_alarm(out, view, PROTECTION_HARD, 1);
    return STATUS_OK;
}

/* Once more, and compared. */
static double work(const void *parameters, const struct protection_column *column)
{
    const struct graph *graph = &column->model->graph;
    const struct params *params = parameters;
    double sum = 0;
    for (uint32_t i = 0; params->stage != STAGE_PREFILL && i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (chosen(params, node))
            sum += (double)op_macs(node, column->seen) +
                   (double)node->rows * (op_per_key(node->op) ? column->seen : 1);
    }
    return sum;
}

const struct protection protection_redundancy = {
    .name = "redundancy",
    .what = "two evaluations of chosen ops that differ: faults of computation that strike one",
    .param = PARAMS,
    .n_params = sizeof(PARAMS) / sizeof(*PARAMS),
    .params = sizeof(struct params),
    .self = sizeof(struct self),
    .open = open,
    .ask = ask,
    .look = look,
    .work = work,
};
