/* SPDX-License-Identifier: MIT */
/* Trials of a group, numbered without gaps, to the estimators of stats. */
#include "inject/report/report_rate.h"

#include <math.h>
#include <string.h>

static size_t cluster_count(const struct report_data *data)
{
    return (size_t)data->n_items + data->n_faults + data->n_cells;
}

enum status report_work_init(struct report_work *out, struct arena *arena,
                             const struct report_data *data)
{
    const size_t n = data->n + 1, clusters = cluster_count(data) + 1;
    const size_t strata = (size_t)data->n_strata + 1;
    *out = (struct report_work){
        .data = data,
        .trial = arena_array(arena, n, sizeof(*out->trial)),
        .stratum = arena_array(arena, strata, sizeof(*out->stratum)),
        .touched = arena_array(arena, strata, sizeof(*out->touched)),
        .member = arena_array(arena, n, sizeof(*out->member)),
        .mark = arena_array(arena, clusters, sizeof(*out->mark)),
        .number = arena_array(arena, clusters, sizeof(*out->number)),
        .scratch = arena_array(arena, clusters, sizeof(*out->scratch)),
        .first = arena_array(arena, strata, sizeof(*out->first)),
    };
    if (!out->trial || !out->stratum || !out->touched || !out->member || !out->mark ||
        !out->number || !out->scratch || !out->first)
        return STATUS_MEMORY;
    for (size_t i = 0; i < data->n; i++)
        out->first[data->trial[i].stratum + 1] = i + 1;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        if (out->first[h + 1] < out->first[h])
            out->first[h + 1] = out->first[h]; /* a stratum without trials */
    }
    return STATUS_OK;
}

bool report_rate_holds(const struct report_trial *trial, enum report_given given)
{
    return given == REPORT_CHANGED        ? trial->changed
           : given == REPORT_GOLDEN_RIGHT ? trial->golden_right
                                          : true;
}

bool report_rate_is_weighted(const struct report_rate *rate)
{
    const struct stats_cluster_estimate *e = &rate->estimate;
    return fabs(e->rate / rate->share * (double)e->counted - (double)e->events) > 1e-6;
}

/* Dense number of cluster `index` of the dimension at `base`. */
static uint32_t dense(struct report_work *work, size_t base, uint32_t index, uint32_t *count)
{
    const size_t at = base + index;
    if (work->mark[at] != work->stamp) {
        work->mark[at] = work->stamp;
        work->number[at] = (*count)++;
    }
    return work->number[at];
}

static void add_trial(struct report_work *work, struct stats_cluster_data *out,
                      const struct report_query *query, size_t i)
{
    const struct report_data *data = work->data;
    const struct report_trial *t = &data->trial[i];
    const double value = query->value ? query->value[i] : query->events >> t->outcome & 1;
    const bool counted = work->member[i] && !isnan(value) && report_rate_holds(t, query->given);
    work->trial[out->n_trials++] = (struct stats_cluster_trial){
        .stratum = out->n_strata - 1,
        .item = dense(work, 0, t->base, &out->n_items),
        .fault = dense(work, data->n_items, t->fault, &out->n_faults),
        .cell = dense(work, (size_t)data->n_items + data->n_faults, t->cell, &out->n_cells),
        .counted = counted,
        .value = counted ? value : 0,
        .weight = t->weight,
    };
}

/* Weight of a stratum's trials among `strata`. */
static double weight_of(const struct store_stratum *s, uint32_t strata, bool of_runs)
{
    const double weight = strata == 1 && !(s->weight > 0) ? 1 : s->weight;
    return of_runs ? weight * (1 - s->no_fault) : weight;
}

/* Marks the group's trials and counts their strata. */
static uint32_t mark_members(struct report_work *work, const struct report_query *query)
{
    const struct report_data *data = work->data;
    uint32_t strata = 0;
    memset(work->touched, 0, data->n_strata * sizeof(*work->touched));
    memset(work->member, query->index ? 0 : 1, data->n);
    const size_t count = query->index ? query->count : data->n;
    for (size_t k = 0; k < count; k++) {
        const size_t i = query->index ? query->index[k] : k;
        work->member[i] = 1;
        strata += work->touched[data->trial[i].stratum] == 0;
        work->touched[data->trial[i].stratum] = 1;
    }
    return strata;
}

void report_rate_data(struct stats_cluster_data *out, struct report_work *work,
                      const struct report_query *query)
{
    const struct report_data *data = work->data;
    const uint32_t strata = mark_members(work, query);
    *out = (struct stats_cluster_data){
        .trial = work->trial, .stratum = work->stratum, .scratch = work->scratch};
    work->stamp++;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        const struct store_stratum *s = &data->stratum[h];
        if (!work->touched[h])
            continue;
        const size_t before = out->n_trials;
        struct stats_cluster_stratum *to = &work->stratum[out->n_strata++];
        *to = (struct stats_cluster_stratum){.weight =
                                                 weight_of(s, strata, query->given == REPORT_RUNS)};
        /* In a stratum alone the others' residuals are 0: the ratio is that of the domain. */
        for (size_t i = work->first[h]; i < work->first[h + 1]; i++) {
            if (strata > 1 || work->member[i])
                add_trial(work, out, query, i);
        }
        if (data->drawn[h] > 0) /* for a part of a stratum, its part of the trials */
            to->population = (double)(out->n_trials - before) / data->drawn[h];
    }
}

static void set_unknown(struct report_rate *out)
{
    out->estimate.rate = out->estimate.n_effective = out->estimate.design_effect = NAN;
    out->interval = (struct stats_cluster_interval){{0, 1}, STATS_CLUSTER_UNKNOWN, 0, 0};
}

static void sum_weights(struct report_rate *out, const struct report_work *work, bool all)
{
    for (uint32_t h = 0; h < work->data->n_strata; h++) {
        const double weight = work->data->stratum[h].weight;
        if (work->touched[h])
            out->weight += weight;
        out->strata += work->touched[h];
        out->missing += all && !work->touched[h] && weight > 0;
    }
}

/* Known share of the touched strata's runs that a fault hits. */
static double share_hit(const struct report_rate *out, const struct report_work *work)
{
    double hit = 0, all = 0;
    for (uint32_t h = 0; h < work->data->n_strata; h++) {
        if (work->touched[h] == 0)
            continue;
        hit += weight_of(&work->data->stratum[h], out->strata, true);
        all += weight_of(&work->data->stratum[h], out->strata, false);
    }
    return hit / all;
}

static void multiply(struct report_rate *out, double share)
{
    out->share = share;
    out->estimate.rate *= share;
    out->estimate.variance *= share * share;
    out->interval.bounds.low *= share;
    out->interval.bounds.high *= share;
}

/* Trials that share the cluster of a trial, on average: sum n_c^2 / sum n_c of counted ones. */
static double cluster_size(const struct stats_cluster_data *data, bool faults)
{
    const uint32_t clusters = faults ? data->n_faults : data->n_items;
    double squares = 0, sum = 0;
    memset(data->scratch, 0, clusters * sizeof(*data->scratch));
    for (size_t i = 0; i < data->n_trials; i++) {
        const struct stats_cluster_trial *t = &data->trial[i];
        data->scratch[faults ? t->fault : t->item] += t->counted;
    }
    for (uint32_t c = 0; c < clusters; c++) {
        squares += data->scratch[c] * data->scratch[c];
        sum += data->scratch[c];
    }
    return sum > 0 ? squares / sum : 1;
}

/* (m - 1) / (M - 1), at most 1; M is the campaign's own. */
static double share_of_clusters(double size, double of_all)
{
    return of_all > 1 && size < of_all ? (size - 1) / (of_all - 1) : 1;
}

double report_rate_floor_of(const struct report_work *work, const struct stats_cluster_data *data)
{
    const struct report_floor *f = &work->floor;
    return 1 + f->rest + f->item * share_of_clusters(cluster_size(data, false), f->item_size) +
           f->fault * share_of_clusters(cluster_size(data, true), f->fault_size);
}

void report_rate(struct report_rate *out, struct report_work *work,
                 const struct report_query *query)
{
    struct stats_cluster_data data;
    *out = (struct report_rate){.share = 1};
    report_rate_data(&data, work, query);
    sum_weights(out, work, query->index == NULL);
    out->refused = out->strata > 1 && isnan(out->weight);
    stats_cluster_rate(&out->estimate, &data);
    out->floor = report_rate_floor_of(work, &data);
    if (out->refused || out->missing > 0 || out->strata == 0) {
        set_unknown(out);
        return;
    }
    stats_cluster_interval(&out->interval, &out->estimate,
                           &(struct stats_cluster_request){query->level, out->floor});
    if (query->given == REPORT_RUNS)
        multiply(out, share_hit(out, work));
}

/* Design effect of SDC over all trials, strata weighted by their trials if they have no W_h. */
void report_rate_floor(struct report_data *data, struct report_work *work)
{
    struct stats_cluster_data all;
    struct stats_cluster_estimate estimate;
    report_rate_data(&all, work, &(struct report_query){.events = REPORT_SDC});
    for (uint32_t h = 0, at = 0; h < data->n_strata; h++) {
        if (work->touched[h])
            all.stratum[at++].weight = (double)(work->first[h + 1] - work->first[h]);
    }
    stats_cluster_rate(&estimate, &all);
    work->floor = (struct report_floor){0};
    data->design_effect = 1;
    if (!(estimate.design_effect > 1))
        return;
    const double independent = estimate.variance / estimate.design_effect;
    const double item = (estimate.v_item - estimate.v_cell) / independent;
    const double fault = (estimate.v_fault - estimate.v_cell) / independent;
    data->design_effect = estimate.design_effect;
    work->floor.item = item > 0 ? fmin(item, data->design_effect - 1) : 0;
    work->floor.fault = fault > 0 ? fmin(fault, data->design_effect - 1 - work->floor.item) : 0;
    work->floor.rest = data->design_effect - 1 - work->floor.item - work->floor.fault;
    work->floor.item_size = cluster_size(&all, false);
    work->floor.fault_size = cluster_size(&all, true);
}
