#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reference values of the statistics, by scipy and statsmodels, or from the definition.

Prints one check per line: a name, numbers, "=", the value. Lines "trial STRATUM ITEM FAULT COUNTED
VALUE" are data for the cluster_* checks after them; "begin" drops earlier ones. Exit status 77: a
package is missing. tests/inject/test_stats_reference.c compares the program with it.
"""

import sys

try:
    import numpy as np
    import statsmodels.api as sm
    from scipy import optimize, stats
    from statsmodels.stats import contingency_tables, multitest, proportion
except ImportError as missing:
    print(f"skipped: {missing}", file=sys.stderr)
    sys.exit(77)

SEED = 7
rng = np.random.default_rng(SEED)


def check(name, *arguments):
    *numbers, value = arguments
    print(name, *(repr(float(n)) for n in numbers), "=", repr(float(value)))


def special():
    for _ in range(200):
        a, b = np.exp(rng.uniform(-2, 13, 2))
        x = np.clip(rng.beta(a, b), 1e-12, 1 - 1e-12)
        check("beta", x, a, b, stats.beta.cdf(x, a, b))
        p = rng.uniform(1e-6, 0.5)
        check("beta_quantile", p, a, b, stats.beta.ppf(p, a, b))
        df = np.exp(rng.uniform(-0.5, 12))
        t = stats.t.ppf(rng.uniform(0.001, 0.5), df)
        check("t", t, df, stats.t.cdf(t, df))
        check("t_quantile", p, df, stats.t.ppf(p, df))
        check("normal_quantile", p, stats.norm.ppf(p))
        z = rng.uniform(-8, 8)
        check("normal", z, stats.norm.cdf(z))
        x = stats.chi2.ppf(rng.uniform(0.001, 0.999), df)
        check("chi2_upper", x, df, stats.chi2.sf(x, df))
        n = int(np.exp(rng.uniform(0, 13)))
        q = rng.uniform(0.001, 0.999)
        k = int(rng.binomial(n, q))
        check("binomial", k, n, q, stats.binom.pmf(k, n, q))
        check("binomial_at_most", k, n, q, stats.binom.cdf(k, n, q))


def intervals():
    for _ in range(100):
        n = int(np.exp(rng.uniform(0, 12)))
        k = int(rng.binomial(n, rng.choice([0.0, 0.001, 0.05, 0.5, 0.97, 1.0])))
        level = rng.choice([0.8, 0.95, 0.99])
        for name, method in (("wilson", "wilson"), ("clopper_pearson", "beta")):
            low, high = proportion.proportion_confint(k, n, 1 - level, method=method)
            check(name + "_low", k, n, level, low)
            check(name + "_high", k, n, level, high)
        m = int(np.exp(rng.uniform(1, 10)))
        j = int(rng.binomial(m, 0.1))
        low, high = proportion.confint_proportions_2indep(k, n, j, m, method="newcomb",
                                                          alpha=1 - level)
        check("newcombe_low", k, n, j, m, level, low)
        check("newcombe_high", k, n, j, m, level, high)


def log_likelihood_top(table, difference):
    """The share of second_only that maximises the likelihood under the difference."""
    both, first, second, neither = table

    def loss(q):
        rest = 1 - 2 * q - difference
        terms = ((first, q + difference), (second, q), (both + neither, rest))
        return -sum(c * np.log(max(s, 1e-300)) for c, s in terms if c)

    low, high = max(0, -difference), (1 - difference) / 2
    found = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded",
                                     options={"xatol": 1e-13})
    return min((low, found.x, high), key=loss)


def paired_score(table, difference):
    _, first, second, _ = table
    n = sum(table)
    q = log_likelihood_top(table, difference)
    return (first - second - n * difference) / np.sqrt(n * (2 * q + difference * (1 - difference)))


def paired():
    for _ in range(30):
        table = [int(x) for x in rng.multinomial(int(np.exp(rng.uniform(3, 8))),
                                                 [0.1, 0.06, 0.03, 0.81])]
        square = np.reshape(table, (2, 2))
        check("mcnemar_exact", *table, contingency_tables.mcnemar(square, exact=True).pvalue)
        b, c = sorted(table[1:3])
        observed = stats.binom.pmf(b, b + c, 0.5)
        mid = 1 - observed / 2 if b == c else 2 * stats.binom.cdf(b, b + c, 0.5) - observed
        check("mcnemar_mid", *table, mid if c else 1)
        for difference in (-0.2, -0.02, 0.01, 0.3):
            check("paired_score", *table, difference, paired_score(table, difference))
        z = stats.norm.ppf(0.975)
        for name, target in (("tango_low", z), ("tango_high", -z)):
            end = optimize.brentq(lambda d, v=target, t=table: paired_score(t, d) - v,
                                  -0.999, 0.999, xtol=1e-12)
            check(name, *table, 0.95, end)
        lower, upper = paired_score(table, -0.05), paired_score(table, 0.05)
        check("equivalence", *table, 0.05, max(stats.norm.sf(lower), stats.norm.cdf(upper)))


def many():
    for _ in range(20):
        p = rng.uniform(0, 0.1, 5)
        for i, adjusted in enumerate(multitest.multipletests(p, method="holm")[1]):
            check("holm", i, *p, adjusted)
        weight = rng.uniform(0.5, 2, 6)
        observed = rng.multinomial(500, weight / weight.sum())
        check("fit", *observed, *weight,
              stats.chisquare(observed, 500 * weight / weight.sum()).pvalue)
        trials = rng.integers(20, 80, 4)
        events = rng.binomial(trials, [0.1, 0.15, 0.2, 0.25])
        position = np.cumsum(rng.uniform(0.5, 2, 4))
        table = contingency_tables.Table(np.array([trials - events, events]).T, shift_zeros=False)
        linear = table.test_ordinal_association(row_scores=position, col_scores=np.array([0, 1]))
        n = trials.sum()
        check("trend", *events, *trials, *position, linear.zscore * np.sqrt(n / (n - 1)))


def survival():
    for _ in range(10):
        events, censored = rng.integers(0, 6, 8), rng.integers(0, 4, 8)
        events[2] += 1
        times = np.arange(1, 9)
        time = np.repeat(np.tile(times, 2), np.concatenate([events, censored]))
        status = np.repeat([1, 0], [events.sum(), censored.sum()])
        curve = sm.SurvfuncRight(time, status)
        sample = stats.CensoredData.right_censored(time, status == 0)
        bounds = stats.ecdf(sample).sf.confidence_interval(0.95, method="log-log")
        for t, value, error in zip(curve.surv_times, curve.surv_prob, curve.surv_prob_se):
            i = int(t) - 1
            check("survival", i, *events, *censored, value)
            if value > 0:
                check("survival_error", i, *events, *censored, error)
                check("survival_low", i, *events, *censored, bounds.low.evaluate(t))
                check("survival_high", i, *events, *censored, bounds.high.evaluate(t))


def cluster_fit(trials, strata):
    """Rates of the strata by least squares, and V_item + V_fault - V_cell of them."""
    counted = trials[trials[:, 3] > 0]
    h, item, fault, _, y = counted.T
    design = (h[:, None] == np.arange(strata)).astype(float)
    covariance = 0
    # with the clusters of a stratum: every item, its share of faults, its share of trials
    for sign, group, size in ((1, item, 12), (1, fault, 30 / strata),
                              (-1, np.arange(len(y)), len(trials) / strata)):
        fit = sm.OLS(y, design).fit(cov_type="cluster", cov_kwds={
            "groups": group.astype(int), "use_correction": False})
        covariance = covariance + sign * fit.cov_params() * size / (size - 1)
    return fit.params, covariance


def clusters():
    for strata, conditional in ((1, False), (3, False), (1, True)):
        item, fault = np.meshgrid(np.arange(12), np.arange(30), indexing="ij")
        p = 1 / (1 + np.exp(1.5 - rng.normal(0, 1, 12)[:, None] - rng.normal(0, 1.5, 30)))
        y = rng.random(p.shape) < p
        counted = rng.random(p.shape) < 0.7 if conditional else np.ones(p.shape, bool)
        h = fault % strata
        trials = np.column_stack([a.ravel() for a in (h, item, fault, counted, y & counted)])
        trials = trials[np.argsort(trials[:, 0], kind="stable")].astype(float)
        print("begin")
        for row in trials:
            print("trial", *(int(x) for x in row))
        rates, covariance = cluster_fit(trials, strata)
        weight = np.arange(1, strata + 1) / np.arange(1, strata + 1).sum()
        check("cluster_rate", weight @ rates)
        check("cluster_variance", weight @ covariance @ weight)
        if strata > 1:
            contrast = np.arange(strata) - (strata - 1) / 2
            check("contrast_rate", contrast @ rates)
            check("contrast_variance", contrast @ covariance @ contrast)


def looks():
    share = np.array([0.3, 0.6, 1.0])
    spent = 2 * stats.norm.sf(stats.norm.ppf(1 - 0.025 / 2) / np.sqrt(share))
    boundary = []
    for k in range(3):
        t = share[:k + 1]
        correlation = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
        law = stats.multivariate_normal(np.zeros(k + 1), correlation, maxpts=200000, abseps=1e-9,
                                        releps=1e-9)
        boundary.append(optimize.brentq(
            lambda z, law=law, k=k: 1 - law.cdf(np.array([*boundary[:k], z])) - spent[k], 1, 6))
        check("look", k, *share, boundary[k])


for part in (special, intervals, paired, many, survival, clusters, looks):
    part()
