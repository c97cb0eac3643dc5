/* SPDX-License-Identifier: MIT */
/* Looks at a growing campaign: fixed in the plan, or at any time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/report/report_gate.h"
#include "inject/report/report_select.h"
#include "inject/stats/stats_sequence.h"

#define LOOKS_STEPS 30    /* bisections: to 1e-9 */
#define LOOKS_GROWTH 64   /* how many times the items are repeated before it is "never" */
#define LOOKS_ROOM 200000 /* most repeated items */

enum status report_looks_leading(const struct report_source *source, uint64_t *out)
{
    const uint64_t trials = store_identity(source->store)->trials;
    uint8_t *done = calloc(trials / 8 + 1, 1);
    if (!done) {
        log_error("gate: found no memory for %zu bytes", (size_t)(trials / 8 + 1));
        return STATUS_MEMORY;
    }
    const enum status st = store_done(source->store, done, trials);
    *out = 0;
    while (!st && *out < trials && (done[*out / 8] >> (*out % 8) & 1))
        ++*out;
    free(done);
    return st;
}

/* An item's part of a stratum: its first `quota` trials in order of id. Of quota + 1 planned ones
 * one may be missing for a while after a crash; with any other gap the item does not count. */
struct share {
    uint64_t seen, events, counted;
};

/* Sums over strata of an item: W_h times the shares of events and of counted trials; their numbers.
 * For all runs an event counts 1 - P0_h, the share of the stratum's runs that trials represent. */
struct item_sum {
    double events, counted;
    struct share n;
    bool complete;
};

struct uniform {
    struct item_sum *item; /* (items): the complete ones before the first incomplete */
    uint32_t items;
    double *z; /* (growth x items) */
};

static uint64_t quota_of(const struct report_data *data, uint32_t stratum)
{
    return data->stratum[stratum].planned / data->n_items;
}

static void count_shares(struct share *share, const struct report_data *data,
                         const struct report_gate_request *request)
{
    for (size_t k = 0; k < data->n; k++) {
        const struct report_trial *t = &data->trial[k];
        struct share *own = &share[(size_t)t->stratum * data->n_items + t->item];
        const bool holds = report_rate_holds(t, request->given);
        if (own->seen >= quota_of(data, t->stratum))
            continue;
        own->seen++;
        own->counted += holds;
        own->events += holds && (request->events >> t->outcome & 1);
    }
}

static struct item_sum sum_item(const struct share *share, const struct report_data *data,
                                uint32_t item, const struct report_gate_request *request,
                                const struct report_selection *chosen)
{
    struct item_sum sum = {.complete = true};
    for (uint32_t h = 0; h < data->n_strata; h++) {
        const struct share *own = &share[(size_t)h * data->n_items + item];
        const double quota = (double)quota_of(data, h);
        const double weight = chosen->count == 1 ? 1 : data->stratum[h].weight / chosen->weight;
        const double hit = request->given == REPORT_RUNS ? 1 - data->stratum[h].no_fault : 1;
        if (!chosen->has[h])
            continue;
        sum.complete = sum.complete && quota > 0 && (double)own->seen >= quota;
        sum.events += weight * hit * (double)own->events / quota;
        sum.counted += weight * (double)own->counted / quota;
        sum.n.seen += own->seen;
        sum.n.events += own->events;
        sum.n.counted += own->counted;
    }
    return sum;
}

static enum status gather(struct uniform *u, const struct report_data *data,
                          const struct report_gate_request *request,
                          const struct report_selection *chosen)
{
    struct share *share = calloc((size_t)data->n_strata * data->n_items + 1, sizeof(*share));
    if (!share) {
        log_error("gate: found no memory for %u items in %u strata", data->n_items, data->n_strata);
        return STATUS_MEMORY;
    }
    count_shares(share, data, request);
    for (uint32_t place = 0; place < data->n_items; place++) {
        const uint32_t item = plan_stop_item(data->plan, place);
        u->item[place] = sum_item(share, data, item, request, chosen);
        if (!u->item[place].complete)
            break;
        u->items++;
    }
    free(share);
    return STATUS_OK;
}

/* The number of items, repeated `times` times, after which m is ruled out; 0: never. E(events) >= m
 * E(counted) is E(z) >= m with z = events - m counted + m in [0, 1]: so a bound on the mean of z
 * tests every m, also for a conditional rate. */
static size_t first_out(const struct uniform *u, double m, uint32_t times,
                        struct stats_interval_level level)
{
    const size_t n = (size_t)u->items * times;
    for (size_t k = 0; k < n; k++) {
        const struct item_sum *item = &u->item[k % u->items];
        u->z[k] = fmin(fmax(item->events - m * item->counted + m, 0), 1);
    }
    return stats_sequence_first(u->z, n, m, level);
}

/* The end of the values not ruled out, on the safe side. */
static double bound(const struct uniform *u, struct stats_interval_level level)
{
    const bool upper = level.side == STATS_INTERVAL_UPPER;
    double in = upper ? 0 : 1, out = upper ? 1 : 0;
    for (int step = 0; step < LOOKS_STEPS; step++) {
        const double middle = (in + out) / 2;
        if (first_out(u, middle, 1, level) > 0)
            out = middle;
        else
            in = middle;
    }
    return out;
}

/* Trials to add until the limit is ruled out if further items are like those seen. */
static void set_more(struct report_gate *out, const struct uniform *u, uint32_t room,
                     const struct report_gate_request *request)
{
    const struct stats_interval_level level = {
        1 - out->tail, out->rate < request->limit ? STATS_INTERVAL_UPPER : STATS_INTERVAL_LOWER};
    uint32_t low = 1, high = 1;
    out->result.more = STATS_GATE_NEVER;
    out->result.would_pass = out->rate < request->limit;
    if (u->items == 0 || !(out->rate >= 0) || out->rate == request->limit)
        return;
    while (high < room && first_out(u, request->limit, high, level) == 0) {
        low = high;
        high = 2 * high < room ? 2 * high : room;
    }
    if (first_out(u, request->limit, high, level) == 0)
        return;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (first_out(u, request->limit, middle, level) > 0)
            high = middle;
        else
            low = middle;
    }
    out->result.more = (high - 1) * out->trials;
}

static void sum_items(struct report_gate *out, const struct uniform *u)
{
    double events = 0, counted = 0;
    for (uint32_t i = 0; i < u->items; i++) {
        events += u->item[i].events;
        counted += u->item[i].counted;
        out->trials += u->item[i].n.seen;
        out->counted += u->item[i].n.counted;
        out->events += u->item[i].n.events;
    }
    out->rate = counted > 0 ? events / counted : NAN;
    out->items = u->items;
    out->n_effective = NAN;
    out->design_effect = NAN;
}

/* The first item that rules the limit out on either side decides; later ones do not count. */
static void judge(struct report_gate *out, struct uniform *u, uint32_t room,
                  const struct report_gate_request *request)
{
    const struct stats_interval_level upper = {1 - out->tail, STATS_INTERVAL_UPPER};
    const struct stats_interval_level lower = {1 - out->tail, STATS_INTERVAL_LOWER};
    const size_t pass = first_out(u, request->limit, 1, upper);
    const size_t fail = first_out(u, request->limit, 1, lower);
    out->result.verdict = STATS_GATE_UNDECIDED;
    if (pass > 0 && (fail == 0 || pass < fail)) {
        out->result.verdict = STATS_GATE_PASS;
        u->items = (uint32_t)pass;
    } else if (fail > 0) {
        out->result.verdict = STATS_GATE_FAIL;
        u->items = (uint32_t)fail;
    }
    sum_items(out, u);
    out->result.upper = bound(u, upper);
    out->result.lower = bound(u, lower);
    if (out->result.verdict == STATS_GATE_UNDECIDED)
        set_more(out, u, room, request);
}

enum status report_looks_uniform(struct report_gate *out, const struct report_data *data,
                                 const struct report_gate_request *request)
{
    struct arena arena = {0};
    struct uniform u = {.item = arena_array(&arena, (size_t)data->n_items + 1, sizeof(*u.item))};
    struct report_selection chosen;
    enum status st = u.item ? STATUS_OK : STATUS_MEMORY;
    st = st ? st : report_select(&chosen, &arena, data, request->stratum);
    st = st ? st : gather(&u, data, request, &chosen);
    uint32_t room = LOOKS_ROOM / (u.items + 1) + 2;
    room = room < LOOKS_GROWTH ? room : LOOKS_GROWTH;
    if (!st) {
        u.z = arena_array(&arena, (size_t)u.items * room + 1, sizeof(*u.z));
        st = u.z ? STATUS_OK : STATUS_MEMORY;
    }
    if (!st)
        judge(out, &u, room, request);
    arena_finish(&arena);
    return st;
}
