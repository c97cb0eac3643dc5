/* SPDX-License-Identifier: MIT */
/* Rates of sites from a profile, the choice within a budget, and what to expect of it. */
#include "inject/report/report_choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"

#define NO_SITE UINT32_MAX

enum half { EVEN, ODD, BOTH };

/* What the profile says of a site, or of a kind of sites. */
struct tally {
    double weight, harm; /* of its trials, and of those with an event */
};

struct candidate {
    uint32_t site;
    double work, harm, key; /* key: sorts, largest first */
};

struct chooser {
    const struct report_data *data;
    const struct report_choose_params *params;
    uint32_t *site;  /* (data->n) index of a trial's site, NO_SITE: none that can be met */
    uint32_t *kind;  /* (n_sites) first site of the same kind */
    double *trial;   /* (n_strata) weight of a trial */
    bool critical;   /* events are critical SDC, else SDC */
    double all_work; /* of a token */
    bool any;        /* sites without harm are taken too */
    struct tally *tally, *of_kind; /* (n_sites) */
    uint32_t *in_kind;             /* (n_sites) */
    struct candidate *candidate;   /* (n_sites) */
};

static bool is_event(const struct chooser *c, const struct report_trial *trial)
{
    return c->critical ? trial->outcome == OUTCOME_SDC_CRITICAL
                       : trial->outcome >= OUTCOME_SDC_UNSCORED;
}

/* Work of computing a site once more: its MACs, and its results compared. */
static double work_of(const struct site *site)
{
    return (double)site->macs + (double)site->elements;
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
    return NO_SITE;
}

/* "ffn_down" of "blk.3.ffn_down". */
static const char *kind_of(const struct site *site)
{
    const char *dot = strrchr(site->name, '.');
    return dot ? dot + 1 : site->name;
}

static void find_kinds(struct chooser *c)
{
    const struct report_choose_params *p = c->params;
    for (uint32_t i = 0; i < p->n_sites; i++) {
        uint32_t k = 0;
        if (p->site[i].place == PLACE_OP)
            c->all_work += work_of(&p->site[i]);
        while (p->site[k].place != p->site[i].place ||
               strcmp(kind_of(&p->site[k]), kind_of(&p->site[i])) != 0)
            k++;
        c->kind[i] = k;
        c->in_kind[k]++;
    }
}

static enum status init(struct chooser *c, struct arena *arena, const struct report_data *data,
                        const struct report_choose_params *params)
{
    const size_t n = params->n_sites;
    uint32_t *named = arena_array(arena, data->names.count + 1, sizeof(*named));
    *c = (struct chooser){.data = data, .params = params, .critical = data->scored};
    c->site = arena_array(arena, data->n + 1, sizeof(*c->site));
    c->kind = arena_array(arena, n, sizeof(*c->kind));
    c->in_kind = arena_array(arena, n, sizeof(*c->in_kind));
    c->trial = arena_array(arena, data->n_strata, sizeof(*c->trial));
    c->tally = arena_array(arena, n, sizeof(*c->tally));
    c->of_kind = arena_array(arena, n, sizeof(*c->of_kind));
    c->candidate = arena_array(arena, n, sizeof(*c->candidate));
    if (!named || !c->site || !c->kind || !c->in_kind || !c->trial || !c->tally || !c->of_kind ||
        !c->candidate)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < data->names.count; i++)
        named[i] = find_site(params, data->names.text[i]);
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *trial = &data->trial[i];
        c->site[i] = can_meet(trial) ? named[trial->site] : NO_SITE;
        c->trial[trial->stratum]++;
    }
    for (uint32_t h = 0; h < data->n_strata; h++)
        c->trial[h] = c->trial[h] > 0 ? data->stratum[h].weight / c->trial[h] : 0;
    find_kinds(c);
    return STATUS_OK;
}

static bool in_half(const struct report_trial *trial, enum half half)
{
    return half == BOTH || trial->item % 2 == (half == ODD);
}

/* Sites by the trials of one half of the items; returns the mean weight of a trial. */
static double count(struct chooser *c, enum half half)
{
    double weight = 0, trials = 0;
    memset(c->tally, 0, c->params->n_sites * sizeof(*c->tally));
    memset(c->of_kind, 0, c->params->n_sites * sizeof(*c->of_kind));
    for (size_t i = 0; i < c->data->n; i++) {
        const struct report_trial *trial = &c->data->trial[i];
        const double w = c->trial[trial->stratum];
        if (c->site[i] == NO_SITE || !in_half(trial, half))
            continue;
        struct tally *site = &c->tally[c->site[i]], *kind = &c->of_kind[c->kind[c->site[i]]];
        site->weight += w;
        kind->weight += w;
        site->harm += is_event(c, trial) ? w : 0;
        kind->harm += is_event(c, trial) ? w : 0;
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
    return (x->site > y->site) - (x->site < y->site);
}

/* Sorts the ops by harm for their work, or at random. Returns their number. */
static uint32_t rank(struct chooser *c, enum half half, bool random)
{
    const struct report_choose_params *p = c->params;
    const double prior = REPORT_CHOOSE_PRIOR * count(c, half);
    struct rng rng;
    uint32_t n = 0;
    rng_init(&rng, p->seed, 0);
    for (uint32_t i = 0; i < p->n_sites; i++) {
        const struct tally *site = &c->tally[i], *kind = &c->of_kind[c->kind[i]];
        if (p->site[i].place != PLACE_OP || !(kind->weight > 0))
            continue;
        const double rate =
            (site->harm + prior * kind->harm / kind->weight) / (site->weight + prior);
        const double mass = kind->weight / c->in_kind[c->kind[i]]; /* sites of a kind are alike */
        struct candidate *out = &c->candidate[n++];
        *out = (struct candidate){.site = i, .work = work_of(&p->site[i]), .harm = rate * mass};
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
static void add_met(const struct chooser *c, uint32_t n, enum half half, uint32_t *met)
{
    for (size_t i = 0; i < c->data->n; i++) {
        const struct report_trial *trial = &c->data->trial[i];
        if (c->site[i] == NO_SITE || !in_half(trial, half) || !is_event(c, trial))
            continue;
        for (uint32_t k = 0; k < n; k++)
            *met += c->candidate[k].site == c->site[i];
    }
}

static void count_events(struct report_chosen *out, const struct chooser *c)
{
    for (size_t i = 0; i < c->data->n; i++) {
        const bool event = is_event(c, &c->data->trial[i]);
        out->events += event && c->site[i] != NO_SITE;
        out->outside += event && c->site[i] == NO_SITE;
    }
}

enum status report_choose(struct report_chosen *out, struct arena *arena,
                          const struct report_data *data, const struct report_choose_params *params)
{
    struct chooser c;
    double budget = params->budget, all = 0, harm = 0, work = 0;
    uint32_t met = 0;
    enum status st = init(&c, arena, data, params);
    if (st)
        return st;
    *out = (struct report_chosen){.event = c.critical ? "critical SDC" : "SDC"};
    count_events(out, &c);
    if (out->events == 0) {
        log_error("found no %s of a single op among %zu trials, expected some to choose by",
                  out->event, data->n);
        return STATUS_INPUT;
    }
    if (params->random) /* as much work as the best sites take */
        (void)take(&c, rank(&c, BOTH, false), params->budget, &budget);
    c.any = params->random;
    for (int half = 0; half < 2; half++) {
        const uint32_t n = take(&c, rank(&c, half ? ODD : EVEN, params->random), budget, &work);
        add_met(&c, n, half ? EVEN : ODD, &met);
    }
    out->expected = (double)met / out->events;
    out->interval = stats_interval_wilson(
        out->expected, out->events,
        (struct stats_interval_level){params->confidence, STATS_INTERVAL_BOTH});
    const uint32_t n = rank(&c, BOTH, params->random);
    for (uint32_t i = 0; i < n; i++)
        all += c.candidate[i].harm;
    out->n = take(&c, n, budget, &out->work);
    out->choice = arena_array(arena, out->n + 1, sizeof(*out->choice));
    if (!out->choice)
        return STATUS_MEMORY;
    work = 0;
    for (uint32_t i = 0; i < out->n; i++) {
        work += c.candidate[i].work / c.all_work;
        harm += c.candidate[i].harm / all;
        out->choice[i] = (struct report_choice){c.candidate[i].site, work, harm};
    }
    return STATUS_OK;
}
