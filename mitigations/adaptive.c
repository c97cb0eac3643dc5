/* SPDX-License-Identifier: MIT */
/* Verifies tokens where it counts: after a token in doubt the next ones are computed twice, and
 * once the doubt is over the last ones again in one pass.
 *
 * In doubt are small margins between the two best logits and features at the edge of clean runs. A
 * verification never changes a clean run; each one costs its columns, which a budget limits. Random
 * and periodic verification of the same share are its own baselines. */
#include "mitigations/calibration.h"
#include "mitigations/own_table.h"

#include "base/hash.h"

#define SOFT_LEVEL 3u    /* 1e-2 of CALIBRATION_LEVEL */
#define FULL_CREDIT 16.0 /* columns that may be saved up */

enum mode { MODE_ADAPTIVE, MODE_RANDOM, MODE_PERIODIC };

struct params {
    uint32_t mode, guarded, back, seed;
    double budget;
};

struct bounds {
    double tau;
    struct calibration_range range[CALIBRATION_CLASSES][CALIBRATION_FEATURES];
};

struct self {
    struct params params;
    struct bounds bounds;
    struct own_table table; /* of the bounds */
};

struct state {
    uint32_t seen; /* positions below it have been looked at */
    uint32_t left; /* guarded tokens to come; 0: normal */
    double credit; /* columns that the budget allows by now */
};

static const char *const MODES[] = {"adaptive", "random", "periodic"};

static const struct protection_param PARAMS[] = {
    {.name = "mode",
     .type = PROTECTION_WORD,
     .at = offsetof(struct params, mode),
     .words = {MODES, sizeof(MODES) / sizeof(*MODES)},
     .fallback = "'adaptive'",
     .what = "which tokens are verified: those in doubt and after them, a random share, or every "
             "n-th"},
    {.name = "budget",
     .type = PROTECTION_NUMBER,
     .at = offsetof(struct params, budget),
     .min = 0.001,
     .max = 2,
     .fallback = "0.05",
     .what = "columns computed again for a token, on average, at most"},
    {.name = "guarded",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, guarded),
     .min = 1,
     .max = 64,
     .fallback = "2",
     .what = "tokens verified one by one from one in doubt on"},
    {.name = "back",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, back),
     .min = 1,
     .max = 8,
     .fallback = "4",
     .what = "columns verified in one pass when the doubt is over"},
    {.name = "seed",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, seed),
     .max = 4294967295.0,
     .fallback = "0",
     .what = "seed of random verification"},
};

static enum status open_adaptive(void *self, struct arena *arena, const void *params,
                                 const struct protection_setup *setup,
                                 struct protection_needs *needs)
{
    struct self *s = self;
    s->params = *(const struct params *)params;
    s->bounds.tau = setup->calibration->tau;
    calibration_level(s->bounds.range, setup->calibration, SOFT_LEVEL);
    *needs = (struct protection_needs){.state = sizeof(struct state), .outputs = COLUMN_FEATURES};
    return own_table_keep(&s->table, arena, &s->bounds, sizeof(s->bounds));
}

static bool is_unlikely(const struct bounds *bounds, const struct decode_view *view)
{
    const enum calibration_class c = calibration_token_class(view->position, view->prompt);
    double value[CALIBRATION_FEATURES];
    calibration_features(value, &view->result->features);
    return !(value[CALIBRATION_MARGIN] >= bounds->tau) ||
           calibration_outside(bounds->range[c], value) != CALIBRATION_FEATURES;
}

/* By bounds that are not damaged. */
static bool in_doubt(struct self *s, const struct decode_view *view)
{
    return is_unlikely(&s->bounds, view) &&
           (!own_table_mend(&s->table) || is_unlikely(&s->bounds, view));
}

/* Columns that are to be verified, up to this one. */
static uint32_t wanted(struct self *s, struct state *state, const struct decode_view *view)
{
    const struct params *p = &s->params;
    const uint32_t token = view->position + 1 - view->prompt; /* from 0 */
    if (p->mode == MODE_RANDOM) {
        const uint64_t draw = hash_fold64(p->seed, view->position);
        return (double)(draw >> 11) * 0x1p-53 < p->budget ? 1 : 0;
    }
    if (p->mode == MODE_PERIODIC)
        return (uint64_t)((token + 1) * p->budget) > (uint64_t)(token * p->budget) ? 1 : 0;
    if (in_doubt(s, view))
        state->left = p->guarded;
    else if (state->left == 0)
        return 0;
    if (--state->left > 0)
        return 1;
    const uint32_t reached = view->position + 1; /* the doubt is over: earlier ones too */
    return p->back < reached ? p->back : reached;
}

static enum status look(void *self, void *state, const struct decode_view *view,
                        struct protection_finding *out)
{
    struct self *s = self;
    struct state *run = state;
    if (view->token == DECODE_NO_TOKEN || view->position < run->seen)
        return STATUS_OK; /* no token, or one that is verified now */
    run->seen = view->position + 1;
    run->credit += s->params.budget;
    run->credit = run->credit > FULL_CREDIT ? FULL_CREDIT : run->credit;
    if (!(run->credit >= 0)) /* damaged */
        run->credit = 0;
    uint32_t back = wanted(s, run, view);
    if (s->params.mode == MODE_ADAPTIVE && back > run->credit)
        back = (uint32_t)run->credit;
    if (back == 0)
        return STATUS_OK;
    run->credit -= s->params.mode == MODE_ADAPTIVE ? back : 0;
    out->severity = PROTECTION_VERIFY;
    out->back = back;
    return STATUS_OK;
}

static bool area(void *self, void *state, uint32_t index, struct protection_area *out)
{
    struct self *s = self;
    const struct protection_area areas[] = {
        {.name = "bounds", .bytes = s->table.bytes, .size = s->table.size},
        own_table_copies(&s->table),
        {.name = "controller", .bytes = state, .size = sizeof(struct state)}};
    return protection_area_of(areas, sizeof(areas) / sizeof(*areas), index, out);
}

const struct protection protection_adaptive = {
    .name = "adaptive",
    .what = "tokens in doubt and after them, computed twice and compared, within a budget",
    .param = PARAMS,
    .n_params = sizeof(PARAMS) / sizeof(*PARAMS),
    .params = sizeof(struct params),
    .self = sizeof(struct self),
    .calibrated = true,
    .open = open_adaptive,
    .look = look,
    .work = protections_features,
    .area = area,
};
