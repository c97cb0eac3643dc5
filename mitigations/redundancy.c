/* SPDX-License-Identifier: MIT */
/* Chosen ops are evaluated twice and compared bit by bit: a difference is damage by proof, and the
 * column is computed again. `rotate` moves rows to other lanes in the second evaluation, so that a
 * permanent fault of a lane gives a difference too. */
#include "base/log.h"
#include "mitigations/protection.h"
#include "model/op.h"

enum variant { VARIANT_TWIN, VARIANT_ROTATE };

/* Columns, as bits: of the prompt but its last, and those that give tokens. */
enum columns { COLUMNS_PREFILL = 1, COLUMNS_DECODE = 2, COLUMNS_ALL = 3 };

struct params {
    struct protection_sites sites, prefill, decode;
    uint32_t layer_first, layer_last, stage, variant;
};

struct self {
    enum guard_kind kind;
    uint32_t *node;    /* (n) rising */
    uint32_t *columns; /* (n) in which it is evaluated twice */
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
    {.name = "prefill",
     .type = PROTECTION_SITES,
     .at = offsetof(struct params, prefill),
     .fallback = "[]",
     .what = "further sites, in columns of the prompt alone"},
    {.name = "decode",
     .type = PROTECTION_SITES,
     .at = offsetof(struct params, decode),
     .fallback = "[]",
     .what = "further sites, in columns that give tokens alone"},
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
     .what = "columns of `sites`: all, those of the prompt, or those that give tokens"},
    {.name = "variant",
     .type = PROTECTION_WORD,
     .at = offsetof(struct params, variant),
     .words = {VARIANTS, sizeof(VARIANTS) / sizeof(*VARIANTS)},
     .fallback = "'twin'",
     .what = "the second evaluation: on the same lanes, or with rows moved by half their number"},
};

/* In which an op is evaluated twice; 0: never. */
static uint32_t columns_of(const struct params *params, const struct node *node)
{
    static const uint32_t of_stage[] = {COLUMNS_ALL, COLUMNS_PREFILL, COLUMNS_DECODE};
    const bool layer = node->layer == GRAPH_NO_LAYER ||
                       (node->layer >= params->layer_first && node->layer <= params->layer_last);
    uint32_t columns = 0;
    if (!layer || !op_is_site(node->op))
        return 0;
    columns |= protections_match(&params->sites, node->site) ? of_stage[params->stage] : 0;
    columns |= protections_match(&params->prefill, node->site) ? COLUMNS_PREFILL : 0;
    columns |= protections_match(&params->decode, node->site) ? COLUMNS_DECODE : 0;
    return columns;
}

static enum status open(void *memory, struct arena *arena, const void *parameters,
                        const struct protection_setup *setup, struct protection_needs *needs)
{
    const struct graph *graph = &setup->ex->model->graph;
    const struct params *params = parameters;
    struct self *self = memory;
    self->kind = params->variant == VARIANT_ROTATE ? GUARD_ROTATED : GUARD_TWIN;
    self->node = arena_array(arena, graph->count, sizeof(*self->node));
    self->columns = arena_array(arena, graph->count, sizeof(*self->columns));
    if (!self->node || !self->columns)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < graph->count; i++) {
        self->node[self->n] = i;
        self->columns[self->n] = columns_of(params, &graph->node[i]);
        self->n += self->columns[self->n] != 0;
    }
    needs->guards = self->n;
    if (self->n > 0)
        return STATUS_OK;
    const struct protection_sites *const lists[] = {&params->sites, &params->prefill,
                                                    &params->decode};
    const struct protection_sites *first = lists[0];
    for (int i = 0; i < 3 && first->n == 0; i++)
        first = lists[i];
    log_error("redundancy: found no op that '%s'%s matches in layers %u to %u",
              first->n > 0 ? first->glob[0] : "",
              params->sites.n + params->prefill.n + params->decode.n > 1 ? ", .." : "",
              params->layer_first, params->layer_last);
    return STATUS_INPUT;
}

static uint32_t ask(const void *memory, const void *state, uint32_t position, uint32_t prompt,
                    struct guard *out)
{
    const struct self *self = memory;
    const uint32_t column = position + 1 < prompt ? COLUMNS_PREFILL : COLUMNS_DECODE;
    uint32_t n = 0;
    (void)state;
    for (uint32_t i = 0; i < self->n; i++) {
        if (self->columns[i] & column)
            out[n++] = (struct guard){.node = self->node[i], .kind = self->kind};
    }
    return n;
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
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (columns_of(params, node) & COLUMNS_DECODE)
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
