/* SPDX-License-Identifier: MIT */
/* Faults in the protections' own memory (METHOD.md 5): one bit of it, flipped in a clean run before
 * the pass that evaluates a column; what becomes of the run. */
#ifndef VKFI_INJECT_STRIKE_H
#define VKFI_INJECT_STRIKE_H

#include "inject/stats/stats_interval.h"
#include "mitigations/protector.h"

#define STRIKE_AREAS_MOST 64u
#define STRIKE_VERDICTS "verdicts" /* the area of guards' words in the device's memory */

enum strike_effect {
    STRIKE_SILENT,      /* golden's text, and no alarm that the clean run has not */
    STRIKE_FALSE_ALARM, /* golden's text */
    STRIKE_REFUSED,     /* golden's text, said to be damaged */
    STRIKE_HARMED,      /* another text */
    STRIKE_EFFECTS
};
const char *strike_effect_name(enum strike_effect effect); /* "false_alarm" */

/* All memory of one kind that an entry of the policy has. */
struct strike_area {
    uint32_t entry;
    const char *protection, *name;  /* "abft", "sums" */
    uint64_t bits;                  /* at the last column that has some */
    uint32_t first, last;           /* columns that have some: positions */
    uint64_t count[STRIKE_EFFECTS]; /* trials */
};

uint64_t strike_trials(const struct strike_area *area);

/* Share of an effect among the trials of an area, with its exact two-sided interval. */
struct strike_share {
    double rate;
    struct stats_interval bounds;
};
struct strike_share strike_share_of(const struct strike_area *area, enum strike_effect effect,
                                    double confidence);

/* Over all areas (n), weighed by their bits; the interval is exact at Kish's number of trials,
 * 1 / sum (w^2 / trials). */
struct strike_share strike_total(const struct strike_area *areas, uint32_t n,
                                 enum strike_effect effect, double confidence);

/* Members "areas" and "by_bits" of an open object. */
void strike_put(struct json_writer *w, const struct strike_area *areas, uint32_t n,
                double confidence);

struct strike;

struct strike_params {
    struct executor *ex;               /* all of these outlive the strike */
    const struct protector *protector; /* opened for it */
    const int32_t *ids;                /* (n_ids) the prompt */
    uint32_t n_ids, n;                 /* tokens: of the prompt, generated (past end tokens) */
    uint64_t seed;
};

/* Runs without a fault: areas are counted. STATUS_INPUT (logged): the policy has none. */
enum status strike_open(struct strike **out, const struct strike_params *params) STATUS_MUST_USE;
void strike_close(struct strike **strike);

const struct strike_area *strike_areas(const struct strike *strike, uint32_t *out_n);

/* A trial: of the areas in turn, at a column uniform over those that have the area, a bit uniform
 * over its bits there. It depends on its number, the seed and the run alone, on every device alike
 * where the area has as many bits; the memory is put right after it. Counted in its area. */
struct strike_trial {
    const struct strike_area *area;
    uint32_t position; /* the bit flips before this column is evaluated */
    uint64_t bit;
    enum strike_effect effect;
};
enum status strike_run(struct strike *strike, uint64_t trial,
                       struct strike_trial *out) STATUS_MUST_USE;

#endif
