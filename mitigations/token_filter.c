/* SPDX-License-Identifier: MIT */
/* Tokens whose features are unlike those of clean runs are withheld, and the last columns are
 * computed again.
 *
 * The bounds are quantiles, so that a clean token may fall outside: the same bits then clear it,
 * and it is not suspected again. A row with Inf or NaN never gives a token.
 *
 * What goes in is checked too: the embedding that each column looked up must have the sums that the
 * model file gives for the token it was fed. Another row is damage by proof. */
#include "mitigations/calibration.h"
#include "mitigations/own_table.h"
#include "model/embedding.h"
#include "model/executor_weights.h"

#define RING 16u /* tokens cleared last; more than any way back has */

struct params {
    uint32_t level; /* index in CALIBRATION_LEVEL */
    uint32_t back;
    uint32_t embeddings; /* 1: they are checked */
};

/* The sums of a token's embedding, once it has been looked up. */
struct reference {
    uint32_t sums[2];
    uint32_t known; /* 0: not yet; no bool, since faults strike it */
};

struct self {
    struct calibration_range range[CALIBRATION_CLASSES][CALIBRATION_FEATURES];
    struct own_table table; /* of the ranges */
    uint32_t back, n_vocab;
    struct executor *ex;
    uint32_t node;               /* that looks up */
    struct reference *reference; /* (n_vocab); null: embeddings are not checked */
};

/* A suspect whose columns are computed again: 1 + position, and the hash of its row. */
struct suspect {
    uint32_t at;
    uint64_t hash;
};
struct state {
    struct suspect suspect[RING];
};

static const char *const SWITCH[] = {"off", "on"};
static const char *const LEVELS[] = {"0", "1e-4", "1e-3", "1e-2"};

static const struct protection_param PARAMS[] = {
    {.name = "quantile",
     .type = PROTECTION_WORD,
     .at = offsetof(struct params, level),
     .words = {LEVELS, sizeof(LEVELS) / sizeof(*LEVELS)},
     .fallback = "'1e-4'",
     .what = "share of clean tokens outside a feature's bounds, on each side"},
    {.name = "back",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, back),
     .min = 1,
     .max = 8,
     .fallback = "4",
     .what = "columns computed again for a suspect, up to its own"},
    {.name = "embeddings",
     .type = PROTECTION_WORD,
     .at = offsetof(struct params, embeddings),
     .words = {SWITCH, sizeof(SWITCH) / sizeof(*SWITCH)},
     .fallback = "'on'",
     .what = "whether the row that each column looks up must have the sums of the file's"},
};

static enum status open_filter(void *self, struct arena *arena, const void *params,
                               const struct protection_setup *setup, struct protection_needs *needs)
{
    const struct params *p = params;
    struct self *s = self;
    s->back = p->back;
    s->ex = setup->ex;
    s->n_vocab = setup->ex->model->hp.n_vocab;
    s->node = embedding_node(s->ex);
    calibration_level(s->range, setup->calibration, p->level);
    *needs = (struct protection_needs){
        .state = sizeof(struct state), .outputs = COLUMN_FEATURES, .guards = p->embeddings};
    if (p->embeddings)
        s->reference = arena_array(arena, s->n_vocab, sizeof(*s->reference));
    if (p->embeddings && !s->reference)
        return STATUS_MEMORY;
    return own_table_keep(&s->table, arena, s->range, sizeof(s->range));
}

static uint32_t ask(const void *self, const void *state, uint32_t position, uint32_t prompt,
                    struct guard *out)
{
    const struct self *s = self;
    (void)state, (void)position, (void)prompt;
    if (!s->reference)
        return 0;
    *out = (struct guard){.node = s->node, .kind = GUARD_STORED};
    return 1;
}

static bool has_sums(const struct reference *reference, const struct guard *guard)
{
    return reference->sums[0] == guard->verdict[0] && reference->sums[1] == guard->verdict[1];
}

/* The guard of the column's embedding; null: there is none. */
static const struct guard *guard_of(const struct self *s, const struct decode_view *view)
{
    for (uint32_t i = 0; i < view->n_guards; i++) {
        if (view->guard[i].kind == GUARD_STORED && view->guard[i].node == s->node)
            return &view->guard[i];
    }
    return NULL;
}

/* Other sums than the reference's are compared with the file's again: the reference may be what is
 * damaged. */
static enum status look_embedding(struct self *s, const struct decode_view *view,
                                  struct protection_finding *out)
{
    const struct guard *guard = guard_of(s, view);
    if (!s->reference || !guard || view->fed >= s->n_vocab)
        return STATUS_OK;
    struct reference *reference = &s->reference[view->fed];
    if (reference->known && has_sums(reference, guard))
        return STATUS_OK;
    const enum status st = embedding_sums(s->ex, view->fed, reference->sums);
    reference->known = !st;
    if (st || has_sums(reference, guard))
        return st;
    *out = (struct protection_finding){
        .severity = PROTECTION_HARD, .back = 1, .node = s->node, .detail = view->fed};
    return STATUS_OK;
}

/* An embedding that was another one when it was looked up again is written anew, and all columns
 * are computed again: they may have read others of the table, which may be the output matrix too.
 */
static enum status audit(void *self, void *memory, const struct decode_view *view, bool end,
                         struct protection_finding *out)
{
    struct self *s = self;
    uint32_t pages = 0;
    (void)memory;
    enum status st = end ? STATUS_OK : look_embedding(s, view, out);
    if (st || out->severity != PROTECTION_HARD)
        return st;
    st = executor_weights_repair(s->ex, s->ex->model->graph.node[s->node].weight, &pages);
    *out = (struct protection_finding){.node = EXECUTOR_NONE};
    if (pages > 0)
        *out = (struct protection_finding){.severity = PROTECTION_HARD,
                                           .back = view->position + 1,
                                           .repaired = true,
                                           .node = s->node,
                                           .detail = view->fed};
    return st;
}

static enum status look(void *self, void *state, const struct decode_view *view,
                        struct protection_finding *out)
{
    struct self *s = self;
    struct suspect *suspect = &((struct state *)state)->suspect[view->position % RING];
    double value[CALIBRATION_FEATURES];
    const enum status st = look_embedding(s, view, out);
    if (st || out->severity == PROTECTION_HARD || view->token == DECODE_NO_TOKEN)
        return st;
    const struct column_result *result = view->result;
    if (result->features.nonfinite > 0 || view->token >= s->n_vocab) {
        out->severity = PROTECTION_HARD;
        out->back = s->back;
        out->detail = CALIBRATION_FEATURES;
        return STATUS_OK;
    }
    if (suspect->at == view->position + 1 && suspect->hash == result->hash)
        return STATUS_OK; /* the same bits came again */
    calibration_features(value, &result->features);
    out->detail =
        calibration_outside(s->range[calibration_token_class(view->position, view->prompt)], value);
    if (out->detail == CALIBRATION_FEATURES)
        return STATUS_OK;
    *suspect = (struct suspect){view->position + 1, result->hash};
    out->severity = PROTECTION_SOFT;
    out->back = s->back;
    out->repaired = own_table_mend(&s->table);
    return STATUS_OK;
}

/* The token's features, and two sums of the halves of its embedding. */
static double work(const void *params, const struct protection_column *column)
{
    const struct params *p = params;
    return protections_features(params, column) +
           (p->embeddings ? 4.0 * column->model->hp.n_embd : 0);
}

static bool area(void *self, void *state, uint32_t index, struct protection_area *out)
{
    struct self *s = self;
    const struct protection_area areas[] = {
        {.name = "bounds", .bytes = s->table.bytes, .size = s->table.size},
        own_table_copies(&s->table),
        {.name = "suspects", .bytes = state, .size = sizeof(struct state)},
        {.name = "embeddings",
         .bytes = (uint8_t *)s->reference,
         .size = s->n_vocab * sizeof(*s->reference)}};
    const uint32_t n = sizeof(areas) / sizeof(*areas);
    return protection_area_of(areas, s->reference ? n : n - 1, index, out);
}

const struct protection protection_token_filter = {
    .name = "token_filter",
    .what = "tokens whose logits or hidden state are unlike those of clean runs; embeddings",
    .param = PARAMS,
    .n_params = sizeof(PARAMS) / sizeof(*PARAMS),
    .params = sizeof(struct params),
    .self = sizeof(struct self),
    .calibrated = true,
    .open = open_filter,
    .ask = ask,
    .look = look,
    .audit = audit,
    .work = work,
    .area = area,
};
