/* SPDX-License-Identifier: MIT */
/* Draws of sentences; of each draw, golden's score and the mean of those with faulty texts. */
#include "inject/stats/stats_corpus.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "base/sort.h"
#include "inject/stats/stats_bootstrap.h"

#define TEXTS 16u /* scores of a draw of sentences, each with one faulty text a sentence */

/* Memory of the draws, and their scores. */
struct draws {
    uint64_t *sum;                        /* (width) */
    size_t *chosen;                       /* (n) sentences of a draw */
    uint32_t *times;                      /* (n_faults) of each fault in a draw */
    double *golden, *change, *normalised; /* (replicates) */
    uint32_t defined;
};

static void add(uint64_t *sum, const uint64_t *counts, size_t width)
{
    for (size_t k = 0; k < width; k++)
        sum[k] += counts[k];
}

static double weight_of(const struct stats_corpus_text *text, const uint32_t *times)
{
    return times ? text->weight * times[text->fault] : text->weight;
}

static double total_of(const struct stats_corpus_sentence *s, const uint32_t *times)
{
    double total = 0;
    for (uint32_t i = 0; i < s->n_texts; i++)
        total += weight_of(&s->text[i], times);
    return total;
}

/* A text of the sentence by weight, each fault counted as often as it is drawn; if none is, by
 * weight alone. */
static const uint64_t *pick(const struct stats_corpus *c, const struct draws *d,
                            const struct stats_corpus_sentence *s, struct rng *rng)
{
    const uint32_t *times = c->n_faults > 0 ? d->times : NULL;
    const uint64_t *last = s->golden;
    double total = total_of(s, times);
    if (!(total > 0)) {
        times = NULL;
        total = total_of(s, NULL);
    }
    double left = rng_unit(rng) * total;
    for (uint32_t i = 0; i < s->n_texts && left >= 0; i++) {
        const double weight = weight_of(&s->text[i], times);
        last = weight > 0 ? s->text[i].counts : last;
        left -= weight;
    }
    return last;
}

/* Which sentences a draw has: of each part as many as it has, with replacement or as they are. */
static void choose(const struct stats_corpus *c, struct draws *d, struct rng *rng)
{
    for (size_t first = 0, end; first < c->n; first = end) {
        for (end = first; end < c->n && c->sentence[end].part == c->sentence[first].part;)
            end++;
        for (size_t i = first; i < end; i++)
            d->chosen[i] = rng ? first + rng_below(rng, end - first) : i;
    }
}

/* The mean score of the parts: of golden's texts without `rng`, else of drawn ones. */
static double score_once(const struct stats_corpus *c, const struct draws *d, struct rng *rng)
{
    double mean = 0;
    for (size_t i = 0, first = 0; i < c->n; i++) {
        const struct stats_corpus_sentence *s = &c->sentence[d->chosen[i]];
        if (i == first)
            memset(d->sum, 0, c->width * sizeof(*d->sum));
        add(d->sum, rng ? pick(c, d, s, rng) : s->golden, c->width);
        if (i + 1 < c->n && c->sentence[i + 1].part == s->part)
            continue;
        mean += c->score(d->sum) / c->n_parts;
        first = i + 1;
    }
    return mean;
}

static double mean_score(const struct stats_corpus *c, const struct draws *d, struct rng *rng,
                         uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += score_once(c, d, rng);
    return sum / n;
}

static void draw_faults(const struct stats_corpus *c, struct draws *d, struct rng *rng)
{
    memset(d->times, 0, c->n_faults * sizeof(*d->times));
    for (uint32_t i = 0; i < c->n_faults; i++)
        d->times[rng_below(rng, c->n_faults)]++;
}

/* Sentences as they are, with all faults. */
static void estimate(struct stats_corpus_result *out, const struct stats_corpus *c, struct draws *d)
{
    struct rng rng;
    rng_init(&rng, c->seed, 0);
    for (uint32_t i = 0; i < c->n_faults; i++)
        d->times[i] = 1;
    choose(c, d, NULL);
    out->golden = score_once(c, d, NULL);
    out->faulty = mean_score(c, d, &rng, c->replicates);
    out->normalised = (out->faulty - c->chance) / (out->golden - c->chance);
}

static void draw_all(struct draws *d, const struct stats_corpus *c)
{
    for (uint32_t r = 0; r < c->replicates; r++) {
        struct rng rng;
        rng_init(&rng, c->seed, 1 + (uint64_t)r);
        draw_faults(c, d, &rng);
        choose(c, d, &rng);
        const double golden = score_once(c, d, NULL), faulty = mean_score(c, d, &rng, TEXTS);
        const double normalised = (faulty - c->chance) / (golden - c->chance);
        d->golden[r] = golden;
        d->change[r] = faulty - golden;
        if (isfinite(normalised))
            d->normalised[d->defined++] = normalised;
    }
}

static struct stats_interval interval_of(double *value, uint32_t n, const struct stats_corpus *c)
{
    sort_doubles(value, n);
    return n < c->replicates ? (struct stats_interval){NAN, NAN}
                             : stats_bootstrap_interval(value, n, c->level);
}

enum status stats_corpus(struct stats_corpus_result *out, const struct stats_corpus *corpus)
{
    const uint32_t n = corpus->replicates;
    assert(n >= 40 && corpus->n > 0);
    struct draws d = {.sum = calloc(corpus->width, sizeof(*d.sum)),
                      .chosen = calloc(corpus->n, sizeof(*d.chosen)),
                      .times = calloc(corpus->n_faults + 1, sizeof(*d.times)),
                      .golden = calloc(n, sizeof(*d.golden)),
                      .change = calloc(n, sizeof(*d.change)),
                      .normalised = calloc(n, sizeof(*d.normalised))};
    const bool whole = d.sum && d.chosen && d.times && d.golden && d.change && d.normalised;
    if (whole) {
        estimate(out, corpus, &d);
        draw_all(&d, corpus);
        out->of_golden = interval_of(d.golden, n, corpus);
        out->of_change = interval_of(d.change, n, corpus);
        out->of_normalised = interval_of(d.normalised, d.defined, corpus);
    } else {
        log_error("out of host memory for %u draws of a corpus", n);
    }
    free(d.sum);
    free(d.chosen);
    free(d.times);
    free(d.golden);
    free(d.change);
    free(d.normalised);
    return whole ? STATUS_OK : STATUS_MEMORY;
}
