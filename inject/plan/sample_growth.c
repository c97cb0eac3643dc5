/* SPDX-License-Identifier: MIT */
/* Sums of weights over positions, in closed form if there is one. */
#include "inject/plan/sample_internal.h"
#include "model/op.h"
#include "shared/order.h"

/* Fills the tables of cumulative MACs; positions are few, nodes are few hundred. */
void sample_growth_time(struct sample *s)
{
    const struct graph *graph = &s->model->graph;
    s->output_macs = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        s->output_macs += node->layer == GRAPH_NO_LAYER ? (double)op_macs(node, 0) : 0;
    }
    for (uint32_t t = 0; t < s->positions; t++) {
        double macs = 0;
        for (uint32_t i = 0; i < graph->count; i++) {
            const struct node *node = &graph->node[i];
            if (node->layer != GRAPH_NO_LAYER)
                macs += (double)op_macs(node, op_seen(t, node->window));
        }
        s->time[t + 1] = s->time[t] + macs;
        s->entries_time[t + 1] = s->entries_time[t] + macs * t;
    }
}

void sample_growth_range(const struct sample *s, const struct sample_curve *c,
                         const struct sample_item *item, uint32_t *lo, uint32_t *hi)
{
    const struct plan_when *when = &s->plan->when;
    const uint32_t last = item->n_prompt - 1, end = item->n_prompt + item->n_tokens - 1;
    const uint32_t begins[] = {
        [STAGE_PREFILL] = 0, [STAGE_FIRST] = last, [STAGE_DECODE] = last + 1, [STAGE_ANY] = 0};
    const uint32_t ends[] = {
        [STAGE_PREFILL] = last, [STAGE_FIRST] = last + 1, [STAGE_DECODE] = end, [STAGE_ANY] = end};
    *lo = begins[c->stage];
    *hi = ends[c->stage];
    if (s->plan->design == PLAN_FAULT_MAJOR) {
        *lo = 0;
        *hi = 1;
    }
    if (when->steps.given) {
        const uint64_t first = (uint64_t)last + when->steps.first;
        const uint64_t after = (uint64_t)last + when->steps.last + 1;
        *lo = *lo < first ? (uint32_t)first : *lo;
        *hi = *hi < after ? *hi : (uint32_t)after;
    }
    if (c->late && *lo < last)
        *lo = last;
    if (*lo < c->least)
        *lo = c->least;
    if (*hi < *lo || item->left_out)
        *hi = *lo;
}

/* sum of s + 1 for s < t, with growth limited by the window. */
static double seen_sum(uint32_t t, uint32_t window)
{
    const double all = (double)t, w = window;
    if (window == 0 || t <= window)
        return all * (all + 1) / 2;
    return w * (w + 1) / 2 + (all - w) * w;
}

enum status sample_growth_table(struct sample *s, struct sample_curve *c)
{
    double *sum = arena_array(&s->arena, (size_t)s->positions + 1, sizeof(*sum));
    double *key = arena_array(&s->arena, (size_t)s->positions + 1, sizeof(*key));
    if (!sum || !key)
        return STATUS_MEMORY;
    for (uint32_t t = 0; t < s->positions; t++) {
        const double seen = op_seen(t, c->window);
        const double part = c->growth == GROWTH_PART ? 1 : seen;
        sum[t + 1] = sum[t] + part * seen / (c->rest + seen);
        key[t + 1] = key[t] + seen / (c->rest + seen);
    }
    c->sum = sum;
    c->key = key;
    return STATUS_OK;
}

static double entries_sum(uint32_t t)
{
    return t == 0 ? 0 : (double)t * ((double)t - 1) / 2;
}

/* Cumulative weight before position t, from 0 on; only for growths that do not need the range. */
static double sum_from_start(const struct sample *s, const struct sample_curve *c,
                             const struct sample_item *item, uint32_t t)
{
    const uint32_t last = item->n_prompt - 1;
    const double end = item->n_prompt + item->n_tokens - 1;
    const double late = t > last ? (double)(t - last) : 0;
    switch (c->growth) {
    case GROWTH_SEEN:
        return seen_sum(t, c->window);
    case GROWTH_PART:
    case GROWTH_PART_SEEN:
        return c->sum[t];
    case GROWTH_ENTRIES:
        return entries_sum(t);
    case GROWTH_ROWS:
        return end * t - entries_sum(t);
    case GROWTH_TIME:
        return s->time[t] + s->output_macs * late;
    case GROWTH_ENTRIES_TIME:
        return s->entries_time[t] +
               s->output_macs * (t > last ? entries_sum(t) - entries_sum(last) : 0);
    case GROWTH_ROWS_TIME:
        return end * s->time[t] - s->entries_time[t] +
               s->output_macs * (t > last ? end * late - entries_sum(t) + entries_sum(last) : 0);
    default:
        return t;
    }
}

double sample_growth_sum(const struct sample *s, const struct sample_curve *c,
                         const struct sample_item *item, uint32_t position)
{
    uint32_t lo, hi;
    sample_growth_range(s, c, item, &lo, &hi);
    const uint32_t t = position < hi ? position : hi, chunk = s->plan->chunk;
    if (t <= lo)
        return 0;
    if (c->growth == GROWTH_CHUNK)
        return 1 + (double)((t - 1) / chunk) - (double)(lo / chunk);
    if (c->growth == GROWTH_RANGE)
        return 1;
    if (c->growth == GROWTH_RANGE_SEEN)
        return hi - order_first_key(lo, c->window);
    return sum_from_start(s, c, item, t) - sum_from_start(s, c, item, lo);
}

double sample_growth_all(const struct sample *s, const struct sample_curve *c,
                         const struct sample_item *item)
{
    return sample_growth_sum(s, c, item, UINT32_MAX);
}

uint32_t sample_growth_curve(struct sample *s, const struct sample_curve *curve)
{
    for (uint32_t i = 0; i < s->n_curves; i++) {
        const struct sample_curve *c = &s->curve[i];
        if (c->growth == curve->growth && c->window == curve->window && c->stage == curve->stage &&
            c->late == curve->late && c->least == curve->least && c->rest == curve->rest)
            return i;
    }
    if (s->n_curves == SAMPLE_CURVES)
        return SAMPLE_NONE;
    s->curve[s->n_curves] = *curve;
    return s->n_curves++;
}

enum sample_growth sample_growth_size(const struct sample_extent *e, enum sample_unit unit)
{
    const bool keyed = (e->seen || e->entries || e->rows) && !e->all_keys;
    if (unit == UNIT_RANGE)
        return keyed ? GROWTH_RANGE_SEEN : GROWTH_RANGE;
    if (unit == UNIT_CHUNK)
        return GROWTH_CHUNK;
    return !keyed ? GROWTH_ONE : e->entries ? GROWTH_ENTRIES : e->rows ? GROWTH_ROWS : GROWTH_SEEN;
}
