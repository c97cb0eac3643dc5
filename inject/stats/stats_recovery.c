/* SPDX-License-Identifier: MIT */
/* Replicates as counts per item: each is one pass over the items. */
#include "inject/stats/stats_recovery.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/rng.h"
#include "base/sort.h"
#include "inject/stats/stats_special.h"

struct measure {
    double value, error; /* standard error */
};
/* Each item counted `times` times, or once if that is null. NaN: not defined. */
typedef struct measure measure_of(const struct stats_recovery_params *p, const uint32_t *times);

/* sum with / sum without; NaN without losses. */
static struct measure ratio_of(const struct stats_recovery_params *p, const uint32_t *times)
{
    double with = 0, without = 0, squares = 0;
    for (uint32_t i = 0; i < p->n_items; i++) {
        const double k = times ? times[i] : 1;
        with += k * p->item[i].with;
        without += k * p->item[i].without;
    }
    if (!(without > 0))
        return (struct measure){NAN, NAN};
    const double value = with / without, n = p->n_items;
    for (uint32_t i = 0; i < p->n_items; i++) {
        const double residual = p->item[i].with - value * p->item[i].without;
        squares += (times ? times[i] : 1) * residual * residual;
    }
    return (struct measure){value, n > 1 ? sqrt(n / (n - 1) * squares) / without : NAN};
}

/* sum without - sum with. */
static struct measure net_of(const struct stats_recovery_params *p, const uint32_t *times)
{
    const double n = p->n_items;
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < p->n_items; i++)
        sum += (times ? times[i] : 1) * (p->item[i].without - p->item[i].with);
    for (uint32_t i = 0; i < p->n_items; i++) {
        const double residual = p->item[i].without - p->item[i].with - sum / n;
        squares += (times ? times[i] : 1) * residual * residual;
    }
    return (struct measure){sum, n > 1 ? sqrt(n / (n - 1) * squares) : NAN};
}

/* Studentised replicates, sorted; their number. One whose items are all alike counts as the most
 * extreme that t with one degree of freedom would give. */
static uint32_t replicate(const struct stats_recovery_params *p, measure_of *of,
                          struct measure whole)
{
    const double most = 1 / tan(M_PI * stats_interval_tail(p->level));
    uint32_t defined = 0;
    for (uint32_t r = 0; r < p->replicates; r++) {
        struct rng rng;
        rng_init(&rng, p->seed, r);
        memset(p->times, 0, p->n_items * sizeof(*p->times));
        for (uint32_t i = 0; i < p->n_items; i++)
            p->times[rng_below(&rng, p->n_items)]++;
        const struct measure one = of(p, p->times);
        if (isnan(one.value))
            continue;
        const double t = (one.value - whole.value) / one.error;
        p->scratch[defined++] = isnan(t) ? 0 : fmax(-most, fmin(most, t));
    }
    sort_doubles(p->scratch, defined);
    return defined;
}

/* The p-th quantile as an order statistic. */
static double quantile(const double *sorted, uint32_t n, double p)
{
    const double rank = fmax(0, fmin(n - 1.0, p * (n + 1.0) - 1));
    const uint32_t at = (uint32_t)rank, next = at + 1 < n ? at + 1 : at;
    return sorted[at] + (rank - at) * (sorted[next] - sorted[at]);
}

/* The ends of value + t error. False: there are fewer than two replicates. */
static bool bootstrap(struct stats_interval *out, const struct stats_recovery_params *p,
                      measure_of *of, struct measure whole)
{
    const double tail = stats_interval_tail(p->level);
    const uint32_t n = replicate(p, of, whole);
    if (n < 2)
        return false;
    out->low = whole.value - quantile(p->scratch, n, 1 - tail) * whole.error;
    out->high = whole.value - quantile(p->scratch, n, tail) * whole.error;
    return true;
}

static void set_net(struct stats_recovery *out, const struct stats_recovery_params *p)
{
    const struct measure whole = net_of(p, NULL);
    uint32_t differ = 0;
    for (uint32_t i = 0; i < p->n_items; i++)
        differ += p->item[i].without != p->item[i].with;
    out->net = whole.value;
    out->net_bounds = (struct stats_interval){-INFINITY, INFINITY};
    if (differ < 2)
        return;
    if (!(whole.error > 0))
        out->net_bounds = (struct stats_interval){whole.value, whole.value};
    else
        (void)bootstrap(&out->net_bounds, p, net_of, whole);
}

void stats_recovery_run(struct stats_recovery *out, const struct stats_recovery_params *p)
{
    const double tail = stats_interval_tail(p->level);
    const struct measure whole = ratio_of(p, NULL);
    struct stats_interval ratio = {whole.value, whole.value};
    double sum = 0, squares = 0;
    bool cut = true;
    uint32_t lossy = 0;
    assert(p->replicates >= 100);
    for (uint32_t i = 0; i < p->n_items; i++) {
        const double without = fmax(0, p->item[i].without);
        sum += without;
        squares += without * without;
        lossy += p->item[i].without > 0;
        cut = cut && p->item[i].with >= 0;
    }
    *out = (struct stats_recovery){.recovery = 1 - whole.value,
                                   .error = whole.error,
                                   .bounds = {-INFINITY, 1},
                                   .items = squares > 0 ? sum * sum / squares : 0};
    set_net(out, p);
    if (isnan(whole.value) || lossy < 2)
        return;
    if (whole.error > 0 && !bootstrap(&ratio, p, ratio_of, whole))
        return;
    out->bounds = (struct stats_interval){1 - ratio.high, 1 - ratio.low};
    if (whole.value <= 0 && whole.error == 0)
        out->bounds.low = pow(tail, 1 / out->items);
    if (whole.value >= 1 && whole.error == 0)
        out->bounds.high = fmax(out->bounds.high, 1 - pow(tail, 1 / out->items));
    if (cut)
        out->bounds.high = fmin(1, out->bounds.high);
}
