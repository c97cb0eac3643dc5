/* SPDX-License-Identifier: MIT */
/* Linearised residuals, summed over items, faults and cells. */
#include "inject/stats/stats_cluster.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "inject/stats/stats_special.h"

#define CLUSTER_FEW_EVENTS 10 /* METHOD.md 4 */

/* A stratum's linear form of its trials: coefficient (value - rate counted - centre). */
struct linear {
    double coefficient, rate, centre;
    double item, fault, cell; /* small-sample and finite-population factors */
};

/* Sums of powers of the cluster totals of one dimension. */
struct moments {
    double v, m3, m4;
};

/* Marks by the last stratum seen, so that distinct clusters are counted in one pass. */
static bool is_first_in_stratum(double *mark, uint32_t stratum, uint32_t *distinct)
{
    const double name = (double)stratum + 1;
    const bool first = *mark != name;
    *distinct += *mark == 0;
    *mark = name;
    return first;
}

static void count_trials(struct stats_cluster_estimate *out, const struct stats_cluster_data *data)
{
    double *item = data->scratch, *fault = item + data->n_items, *cell = fault + data->n_faults;
    uint32_t cells = 0;
    memset(item, 0, sizeof(*item) * ((size_t)data->n_items + data->n_faults + data->n_cells));
    for (uint32_t h = 0; h < data->n_strata; h++)
        data->stratum[h] = (struct stats_cluster_stratum){
            .weight = data->stratum[h].weight, .population = data->stratum[h].population};
    for (size_t k = 0; k < data->n_trials; k++) {
        const struct stats_cluster_trial *t = &data->trial[k];
        assert(t->stratum < data->n_strata && t->item < data->n_items &&
               t->fault < data->n_faults && t->cell < data->n_cells);
        assert(k == 0 || t[-1].stratum <= t->stratum);
        struct stats_cluster_stratum *s = &data->stratum[t->stratum];
        s->items += is_first_in_stratum(&item[t->item], t->stratum, &out->items);
        s->faults += is_first_in_stratum(&fault[t->fault], t->stratum, &out->faults);
        s->cells += is_first_in_stratum(&cell[t->cell], t->stratum, &cells);
        s->trials++;
        s->counted += t->counted;
        s->events += t->counted && t->value != 0;
        s->sum_weight += t->weight;
        s->sum_counted += t->counted ? t->weight : 0;
        s->sum_value += t->counted ? t->weight * t->value : 0;
    }
    for (uint32_t h = 0; h < data->n_strata; h++) {
        struct stats_cluster_stratum *s = &data->stratum[h];
        s->rate = s->sum_value / s->sum_counted;
        out->trials += s->trials;
        out->counted += s->counted;
        out->events += s->events;
    }
}

/* G / (G - 1) as a factor on residuals, so that strata may have different G. */
static double small_sample(uint32_t clusters)
{
    return clusters > 1 ? sqrt((double)clusters / (clusters - 1)) : 1;
}

/* Share of a stratum's faults drawn without replacement. */
static double drawn_of(const struct stats_cluster_stratum *s)
{
    return s->population > 0 ? fmin((double)s->trials / s->population, 1) : 0;
}

static void fill_factors(struct linear *out, const struct stats_cluster_stratum *s)
{
    const double finite = sqrt(1 - drawn_of(s));
    out->item = small_sample(s->items);
    out->fault = small_sample(s->faults) * finite;
    out->cell = small_sample(s->cells) * finite;
}

static void add_residuals(const struct stats_cluster_data *data, const struct linear *linear,
                          const struct stats_cluster_trial *from, size_t count)
{
    double *item = data->scratch, *fault = item + data->n_items, *cell = fault + data->n_faults;
    for (const struct stats_cluster_trial *t = from; t < from + count; t++) {
        const double own = t->counted ? t->value - linear->rate : 0;
        const double u = linear->coefficient * t->weight * (own - linear->centre);
        item[t->item] += u * linear->item;
        fault[t->fault] += u * linear->fault;
        cell[t->cell] += u * linear->cell;
    }
}

static struct moments moments_of(const double *total, uint32_t count)
{
    struct moments m = {0};
    for (uint32_t g = 0; g < count; g++) {
        const double square = total[g] * total[g];
        m.v += square;
        m.m3 += square * total[g];
        m.m4 += square * square;
    }
    return m;
}

/* Degrees of freedom: 2 V^2 / Var(V) with Var(V) from fourth powers, for the part of V that is not
 * the trials' own; at most clusters - 1 of the shorter dimension. */
static double degrees_of_freedom(double variance, double m4, double v_cell, uint32_t clusters)
{
    const double own = fmin(v_cell / variance, 1);
    const double relative = m4 / (variance * variance) * (1 - own);
    return relative > 0 ? fmin(clusters - 1, 2 / relative) : clusters - 1;
}

static void combine(struct stats_cluster_estimate *out, const struct stats_cluster_data *data)
{
    const double *item = data->scratch, *fault = item + data->n_items;
    const struct moments none = {0};
    const struct moments i = out->items > 1 ? moments_of(item, data->n_items) : none;
    const struct moments f = out->faults > 1 ? moments_of(fault, data->n_faults) : none;
    const bool both = out->items > 1 && out->faults > 1;
    const struct moments c = moments_of(fault + data->n_faults, data->n_cells);
    const struct moments shared = both ? c : none;
    uint32_t clusters = out->items < out->faults ? out->items : out->faults;
    if (!both)
        clusters = out->items > out->faults ? out->items : out->faults;
    out->v_item = out->items > 1 ? i.v : NAN;
    out->v_fault = out->faults > 1 ? f.v : NAN;
    out->v_cell = c.v;
    if (out->whole) {
        out->variance = out->skew = 0;
        out->df = INFINITY;
        return;
    }
    if (clusters < 2) {
        out->variance = out->df = out->skew = NAN;
        return;
    }
    out->variance = fmax(i.v + f.v - shared.v, fmax(i.v, f.v));
    if (out->variance <= 0) {
        out->df = clusters - 1;
        out->skew = 0;
        return;
    }
    const double m4 = fmax(i.m4 + f.m4 - shared.m4, fmax(i.m4, f.m4));
    out->df = degrees_of_freedom(out->variance, m4, c.v, clusters);
    out->skew = (i.m3 + f.m3 - shared.m3) / (out->variance * sqrt(out->variance));
}

/* Every fault of each stratum with weight, and one item: nothing is random. */
static bool is_whole(const struct stats_cluster_estimate *out,
                     const struct stats_cluster_data *data)
{
    bool whole = out->items == 1;
    for (uint32_t h = 0; whole && h < data->n_strata; h++)
        whole = data->stratum[h].weight == 0 || drawn_of(&data->stratum[h]) >= 1;
    return whole;
}

/* A trial's share of the variance where events are too few to show it: if M of one item's N faults
 * are events, none is among f N drawn with chance (1 - f)^M, as in -ln(1 - f) / f times as many
 * trials drawn with replacement. At most 1 / (1 - f), by which the variance falls. With several
 * items the faults' part is too small to matter. */
static double spared(const struct stats_cluster_estimate *out,
                     const struct stats_cluster_stratum *s)
{
    const double drawn = drawn_of(s);
    if (out->items != 1 || drawn <= 0)
        return 1;
    return drawn < 1 ? drawn / -log1p(-drawn) : 0;
}

/* n_effective and related fields, from the variance and the strata's shares of the denominator. */
static void count_effective(struct stats_cluster_estimate *out,
                            const struct stats_cluster_data *data, double denominator)
{
    double kish = 0, worst = 0;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        const struct stats_cluster_stratum *s = &data->stratum[h];
        if (s->weight <= 0 || s->counted == 0)
            continue;
        const double share = s->weight * s->sum_counted / s->sum_weight / denominator;
        kish += share * share / (double)s->counted * spared(out, s);
        worst = fmax(worst, share / (double)s->counted * spared(out, s));
    }
    const double own = out->rate * (1 - out->rate);
    out->n_proportional = 1 / kish;
    out->n_zero = 1 / worst;
    /* equal residuals everywhere (no event; pure strata) say nothing about the variance */
    out->n_effective = out->variance > 0 ? own / out->variance : out->n_proportional;
    out->design_effect = (double)out->counted / out->n_effective;
    if (out->variance > 0)
        out->skew -= (1 - 2 * out->rate) / sqrt(out->n_effective * own);
}

static void set_unknown(struct stats_cluster_estimate *out)
{
    out->rate = out->variance = out->v_item = out->v_fault = out->v_cell = NAN;
    out->n_effective = out->n_proportional = out->n_zero = NAN;
    out->design_effect = out->df = out->skew = NAN;
}

/* Residuals of every stratum with a coefficient; rate: what each stratum is compared with. */
static void spread(struct stats_cluster_estimate *out, const struct stats_cluster_data *data,
                   double denominator)
{
    memset(data->scratch, 0,
           sizeof(*data->scratch) * ((size_t)data->n_items + data->n_faults + data->n_cells));
    size_t from = 0;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        const struct stats_cluster_stratum *s = &data->stratum[h];
        struct linear linear;
        fill_factors(&linear, s);
        if (denominator > 0) {
            linear.rate = out->rate;
            linear.coefficient = s->weight / s->sum_weight / denominator;
            linear.centre = (s->sum_value - out->rate * s->sum_counted) / s->sum_weight;
        } else {
            linear.rate = s->rate;
            linear.coefficient = s->weight / s->sum_counted;
            linear.centre = 0;
        }
        if (s->weight != 0)
            add_residuals(data, &linear, data->trial + from, s->trials);
        from += s->trials;
    }
    combine(out, data);
}

void stats_cluster_rate(struct stats_cluster_estimate *out, const struct stats_cluster_data *data)
{
    *out = (struct stats_cluster_estimate){0};
    count_trials(out, data);
    double numerator = 0, denominator = 0;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        const struct stats_cluster_stratum *s = &data->stratum[h];
        if (s->weight == 0)
            continue;
        numerator += s->weight * s->sum_value / s->sum_weight;
        denominator += s->weight * s->sum_counted / s->sum_weight;
    }
    if (!(denominator > 0)) {
        set_unknown(out);
        return;
    }
    out->rate = numerator / denominator;
    out->whole = is_whole(out, data);
    spread(out, data, denominator);
    count_effective(out, data, denominator);
}

void stats_cluster_contrast(struct stats_cluster_estimate *out,
                            const struct stats_cluster_data *data)
{
    *out = (struct stats_cluster_estimate){0};
    count_trials(out, data);
    double sum = 0;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        if (data->stratum[h].weight != 0)
            sum += data->stratum[h].weight * data->stratum[h].rate;
    }
    set_unknown(out);
    if (isnan(sum))
        return;
    out->rate = stats_interval_end(sum);
    out->whole = is_whole(out, data);
    spread(out, data, 0);
    out->design_effect = out->variance / out->v_cell;
    out->skew = NAN;
}

static void set_unknown_interval(struct stats_cluster_interval *out)
{
    *out = (struct stats_cluster_interval){{0, 1}, STATS_CLUSTER_UNKNOWN, 0, 0};
}

/* Cornish and Fisher's shift of an end by skewness (Johnson 1978; Hall 1992, 3.10), of the part
 * that Wilson's form lacks, and outwards only: a third moment is poorly estimated. */
static void move_out(struct stats_cluster_interval *out,
                     const struct stats_cluster_estimate *estimate, double t,
                     enum stats_interval_side side)
{
    const double shift = estimate->skew * sqrt(estimate->variance) * (1 + 2 * t * t) / 6;
    const bool up = shift > 0 && side != STATS_INTERVAL_LOWER;
    const bool down = shift < 0 && side != STATS_INTERVAL_UPPER;
    if (up)
        out->bounds.high = fmin(stats_interval_end(out->bounds.high + shift), 1);
    if (down)
        out->bounds.low = fmax(stats_interval_end(out->bounds.low + shift), 0);
    out->shift = up || down ? shift : 0;
}

void stats_cluster_interval(struct stats_cluster_interval *out,
                            const struct stats_cluster_estimate *estimate,
                            const struct stats_cluster_request *request)
{
    const double rate = estimate->rate, tail = stats_interval_tail(request->level);
    const uint64_t others = estimate->counted - estimate->events;
    const uint64_t rarer = estimate->events < others ? estimate->events : others;
    const double floor = fmax(request->deff_floor, 1);

    set_unknown_interval(out);
    if (!(rate >= 0 && rate <= 1) || estimate->counted == 0)
        return;
    if (estimate->whole) {
        *out = (struct stats_cluster_interval){{rate, rate}, STATS_CLUSTER_KNOWN, INFINITY, 0};
        return;
    }
    if (rarer == 0) {
        out->method = STATS_CLUSTER_ZERO;
        out->n = estimate->n_zero / floor;
        out->bounds = stats_interval_clopper_pearson(rate * out->n, out->n, request->level);
        return;
    }
    const double t = -stats_special_t_quantile(tail, estimate->df);
    const double ratio = stats_special_normal_quantile(tail) / t;
    if (rarer < CLUSTER_FEW_EVENTS) {
        const double n = fmin(estimate->n_effective, estimate->n_proportional / floor);
        out->method = STATS_CLUSTER_EXACT;
        out->n = n * ratio * ratio;
        out->bounds = stats_interval_clopper_pearson(rate * out->n, out->n, request->level);
    } else {
        out->method = STATS_CLUSTER_SCORE;
        out->n = estimate->n_effective * ratio * ratio;
        out->bounds = stats_interval_wilson(rate, out->n, request->level);
        move_out(out, estimate, t, request->level.side);
    }
    if (!(out->n > 0))
        set_unknown_interval(out);
}

struct stats_interval stats_cluster_contrast_interval(const struct stats_cluster_estimate *estimate,
                                                      struct stats_interval_level level)
{
    const double tail = stats_interval_tail(level);
    const double half = -stats_special_t_quantile(tail, estimate->df) * sqrt(estimate->variance);
    if (isnan(half) || isnan(estimate->rate))
        return (struct stats_interval){-INFINITY, INFINITY};
    return (struct stats_interval){
        level.side == STATS_INTERVAL_UPPER ? -INFINITY : stats_interval_end(estimate->rate - half),
        level.side == STATS_INTERVAL_LOWER ? INFINITY : stats_interval_end(estimate->rate + half),
    };
}

double stats_cluster_contrast_above(const struct stats_cluster_estimate *estimate, double null)
{
    const double t = (estimate->rate - null) / sqrt(estimate->variance);
    return stats_special_t(-t, estimate->df);
}
