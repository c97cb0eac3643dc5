/* SPDX-License-Identifier: MIT */
/* The strata of a plan over a model and its items, and the draw of any trial alone. */
#ifndef VKFI_INJECT_SAMPLE_H
#define VKFI_INJECT_SAMPLE_H

#include "base/arena.h"
#include "base/status.h"
#include "inject/plan/plan.h"
#include "inject/space/fault.h"

/* What an item's golden run gives, so that no coordinate lies beyond it. */
struct sample_item {
    uint32_t n_prompt, n_tokens; /* positions evaluated: n_prompt + n_tokens - 1 */
};

struct sample;

/* items: (plan->n_items), copied. STATUS_INPUT if no site matches or a stratum is empty. */
enum status sample_create(struct sample **out, const struct plan *plan, const struct model *model,
                          const struct sample_item *items) STATUS_MUST_USE;
void sample_destroy(struct sample **sample);

struct sample_stratum {
    const char *label; /* "layer=3 bit_field=exponent"; lives as long as the sample */
    double weight;     /* W_h, sums to 1; NaN with population equal */
    double size;       /* elementary faults */
    uint64_t trials;   /* planned */
};
uint32_t sample_strata(const struct sample *sample);
struct sample_stratum sample_stratum(const struct sample *sample, uint32_t index);

/* Ids are 0 .. sample_trials - 1, controls included. */
uint64_t sample_trials(const struct sample *sample);

struct sample_draw {
    uint64_t trial;
    enum trial_role role;
    uint64_t original; /* naive, cpu: the trial that is run again */
    uint32_t item, stratum;
    double weight, draw_prob;
    enum stage stage;    /* of the first position */
    struct fault *fault; /* (n_faults); the row has the coordinates of the first */
    uint32_t n_faults;
};

/* Trial `id` alone, the same on every machine. Memory from `arena`. */
enum status sample_draw(const struct sample *sample, uint64_t id, struct arena *arena,
                        struct sample_draw *out) STATUS_MUST_USE;

#endif
