/* SPDX-License-Identifier: MIT */
/* Synthetic campaigns with known rates, written through the store, for tests of reports. */
#ifndef VKFI_TESTS_REPORT_FIXTURE_H
#define VKFI_TESTS_REPORT_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct report_fixture {
    const char *path;       /* the database to make */
    uint64_t seed;          /* seed of the plan, which draws faults and outcomes */
    uint32_t items, layers; /* strata are layers x (sign, exponent, mantissa) */
    uint32_t per_stratum;   /* trials of a stratum; if crossed, faults, each on every item */
    double scale;           /* factor of the SDC rates (report_fixture_rate) */
    double missing;         /* share of the ids that are missing at the end */
    uint32_t disagree;      /* one in so many trials has another outcome; 0: none */
    bool suspect;           /* a control failed after the second half of the trials */
    const char *model;      /* JSON of what is known of it, or null */
    const char *model_hash; /* SHA-256, or null: that of no model */
    uint32_t wave;          /* trials of all that an extension added; 0: none */
    const char *stop;       /* JSON of the plan's field, or null */
    const char *confirm;    /* JSON of the plan's field, whose plan has no hypotheses; or null */
    uint32_t first, keep;   /* `keep` layers are struck from `first` on; 0: all */
    double ber;             /* bit error rate (report_fixture_none); 0: one fault a trial */
    bool sweep;             /* population equal; strata are 3 ops x 2 points x 32 bits */
    bool heads;             /* strata by head 0, 1, 2 instead of bit field */
    bool named;             /* strata by site, duration and readers too: long labels */
    bool crossed, equal;    /* design crossed; population equal instead of ops */
    bool scored;            /* golden and faulty answers with scores */
    bool corpus;            /* items are sentences to translate: report_fixture_corpus.h */
    double chance;          /* chance of all tasks; 0: as report_fixture_task says */
    bool summary;           /* margins, log-probabilities, deviation */
    uint32_t underflow;     /* number of items marked, from item 0 on */
    bool other_device;      /* another device row and another golden text of item 1 */
};

/* The default of all tests: 10 items, 6 layers, 60 trials per stratum, all recorded. */
struct report_fixture report_fixture_default(const char *path);

enum status report_fixture_make(const struct report_fixture *fixture) STATUS_MUST_USE;

/* Of scored campaigns: five sixths of the items are of one task, the others of two tasks of another
 * area. Golden has every third item wrong. */
struct report_fixture_task {
    const char *name, *area;
    double chance;
};
const struct report_fixture_task *report_fixture_task(const struct report_fixture *fixture,
                                                      uint32_t item);

/* P(no fault hits a run) of a stratum, where there is a bit error rate. */
double report_fixture_none(uint32_t stratum);

/* The probability of SDC that a trial of (layer, field 0..2, item) was drawn with. */
double report_fixture_rate(const struct report_fixture *fixture, uint32_t layer, uint32_t field,
                           uint32_t item);

#endif
