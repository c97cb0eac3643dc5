#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Recomputes every printed interval from the numbers printed with it, and from nothing else.

usage: report_intervals.py FILE ...

No file has a number below 1e-15, the error of rates and ends in double precision, except p-values; for
.gp, the data of pictures, this is the only check. Else FILE by its name: .csv and .json hold all digits
and must agree to 1e-7; .html, .tex and .txt (what a command printed) hold rounded ones, so an interval
must follow from some numbers that are printed so. In these every "[a, b]" has to be of one of the forms
below, in .csv every "_low" column too: an interval without printed basis is an error. Percentiles
of the bootstrap are the exception, they follow from the trials alone. Confidence: in .csv, .html and
.tex tables that of the .json of the same report where there is one, else 0.95; as printed elsewhere.
Prints how many were recomputed. Exit status: 0 all follow, 1 one does not (a line each).
"""

import csv
import functools
import html
import itertools
import json
import math
import pathlib
import re
import sys
import typing
from statistics import NormalDist

CONFIDENCE = 0.95
TOLERANCE = 1e-7
LEAST = 15  # decimals: 2^-50
NUMBER = r"([+-]?\d+(?:\.\d+)?(?:e-\d+)?)"
BASIS = (rf"(?:(Wilson|exact), n = {NUMBER}(?:, (upper|lower) end ([+-]) {NUMBER})?(?:, times {NUMBER})?"
         r"|all of them|nothing known)")
TANGO = rf"only \w+ {NUMBER}(?:,| and) only \w+ {NUMBER} of n = {NUMBER}"


def beta_below(x, a, b):
    """Regularised incomplete beta function by Lentz's continued fraction."""
    if x <= 0 or x >= 1:
        return float(x > 0)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_below(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) +
                     a * math.log(x) + b * math.log1p(-x)) / a
    c, d, f = 1.0, 0.0, 1.0
    for i in range(2000):
        m = i // 2
        if i == 0:
            step = 1.0
        elif i % 2 == 0:
            step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + step * d)
        c = 1 + step / c
        f *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * (f - 1)


def solve(function, low, high):
    """Where a rising function passes 0."""
    while high - low > 1e-13 * max(1, abs(low)):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return (low + high) / 2


def t_quantile(p, df):
    if math.isinf(df):
        return NormalDist().inv_cdf(p)
    return solve(lambda t: 1 - beta_below(df / (df + t * t), df / 2, 0.5) / 2 - p, 0, 1e6)


@functools.cache  # cells come again in HTML and TeX, and for each rounding of a shift
def exact(rate, n, tail):
    events = rate * n
    low = 0 if events <= 0 else solve(lambda x: beta_below(x, events, n - events + 1) - tail, 0, 1)
    high = 1 if events >= n else solve(lambda x: beta_below(x, events + 1, n - events) - (1 - tail), 0, 1)
    return low, high


def wilson(rate, n, tail):
    z = -NormalDist().inv_cdf(tail)
    centre = (rate + z * z / 2 / n) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(rate * (1 - rate), 0) / n + z * z / (4 * n * n))
    return centre - half, centre + half


class Basis(typing.NamedTuple):
    """The basis of an interval; rate and ends are multiplied by `share`, the shift is a share too."""

    method: str
    rate: float
    n: float
    shift: float
    share: float


def ends(basis, tail):
    """Both, as shares."""
    method, rate, n, shift, share = basis
    rate = min(max(rate / share, 0), 1)
    low, high = (wilson if method.lower() == "wilson" else exact)(rate, n, tail)
    return max(low + min(shift, 0), 0) * share, min(high + max(shift, 0), 1) * share


def tango(first_only, second_only, n, tail):
    """Differences that the score test does not reject (Tango 1998)."""
    b, c = first_only, second_only
    z = -NormalDist().inv_cdf(tail)

    def score(d):
        linear = -b - c + (2 * n - b + c) * d
        q = (math.sqrt(max(linear * linear - 8 * n * (-c * d * (1 - d)), 0)) - linear) / (4 * n)
        variance = n * (2 * q + d * (1 - d))
        return (b - c - n * d) / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, b - c - n * d)

    middle = (b - c) / n
    return (solve(lambda d: z - score(d), -1 + 1e-12, middle), solve(lambda d: -z - score(d), middle, 1 - 1e-12))


def newcombe(first, second, correlation):
    """Of (rate, low, high) twice."""
    (p, p_low, p_high), (q, q_low, q_high) = first, second
    r = 2 * correlation
    down = (p - p_low) ** 2 - r * (p - p_low) * (q_high - q) + (q_high - q) ** 2
    up = (p_high - p) ** 2 - r * (p_high - p) * (q - q_low) + (q - q_low) ** 2
    return max(p - q - math.sqrt(max(down, 0)), -1), min(p - q + math.sqrt(max(up, 0)), 1)


def rounding(text):
    """Half a unit of the last printed digit."""
    mantissa, _, exponent = text.partition("e")
    digits = len(mantissa.partition(".")[2])
    return 0.5 * 10 ** (int(exponent or 0) - digits)


def corners(*texts):
    """All combinations of the least and the greatest number with this printed form."""
    return itertools.product(*[(float(t) - rounding(t), float(t) + rounding(t)) for t in texts])


class Book:
    """Counts recomputed intervals; reports those that do not follow."""

    def __init__(self):
        self.count = 0
        self.wrong = 0
        self.level = CONFIDENCE

    def say(self, text):
        self.wrong += 1
        print(text)

    def close(self, what, found, expected):
        self.count += 1
        if not abs(found - expected) <= TOLERANCE * max(1e-3, abs(expected)):
            self.say(f"{what}: found {found!r}, from its numbers follows {expected!r}")

    def printed(self, what, text, candidates):
        """A printed number lies in the range that its rounded sources allow."""
        self.count += 1
        slack = rounding(text) * 1.0001 + 1e-12
        if not min(candidates) - slack <= float(text) <= max(candidates) + slack:
            self.say(f"{what}: found {text}, from its numbers follows {min(candidates)} to {max(candidates)}")


def check_basis(book, what, numbers, tail, match):
    """numbers: printed rate, low, high in per cent, None for an end that is not printed."""
    rate, low, high = numbers
    method, n, side, sign, shift, share = match
    if method is None:
        return
    moved = float(shift) / 100 * (1 if sign == "+" else -1) if shift else 0.0
    if side and (side == "upper") != (moved > 0):
        book.say(f"{what}: found the {side} end moved by {moved}")
    found = [ends(Basis(method, max(p, 0) / 100, max(m, 1e-9), s / 100 * (1 if sign == "+" else -1), w), tail)
             for p, m, s, w in corners(rate, n, shift or "0.0000000", share or "1.0000000")]
    for text, at in ((low, 0), (high, 1)):
        if text is not None:
            book.printed(f"{what} {'low' if at == 0 else 'high'}", text, [100 * f[at] for f in found])


def split_basis(text):
    """(method, n, side, sign, shift, share) of a cell's "n 412.3, exact, +0.21, times 0.4"."""
    match = re.fullmatch(rf"n {NUMBER}(, exact)?(?:, ([+-])(\d[\d.e-]*))?(?:, times {NUMBER})?", text)
    if not match:
        return None
    n, method, sign, shift, share = match.groups()
    return ("exact" if method else "Wilson", n, None, sign, shift, share)


def one(tail_of):
    return (1 - float(tail_of) / 100) / 2


def check_text(book, name, text, known):
    """Everything in brackets, and one-sided bounds; `known`: brackets counted elsewhere."""
    full = rf"{NUMBER} %\s+\[{NUMBER}, {NUMBER}\]([^()\[\]]*)\({NUMBER} %: {BASIS}\)"
    seen = known
    for m in re.finditer(full, text):
        rate, low, high, _, level = m.groups()[:5]
        check_basis(book, f"{name}: {m[0]}", (rate, low, high), one(level), m.groups()[5:])
        seen += 1
    for m in re.finditer(rf"{NUMBER} points(?: a step| a layer)? \[{NUMBER}, {NUMBER}\] \({NUMBER} %: t, "
                         rf"standard error {NUMBER}, df {NUMBER}\)", text):
        estimate, low, high, level, error, df = m.groups()
        seen += 1
        for end, sign in ((low, -1), (high, 1)):
            book.printed(f"{name}: {m[0]}", end, [
                e + sign * t_quantile(1 - one(level), max(d, 0.5)) * s for e, s, d in corners(estimate, error, df)])
    side = rf"{NUMBER} % \[{NUMBER}, {NUMBER}\] \({NUMBER} %: {BASIS}\)".replace("(", "(?:").replace(
        "(?:?:", "(?:").replace(r"\(?:", r"\(")
    for m in re.finditer(rf"{NUMBER} points \[{NUMBER}, {NUMBER}\] \({NUMBER} %: Newcombe of ({side}) and "
                         rf"({side}), correlation {NUMBER}\)", text):
        estimate, low, high, _, first, second, r = m.groups()
        seen += 1
        sides = [re.match(rf"{NUMBER} % \[{NUMBER}, {NUMBER}\]", s).groups() for s in (first, second)]
        found = [newcombe([x / 100 for x in c[:3]], [x / 100 for x in c[3:6]], c[6])
                 for c in corners(*sides[0], *sides[1], r)]
        book.printed(f"{name}: {m[0]}", low, [100 * f[0] for f in found])
        book.printed(f"{name}: {m[0]}", high, [100 * f[1] for f in found])
    scores = re.finditer(rf"chance {NUMBER} %;[^\n]*\n +golden score +{NUMBER} % \[{NUMBER}, {NUMBER}\][^\n]*\n"
                         rf" +faulty score +[^\n]*?change {NUMBER} points \[{NUMBER}, {NUMBER}\][^\n]*\n"
                         rf" +normalised +{NUMBER} % \[{NUMBER}, {NUMBER}\] \({NUMBER} %: linearised", text)
    for m in scores:
        seen += 1
        found = [normalised(c[1:4], c[4:7], c[1] - c[0]) for c in corners(*m.groups()[:7])]
        book.printed(f"{name}: {m[0]}", m[9], [100 * f[0] for f in found])
        book.printed(f"{name}: {m[0]}", m[10], [100 * f[1] for f in found])
    for m in re.finditer(rf"{NUMBER} \[{NUMBER}, {NUMBER}\] points \({NUMBER} %: Tango, {TANGO}\)", text):
        _, low, high, level, b, c, n = m.groups()
        seen += 1
        check_tango(book, f"{name}: {m[0]}", (low, high), (b, c, n), one(level))
    for m in re.finditer(rf"^  \w[\w+]* +[\d.]+ +[\d.]+ +{NUMBER} \[{NUMBER}, {NUMBER}\] +\d+ +\d+ +{NUMBER} +{NUMBER} "
                         rf"+{NUMBER} ", text, re.M):
        _, low, high, b, c, n = m.groups()
        level = re.search(rf"intervals: {NUMBER} %, Tango's", text)[1]
        seen += 1
        check_tango(book, f"{name}: {m[0]}", (low, high), (b, c, n), one(level))
    check_bounds(book, name, text)
    brackets = len(re.findall(rf"\[{NUMBER}, {NUMBER}\]", text))
    if brackets != seen:
        book.say(f"{name}: found {brackets} intervals, of which {seen} come with numbers that give them")


def check_tango(book, what, printed, table, tail):
    low, high = printed
    found = [tango(max(b, 0), max(c, 0), n, tail) for b, c, n in corners(*table)]
    book.printed(what, low, [100 * f[0] for f in found])
    book.printed(what, high, [100 * f[1] for f in found])


def check_bounds(book, name, text):
    """One-sided ones."""
    estimate = re.search(rf"(?:estimate +|rate ){NUMBER} %", text)
    for m in re.finditer(rf"(upper|lower) bound {NUMBER} % \(one-sided at {NUMBER} %: {BASIS}\)", text):
        side, bound, level = m.groups()[:3]
        check_basis(book, f"{name}: {m[0]}",
                    (estimate[1], bound if side == "lower" else None, bound if side == "upper" else None),
                    1 - float(level) / 100, m.groups()[3:])
    for m in re.finditer(rf"(more|less) \S+ than [^()]*\(one-sided at {NUMBER} %: Tango, {TANGO}\)", text):
        bound = re.search(rf"{NUMBER} points $", text[:m.start()])[1]
        found = [tango(max(b, 0), max(c, 0), n, 1 - float(m[2]) / 100) for b, c, n in corners(*m.groups()[2:])]
        new_first = "only new" in m[0]
        found = [100 * (f[1] if new_first else -f[0]) for f in found]
        book.printed(f"{name}: {m[0]}", bound, [f if m[1] == "more" else -f for f in found])
    for m in re.finditer(rf"(\d+) of (\d+) shared records differ; at most {NUMBER} % \(one-sided at {NUMBER} %: exact, n = "
                         r"(\d+)\)", text):
        differ, shared, bound, level, n = m.groups()
        expected = exact(int(differ) / int(shared), int(n), 1 - float(level) / 100)[1]
        book.printed(f"{name}: {m[0]}", bound, [100 * expected])


CELL = rf"{NUMBER} \[{NUMBER}, {NUMBER}\]"


def check_html(book, name, text):
    """Cells of tables by their second line, the rest as text."""
    seen = 0
    cells = re.findall(r"<td class=\"n\">(.*?)</td>", text, re.S)
    for cell in cells:
        if 'class="ci"' not in cell:
            continue
        plain = html.unescape(re.sub(r"<[^>]*>", "|", cell)).replace(" |[", " [").split("|")
        plain = [part for part in plain if part]
        m = re.fullmatch(CELL, plain[0])
        if len(plain) > 1 and m:
            basis = split_basis(plain[1])
            if basis:
                check_basis(book, f"{name}: {plain}", m.groups(), (1 - book.level) / 2, basis)
            elif plain[1] != "all":
                book.say(f"{name}: found a cell {plain}")
            continue
        if m and not re.search(rf'id="table-(hypotheses|checks|tasks|answers)">(?:(?!</table>).)*{re.escape(cell)}', text, re.S):
            book.say(f"{name}: found the cell {plain[0]} without the n that gives it")
    # the cells left are differences, told with their numbers in the verdict or in CSV, and the bootstrap's
    rest = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<td class=\"n\">.*?</td>|<style>.*?</style>|<pre>.*?</pre>"
                                                       r"|<section id=\"examples\">.*?</section>",
                                                       "", text, flags=re.S))).replace("\xa0", " ")
    check_text(book, name, rest, seen)


def check_tex(book, name, text):
    text = text.replace("$+$", "+").replace("$-$", "-")
    for m in re.finditer(r"\{@\{\}r@\{\}\}" + CELL + r"\\\\\[-2pt\]\\scriptsize ([^\\]*)\\end", text):
        basis = split_basis(m[4])
        if basis:
            check_basis(book, f"{name}: {m[0]}", m.groups()[:3], (1 - book.level) / 2, basis)
        elif m[4] != "all":
            book.say(f"{name}: found a cell {m[0]}")


def check_digits(book, name, text):
    """No number below the error of a rate or an end in double precision, except p-values and hashes."""
    for m in re.finditer(r"(?<![\w.#-])-?\d+(?:\.\d+)?e-(\d+)(?![\w-])", text):
        book.count += 1
        if int(m[1]) > LEAST:
            book.say(f"{name}: found {m[0]}, of which nothing is known but that it is near 0")


def number(row, key):
    return float(row[key]) if row[key] else math.nan


def check_rated(book, what, values, tail):
    rate, low, high, n, method, shift, share = values
    if method == "known":
        book.close(what, low, rate)
        book.close(what, high, rate)
    elif method != "unknown" and not math.isnan(rate):
        expected = ends(Basis(method, rate, n, shift, share), tail)
        book.close(f"{what} low", low, expected[0])
        book.close(f"{what} high", high, expected[1])


def check_survival(book, name, rows):
    z = NormalDist().inv_cdf((1 + book.level) / 2)
    for stage in {row["stage"] for row in rows}:
        survival, greenwood = 1.0, 0.0
        for row in (r for r in rows if r["stage"] == stage):
            risk, events = float(row["at_risk"]), float(row["events"])
            survival *= 1 - events / risk
            greenwood += events / (risk * (risk - events)) if risk > events else math.inf
            book.close(f"{name} {stage} {row['tokens']}", float(row["survival"]), survival)
            if 0 < survival < 1:
                width = z * math.sqrt(greenwood) / abs(math.log(survival))
                book.close(f"{name} low", float(row["survival_low"]), survival ** math.exp(width))
                book.close(f"{name} high", float(row["survival_high"]), survival ** math.exp(-width))


def check_hypothesis(book, name, row):
    if not row["p"]:
        return
    low, high, estimate = (number(row, k) for k in ("estimate_low", "estimate_high", "estimate"))
    if row["se_points"]:
        half = t_quantile((1 + book.level) / 2, float(row["df"])) * float(row["se_points"]) / 100
        expected = (estimate - half, estimate + half)
    else:
        sides = [[number(row, side + end) for end in ("", "_low", "_high")] for side in ("first", "second")]
        expected = newcombe(*sides, float(row["correlation"]))
    book.close(f"{name} low", low, expected[0])
    book.close(f"{name} high", high, expected[1])


def normalised(golden, change, above):
    """Of (mean, low, high) twice: linearised, ends as squares."""
    loss = change[0] / above
    down, up = (math.hypot(change[0] - change[end], loss * (golden[0] - golden[end])) for end in (1, 2))
    return 1 + loss - down / above, 1 + loss + up / above


def check_task(book, name, row):
    golden, change, gain, fall = ([number(row, k + end) for end in ("", "_low", "_high")]
                                  for k in ("golden", "change", "gain", "fall"))
    if row["change"]:
        expected = newcombe(gain, fall, float(row["correlation"]))
        book.close(f"{name} change low", change[1], expected[0])
        book.close(f"{name} change high", change[2], expected[1])
    if row["normalised"]:
        expected = normalised(golden, change, golden[0] - float(row["chance"]))
        book.close(f"{name} normalised low", number(row, "normalised_low"), expected[0])
        book.close(f"{name} normalised high", number(row, "normalised_high"), expected[1])


def check_csv(book, name):
    with open(name, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        check_digits(book, name, " ".join(v for k, v in row.items() if v and k not in ("p", "adjusted", "probability")))
    if not rows:
        return
    prefixes = [key[:-4] for key in rows[0] if key.endswith("_low")]
    for prefix in prefixes:
        if prefix == "survival":
            check_survival(book, name, rows)
        elif prefix in ("estimate", "tested") and "correlation" in rows[0]:
            if prefix == "estimate":
                for row in rows:
                    check_hypothesis(book, f"{name} {row['name']}", row)
        elif prefix in ("change", "normalised") and "correlation" in rows[0]:
            if prefix == "change":
                for row in rows:
                    check_task(book, f"{name} {row['task']}", row)
        elif prefix == "logp":
            for row in (r for r in rows if r["logp"]):
                half = t_quantile((1 + book.level) / 2, float(row["logp_df"])) * float(row["logp_error"])
                book.close(f"{name} logp", (number(row, "logp_high") - number(row, "logp_low")) / 2, half)
        elif prefix == "bootstrap":
            continue
        elif prefix + "_n" not in rows[0]:
            book.say(f"{name}: found the interval '{prefix}' without the n that gives it")
        else:
            for index, row in enumerate(rows):
                share = number(row, prefix + "_share") if prefix + "_share" in row else 1.0
                values = [number(row, prefix + end) for end in ("", "_low", "_high", "_n")]
                check_rated(book, f"{name} row {index} {prefix}",
                            [*values, row[prefix + "_method"], number(row, prefix + "_shift"), share],
                            (1 - book.level) / 2)


def check_json(book, name, value, confidence):
    """Every object with a method; a rate with ends must have one."""
    if isinstance(value, list):
        for item in value:
            check_json(book, name, item, confidence)
    if not isinstance(value, dict):
        return
    confidence = value.get("confidence") or confidence
    for key in ("rate", "low", "high", "lower", "upper", "difference", "sdc_rate", "sdc_low", "sdc_high"):
        if isinstance(value.get(key), float):
            check_digits(book, f"{name} {key}", repr(value[key]))
    for item in value.values():
        check_json(book, name, item, confidence)
    share = value.get("share") or 1.0
    nan = math.nan
    if "interval_n" in value and "upper" in value:
        if value.get("rule") == "time_uniform" or value["method"] in ("unknown", "known") or value["rate"] is None:
            return
        for key, shift in (("lower", value["lower_shift"]), ("upper", value["interval_shift"])):
            expected = ends(Basis(value["method"], value["rate"], value["interval_n"], shift, share), value["tail"])
            book.close(f"{name} {key}", value[key], expected[key == "upper"])
    elif "interval_n" in value:
        prefix = "sdc_" if "sdc_low" in value else ""
        values = [value[prefix + key] for key in ("rate", "low", "high")]
        values = [nan if v is None else v for v in values]
        n = value["interval_n"] if value["interval_n"] is not None else math.inf
        check_rated(book, name, [*values, n, value["method"], value["interval_shift"], share], (1 - confidence) / 2)
    elif {"low", "high", "rate"} <= value.keys() and value["rate"] is not None:
        book.say(f"{name}: found an interval without the n that gives it: {value}")
    elif {"scaled_first_only", "low", "n_effective"} <= value.keys():
        low, high = tango(value["scaled_first_only"], value["scaled_second_only"], value["n_effective"],
                          (1 - confidence) / 2)
        book.close(f"{name} low", value["low"], low)
        book.close(f"{name} high", value["high"], high)


def level_of(name):
    """Confidence of the report that a file belongs to."""
    whole = pathlib.Path(name).parent / (pathlib.Path(name).name.split(".")[0] + ".json")
    if not whole.exists():
        return CONFIDENCE
    text = whole.read_text(encoding="utf-8")
    return json.loads(text).get("confidence", CONFIDENCE) if text.startswith("{\n") else CONFIDENCE


def main():
    book = Book()
    for name in sys.argv[1:]:
        book.level = level_of(name)
        if name.endswith(".csv"):
            check_csv(book, name)
            continue
        with open(name, encoding="utf-8") as file:
            text = file.read()
        if not name.endswith(".json"):
            check_digits(book, name, text)
        if name.endswith(".gp"):
            continue
        if name.endswith(".html"):
            check_html(book, name, text)
        elif name.endswith(".tex"):
            check_tex(book, name, text)
        elif name.endswith(".json"):
            for part in [text] if text.startswith("{\n") else text.splitlines():
                check_json(book, name, json.loads(part), CONFIDENCE)
        else:
            check_text(book, name, text, 0)
    print(f"{book.count} ends follow from what is printed with them")
    return 1 if book.wrong or book.count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
