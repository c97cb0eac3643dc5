/* SPDX-License-Identifier: MIT */
/* Recovery latency: drawn faults under a policy, and the time from an alarm to the right token. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/sort.h"
#include "cli/cli_protect.h"
#include "inject/space/draw.h"
#include "inject/space/fault.h"

#define DRAWN_MOST 200u /* for each corrected fault */
#define CONFIDENCE 0.95

/* A check around the policy's, of one run. */
struct watch {
    const struct decode_check *inner;
    double (*clock)(void);
    double start; /* when the column that raised the alarm was looked at */
    bool open;    /* an alarm is being treated */
    uint32_t position, alarms;
    double seconds; /* of all treatments */
    uint32_t columns;
};

struct recovery_runs {
    const struct cli_protect_recovery_params *p;
    struct decode_check check;
    struct watch watch;
    struct generate_params params; /* with the check */
    int32_t *tokens;               /* (n_tokens) of the clean run */
    uint32_t n_tokens;
    double *seconds, *columns; /* (p->n) of corrected faults */
};

/* The alarm's treatment ends with the verdict that lets its column stand. */
static void follow(struct watch *w, const struct decode_view *view, double start,
                   const struct decode_verdict *verdict)
{
    w->columns += w->open && view->position <= w->position;
    if (!w->open && verdict->word > w->alarms) {
        w->open = true;
        w->start = start;
        w->position = view->position;
    }
    w->alarms = verdict->word > w->alarms ? verdict->word : w->alarms;
    if (!w->open || verdict->back > 0 || view->position < w->position)
        return;
    w->open = false;
    w->seconds += w->clock() - w->start;
}

static uint32_t ask(void *user, void *state, uint32_t position, uint32_t prompt, struct guard *out)
{
    const struct watch *w = user;
    return w->inner->ask(w->inner->user, state, position, prompt, out);
}

typedef enum status verdict_of(void *user, void *state, const struct decode_view *view,
                               struct decode_verdict *out);

static enum status watched(verdict_of *inner, struct watch *w, void *state,
                           const struct decode_view *view, struct decode_verdict *out)
{
    const double start = w->clock();
    const enum status st = inner(w->inner->user, state, view, out);
    follow(w, view, start, out);
    return st;
}

static enum status look(void *user, void *state, const struct decode_view *view,
                        struct decode_verdict *out)
{
    struct watch *w = user;
    return watched(w->inner->look, w, state, view, out);
}

static enum status end(void *user, void *state, const struct decode_view *view,
                       struct decode_verdict *out)
{
    struct watch *w = user;
    return watched(w->inner->end, w, state, view, out);
}

static void summary(void *user, const void *state, struct decode_summary *out)
{
    const struct watch *w = user;
    w->inner->summary(w->inner->user, state, out);
}

static bool is_clean(const struct recovery_runs *r, const struct generation *g)
{
    return g->n_tokens == r->n_tokens &&
           memcmp(g->tokens, r->tokens, r->n_tokens * sizeof(*r->tokens)) == 0;
}

/* `out_corrected`: the fault raised an alarm and the run gave the clean run's tokens. */
static enum status run_fault(struct recovery_runs *r, const struct fault *fault,
                             const struct fault_bounds *bounds, bool *out_corrected)
{
    struct executor *ex = r->params.ex;
    struct arena arena = {0};
    struct tap_fault tapped;
    struct tap tap;
    struct generation g;
    fault_tap(fault, bounds, &tapped);
    enum status st = tap_init(&tap, &tapped, 1, ex);
    if (st)
        return st;
    r->watch = (struct watch){.inner = r->watch.inner, .clock = r->watch.clock};
    r->params.tap = &tap;
    st = generate(&g, &arena, &r->params);
    const enum status finished = tap_finish(&tap, ex);
    if (!st) {
        *out_corrected = g.end != DECODE_DUE &&
                         decode_sum(r->p->guarded, &g).damage == DECODE_CORRECTED &&
                         is_clean(r, &g);
        kv_release(ex->kv, g.branch);
    }
    arena_finish(&arena);
    return st ? st : finished;
}

static enum status run_faults(struct recovery_runs *r, struct cli_protect_recovery *out)
{
    const struct executor *ex = r->params.ex;
    const struct fault_bounds bounds = {.model = ex->model,
                                        .act = ex->act,
                                        .kv = ex->kv_storage,
                                        .n_prompt = r->params.n_ids,
                                        .positions = ex->positions};
    const struct draw_params draw = {
        .bounds = &bounds, .count = r->params.n_ids + r->params.rules.n - 1, .seed = r->p->seed};
    struct cli_progress progress;
    enum status st = STATUS_OK;
    cli_progress_init(&progress, 0, 0);
    while (out->faults < r->p->n && out->drawn < DRAWN_MOST * r->p->n && !st) {
        struct fault fault;
        bool corrected = false;
        cli_progress_show(&progress, "corrected faults %" PRIu64 "/%" PRIu64, out->faults, r->p->n);
        draw_fault(&fault, &draw, out->drawn++);
        st = run_fault(r, &fault, &bounds, &corrected);
        if (st || !corrected)
            continue;
        r->seconds[out->faults] = r->watch.seconds;
        r->columns[out->faults++] = r->watch.columns;
    }
    cli_progress_clear(&progress);
    if (st || out->faults == r->p->n)
        return st;
    log_error("--recovery: found %" PRIu64 " faults that the policy corrects among %" PRIu64
              " drawn, expected %" PRIu64,
              out->faults, out->drawn, r->p->n);
    return STATUS_INPUT;
}

/* The clean run's tokens, from `arena`. */
static enum status run_clean(struct recovery_runs *r, struct arena *arena)
{
    struct generation g;
    const enum status st = generate(&g, arena, r->p->run);
    if (st)
        return st;
    r->tokens = g.tokens;
    r->n_tokens = g.n_tokens;
    kv_release(r->p->run->ex->kv, g.branch);
    return STATUS_OK;
}

static void conclude(const struct recovery_runs *r, struct cli_protect_recovery *out)
{
    static const double shares[] = {0.5, 0.99};
    const uint32_t n = (uint32_t)out->faults;
    sort_doubles(r->seconds, n);
    sort_doubles(r->columns, n);
    for (int i = 0; i < 2; i++) {
        out->seconds[i] = stats_quantile_of(r->seconds, n, shares[i], CONFIDENCE);
        out->columns[i] = stats_quantile_of(r->columns, n, shares[i], CONFIDENCE);
    }
}

enum status cli_protect_recovery(struct cli_protect_recovery *out,
                                 const struct cli_protect_recovery_params *params)
{
    struct arena arena = {0};
    const struct decode_check *inner = params->guarded->rules.check;
    struct recovery_runs r = {.p = params,
                              .check = *inner,
                              .watch = {.inner = inner, .clock = params->clock},
                              .params = *params->run};
    *out = (struct cli_protect_recovery){0};
    r.seconds = arena_array(&arena, params->n, sizeof(*r.seconds));
    r.columns = arena_array(&arena, params->n, sizeof(*r.columns));
    r.check.ask = inner->ask ? ask : NULL;
    r.check.look = look;
    r.check.end = inner->end ? end : NULL;
    r.check.summary = summary;
    r.check.user = &r.watch;
    r.params.rules.check = &r.check;
    enum status st = r.seconds && r.columns ? run_clean(&r, &arena) : STATUS_MEMORY;
    st = st ? st : run_faults(&r, out);
    if (!st)
        conclude(&r, out);
    arena_finish(&arena);
    return st;
}
