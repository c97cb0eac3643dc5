/* SPDX-License-Identifier: MIT */
/* Capital of bets on a grid, inverted by bisection: it falls in m on one side and grows on the
 * other. */
#include "inject/stats/stats_sequence.h"

#include <math.h>
#include <stdbool.h>

/* Stakes: down, q / m = cos^2 of equal angles, from just below 1 to near 0; up, q / m - 1 in half
 * octaves from 1/128 to 4096, but not beyond q = 1: a bet that may lose more than the capital is
 * invalid, since cut off at 0 it wins on average. A bet wins at rate q; 40 bets cost at most
 * ln(40). */
#define SEQUENCE_STAKES 40
#define SEQUENCE_STEPS 60

struct sample {
    const double *x; /* null: `events` of `n` */
    size_t count;
    double events, n;
};

static double stake(int j, double m, bool down)
{
    if (down) {
        const double root = sin(M_PI * (j + 0.5) / (2 * SEQUENCE_STAKES));
        return -root * root;
    }
    return fmin(exp2(0.5 * j - 7), (1 - m) / m);
}

/* Log of one bet's capital against m; -INFINITY once it is lost. */
static double log_capital(const struct sample *s, double m, double g)
{
    const double odds = g / (1 - m);
    if (!s->x) {
        const double others = s->n - s->events;
        const double lost = 1 - odds * m;
        if (others > 0 && lost <= 0)
            return -INFINITY;
        return s->events * log1p(g) + (others > 0 ? others * log(lost) : 0);
    }
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        const double factor = odds * (s->x[i] - m);
        if (factor <= -1)
            return -INFINITY;
        sum += log1p(factor);
    }
    return sum;
}

/* The mean of all bets' capital has reached 1 / tail. */
static bool has_won(const double log_each[SEQUENCE_STAKES], double tail)
{
    double most = -INFINITY, sum = 0;
    for (int j = 0; j < SEQUENCE_STAKES; j++)
        most = fmax(most, log_each[j]);
    if (most == -INFINITY)
        return false;
    for (int j = 0; j < SEQUENCE_STAKES; j++)
        sum += exp(log_each[j] - most);
    return most + log(sum / SEQUENCE_STAKES) >= -log(tail);
}

static bool is_given_up(const struct sample *s, double m, bool down, double tail)
{
    double log_each[SEQUENCE_STAKES];
    for (int j = 0; j < SEQUENCE_STAKES; j++)
        log_each[j] = log_capital(s, m, stake(j, m, down));
    return has_won(log_each, tail);
}

/* The outermost m not rejected, on the safe side of the last bisection step. */
static double bound(const struct sample *s, bool down, double tail)
{
    double kept = s->n > 0 ? s->events / s->n : 0.5, lost = down ? 1 : 0;
    for (int step = 0; step < SEQUENCE_STEPS; step++) {
        const double mid = kept + (lost - kept) / 2;
        if (mid == kept || mid == lost)
            break;
        if (is_given_up(s, mid, down, tail))
            lost = mid;
        else
            kept = mid;
    }
    return lost;
}

static struct stats_interval both_bounds(const struct sample *s, struct stats_interval_level level)
{
    const double tail = stats_interval_tail(level);
    if (!(s->n > 0 && s->events >= 0 && s->events <= s->n && tail > 0 && tail < 1))
        return (struct stats_interval){0, 1};
    return (struct stats_interval){
        level.side == STATS_INTERVAL_UPPER ? 0 : stats_interval_end(bound(s, false, tail)),
        level.side == STATS_INTERVAL_LOWER ? 1 : stats_interval_end(bound(s, true, tail)),
    };
}

struct stats_interval stats_sequence_bernoulli(double events, double n,
                                               struct stats_interval_level level)
{
    const struct sample s = {.events = events, .n = n};
    return both_bounds(&s, level);
}

struct stats_interval stats_sequence_bounded(const double *x, size_t n,
                                             struct stats_interval_level level)
{
    struct sample s = {.x = x, .count = n, .n = (double)n};
    for (size_t i = 0; i < n; i++) {
        if (!(x[i] >= 0 && x[i] <= 1))
            return (struct stats_interval){0, 1};
        s.events += x[i];
    }
    return both_bounds(&s, level);
}

size_t stats_sequence_first(const double *x, size_t n, double mean,
                            struct stats_interval_level level)
{
    double log_each[SEQUENCE_STAKES] = {0}, odds[SEQUENCE_STAKES];
    const double tail = stats_interval_tail(level);
    if (!(mean > 0 && mean < 1 && tail > 0 && tail < 1))
        return 0;
    for (int j = 0; j < SEQUENCE_STAKES; j++)
        odds[j] = stake(j, mean, level.side == STATS_INTERVAL_UPPER) / (1 - mean);
    for (size_t i = 0; i < n; i++) {
        for (int j = 0; j < SEQUENCE_STAKES; j++) {
            const double factor = odds[j] * (x[i] - mean);
            log_each[j] += factor <= -1 ? -INFINITY : log1p(factor);
        }
        if (has_won(log_each, tail))
            return i + 1;
    }
    return 0;
}
