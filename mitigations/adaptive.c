/* SPDX-License-Identifier: MIT */
/* Verifies tokens where it counts: tokens in doubt are computed twice, and the next ones, and once
 * the doubt is over the last ones again in one pass.
 *
 * In doubt are features unlike those of clean runs, the more so the fewer clean tokens have them,
 * small margins between the two best logits, and the tokens after damage that a protection found. A
 * verification never changes a clean run; each one costs its columns, which a budget limits: a
 * strong doubt may spend all of it, and one verification on loan, a weak one only what has been
 * saved up. Random and periodic verification of the same share are its own baselines. */
#include "mitigations/calibration.h"
#include "mitigations/own_table.h"

#include <math.h>

#include "base/hash.h"
#include "model/op.h"

#define FULL_CREDIT 16.0 /* columns that may be saved up */

/* Columns that must have been saved up before a doubt is worth a verification: margin or features
 * as 1e-2 of clean tokens have, 1e-3, 1e-4, none, and far from all of them. */
#define DOUBT_FAR (CALIBRATION_LEVELS + 1)
static const double SAVED[DOUBT_FAR + 1] = {INFINITY, 4, 2, 1, 0, -1};

enum mode { MODE_ADAPTIVE, MODE_RANDOM, MODE_PERIODIC };

struct params {
    uint32_t mode, guarded, back, seed, rotate, alarms;
    double budget;
};

struct bounds {
    double tau;
    struct calibration_range range[CALIBRATION_LEVELS][CALIBRATION_CLASSES][CALIBRATION_FEATURES];
};

struct self {
    struct params params;
    struct bounds bounds;
    struct own_table table; /* of the bounds */
    uint32_t *node;         /* (n) ops that a verification evaluates with rotated rows too */
    uint32_t n;
};

struct state {
    uint32_t seen; /* positions below it have been looked at */
    uint32_t left; /* guarded tokens to come; 0: normal */
    double credit; /* columns that the budget allows by now */
};

static const char *const SWITCH[] = {"off", "on"};
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
     .what =
         "columns computed again for a column of the run, on average; one or two more are lent"},
    {.name = "guarded",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, guarded),
     .min = 1,
     .max = 64,
     .fallback = "1",
     .what = "tokens verified one by one from one in doubt on"},
    {.name = "back",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, back),
     .min = 1,
     .max = 8,
     .fallback = "1",
     .what = "columns verified in one pass when the doubt is over"},
    {.name = "seed",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, seed),
     .max = 4294967295.0,
     .fallback = "0",
     .what = "seed of random verification"},
    {.name = "rotate",
     .type = PROTECTION_WORD,
     .at = offsetof(struct params, rotate),
     .words = {SWITCH, sizeof(SWITCH) / sizeof(*SWITCH)},
     .fallback = "'off'",
     .what = "whether a verification evaluates each op with rows on other lanes too, which finds "
             "permanent faults of a lane and costs as much again"},
    {.name = "alarms",
     .type = PROTECTION_WORD,
     .at = offsetof(struct params, alarms),
     .words = {SWITCH, sizeof(SWITCH) / sizeof(*SWITCH)},
     .fallback = "'on'",
     .what = "whether the tokens after damage that a protection found are in doubt too"},
};

static enum status open_adaptive(void *self, struct arena *arena, const void *params,
                                 const struct protection_setup *setup,
                                 struct protection_needs *needs)
{
    const struct graph *graph = &setup->ex->model->graph;
    struct self *s = self;
    s->params = *(const struct params *)params;
    s->bounds.tau = setup->calibration->tau;
    for (uint32_t level = 0; level < CALIBRATION_LEVELS; level++)
        calibration_level(s->bounds.range[level], setup->calibration, level);
    s->node = arena_array(arena, graph->count, sizeof(*s->node));
    if (!s->node)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < graph->count && s->params.rotate; i++) {
        if (op_is_site(graph->node[i].op))
            s->node[s->n++] = i;
    }
    *needs = (struct protection_needs){
        .state = sizeof(struct state), .outputs = COLUMN_FEATURES, .guards = s->n};
    return own_table_keep(&s->table, arena, &s->bounds, sizeof(s->bounds));
}

/* Columns that are computed again. */
static uint32_t ask(const void *self, const void *state, uint32_t position, uint32_t prompt,
                    struct guard *out)
{
    const struct self *s = self;
    (void)prompt;
    if (position >= ((const struct state *)state)->seen)
        return 0;
    for (uint32_t i = 0; i < s->n; i++)
        out[i] = (struct guard){.node = s->node[i], .kind = GUARD_ROTATED};
    return s->n;
}

/* A feature lies outside the range of all clean tokens by more than its width. */
static bool is_far(const struct calibration_range *range, const double *value)
{
    struct calibration_range wide[CALIBRATION_FEATURES];
    for (uint32_t i = 0; i < CALIBRATION_FEATURES; i++) {
        const double width = range[i].high - range[i].low;
        wide[i] = (struct calibration_range){range[i].low - width, range[i].high + width};
    }
    return calibration_outside(wide, value) != CALIBRATION_FEATURES;
}

/* 0: none; else the more, the fewer clean tokens are like it: index in SAVED. */
static uint32_t doubt_of(const struct bounds *bounds, const struct decode_view *view)
{
    const enum calibration_class c = calibration_token_class(view->position, view->prompt);
    double value[CALIBRATION_FEATURES];
    calibration_features(value, &view->result->features);
    if (is_far(bounds->range[0][c], value))
        return DOUBT_FAR;
    for (uint32_t level = 0; level < CALIBRATION_LEVELS; level++) {
        if (calibration_outside(bounds->range[level][c], value) != CALIBRATION_FEATURES)
            return CALIBRATION_LEVELS - level;
    }
    return !(value[CALIBRATION_MARGIN] >= bounds->tau) ? 1 : 0;
}

/* By bounds that are not damaged, and within what has been saved up. */
static bool in_doubt(struct self *s, const struct state *state, const struct decode_view *view)
{
    return state->credit >= SAVED[doubt_of(&s->bounds, view)] &&
           (!own_table_mend(&s->table) || state->credit >= SAVED[doubt_of(&s->bounds, view)]);
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
    if (in_doubt(s, state, view))
        state->left = p->guarded;
    else if (state->left == 0 || state->credit < 0)
        return 0;
    if (--state->left > 0)
        return 1;
    const uint32_t reached = view->position + 1; /* the doubt is over: earlier ones too */
    return p->back < reached ? p->back : reached;
}

/* What a column of this run adds to the credit. */
static void save_up(const struct self *s, struct state *state)
{
    state->credit += s->params.budget;
    state->credit = state->credit > FULL_CREDIT ? FULL_CREDIT : state->credit;
    if (!(state->credit >= -3)) /* less than any loan leaves: damaged */
        state->credit = 0;
}

static enum status look(void *self, void *state, const struct decode_view *view,
                        struct protection_finding *out)
{
    struct self *s = self;
    struct state *run = state;
    const double cost = s->n > 0 ? 2 : 1; /* of a column */
    if (protection_alarm(out, view, PROTECTION_HARD, 1) || view->position < run->seen)
        return STATUS_OK; /* one that is verified now */
    run->seen = view->position + 1;
    save_up(s, run);
    uint32_t back = view->token == DECODE_NO_TOKEN ? 0 : wanted(s, run, view);
    if (s->params.mode == MODE_ADAPTIVE) {
        const double most = run->credit < 0 ? 1 : floor(run->credit / cost) + 1;
        back = back > most ? (uint32_t)most : back;
        run->credit -= cost * back;
    }
    if (back == 0)
        return STATUS_OK;
    out->severity = PROTECTION_VERIFY;
    out->back = back;
    return STATUS_OK;
}

/* What struck once may strike again: the tokens that follow are guarded, if no column is owed. */
static void heed(void *self, void *state)
{
    const struct self *s = self;
    struct state *run = state;
    if (s->params.alarms && s->params.mode == MODE_ADAPTIVE && run->credit >= 0)
        run->left = s->params.guarded;
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
    .ask = ask,
    .look = look,
    .heed = heed,
    .work = protections_features,
    .area = area,
};
