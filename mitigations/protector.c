/* SPDX-License-Identifier: MIT */
/* Runs the protections of a policy side by side: their guards, findings, audits and events. */
#include "mitigations/protector.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mitigations/calibration.h"
#include "mitigations/recovery.h"

#define EVENTS_MOST 32u
#define ALIGNED(size) (((size) + 63) / 64 * 64)

struct entry {
    const struct protection *protection;
    void *self;
    size_t state; /* offset in a run's memory */
};

struct protector {
    struct arena arena;
    struct calibration calibration; /* of the policy */
    struct decode_check check;
    struct entry entry[POLICY_MOST];
    uint32_t n;
    bool opened[POLICY_MOST];
};

/* A run's memory starts with this. */
struct run_state {
    struct recovery recovery;
    struct protector_event event[EVENTS_MOST];
    uint32_t n_events, dropped;
    uint32_t verifier; /* the last entry that asked to verify a column */
};

static void *state_of(const struct entry *entry, void *state)
{
    return (char *)state + entry->state;
}

static uint32_t ask(void *user, void *state, uint32_t position, uint32_t prompt, struct guard *out)
{
    struct protector *p = user;
    uint32_t n = 0;
    if (recovery_given_up(&((const struct run_state *)state)->recovery))
        return 0;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct entry *entry = &p->entry[i];
        if (!entry->protection->ask)
            continue;
        const uint32_t own =
            entry->protection->ask(entry->self, state_of(entry, state), position, prompt, out + n);
        for (uint32_t k = 0; k < own; k++)
            out[n + k].tag = i;
        n += own;
    }
    return n;
}

/* The more severe finding, with the columns that both need. */
static void join(struct protection_finding *worst, const struct protection_finding *one)
{
    const uint32_t back = one->back > worst->back ? one->back : worst->back;
    const bool repaired = one->repaired || worst->repaired;
    if (one->severity > worst->severity)
        *worst = *one;
    worst->back = back;
    worst->repaired = repaired;
}

/* A finding that comes again while its column is under treatment is one event. */
static struct protector_event *open_event(struct run_state *run, uint32_t entry, uint32_t position)
{
    for (uint32_t i = run->n_events; i > 0 && run->event[i - 1].outcome == DECODE_CLEAN; i--) {
        if (run->event[i - 1].entry == entry && run->event[i - 1].position == position)
            return &run->event[i - 1];
    }
    return NULL;
}

static void note(struct protector *p, struct run_state *run, uint32_t entry, uint32_t position,
                 const struct protection_finding *finding)
{
    if (finding->severity == PROTECTION_VERIFY)
        run->verifier = entry;
    if (finding->severity <= PROTECTION_VERIFY)
        return;
    struct protector_event *open = open_event(run, entry, position);
    if (open) {
        open->repaired |= finding->repaired;
        return;
    }
    if (run->n_events == EVENTS_MOST) {
        run->dropped++;
        return;
    }
    run->event[run->n_events++] =
        (struct protector_event){.entry = entry,
                                 .protection = p->entry[entry].protection->name,
                                 .position = position,
                                 .severity = finding->severity,
                                 .node = finding->node,
                                 .detail = finding->detail,
                                 .repaired = finding->repaired,
                                 .outcome = DECODE_CLEAN};
}

/* A verified column has other bits: one of the two evaluations was damaged. */
static void note_other_bits(struct protector *p, struct run_state *run, uint32_t position)
{
    note(p, run, run->verifier, position,
         &(struct protection_finding){.severity = PROTECTION_HARD, .node = EXECUTOR_NONE});
    struct protector_event *event = open_event(run, run->verifier, position);
    if (event)
        event->back += run->recovery.now.back; /* for the verification itself */
}

static void heed_all(const struct protector *p, struct run_state *run)
{
    for (uint32_t i = 0; i < p->n; i++) {
        const struct entry *entry = &p->entry[i];
        if (entry->protection->heed)
            entry->protection->heed(entry->self, state_of(entry, run));
    }
}

/* Outcomes of events whose treatment has come to its end. */
static void settle_events(const struct protector *p, struct run_state *run)
{
    bool found = false;
    if (run->recovery.open)
        return;
    for (uint32_t i = run->n_events; i > 0 && run->event[i - 1].outcome == DECODE_CLEAN; i--) {
        run->event[i - 1].outcome = run->recovery.last;
        found = run->recovery.last == DECODE_CORRECTED;
    }
    if (found)
        heed_all(p, run);
}

static enum status audit(struct protector *p, void *state, const struct decode_view *view, bool end,
                         struct protection_finding *out)
{
    enum status st = STATUS_OK;
    *out = (struct protection_finding){.node = EXECUTOR_NONE};
    for (uint32_t i = 0; i < p->n && !st; i++) {
        const struct entry *entry = &p->entry[i];
        struct protection_finding one = {.node = EXECUTOR_NONE};
        if (!entry->protection->audit)
            continue;
        st = entry->protection->audit(entry->self, state_of(entry, state), view, end, &one);
        note(p, state, i, view->position, &one);
        join(out, &one);
    }
    return st;
}

/* All protections hear that columns from `position` on come again. */
static void go_back(const struct protector *p, void *state, uint32_t position)
{
    for (uint32_t i = 0; i < p->n; i++) {
        const struct entry *entry = &p->entry[i];
        if (entry->protection->back)
            entry->protection->back(entry->self, state_of(entry, state), position);
    }
}

static void finish(const struct protector *p, struct run_state *run, const struct decode_view *view,
                   struct decode_verdict *out)
{
    out->word = run->recovery.alarms;
    for (uint32_t i = run->n_events; i > 0 && run->event[i - 1].outcome == DECODE_CLEAN; i--)
        run->event[i - 1].back += out->back;
    if (out->back > 0)
        go_back(p, run, view->position + 1 - out->back);
    settle_events(p, run);
}

static enum status look_all(struct protector *p, void *state, const struct decode_view *view,
                            struct protection_finding *out)
{
    enum status st = STATUS_OK;
    *out = (struct protection_finding){.node = EXECUTOR_NONE};
    for (uint32_t i = 0, guard = 0; i < p->n && !st; i++) {
        const struct entry *entry = &p->entry[i];
        struct protection_finding one = {.node = EXECUTOR_NONE};
        struct decode_view own = *view;
        own.guard = view->guard + guard;
        own.n_guards = 0;
        while (guard < view->n_guards && view->guard[guard].tag == i) {
            own.n_guards++;
            guard++;
        }
        st = entry->protection->look(entry->self, state_of(entry, state), &own, &one);
        note(p, state, i, view->position, &one);
        join(out, &one);
    }
    return st;
}

static enum status look(void *user, void *state, const struct decode_view *view,
                        struct decode_verdict *out)
{
    struct protector *p = user;
    struct run_state *run = state;
    struct protection_finding finding;
    const bool step = view->token != DECODE_NO_TOKEN;
    if (recovery_given_up(&run->recovery))
        return STATUS_OK;
    enum status st = look_all(p, state, view, &finding);
    if (st)
        return st;
    const struct recovery_column column = {.position = view->position,
                                           .hashed = step,
                                           .hash = step ? view->result->hash : 0,
                                           .finding = &finding};
    const uint32_t alarms = run->recovery.alarms;
    const enum recovery_action action =
        recovery_look(&run->recovery, &column, p->check.most_back, &out->back);
    if (run->recovery.alarms > alarms && finding.severity <= PROTECTION_VERIFY)
        note_other_bits(p, run, view->position);
    if (action == RECOVERY_AUDIT) {
        st = audit(p, state, view, false, &finding);
        if (!st)
            (void)recovery_audited(&run->recovery, &finding, p->check.most_back, &out->back);
    }
    if (!st)
        finish(p, run, view, out);
    return st;
}

static enum status end(void *user, void *state, const struct decode_view *view,
                       struct decode_verdict *out)
{
    struct protector *p = user;
    struct run_state *run = state;
    struct protection_finding finding;
    if (recovery_given_up(&run->recovery))
        return STATUS_OK;
    const enum status st = audit(p, state, view, true, &finding);
    if (st)
        return st;
    const struct recovery_column column = {.position = view->position, .finding = &finding};
    (void)recovery_end(&run->recovery, &column, p->check.most_back, &out->back);
    finish(p, run, view, out);
    return STATUS_OK;
}

static void summary(void *user, const void *state, struct decode_summary *out)
{
    const struct recovery *r = &((const struct run_state *)state)->recovery;
    (void)user;
    *out = (struct decode_summary){.damage = r->damage,
                                   .alarms = r->alarms,
                                   .first = r->first ? r->first - 1 : DECODE_NO_TOKEN};
}

static enum status open_entry(struct protector *p, uint32_t i, const struct policy_entry *from,
                              const struct protection_setup *setup)
{
    const struct protection *protection = from->protection;
    struct entry *entry = &p->entry[i];
    entry->protection = protection;
    entry->self = arena_alloc(&p->arena, protection->self ? protection->self : 1);
    if (!entry->self)
        return STATUS_MEMORY;
    if (protection->calibrated && !setup->calibration) {
        log_error("protection '%s': no calibration, expected one (vkfi protect calibrate)",
                  protection->name);
        return STATUS_INPUT;
    }
    struct protection_needs needs = {0};
    enum status st = STATUS_OK;
    if (protection->open)
        st = protection->open(entry->self, &p->arena, from->params, setup, &needs);
    if (st)
        return st;
    p->opened[i] = true;
    entry->state = p->check.state;
    p->check.state += ALIGNED(needs.state);
    p->check.outputs |= needs.outputs;
    p->check.most_guards += needs.guards;
    return STATUS_OK;
}

/* The policy's own calibration, unless one is given. */
static enum status take_calibration(struct protector *p, const struct policy *policy,
                                    struct protection_setup *setup)
{
    const struct calibration_use use = {
        .model = setup->ex->model, .act = setup->ex->act, .kv = setup->ex->kv_storage};
    if (setup->calibration || policy->calibration[0] == '\0')
        return STATUS_OK;
    setup->calibration = &p->calibration;
    return calibration_load(&p->calibration, &p->arena, policy->calibration, &use);
}

enum status protector_open(struct protector **out, const struct policy *policy,
                           const struct protection_setup *setup)
{
    struct protector *p = calloc(1, sizeof(*p));
    *out = p;
    if (!p) {
        log_error("out of memory for %u protections", policy->n);
        return STATUS_MEMORY;
    }
    p->n = policy->n;
    p->check = (struct decode_check){.ask = ask,
                                     .look = look,
                                     .end = end,
                                     .summary = summary,
                                     .user = p,
                                     .state = ALIGNED(sizeof(struct run_state)),
                                     .most_back = policy->most_redone};
    struct protection_setup own = *setup;
    enum status st = take_calibration(p, policy, &own);
    for (uint32_t i = 0; i < p->n && !st; i++)
        st = open_entry(p, i, &policy->entry[i], &own);
    if (st)
        protector_close(out);
    return st;
}

void protector_close(struct protector **protector)
{
    struct protector *p = *protector;
    for (uint32_t i = 0; p && i < p->n; i++) {
        if (p->opened[i] && p->entry[i].protection->close)
            p->entry[i].protection->close(p->entry[i].self);
    }
    if (p)
        arena_finish(&p->arena);
    free(p);
    *protector = NULL;
}

const struct decode_check *protector_check(const struct protector *protector)
{
    return &protector->check;
}

const struct protector_event *protector_events(const struct protector *protector, const void *state,
                                               uint32_t *out_n, uint32_t *out_dropped)
{
    const struct run_state *run = state;
    (void)protector;
    *out_n = run->n_events;
    *out_dropped = run->dropped;
    return run->event;
}

bool protector_area(const struct protector *protector, void *state, uint32_t index,
                    struct protection_area *out, uint32_t *out_entry)
{
    for (uint32_t i = 0; i < protector->n; i++) {
        const struct entry *entry = &protector->entry[i];
        uint32_t own = 0;
        while (entry->protection->area &&
               entry->protection->area(entry->self, state_of(entry, state), own, out)) {
            *out_entry = i;
            if (own++ == index)
                return true;
        }
        index -= own;
    }
    return false;
}

const char *protector_name(const struct protector *protector, uint32_t entry)
{
    return protector->entry[entry].protection->name;
}
