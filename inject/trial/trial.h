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
#include "base/field.h"
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

/* What a record says of its trial: type (base/field.h), type in C, name. In brackets: the lowest
 * level that has the field; below it the field holds the value before the colon. Levels change what
 * is known, never a value. For an item of choices, activations and bits are those of all struck
 * runs, log-probabilities those of the right choice (golden's own if none is known), the deviation
 * that of the first struck run. */
#define RECORD_FACTS(X)                                                                            \
    X(U32, enum outcome, outcome)       /* [outcome] */                                            \
    X(U32, enum due_reason, due_reason) /* DUE_NONE unless the outcome is due [outcome] */         \
    /* bit `1 << enum flag`: true of this run, not of golden [outcome] */                          \
    X(U32, uint32_t, flags)                                                                        \
    /* raw bits of the first activation of the first fault [outcome] */                            \
    X(U32, uint32_t, before)                                                                       \
    X(U32, uint32_t, after)                                                                        \
    X(U32, uint32_t, faulty_len) /* tokens of the faulty run; 0 with choices [outcome] */          \
    X(U32, uint32_t, n_choices)  /* 0: a generation [outcome] */                                   \
    X(U32, uint32_t, redone)     /* columns computed again for a check [outcome] */                \
    X(INDEX, uint32_t, chosen)   /* of choices (golden_choose); else EXECUTOR_NONE [outcome] */    \
    /* false: hash is not known, tokens may have been certified [summary] */                       \
    X(BOOL, bool, hashed)                                                                          \
    X(U64, uint64_t, hash) /* 0: of the faulty run's step hashes [summary] */

/* The same of those that a row has as they are; units and meanings: inject/store/trial_row.h. */
#define RECORD_MEASURES(X)                                                                         \
    X(U64, uint64_t, activations)          /* of all faults, from the device [outcome] */          \
    X(U64, uint64_t, expected_activations) /* see `conditional` [outcome] */                       \
    /* step of the first differing token; EXECUTOR_NONE: none [outcome] */                         \
    X(INDEX, uint32_t, first_diff)                                                                 \
    /* NaN: golden's first logit - its second at the first struck step (step 0 for faults in the   \
     * prompt); the smallest of them from that step on [summary] */                                \
    X(REAL, double, margin_at_fault)                                                               \
    X(REAL, double, margin_min_after)                                                              \
    /* NaN: with golden's tokens fed under the fault, steps from the first struck one on: log      \
     * p_faulty - log p_golden of golden's token, in nats; mean over these steps of KL(golden ||   \
     * faulty) over the whole vocabulary. NaN too where a logit is NaN [summary] */                \
    X(REAL, double, logp_sum)                                                                      \
    X(REAL, double, logp_mean)                                                                     \
    X(REAL, double, logp_worst)                                                                    \
    X(REAL, double, kl)                                                                            \
    /* first position from which on the residuals of every column, at every layer boundary, have   \
     * golden's bits while golden's tokens are fed; EXECUTOR_NONE: none [full] */                  \
    X(INDEX, uint32_t, healed_at)                                                                  \
    /* First Inf or NaN of the faulty run by position, then order of the graph; looked for if a    \
     * logit or a residual of the first struck position is one, and golden's logits are finite.    \
     * Null: none [full] */                                                                        \
    X(TEXT, const char *, nan_site)                                                                \
    X(INDEX, uint32_t, nan_layer) /* GRAPH_NO_LAYER: none, or outside the layers */                \
    /* decode step (position - n_ids + 1); EXECUTOR_NONE: in the prompt, none */                   \
    X(INDEX, uint32_t, nan_step)

/* The result of a trial. */
struct record {
    struct fault fault;         /* the job's first */
    const struct fault *faults; /* (n_faults) the job's own, as long as those live */
    uint32_t n_faults;
    bool conditional; /* some fault fires on a value pattern: only its count at its first position
                         is known beforehand, which `expected_activations` holds [outcome] */
#define RECORD_MEMBER(type, c_type, name) c_type name;
    RECORD_FACTS(RECORD_MEMBER)
    RECORD_MEASURES(RECORD_MEMBER)
#undef RECORD_MEMBER
    struct decode_summary protection; /* of all runs; clean without a check [outcome] */
    const void *check_state;          /* generation.state; null: no check, or choices [outcome] */
    int32_t *tokens;     /* (faulty_len) of the faulty run; null with choices [outcome] */
    double *choice_logp; /* (n_choices) log-likelihoods, nats; null: a generation [outcome] */
    struct trial_deviation *deviation; /* (n_deviations), of each layer and the last hidden state
                                          [full]; null too if the run ended before that position's
                                          pass */
    uint32_t n_deviations;
};

/* Runs all jobs; out (jobs->n), memory of the records from `arena`. STATUS_INTERNAL if a fault did
 * not fire as often as predicted, or changed nothing and yet the run differs: a bug, never a result
 * (one line names the fault). The executor's state is restored. */
enum status trial_batch(struct record *out, struct arena *arena, const struct golden *golden,
                        const struct trial_settings *settings,
                        const struct trial_jobs *jobs) STATUS_MUST_USE;

/* True if all that two records of one trial and level say agrees, bit for bit; else `why` names the
 * first that does not. */
bool record_equal(const struct record *a, const struct record *b, char why[FIELD_DIFFERENCE_TEXT]);

#endif
