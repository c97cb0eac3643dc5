#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Recomputes every number of a report from the database alone, with numpy, scipy and statsmodels.

usage: report_reference.py VKFI DB OTHER FOLDER nested|crossed

OTHER is the same campaign on another device; FOLDER is what `vkfi report DB --data FOLDER` wrote; `vkfi gate` and `vkfi compare` are run here.
Prints what was compared. Exit status: 0 all agree, 1 a number differs.
"""

import json
import math
import sqlite3
import subprocess
import sys

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

SDC = ["sdc_unscored", "sdc_improved", "sdc_benign", "sdc_critical"]
UNCHANGED = ["inert", "not_reached"]
FIELDS = ["sign", "exponent", "mantissa"]
LAYERS_BESIDE = ["place", "site", "point", "readers", "granularity", "kind", "duration", "bit_field", "row",
                 "rows", "k", "mask", "bit", "key", "step"]


class Checker:
    """Counts comparisons; the first failure ends the program."""

    def __init__(self):
        self.count = 0

    def near(self, what, found, expected, tolerance=1e-9):
        self.count += 1
        both_missing = pd.isna(found) and pd.isna(expected)
        if not both_missing and not abs(found - expected) <= tolerance * max(abs(expected), 1e-9):
            sys.exit(f"{what}: found {found!r}, expected {expected!r}")


def load_trials(path):
    """Counted trials, with their stratum's label and weight."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        rows = pd.read_sql("select * from trial", db)
        strata = pd.read_sql("select * from stratum", db)
    rows = rows[rows.control.isna() & rows.suspect.isna()].copy()
    rows["fault"] = rows.groupby(LAYERS_BESIDE, dropna=False).ngroup()
    rows["sdc"] = rows.outcome.isin(SDC).astype(float)
    rows["changed"] = ~rows.outcome.isin(UNCHANGED)
    return rows.reset_index(drop=True), strata


def cluster_rate(rows, weights, value, counted, nested):
    """(rate, variance, design effect) by the definitions: linearised residuals, V_item + V_fault -
    V_cell, G / (G - 1) per stratum, finite-population correction on faults of nested designs."""
    n_h = rows.groupby("stratum").size()
    y_h = (value * counted).groupby(rows.stratum).sum() / n_h
    d_h = counted.astype(float).groupby(rows.stratum).sum() / n_h
    numerator = sum(weights[h] * y_h[h] for h in n_h.index)
    denominator = sum(weights[h] * d_h[h] for h in n_h.index)
    rate = numerator / denominator
    residual = np.zeros(len(rows))
    own = np.where(counted, value - rate, 0.0)
    factor = {"item": np.zeros(len(rows)), "fault": np.zeros(len(rows)), "cell": np.zeros(len(rows))}
    cells = rows.groupby(["item", "fault"]).ngroup()
    keys = {"item": rows.item, "fault": rows.fault, "cell": cells}
    for h in n_h.index:
        here = (rows.stratum == h).to_numpy()
        centre = y_h[h] - rate * d_h[h]
        residual[here] = weights[h] / n_h[h] / denominator * (own[here] - centre)
        for name, key in keys.items():
            groups = key[here].nunique()
            small = math.sqrt(groups / (groups - 1)) if groups > 1 else 1
            share = here.sum() / 1e6 if nested else 0
            factor[name][here] = small * (1 if name == "item" else math.sqrt(1 - share))
    v = {name: (pd.Series(residual * factor[name]).groupby(key.to_numpy()).sum() ** 2).sum()
         for name, key in keys.items()}
    variance = max(v["item"] + v["fault"] - v["cell"], v["item"], v["fault"])
    n_effective = rate * (1 - rate) / variance if variance > 0 else math.nan
    return rate, variance, counted.sum() / n_effective


def check_outcomes(check, folder, rows, strata, nested):
    table = pd.read_csv(f"{folder}/outcomes.csv").set_index("outcome")
    weights = dict(zip(strata.id, strata.weight))
    for name, row in table.iterrows():
        wanted = {"SDC (all)": SDC, "SDC or DUE": [*SDC, "due"],
                  "masked (both)": ["masked_bitexact", "masked_tokens"]}.get(name, [name])
        value = rows.outcome.isin(wanted).astype(float)
        everything = pd.Series(True, index=rows.index)
        rate, _, effect = cluster_rate(rows, weights, value, everything, nested)
        check.near(f"outcomes {name}", row["all"], rate)
        check.near(f"outcomes {name} design effect", row.design_effect, effect)
        check.near(f"outcomes {name} effective n", row.n_effective, len(rows) / effect)
        check.near(f"outcomes {name} events", row.events, value.sum())
        if name not in UNCHANGED:
            rate, _, _ = cluster_rate(rows, weights, value, rows.changed, nested)
            check.near(f"outcomes {name} of changed", row.changed, rate)
        if not row.all_low < row["all"] < row.all_high and value.sum() > 0:
            sys.exit(f"outcomes {name}: the interval does not hold the estimate")


def check_strata(check, folder, rows, strata, nested):
    table = pd.read_csv(f"{folder}/strata.csv").set_index("stratum")
    for _, stratum in strata.iterrows():
        own = rows[rows.stratum == stratum.id]
        row = table.loc[stratum.label]
        everything = pd.Series(True, index=own.index)
        rate, variance, _ = cluster_rate(own, {stratum.id: 1.0}, own.sdc, everything, nested)
        check.near(f"stratum {stratum.label}", row.rate, rate)
        check.near(f"stratum {stratum.label} n", row.trials, len(own))
        check.near(f"stratum {stratum.label} of changed", row.given,
                   own.sdc[own.changed].mean() if own.changed.any() else math.nan)
        if variance > 0:
            check.near(f"stratum {stratum.label} effective n", row.n_effective,
                       rate * (1 - rate) / variance)


def check_plain(check, folder, rows):
    """The columns that are Wilson's for independent trials."""
    table = pd.read_csv(f"{folder}/checks.csv")
    for given, row in zip(["all", "changed"], table.itertuples()):
        n = len(rows) if given == "all" else rows.changed.sum()
        low, high = proportion_confint(row.rate * n, n, method="wilson")
        check.near(f"plain {given} low", row.plain_low, low)
        check.near(f"plain {given} high", row.plain_high, high)
        width = row.rate_high - row.rate_low
        if abs(row.bootstrap - row.rate) > 0.1 * width or not (
                0.7 < (row.bootstrap_high - row.bootstrap_low) / width < 1.3):
            sys.exit(f"bootstrap of {given}: {row}")
        check.count += 1


def check_survival(check, folder, rows):
    table = pd.read_csv(f"{folder}/survival.csv")
    for stage, part in table.groupby("stage"):
        own = rows[(rows.stage == stage) & rows.changed & (rows.outcome != "due")]
        start = own.step.fillna(0)
        event = own.first_diff.notna()
        time = np.where(event, own.first_diff - start, own.golden_len - start)
        reference = SurvfuncRight(time, event.astype(int))
        found = part.set_index("tokens").survival
        for t, s in zip(reference.surv_times, reference.surv_prob):
            check.near(f"survival {stage} at {t}", found[int(t)], s)


def check_deviation(check, folder, rows):
    table = pd.read_csv(f"{folder}/deviation.csv")
    values = {}
    for row in rows[rows.changed & (rows.outcome != "due")].itertuples():
        distance = [boundary[1] for boundary in json.loads(row.deviation)]
        for after, value in enumerate(distance[int(row.layer) + 1:]):
            values.setdefault(after, []).append(value)
    for row in table.itertuples():
        own = sorted(values[row.layers_after])
        check.near("deviation n", row.trials, len(own))
        for name, share in [("p10", 0.1), ("p50", 0.5), ("p90", 0.9)]:
            check.near(f"deviation {name}", getattr(row, name), own[int(share * (len(own) - 1) + 0.5)])


def check_hypotheses(check, folder, rows, strata):
    table = pd.read_csv(f"{folder}/hypotheses.csv").set_index("name")
    rate = rows.groupby("stratum").sdc.mean()
    label = {s.id: dict(p.split("=") for p in s.label.split()) for s in strata.itertuples()}

    def side(field):
        own = [s for s in strata.itertuples() if label[s.id]["bit_field"] == field]
        return sum(s.weight * rate[s.id] for s in own) / sum(s.weight for s in own)

    check.near("contrast", table.loc["exponents matter"].estimate, side("exponent") - side("mantissa"))
    layers = sorted({int(part["layer"]) for part in label.values()})
    by_layer = [sum(s.weight * rate[s.id] for s in strata.itertuples()
                    if int(label[s.id]["layer"]) == layer) /
                sum(s.weight for s in strata.itertuples() if int(label[s.id]["layer"]) == layer)
                for layer in layers]
    check.near("trend", table.loc["early layers matter"].estimate, np.polyfit(layers, by_layer, 1)[0])
    adjusted = multipletests(table.p, method="holm")[1]
    for name, found, expected in zip(table.index, table.adjusted, adjusted):
        check.near(f"Holm {name}", found, expected)


def domain_rate(own, counts, event, weights):
    """The rate of `event` among the trials `own` of a group that cuts through strata of `counts` trials."""
    share = own.groupby("stratum").size() / counts[own.stratum.unique()]
    events = event[own.index].groupby(own.stratum).sum() / counts[own.stratum.unique()]
    return sum(weights[h] * events[h] for h in events.index) / sum(weights[h] * share[h] for h in share.index)


def check_bits(check, folder, rows, strata):
    table = pd.read_csv(f"{folder}/bits.csv")
    weights = dict(zip(strata.id, strata.weight))
    for row in table.itertuples():
        own = rows[rows.bit == row.bit]
        check.near(f"bit {row.bit}", row.rate, domain_rate(own, rows.groupby("stratum").size(), rows.sdc, weights))
        check.near(f"bit {row.bit} n", row.trials, len(own))


def check_places(check, folder, rows, strata):
    """By stage and by kind of site; the values of a dimension hold each trial once."""
    table = pd.read_csv(f"{folder}/places.csv")
    weights = dict(zip(strata.id, strata.weight))
    counts = rows.groupby("stratum").size()
    value = {"stage": rows.stage, "site": rows.site.str.split(".").str[2]}
    critical = (rows.outcome == "sdc_critical").astype(float)
    for by, part in table.groupby("by"):
        check.near(f"places by {by}", part.trials.sum(), len(rows))
        check.near(f"values of {by}", len(part), value[by].nunique())
    if not len(table):
        sys.exit("places: no stage and no kind of site differs in the fixture")
    for row in table.itertuples():
        own = rows[value[row.by] == row.value]
        right = own[own.score_golden >= 1]
        check.near(f"{row.by} {row.value} n", row.trials, len(own))
        check.near(f"{row.by} {row.value}", row.sdc, domain_rate(own, counts, rows.sdc, weights))
        if len(right):
            check.near(f"{row.by} {row.value} right", row.right_trials, len(right))
            check.near(f"{row.by} {row.value} right to wrong", row.right_to_wrong,
                       domain_rate(right, counts, critical, weights))


def run(command):
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}")
    return json.loads(done.stdout)


def check_gate(check, command, rows, strata, nested):
    weights = dict(zip(strata.id, strata.weight))
    everything = pd.Series(True, index=rows.index)
    rate, variance, _ = cluster_rate(rows, weights, rows.sdc, everything, nested)
    found = run([*command, "--max", "0.5", "--json"])["limit"]
    check.near("gate rate", found["rate"], rate)
    check.near("gate effective n", found["n_effective"], rate * (1 - rate) / variance)
    # The bound is Wilson's at n_effective (z / t)^2, t with at most `items - 1` degrees of freedom,
    # and moved out by skewness: never below Wilson's with z, and not far above it.
    plain = proportion_confint(rate * found["n_effective"], found["n_effective"], alpha=0.1,
                               method="wilson")[1]
    wide = rate + stats.t.ppf(0.95, 4) * math.sqrt(variance) * 1.5
    if not plain * (1 - 1e-9) <= found["upper"] <= wide:
        sys.exit(f"gate: found an upper bound of {found['upper']}, expected {plain} to {wide}")
    check.count += 1


def check_compare(check, vkfi, path, other, rows):
    their, _ = load_trials(other)
    found = run([vkfi, "compare", path, other, "--reliability", "--margin", "0.02", "--json"])
    found = found["comparisons"][0]
    pairs = rows.merge(their, on="trial", suffixes=("", "_b"))
    differ = (pairs.outcome != pairs.outcome_b).sum()
    conform = found["conformance"]
    if conform["differ"] < differ:
        sys.exit(f"conformance: found {conform['differ']} records that differ, expected {differ}")
    check.near("conformance bound", conform["upper"],
               proportion_confint(conform["differ"], conform["shared"], alpha=0.1, method="beta")[1])
    own = found["reliability"]["classes"]["sdc"]
    pairs = pairs[pairs.item != 1]  # its goldens differ
    table = [[((pairs.sdc == a) & (pairs.sdc_b == b)).sum() for b in (1, 0)] for a in (1, 0)]
    for name, value in zip(["both", "first_only", "second_only", "neither"], np.ravel(table)):
        check.near(f"pairs {name}", own[name], value)
    check.near("McNemar exact", own["mcnemar_exact"], mcnemar(table, exact=True).pvalue)
    n = own["n_effective"]
    # scaled discordant shares give the score statistic back
    difference = own["difference"]
    weights = pairs.weight / pairs.groupby("stratum").trial.transform("size")
    check.near("difference", difference, (weights * (pairs.sdc - pairs.sdc_b)).sum() / weights.sum())
    discordant = (weights * (pairs.sdc != pairs.sdc_b)).sum() / weights.sum()
    z = difference * n / math.sqrt(discordant * n)
    check.near("McNemar weighed", own["mcnemar"], 2 * stats.norm.sf(abs(z)))


def main():
    vkfi, path, other, folder, design = sys.argv[1:6]
    nested = design == "nested"
    check = Checker()
    rows, strata = load_trials(path)
    check_outcomes(check, folder, rows, strata, nested)
    check_strata(check, folder, rows, strata, nested)
    check_plain(check, folder, rows)
    check_survival(check, folder, rows)
    check_deviation(check, folder, rows)
    check_hypotheses(check, folder, rows, strata)
    check_bits(check, folder, rows, strata)
    check_places(check, folder, rows, strata)
    check_gate(check, [vkfi, "gate", path], rows, strata, nested)
    check_compare(check, vkfi, path, other, rows)
    print(f"{check.count} numbers agree ({design})")


if __name__ == "__main__":
    main()
