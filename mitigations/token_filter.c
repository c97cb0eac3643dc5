/* SPDX-License-Identifier: MIT */
/* Tokens whose features are unlike those of clean runs are withheld, and the last columns are
 * computed again.
 *
 * The bounds are quantiles, so that a clean token may fall outside: the same bits then clear it,
 * and it is not suspected again. A row with Inf or NaN never gives a token. */
#include "mitigations/calibration.h"
#include "mitigations/own_table.h"

#define RING 16u /* tokens cleared last; more than any way back has */

struct params {
    uint32_t level; /* index in CALIBRATION_LEVEL */
    uint32_t back;
};

struct self {
    struct calibration_range range[CALIBRATION_CLASSES][CALIBRATION_FEATURES];
    struct own_table table; /* of the ranges */
    uint32_t back, n_vocab;
};

/* A suspect whose columns are computed again: 1 + position, and the hash of its row. */
struct suspect {
    uint32_t at;
    uint64_t hash;
};
struct state {
    struct suspect suspect[RING];
};

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
};

static enum status open_filter(void *self, struct arena *arena, const void *params,
                               const struct protection_setup *setup, struct protection_needs *needs)
{
    const struct params *p = params;
    struct self *s = self;
    s->back = p->back;
    s->n_vocab = setup->ex->model->hp.n_vocab;
    calibration_level(s->range, setup->calibration, p->level);
    *needs = (struct protection_needs){.state = sizeof(struct state), .outputs = COLUMN_FEATURES};
    return own_table_keep(&s->table, arena, s->range, sizeof(s->range));
}

static enum status look(void *self, void *state, const struct decode_view *view,
                        struct protection_finding *out)
{
    struct self *s = self;
    struct suspect *suspect = &((struct state *)state)->suspect[view->position % RING];
    double value[CALIBRATION_FEATURES];
    if (view->token == DECODE_NO_TOKEN)
        return STATUS_OK;
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

static bool area(void *self, void *state, uint32_t index, struct protection_area *out)
{
    struct self *s = self;
    const struct protection_area areas[] = {
        {.name = "bounds", .bytes = s->table.bytes, .size = s->table.size},
        own_table_copies(&s->table),
        {.name = "suspects", .bytes = state, .size = sizeof(struct state)}};
    return protection_area_of(areas, sizeof(areas) / sizeof(*areas), index, out);
}

const struct protection protection_token_filter = {
    .name = "token_filter",
    .what = "tokens whose logits or hidden state are unlike those of clean runs",
    .param = PARAMS,
    .n_params = sizeof(PARAMS) / sizeof(*PARAMS),
    .params = sizeof(struct params),
    .self = sizeof(struct self),
    .calibrated = true,
    .open = open_filter,
    .look = look,
    .work = protections_features,
    .area = area,
};
