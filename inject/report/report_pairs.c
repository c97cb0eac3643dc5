/* SPDX-License-Identifier: MIT */
/* Finds pairs by coordinates; weighs and scales their table. */
#include "inject/report/report_pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "inject/stats/stats_special.h"

#define PAIRS_FEW 10 /* discordant pairs below which their variance is not trusted */

struct keyed {
    uint64_t key, trial;
    const struct report_trial *at;
};

static uint64_t text_key(const char *text)
{
    uint64_t h = 1;
    for (; text && *text; text++)
        h = hash_fold64(h, (unsigned char)*text);
    return h;
}

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

static int by_first(const void *a, const void *b)
{
    const struct report_pair *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* What identifies a prompt in two databases: its text, or its ids if the plan gives those. */
static const char *prompt_of(const struct store_item *item)
{
    return item->prompt && item->prompt[0] ? item->prompt : item->prompt_ids;
}

static uint64_t item_key(const struct store_item *item)
{
    return hash_fold64(text_key(prompt_of(item)), item->sample);
}

/* Item of `other` with the same prompt, the same sample of it; REPORT_NONE. */
static uint32_t same_item(const struct store_item *item, const struct report_data *other)
{
    for (uint32_t i = 0; i < other->n_items; i++) {
        if (item->sample == other->item[i].sample &&
            is_same_text(prompt_of(item), prompt_of(&other->item[i])))
            return i;
    }
    return REPORT_NONE;
}

/* Items whose golden run differs in the other database: other ids, or another answer. */
static uint32_t mark_apart(uint8_t *apart, const struct report_data *data,
                           const struct report_data *other)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < data->n_items; i++) {
        const uint32_t j = same_item(&data->item[i], other);
        const struct store_item *a = &data->item[i], *b = &other->item[j == REPORT_NONE ? 0 : j];
        apart[i] = j != REPORT_NONE &&
                   !(is_same_text(a->prompt_ids, b->prompt_ids) &&
                     is_same_text(a->tokens, b->tokens) && is_same_text(a->text, b->text));
        count += apart[i];
    }
    return count;
}

static size_t key_trials(struct keyed *out, const struct report_data *data, const uint8_t *apart,
                         uint64_t *out_apart)
{
    size_t n = 0;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        if (apart[t->item]) {
            ++*out_apart;
            continue;
        }
        const uint64_t item = item_key(&data->item[t->item]);
        out[n++] = (struct keyed){hash_fold64(t->fault_key, item), t->trial, t};
    }
    qsort(out, n, sizeof(*out), by_key);
    return n;
}

static void match(struct report_pairs *out, const struct keyed *a, size_t n_a,
                  const struct keyed *b, size_t n_b)
{
    size_t i = 0, j = 0;
    while (i < n_a && j < n_b) {
        if (a[i].key == b[j].key)
            out->pair[out->count++] = (struct report_pair){a[i++].at, b[j++].at};
        else if (a[i].key < b[j].key)
            i++;
        else
            j++;
    }
    out->only_first = n_a - out->count;
    out->only_second = n_b - out->count;
    qsort(out->pair, out->count, sizeof(*out->pair), by_first);
}

enum status report_pairs_make(struct report_pairs *out, struct arena *arena,
                              const struct report_data *first, const struct report_data *second)
{
    uint64_t apart_second = 0;
    struct keyed *a = malloc((first->n + 1) * sizeof(*a));
    struct keyed *b = malloc((second->n + 1) * sizeof(*b));
    uint8_t *apart_a = arena_alloc(arena, (size_t)first->n_items + 1);
    uint8_t *apart_b = arena_alloc(arena, (size_t)second->n_items + 1);
    const size_t clusters = (size_t)first->n_items + first->n_faults + first->n_cells + 1;
    *out = (struct report_pairs){
        .first = first,
        .second = second,
        .pair = arena_array(arena, first->n + 1, sizeof(*out->pair)),
        .trial = arena_array(arena, first->n + 1, sizeof(*out->trial)),
        .stratum = arena_array(arena, (size_t)first->n_strata + 1, sizeof(*out->stratum)),
        .scratch = arena_array(arena, clusters, sizeof(*out->scratch)),
    };
    enum status st = STATUS_OK;
    if (!a || !b || !apart_a || !apart_b || !out->pair || !out->trial || !out->stratum ||
        !out->scratch) {
        log_error("compare: found no memory for %zu trials", first->n + second->n);
        st = STATUS_MEMORY;
    }
    if (!st) {
        out->items_apart = mark_apart(apart_a, first, second);
        mark_apart(apart_b, second, first);
        const size_t n_a = key_trials(a, first, apart_a, &out->apart);
        const size_t n_b = key_trials(b, second, apart_b, &apart_second);
        match(out, a, n_a, b, n_b);
    }
    free(a);
    free(b);
    return st;
}

struct share {
    double all, both, first, second;
    double most; /* weight of a pair */
};

/* Weights of strata that have counted pairs, as shares of their sum; by pairs if there are none. */
static void weigh(const struct report_pairs *pairs, struct stats_cluster_data *data,
                  const struct share *share, bool *weighted)
{
    double sum = 0;
    *weighted = true;
    for (uint32_t h = 0; h < data->n_strata; h++)
        *weighted =
            *weighted && !(pairs->stratum[h].trials && isnan(pairs->first->stratum[h].weight));
    for (uint32_t h = 0; h < data->n_strata; h++) {
        struct stats_cluster_stratum *s = &data->stratum[h];
        const double own = *weighted ? pairs->first->stratum[h].weight : share[h].all;
        s->weight = s->trials ? own : 0;
        sum += s->weight;
    }
    for (uint32_t h = 0; h < data->n_strata; h++)
        data->stratum[h].weight /= sum;
}

/* Pairs for which one stands: runs under an arm are all trials that are not masked and a share of
 * the others, the same of both databases if they draw alike. */
static double weight_of(const struct report_pair *pair)
{
    const double a = pair->first->weight, b = pair->second->weight;
    return pair->first->trial == pair->second->trial ? fmax(a, b) : a * b;
}

/* Puts counted pairs into the cluster's arrays; counts the table of each stratum. */
static void fill(struct report_pairs_result *out, const struct report_pairs *pairs,
                 struct stats_cluster_data *data, struct share *share,
                 const struct report_pairs_request *request)
{
    for (size_t k = 0; k < pairs->count; k++) {
        const struct report_trial *a = pairs->pair[k].first, *b = pairs->pair[k].second;
        if (!report_rate_holds(a, request->given) || !report_rate_holds(b, request->given))
            continue;
        const int x = request->events >> a->outcome & 1, y = request->events >> b->outcome & 1;
        const double weight = weight_of(&pairs->pair[k]);
        struct share *own = &share[a->stratum];
        pairs->trial[data->n_trials++] = (struct stats_cluster_trial){
            a->stratum, a->base, a->fault, a->cell, true, x - y, weight};
        data->stratum[a->stratum].trials++;
        own->all += weight;
        own->most = fmax(own->most, weight);
        own->both += x && y ? weight : 0;
        own->first += x && !y ? weight : 0;
        own->second += !x && y ? weight : 0;
        out->count.both += x && y;
        out->count.first_only += x && !y;
        out->count.second_only += !x && y;
        out->count.neither += !x && !y;
    }
    out->pairs = data->n_trials;
}

/* Independent pairs with the same variance of the difference; with few discordant pairs the count
 * as reduced by the weights. */
static double effective(const struct report_pairs_result *out, const struct share *total,
                        const struct stats_cluster_estimate *e,
                        const struct stats_cluster_data *data, const struct share *share)
{
    double worst = 0;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        if (share[h].all > 0)
            worst = fmax(worst, data->stratum[h].weight * share[h].most / share[h].all);
    }
    const double discordant = out->count.first_only + out->count.second_only;
    const double own = total->first + total->second -
                       (total->first - total->second) * (total->first - total->second);
    const double by_variance = e->variance > 0 ? own / e->variance : INFINITY;
    const double most = discordant < PAIRS_FEW ? 1 / worst : total->all;
    return fmin(most, by_variance);
}

static void set_tests(struct report_pairs_result *out, const struct report_pairs_request *request)
{
    out->bounds = stats_paired_interval(
        &out->scaled, (struct stats_interval_level){request->confidence, STATS_INTERVAL_BOTH});
    out->mcnemar_exact = stats_paired_mcnemar_exact(&out->count);
    out->mcnemar_mid = stats_paired_mcnemar_mid(&out->count);
    const double z = stats_paired_score(&out->scaled, 0);
    out->mcnemar = out->scaled.first_only + out->scaled.second_only > 0
                       ? 2 * stats_special_normal(-fabs(z))
                       : 1;
    out->equivalence = out->non_inferiority = NAN;
    if (request->margin > 0) {
        out->equivalence = stats_paired_equivalence(&out->scaled, request->margin);
        out->non_inferiority = stats_paired_non_inferiority(&out->scaled, request->margin);
    }
}

/* The strata's shares, each by its weight; `all`: pairs for which they stand. */
static struct share total_of(const struct stats_cluster_data *data, const struct share *share)
{
    struct share total = {0};
    for (uint32_t h = 0; h < data->n_strata; h++) {
        const double weight = share[h].all > 0 ? data->stratum[h].weight / share[h].all : 0;
        total.all += share[h].all;
        total.both += weight * share[h].both;
        total.first += weight * share[h].first;
        total.second += weight * share[h].second;
    }
    return total;
}

void report_pairs_compare(struct report_pairs_result *out, const struct report_pairs *pairs,
                          const struct report_pairs_request *request)
{
    const struct report_data *first = pairs->first;
    struct stats_cluster_data data = {.trial = pairs->trial,
                                      .stratum = pairs->stratum,
                                      .n_strata = first->n_strata,
                                      .n_items = first->n_items,
                                      .n_faults = first->n_faults,
                                      .n_cells = first->n_cells,
                                      .scratch = pairs->scratch};
    struct stats_cluster_estimate e;
    *out = (struct report_pairs_result){.difference = NAN,
                                        .bounds = {-1, 1},
                                        .mcnemar = NAN,
                                        .equivalence = NAN,
                                        .non_inferiority = NAN};
    struct share *share = calloc((size_t)first->n_strata + 1, sizeof(*share));
    memset(pairs->stratum, 0, first->n_strata * sizeof(*pairs->stratum));
    if (share)
        fill(out, pairs, &data, share, request);
    if (!share || out->pairs == 0) {
        free(share);
        return;
    }
    weigh(pairs, &data, share, &out->weighted);
    const struct share total = total_of(&data, share);
    stats_cluster_contrast(&e, &data);
    const double n = effective(out, &total, &e, &data, share);
    free(share);
    out->n_effective = n;
    out->design_effect = total.all / n;
    out->first = total.both + total.first;
    out->second = total.both + total.second;
    out->difference = stats_interval_end(total.first - total.second);
    out->scaled =
        (struct stats_paired_table){n * total.both, n * total.first, n * total.second,
                                    n * fmax(1 - total.both - total.first - total.second, 0)};
    set_tests(out, request);
}
