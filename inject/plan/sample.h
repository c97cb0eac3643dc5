/* SPDX-License-Identifier: MIT */
/* The strata of a plan over a model and its items, and the draw of any trial alone. */
#ifndef VKFI_INJECT_SAMPLE_H
#define VKFI_INJECT_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/plan/plan.h"
#include "inject/space/fault.h"

/* Lengths of an item's golden run, so that no coordinate lies beyond it. */
struct sample_item {
    uint32_t n_prompt, n_tokens; /* positions evaluated: n_prompt + n_tokens - 1 */
    bool left_out;               /* nothing strikes it */
    uint32_t n_choices;
    const uint32_t *evaluated; /* (n_choices) positions of each choice's run */
};

/* From an item's tokens, and how many golden generated; `evaluated` from `arena`. */
enum status plan_item_size(struct sample_item *out, struct arena *arena, const struct plan *plan,
                           const struct plan_input *input, uint32_t n_tokens) STATUS_MUST_USE;

struct sample;

/* items: (plan->n_items), copied; plan and model must outlive the sample. STATUS_INPUT if a pattern
 * matches no site, nothing is left to strike, a goal cannot be met, or a contrast names a value
 * that no stratum has. */
enum status sample_create(struct sample **out, const struct plan *plan, const struct model *model,
                          const struct sample_item *items) STATUS_MUST_USE;
void sample_destroy(struct sample **sample);

struct sample_stratum {
    const char *label;        /* "layer=3 bit_field=exponent", "all"; lives as long as the sample */
    const char *const *value; /* (PLAN_DIMENSION_COUNT): null where the plan does not stratify */
    double weight;            /* W_h, sums to 1; NaN with population equal or census */
    double size;              /* elementary faults */
    uint64_t trials;          /* planned, in all waves */
    uint64_t cut;    /* wanted beyond these, but a wave strikes no fault twice, and the stratum has
                        no more */
    bool distinct;   /* one fault per trial, and none twice: the finite-population correction
                        holds */
    double expected; /* the goal's measure (a half width for `trials`) at that n */
};
uint32_t sample_strata(const struct sample *sample);
struct sample_stratum sample_stratum(const struct sample *sample, uint32_t index);

/* The first id of wave 0, 1, ... of the plan (plan_waves.h); after the last, sample_trials. */
uint64_t sample_wave_begin(const struct sample *sample, uint32_t wave);
/* Trials cut, over all strata. */
uint64_t sample_cut(const struct sample *sample);

/* Whether some fault may strike the item; false: left out. */
bool sample_strikes(const struct sample *sample, uint32_t item);

/* Ids are 0 .. sample_trials - 1, controls included. */
uint64_t sample_trials(const struct sample *sample);
/* The controls of a role (ROLE_TRIAL: the trials that count). */
uint64_t sample_role_trials(const struct sample *sample, enum trial_role role);

struct sample_draw {
    uint64_t trial;
    enum trial_role role;
    uint64_t original;    /* dry, naive, cpu: id of the trial run again; else `trial` */
    uint64_t fault_index; /* equal for the trials of a wave that share a fault (crossed,
                             fault_major); unique over all waves */
    uint32_t item, stratum;
    uint32_t choice; /* of an item of choices: the only one whose run is struck, + 1; 0: all */
    const char
        *mc_target;      /* word of plan.mc_target; null: no choices, or not drawn from the plan */
    double weight;       /* W_h; NaN as above, and for a sentinel */
    double draw_prob;    /* of the first fault in one draw from its stratum */
    double size;         /* elementary faults of its stratum */
    enum stage stage;    /* of the first position */
    struct fault *fault; /* (n_faults); the row has the coordinates of the first. More than in the
                            plan if a burst touches several fields of stored weights */
    uint32_t n_faults;
};

/* The trial that a dry, naive or CPU control runs again; else the id itself. STATUS_USAGE (logged)
 * for an unknown id. */
enum status sample_original(const struct sample *sample, uint64_t id,
                            uint64_t *out) STATUS_MUST_USE;

/* Trial `id` alone, the same on every machine. Memory from `arena`. STATUS_USAGE (logged) for an
 * unknown id. Threads may draw from one sample at a time. */
enum status sample_draw(const struct sample *sample, uint64_t id, struct arena *arena,
                        struct sample_draw *out) STATUS_MUST_USE;

/* What the plan names, also where `confirm` leaves its stratum out: families of faults that differ
 * in coordinates, position and mask alone. The fault of a family has what they share (site, point,
 * field, granularity, readers, duration, kind), all else 0. */
uint64_t sample_families(const struct sample *sample);
void sample_family(const struct sample *sample, uint64_t index, struct fault *out);

/* Share of trials that a bit error rate leaves without any fault: they are not drawn, since their
 * outcome is known, and an unconditional rate is (1 - share) times the measured one. 0 else. */
double sample_no_fault(const struct sample *sample, uint32_t stratum);

#endif
