/* SPDX-License-Identifier: MIT */
/* Trials: faulty runs beside a golden run, many in shared passes (fast) or each a whole inference
 * (naive).
 *
 * Both give the same record, bit for bit, in every field; so does any batch, in any order, on any
 * device. */
#ifndef VKFI_INJECT_TRIAL_H
#define VKFI_INJECT_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/space/fault.h"
#include "inject/trial/golden.h"

enum trial_path { TRIAL_FAST, TRIAL_NAIVE };

struct trial_settings {
    enum record_level level; /* not above the golden run's */
    bool nan_trap;           /* an Inf or NaN logit where golden's row is finite: due */
    double work_factor;      /* runaway: positions evaluated over golden's; 0: no limit */
    enum trial_path path;
    const struct decode *decode; /* steps of runs that are protected, on golden's executor; null:
                                    golden's */
    struct trial_work *work;     /* null: not wanted; else added up */
};

/* Steps of the trials of an item. */
static inline const struct decode *trial_decode(const struct golden *golden,
                                                const struct trial_settings *settings)
{
    return settings->decode ? settings->decode : &golden->decode;
}

/* The work of trials. */
struct trial_work {
    uint64_t passes;
    uint64_t verified, decoded; /* columns times layers: golden's tokens fed, own tokens fed */
    uint64_t outputs;           /* columns with the output matrix computed */
    uint64_t certified;         /* tokens settled without it */
    double pass_seconds;        /* layers, with the output matrix where columns needed it */
    double output_seconds;      /* passes of the output matrix alone */
    double certify_seconds;     /* proofs */
    double record_seconds;      /* log-probabilities, deviations, records */
};

/* fault[0] gives the record's coordinates. */
struct trial_job {
    const struct fault *fault; /* (n_faults) */
    uint32_t n_faults;
    uint32_t choice; /* of an item of choices: index + 1 of the only struck one; 0: all are */
};

struct trial_jobs {
    const struct trial_job *job; /* (n) */
    uint32_t n;
};

/* Residual entering a layer at the first struck position (layer n_layers: the last hidden state).
 */
struct trial_deviation {
    double max_abs; /* largest |faulty - golden|; NaN and Inf stay */
    double rel_l2;  /* |faulty - golden| / |golden| */
    uint32_t bits;  /* bits that differ (canonical NaN) */
};

/* The result of a trial. In brackets: the lowest level that has the field; below it the field holds
 * the value before the colon. Levels change what is known, never a value. For an item of choices,
 * activations, proofs and bits are those of all struck runs, log-probabilities those of the right
 * choice (golden's own if none is known), the deviation that of the first struck run. */
struct record {
    struct fault fault;         /* the job's first */
    const struct fault *faults; /* (n_faults) the job's own, as long as those live */
    uint32_t n_faults;
    uint64_t activations, expected_activations; /* of all faults, from the device [outcome] */
    bool conditional; /* some fault fires on a value pattern: only its count at its first position
                         is known beforehand, which `expected` holds [outcome] */
    uint32_t before, after; /* raw bits of the first activation of the first fault [outcome] */
    enum outcome outcome;   /* [outcome] */
    enum due_reason due;    /* DUE_NONE unless the outcome is due [outcome] */
    uint32_t flags;         /* bit `1 << enum flag`: true of this run, not of golden [outcome] */
    uint32_t first_diff;    /* step of the first differing token; EXECUTOR_NONE: none [outcome] */
    int32_t *tokens;        /* (n_tokens) of the faulty run; null with choices [outcome] */
    uint32_t n_tokens;
    double *choice_logp; /* null: a generation; (n_choices) log-likelihoods, nats [outcome] */
    uint32_t n_choices;
    uint32_t chosen; /* of choices (golden_choose); else EXECUTOR_NONE [outcome] */
    uint64_t hash;   /* 0: of the faulty run's step hashes [summary] */
    bool hashed;     /* false: hash is not known, tokens may have been certified [summary] */

    double margin_at_fault; /* NaN: golden's first logit - its second at the first struck step (step
                               0 for faults in the prompt) [summary] */
    double margin_min_after; /* NaN: smallest of them from that step on [summary] */
    /* NaN: with golden's tokens fed under the fault, steps from the first struck one on: log
     * p_faulty - log p_golden of golden's token, in nats; mean over these steps of KL(golden ||
     * faulty) over the whole vocabulary. NaN too where a logit is NaN [summary] */
    double logp_sum, logp_mean, logp_worst, kl;

    struct trial_deviation *deviation; /* null: (n_layers + 1) [full]; null too if
                                          the run ended before that position's pass */
    /* First position from which on the residuals of every column, at every layer boundary, have
     * golden's bits while golden's tokens are fed; EXECUTOR_NONE: none [full] */
    uint32_t healed_at;
    /* First Inf or NaN of the faulty run by position, then order of the graph; looked for if a
     * logit or a residual of the first struck position is one, and golden's logits are finite.
     * Null: none [full] */
    const char *nan_site;
    struct decode_summary protection; /* of all runs; clean without a check [outcome] */
    uint32_t redone;                  /* columns computed again [outcome] */
    uint32_t nan_layer;               /* GRAPH_NO_LAYER: none, or outside the layers */
    uint32_t nan_step; /* decode step (position - n_ids + 1); EXECUTOR_NONE: in the prompt, none */
};

/* Runs all jobs; out (jobs->n), memory of the records from `arena`. STATUS_INTERNAL if a fault did
 * not fire as often as predicted, or changed nothing and yet the run differs: a bug, never a result
 * (one line names the fault). The executor's state is restored. */
enum status trial_batch(struct record *out, struct arena *arena, const struct golden *golden,
                        const struct trial_settings *settings,
                        const struct trial_jobs *jobs) STATUS_MUST_USE;

/* True if all fields agree (METHOD.md 6); else `why` names the first that does not. Both records
 * are of one level. */
struct record_compare {
    uint32_t n_layers;
    char *why;
    size_t why_size;
};
bool record_equal(const struct record *a, const struct record *b,
                  const struct record_compare *compare);

#endif
