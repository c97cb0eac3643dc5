/* SPDX-License-Identifier: MIT */
/* Rates of sites from a profile, the choice within a budget, and what to expect of it. */
#include "inject/report/report_choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"

#define NO_UNIT UINT32_MAX

/* A unit is a site in a phase: site * REPORT_PHASES + phase. What the profile says of one, or of
 * all of its kind. */
struct tally {
    double weight, harm; /* of its trials, and of those with an event */
};

struct candidate {
    uint32_t unit;
    double work, harm, key; /* key: sorts, largest first */
};

struct chooser {
    const struct report_data *data;
    const struct report_choose_params *params;
    uint32_t n_units;
    uint32_t *unit; /* (data->n) that a trial struck, NO_UNIT: none that can be met */
    uint32_t *kind; /* (n_units) first unit of the same kind */
    double *trial;  /* (n_strata) weight of a trial */
    double columns[REPORT_PHASES]; /* of the mean item */
    double all_work;               /* of its request */
    bool any;                      /* units without harm are taken too */
    struct tally *tally, *of_kind; /* (n_units) */
    uint32_t *in_kind;             /* (n_units) */
    struct candidate *candidate;   /* (n_units) */
};

/* Work of computing a unit once more in a request: its MACs, and its results compared. */
static double work_of(const struct chooser *c, uint32_t unit)
{
    const struct site *site = &c->params->site[unit / REPORT_PHASES];
    return ((double)site->macs + (double)site->elements) * c->columns[unit % REPORT_PHASES];
}

/* Whether an op that is computed twice shows the fault. */
static bool can_meet(const struct report_trial *trial)
{
    return trial->place == PLACE_OP && trial->n_faults == 1 && trial->site != REPORT_NONE;
}

static uint32_t find_site(const struct report_choose_params *p, const char *name)
{
    for (uint32_t i = 0; i < p->n_sites; i++) {
        if (p->site[i].place == PLACE_OP && strcmp(p->site[i].name, name) == 0)
            return i;
    }
    return NO_UNIT;
}

/* "ffn_down" of "blk.3.ffn_down". */
static const char *kind_of(const struct site *site)
{
    const char *dot = strrchr(site->name, '.');
    return dot ? dot + 1 : site->name;
}

/* A choice's continuation counts as the prompt; there is one column that gives tokens at least. */
static void find_columns(struct chooser *c)
{
    const struct report_data *data = c->data;
    double items = 0;
    for (uint32_t i = 0; i < data->n_items; i++) {
        const struct store_item *item = &data->item[i];
        items += item->weight;
        c->columns[REPORT_PROMPT] += item->weight * (item->n_prompt > 0 ? item->n_prompt - 1 : 0);
        c->columns[REPORT_TOKENS] += item->weight * (item->n_tokens > 0 ? item->n_tokens : 1);
    }
    for (int phase = 0; phase < REPORT_PHASES; phase++)
        c->columns[phase] /= items > 0 ? items : 1;
}

static void find_kinds(struct chooser *c)
{
    const struct site *site = c->params->site;
    for (uint32_t i = 0; i < c->n_units; i++) {
        const struct site *own = &site[i / REPORT_PHASES];
        uint32_t k = i % REPORT_PHASES;
        if (own->place == PLACE_OP)
            c->all_work += work_of(c, i);
        while (site[k / REPORT_PHASES].place != own->place ||
               strcmp(kind_of(&site[k / REPORT_PHASES]), kind_of(own)) != 0)
            k += REPORT_PHASES;
        c->kind[i] = k;
        c->in_kind[k]++;
    }
}

static uint32_t unit_of(const struct report_trial *trial, const uint32_t *named)
{
    if (!can_meet(trial) || named[trial->site] == NO_UNIT)
        return NO_UNIT;
    return named[trial->site] * REPORT_PHASES +
           (trial->stage == STAGE_PREFILL ? REPORT_PROMPT : REPORT_TOKENS);
}

double *report_choose_weights(const struct report_data *data, struct arena *arena)
{
    double *weight = arena_array(arena, data->n_strata, sizeof(*weight));
    for (size_t i = 0; i < data->n && weight; i++)
        weight[data->trial[i].stratum]++;
    for (uint32_t h = 0; h < data->n_strata && weight; h++)
        weight[h] = weight[h] > 0 ? data->stratum[h].weight / weight[h] : 0;
    return weight;
}

static enum status init(struct chooser *c, struct arena *arena, const struct report_data *data,
                        const struct report_choose_params *params)
{
    const size_t n = (size_t)params->n_sites * REPORT_PHASES;
    uint32_t *named = arena_array(arena, data->names.count + 1, sizeof(*named));
    *c = (struct chooser){.data = data, .params = params, .n_units = (uint32_t)n};
    c->unit = arena_array(arena, data->n + 1, sizeof(*c->unit));
    c->kind = arena_array(arena, n, sizeof(*c->kind));
    c->in_kind = arena_array(arena, n, sizeof(*c->in_kind));
    c->trial = report_choose_weights(data, arena);
    c->tally = arena_array(arena, n, sizeof(*c->tally));
    c->of_kind = arena_array(arena, n, sizeof(*c->of_kind));
    c->candidate = arena_array(arena, n, sizeof(*c->candidate));
    if (!named || !c->unit || !c->kind || !c->in_kind || !c->trial || !c->tally || !c->of_kind ||
        !c->candidate)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < data->names.count; i++)
        named[i] = find_site(params, data->names.text[i]);
    for (size_t i = 0; i < data->n; i++)
        c->unit[i] = unit_of(&data->trial[i], named);
    find_columns(c);
    find_kinds(c);
    return STATUS_OK;
}

bool report_choose_in_half(const struct report_trial *trial, enum report_half half)
{
    return half == REPORT_BOTH || trial->base % 2 == (half == REPORT_ODD);
}

/* Units by the trials of one half of the items; returns the mean weight of a trial. */
static double count(struct chooser *c, enum report_half half)
{
    double weight = 0, trials = 0;
    memset(c->tally, 0, c->n_units * sizeof(*c->tally));
    memset(c->of_kind, 0, c->n_units * sizeof(*c->of_kind));
    for (size_t i = 0; i < c->data->n; i++) {
        const struct report_trial *trial = &c->data->trial[i];
        const double w = c->trial[trial->stratum];
        if (c->unit[i] == NO_UNIT || !report_choose_in_half(trial, half))
            continue;
        struct tally *unit = &c->tally[c->unit[i]], *kind = &c->of_kind[c->kind[c->unit[i]]];
        unit->weight += w;
        kind->weight += w;
        unit->harm += report_data_is_harm(c->data, trial) ? w : 0;
        kind->harm += report_data_is_harm(c->data, trial) ? w : 0;
        weight += w;
        trials++;
    }
    return trials > 0 ? weight / trials : 0;
}

static int by_key(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return (x->unit > y->unit) - (x->unit < y->unit);
}

/* Sorts the ops by harm for their work, or at random. Returns their number. */
static uint32_t rank(struct chooser *c, enum report_half half, bool random)
{
    const struct report_choose_params *p = c->params;
    const double prior = REPORT_CHOOSE_PRIOR * count(c, half);
    struct rng rng;
    uint32_t n = 0;
    rng_init(&rng, p->seed, 0);
    for (uint32_t i = 0; i < c->n_units; i++) {
        const struct tally *unit = &c->tally[i], *kind = &c->of_kind[c->kind[i]];
        if (p->site[i / REPORT_PHASES].place != PLACE_OP || !(kind->weight > 0))
            continue;
        const double rate =
            (unit->harm + prior * kind->harm / kind->weight) / (unit->weight + prior);
        const double mass = kind->weight / c->in_kind[c->kind[i]]; /* units of a kind are alike */
        struct candidate *out = &c->candidate[n++];
        *out = (struct candidate){.unit = i, .work = work_of(c, i), .harm = rate * mass};
        out->key = random ? rng_unit(&rng) : out->harm / out->work;
    }
    qsort(c->candidate, n, sizeof(*c->candidate), by_key);
    return n;
}

/* Takes candidates in order as long as they fit; those taken come first. Returns their number. */
static uint32_t take(struct chooser *c, uint32_t n, double budget, double *out_work)
{
    uint32_t taken = 0;
    double work = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct candidate own = c->candidate[i];
        if (work + own.work > budget * c->all_work || (own.harm <= 0 && !c->any))
            continue;
        work += own.work;
        c->candidate[taken++] = own;
    }
    *out_work = work / c->all_work;
    return taken;
}

/* Events of the items of a half at the first `n` candidates. */
static void add_met(const struct chooser *c, uint32_t n, enum report_half half, uint32_t *met)
{
    for (size_t i = 0; i < c->data->n; i++) {
        const struct report_trial *trial = &c->data->trial[i];
        if (c->unit[i] == NO_UNIT || !report_choose_in_half(trial, half) ||
            !report_data_is_harm(c->data, trial))
            continue;
        for (uint32_t k = 0; k < n; k++)
            *met += c->candidate[k].unit == c->unit[i];
    }
}

static void count_events(struct report_chosen *out, const struct chooser *c)
{
    for (size_t i = 0; i < c->data->n; i++) {
        const bool event = report_data_is_harm(c->data, &c->data->trial[i]);
        out->events += event && c->unit[i] != NO_UNIT;
        out->outside += event && c->unit[i] == NO_UNIT;
    }
}

/* The first out->n of n candidates, with running sums of their work and harm. */
static enum status list_choice(struct report_chosen *out, struct arena *arena,
                               const struct chooser *c, uint32_t n)
{
    double all = 0, harm = 0, work = 0;
    out->choice = arena_array(arena, out->n + 1, sizeof(*out->choice));
    if (!out->choice)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < n; i++)
        all += c->candidate[i].harm;
    for (uint32_t i = 0; i < out->n; i++) {
        work += c->candidate[i].work / c->all_work;
        harm += c->candidate[i].harm / all;
        out->choice[i] = (struct report_choice){.site = c->candidate[i].unit / REPORT_PHASES,
                                                .phase = c->candidate[i].unit % REPORT_PHASES,
                                                .work = work,
                                                .harm = harm};
    }
    return STATUS_OK;
}

enum status report_choose(struct report_chosen *out, struct arena *arena,
                          const struct report_data *data, const struct report_choose_params *params)
{
    struct chooser c;
    double budget = params->budget, work = 0;
    uint32_t met = 0;
    enum status st = init(&c, arena, data, params);
    if (st)
        return st;
    *out = (struct report_chosen){.event = data->scored ? "critical SDC" : "SDC"};
    count_events(out, &c);
    if (out->events == 0)
        return STATUS_OK;
    if (params->random) /* as much work as the best ones take */
        (void)take(&c, rank(&c, REPORT_BOTH, false), params->budget, &budget);
    c.any = params->random;
    for (int half = 0; half < 2; half++) {
        const uint32_t n =
            take(&c, rank(&c, half ? REPORT_ODD : REPORT_EVEN, params->random), budget, &work);
        add_met(&c, n, half ? REPORT_EVEN : REPORT_ODD, &met);
    }
    out->expected = (double)met / out->events;
    out->interval = stats_interval_wilson(
        out->expected, out->events,
        (struct stats_interval_level){params->confidence, STATS_INTERVAL_BOTH});
    const uint32_t n = rank(&c, REPORT_BOTH, params->random);
    out->n = take(&c, n, budget, &out->work);
    return list_choice(out, arena, &c, n);
}
