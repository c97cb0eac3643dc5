/* SPDX-License-Identifier: MIT */
/* Simulated coverage of the intervals where trials share items and faults (method 4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "inject/stats_cluster.h"
#include "inject/stats_interval.h"

#define SIDE 100
#define TRIALS (SIDE * SIDE)
#define SEED 20240607
#define REQUIRED 0.94

enum design { CROSSED, NESTED, INDEPENDENT };

struct setting {
    const char *name;
    enum design design;
    uint32_t items, faults; /* faults of each item */
    double rate;
    uint32_t strata;
    double required;
};

struct tally {
    uint32_t runs, wilson, naive, below, above, upper, exact;
    double width, deff;
};

struct bench {
    struct stats_cluster_trial trial[TRIALS];
    struct stats_cluster_stratum stratum[8];
    double scratch[3 * TRIALS];
    double item[TRIALS], fault[TRIALS];
};

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static double normal(struct rng *rng)
{
    const double u = 1 - rng_unit(rng), v = rng_unit(rng);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* The centre on the logit scale at which the rate, averaged over items (sd 1) and faults (sd 2), is
 * the one asked for; the trapezoid rule is exact to rounding here. */
static double centre_of(double rate)
{
    double low = -30, high = 30;
    while (high - low > 1e-12) {
        const double mid = (low + high) / 2;
        double sum = 0, weight = 0;
        for (double z = -9; z <= 9; z += 0.05) {
            sum += exp(-z * z / 2) * logistic(mid + sqrt(5) * z);
            weight += exp(-z * z / 2);
        }
        *(sum / weight < rate ? &low : &high) = mid;
    }
    return low;
}

/* Items are seen by all strata, faults belong to one. */
static void draw(struct bench *b, struct stats_cluster_data *data, const struct setting *s,
                 struct rng *rng)
{
    const double centre = centre_of(s->rate);
    const uint32_t n = s->items * s->faults, each = s->faults / s->strata;
    for (uint32_t k = 0; k < n; k++) {
        b->item[k] = k < s->items || s->design == INDEPENDENT ? normal(rng) : 0;
        b->fault[k] = k < s->faults || s->design != CROSSED ? 2 * normal(rng) : 0;
    }
    size_t k = 0;
    for (uint32_t h = 0; h < s->strata; h++) {
        data->stratum[h] = (struct stats_cluster_stratum){.weight = 1. / s->strata};
        for (uint32_t i = 0; i < s->items; i++) {
            for (uint32_t j = 0; j < each; j++, k++) {
                struct stats_cluster_trial *t = &b->trial[k];
                const uint32_t id = (uint32_t)k;
                *t = (struct stats_cluster_trial){
                    h, i, h * each + j, id, .counted = true, .weight = 1};
                if (s->design != CROSSED)
                    t->fault = id;
                if (s->design == INDEPENDENT)
                    t->item = id;
                const double p = logistic(centre + b->item[t->item] + b->fault[t->fault]);
                t->value = rng_unit(rng) < p;
            }
        }
    }
    data->n_items = s->design == INDEPENDENT ? n : s->items;
    data->n_faults = s->design == CROSSED ? s->faults : n;
    data->n_cells = n;
    data->n_trials = n;
    data->n_strata = s->strata;
}

static void count(struct tally *out, const struct stats_cluster_data *data, double truth)
{
    struct stats_cluster_request request = {{0.95, STATS_INTERVAL_BOTH}, 1};
    struct stats_cluster_estimate e;
    struct stats_cluster_interval i;
    stats_cluster_rate(&e, data);
    stats_cluster_interval(&i, &e, &request);
    const struct stats_interval naive =
        stats_interval_wilson(e.rate, (double)e.counted, request.level);
    out->runs++;
    out->below += i.bounds.low > truth;
    out->above += i.bounds.high < truth;
    out->wilson += i.bounds.low <= truth && truth <= i.bounds.high;
    out->naive += naive.low <= truth && truth <= naive.high;
    out->exact += i.method != STATS_CLUSTER_SCORE;
    out->width += i.bounds.high - i.bounds.low;
    out->deff += e.design_effect;
    request.level.side = STATS_INTERVAL_UPPER;
    stats_cluster_interval(&i, &e, &request);
    out->upper += truth <= i.bounds.high;
}

static struct tally simulate(const struct setting *s, uint32_t runs)
{
    struct bench *b = calloc(1, sizeof *b);
    struct stats_cluster_data data = {
        .trial = b->trial, .stratum = b->stratum, .scratch = b->scratch};
    struct tally tally = {0};
    for (uint32_t r = 0; r < runs; r++) {
        struct rng rng;
        rng_init(&rng, SEED, r);
        draw(b, &data, s, &rng);
        count(&tally, &data, s->rate);
    }
    free(b);
    const double n = tally.runs;
    printf("%-34s runs %u  covered %.2f %%  below %.2f  above %.2f  upper bound %.2f %%  naive %.2f "
           "%%  width %.4f  deff %.2f  exact %.1f %%\n",
           s->name, tally.runs, 100 * tally.wilson / n, 100 * tally.below / n,
           100 * tally.above / n, 100 * tally.upper / n, 100 * tally.naive / n, tally.width / n,
           tally.deff / n, 100 * tally.exact / n);
    return tally;
}
int main(int argc,char**argv){
    const struct setting all[]={
      {"crossed 100x100",CROSSED,100,100,.054,1,.94},
      {"nested 100x100",NESTED,100,100,.054,1,.94},
      {"independent",INDEPENDENT,100,100,.054,1,.94},
      {"crossed 100x100, 4 strata",CROSSED,100,100,.054,4,.94},
      {"crossed 20x60",CROSSED,20,60,.054,1,.94},
      {"nested 20x60",NESTED,20,60,.054,1,.94},
      {"crossed 20x60 .4%",CROSSED,20,60,.004,1,.94},
      {"nested 20x60 .4%",NESTED,20,60,.004,1,.94},
      {"indep 20x60 .4%",INDEPENDENT,20,60,.004,1,.94},
      {"indep 20x60 1.2%",INDEPENDENT,20,60,.012,1,.94},
      {"crossed 20x20",CROSSED,20,20,.054,1,.94},
      {"nested 10x20",NESTED,10,20,.054,1,.94},
      {"crossed 100x100 50%",CROSSED,100,100,.5,1,.94},
      {"crossed 100x100 95%",CROSSED,100,100,.95,1,.94},
    };
    int runs=argc>1?atoi(argv[1]):500;
    for(size_t i=0;i<sizeof all/sizeof*all;i++) simulate(&all[i],all[i].items*all[i].faults>5000?runs:4*runs);
}
