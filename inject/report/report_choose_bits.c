/* SPDX-License-Identifier: MIT */
/* Rates of flips below each bit of K and V from a profile, and the bits to keep. */
#include "inject/report/report_choose_bits.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "inject/report/report_choose.h"

#define NO_PLANE UINT32_MAX
#define MOST_BITS 32u

/* Flips of one bit of a plane. */
struct tally {
    double weight, squares, events; /* of trials: sum of weights, of their squares, of events' */
};

struct chooser {
    const struct report_data *data;
    const struct report_bits_params *params;
    uint32_t n_planes;
    uint32_t *plane;     /* (data->n) that a trial struck, NO_PLANE: no single flip there */
    double *trial;       /* (n_strata) weight of a trial */
    struct tally *tally; /* (n_planes, MOST_BITS) */
    uint32_t *keep;      /* (n_planes) */
};

static bool is_value(const char *site)
{
    const size_t length = strlen(site);
    return length > 0 && site[length - 1] == 'v';
}

static uint32_t plane_of(const struct chooser *c, const struct report_trial *trial)
{
    const struct report_bits_params *p = c->params;
    if (trial->place != PLACE_KV || trial->kind != KIND_FLIP || trial->n_faults != 1 ||
        trial->site == REPORT_NONE || trial->layer < 0 || (uint32_t)trial->layer >= p->n_layers ||
        trial->bit < 0 || trial->bit != trial->top_bit || (uint32_t)trial->bit >= p->width)
        return NO_PLANE;
    return 2 * (uint32_t)trial->layer + is_value(report_data_name(c->data, trial->site));
}

static enum status init(struct chooser *c, struct arena *arena, const struct report_data *data,
                        const struct report_bits_params *params)
{
    *c = (struct chooser){.data = data, .params = params, .n_planes = 2 * params->n_layers};
    c->plane = arena_array(arena, data->n + 1, sizeof(*c->plane));
    c->trial = report_choose_weights(data, arena);
    c->tally = arena_array(arena, (size_t)c->n_planes * MOST_BITS, sizeof(*c->tally));
    c->keep = arena_array(arena, c->n_planes, sizeof(*c->keep));
    if (!c->plane || !c->trial || !c->tally || !c->keep)
        return STATUS_MEMORY;
    for (size_t i = 0; i < data->n; i++)
        c->plane[i] = plane_of(c, &data->trial[i]);
    return STATUS_OK;
}

static void count(struct chooser *c, enum report_half half)
{
    memset(c->tally, 0, (size_t)c->n_planes * MOST_BITS * sizeof(*c->tally));
    for (size_t i = 0; i < c->data->n; i++) {
        const struct report_trial *trial = &c->data->trial[i];
        const double weight = c->trial[trial->stratum];
        if (c->plane[i] == NO_PLANE || !report_choose_in_half(trial, half))
            continue;
        struct tally *tally = &c->tally[(size_t)c->plane[i] * MOST_BITS + (uint32_t)trial->bit];
        tally->weight += weight;
        tally->squares += weight * weight;
        tally->events += report_data_is_harm(c->data, trial) ? weight : 0;
    }
}

/* Upper end of the rate of events of flips below the kept bits. */
static double upper_of(const struct chooser *c, const struct tally *tally, uint32_t keep)
{
    struct tally sum = {0};
    for (uint32_t bit = 0; bit + keep < c->params->width; bit++) {
        sum.weight += tally[bit].weight;
        sum.squares += tally[bit].squares;
        sum.events += tally[bit].events;
    }
    if (!(sum.weight > 0))
        return 1;
    const double n = sum.weight * sum.weight / sum.squares;
    return stats_interval_clopper_pearson(
               n * sum.events / sum.weight, n,
               (struct stats_interval_level){c->params->confidence, STATS_INTERVAL_UPPER})
        .high;
}

static void choose(struct chooser *c, enum report_half half)
{
    struct rng rng;
    count(c, half);
    for (uint32_t i = 0; i < c->n_planes; i++) {
        const struct tally *tally = &c->tally[(size_t)i * MOST_BITS];
        c->keep[i] = 0;
        while (c->keep[i] < c->params->width && upper_of(c, tally, c->keep[i]) > c->params->eps)
            c->keep[i]++;
    }
    rng_init(&rng, c->params->seed, 0);
    for (uint32_t i = c->n_planes; c->params->random && i > 1; i--) {
        const uint32_t other = (uint32_t)rng_below(&rng, i), own = c->keep[i - 1];
        c->keep[i - 1] = c->keep[other];
        c->keep[other] = own;
    }
}

/* Planes of which the flips tried would not bring the upper end to eps even without an event. */
static uint32_t count_unsure(const struct chooser *c)
{
    uint32_t unsure = 0;
    for (uint32_t i = 0; i < c->n_planes; i++) {
        struct tally tally[MOST_BITS];
        memcpy(tally, &c->tally[(size_t)i * MOST_BITS], sizeof(tally));
        for (uint32_t bit = 0; bit < MOST_BITS; bit++)
            tally[bit].events = 0;
        unsure += upper_of(c, tally, 0) > c->params->eps;
    }
    return unsure;
}

static double share_of(const struct chooser *c)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < c->n_planes; i++)
        bits += c->keep[i];
    return (double)bits / ((double)c->n_planes * c->params->width);
}

/* Events of a half's items in kept bits; `uniform`: in as many bits of all planes, where a part of
 * a bit holds that part of its events. */
static void add_met(const struct chooser *c, enum report_half half, double *met, double *uniform)
{
    const double bits = share_of(c) * c->params->width;
    for (size_t i = 0; i < c->data->n; i++) {
        const struct report_trial *trial = &c->data->trial[i];
        if (c->plane[i] == NO_PLANE || !report_choose_in_half(trial, half) ||
            !report_data_is_harm(c->data, trial))
            continue;
        const uint32_t from_top = c->params->width - 1 - (uint32_t)trial->bit;
        *met += from_top < c->keep[c->plane[i]];
        *uniform += fmin(fmax(bits - from_top, 0), 1);
    }
}

enum status report_choose_bits(struct report_bits *out, struct arena *arena,
                               const struct report_data *data,
                               const struct report_bits_params *params)
{
    struct chooser c;
    double met = 0, uniform = 0;
    bool any = false;
    const enum status st = init(&c, arena, data, params);
    *out = (struct report_bits){.expected = NAN, .uniform = NAN, .interval = {0, 1}};
    if (st)
        return st;
    for (size_t i = 0; i < data->n; i++) {
        any = any || c.plane[i] != NO_PLANE;
        out->events += c.plane[i] != NO_PLANE && report_data_is_harm(data, &data->trial[i]);
    }
    if (!any)
        return STATUS_OK;
    for (int half = 0; half < 2; half++) {
        choose(&c, half ? REPORT_ODD : REPORT_EVEN);
        add_met(&c, half ? REPORT_EVEN : REPORT_ODD, &met, &uniform);
    }
    choose(&c, REPORT_BOTH);
    out->n_planes = c.n_planes;
    out->keep = c.keep;
    out->unsure = count_unsure(&c);
    out->share = share_of(&c);
    if (out->events > 0) {
        out->expected = met / out->events;
        out->uniform = uniform / out->events;
        out->interval = stats_interval_wilson(
            out->expected, out->events,
            (struct stats_interval_level){params->confidence, STATS_INTERVAL_BOTH});
    }
    return STATUS_OK;
}
