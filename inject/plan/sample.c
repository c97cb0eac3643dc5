/* SPDX-License-Identifier: MIT */
/* Makes the sample of a plan over a model and its items; answers about strata and ids. */
#include "inject/plan/sample.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/sample_internal.h"

static enum status copy_items(struct sample *s, const struct sample_item *items)
{
    const struct plan *plan = s->plan;
    s->n_items = plan->n_items;
    s->n_strike = plan->design == PLAN_NESTED ? plan->n_items : 1;
    s->item = arena_array(&s->arena, s->n_items, sizeof(*s->item));
    s->strike = arena_array(&s->arena, s->n_strike, sizeof(*s->strike));
    s->scale = arena_array(&s->arena, s->n_strike, sizeof(*s->scale));
    if (!s->item || !s->strike || !s->scale)
        return STATUS_MEMORY;
    memcpy(s->item, items, s->n_items * sizeof(*items));
    memcpy(s->strike, items, s->n_strike * sizeof(*items));
    for (uint32_t i = 0; i < s->n_items; i++) {
        const struct sample_item *item = &items[i];
        if (item->n_prompt == 0 || item->n_tokens == 0 ||
            (uint64_t)item->n_prompt + item->n_tokens > UINT32_MAX / 4) {
            log_error("item %" PRIu32 ": found a prompt of %" PRIu32 " tokens and %" PRIu32
                      " generated ones, expected at least one of each",
                      i, item->n_prompt, item->n_tokens);
            return STATUS_INPUT;
        }
        const uint32_t positions = item->n_prompt + item->n_tokens - 1;
        s->positions = s->positions > positions ? s->positions : positions;
        /* crossed faults are drawn for the shortest item's length, so that all reach them */
        if (s->n_strike == 1 && item->n_prompt < s->strike[0].n_prompt)
            s->strike[0].n_prompt = item->n_prompt;
        if (s->n_strike == 1 && item->n_tokens < s->strike[0].n_tokens)
            s->strike[0].n_tokens = item->n_tokens;
    }
    s->time = arena_array(&s->arena, (size_t)s->positions + 1, sizeof(*s->time));
    s->entries_time = arena_array(&s->arena, (size_t)s->positions + 1, sizeof(*s->entries_time));
    return s->time && s->entries_time ? STATUS_OK : STATUS_MEMORY;
}

/* `rate` rounded down to three digits. */
static double floor_digits(double rate)
{
    const double unit = pow(10, floor(log10(rate)) - 2);
    return floor(rate / unit) * unit;
}

static bool has_evaluations(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->where.place.count; i++) {
        if (plan->where.place.choice[i].value == PLACE_OP)
            return true;
    }
    return false;
}

/* Several faults per trial need as many different faults. */
static enum status check_faults(const struct sample *s)
{
    const struct plan *plan = s->plan;
    const bool hooks = has_evaluations(plan);
    const int most = hooks ? SAMPLE_MEAN_HOOKS : SAMPLE_MEAN;
    for (uint32_t r = 0; r < s->n_strata; r++) {
        const struct sample_weighed *h = &s->stratum[r];
        const struct sample_item_set *set = &s->item_set[h->item_set];
        for (uint32_t i = 0; i < set->count; i++) {
            if (h->item[i] <= (i ? h->item[i - 1] : 0))
                continue; /* nothing of this stratum in this item */
            const double bits = sample_strata_bits(s, h, s->set_item[set->first + i]);
            if (plan->faults_per_trial > 1 && bits < plan->faults_per_trial) {
                log_error("%s: found %.0f faults in stratum '%s', expected at least %" PRIu32,
                          plan_place(plan, "/faults_per_trial"), bits, h->shown.label,
                          plan->faults_per_trial);
                return STATUS_INPUT;
            }
            if (plan->faults_per_trial == 0 && bits * plan->ber > most) {
                log_error("%s: found a mean of %g faults a trial in stratum '%s' (%g bits), "
                          "expected at most %d, %s: a rate of at most %.3g, or more strata",
                          plan_place(plan, "/faults_per_trial"), bits * plan->ber, h->shown.label,
                          bits, most,
                          hooks ? "as one pass has hooks for" : "as a row lists each of its faults",
                          floor_digits(most / bits));
                return STATUS_INPUT;
            }
        }
    }
    return STATUS_OK;
}

static enum status fill(struct sample *s, const struct sample_item *items)
{
    enum status st = copy_items(s, items);
    if (st)
        return st;
    s->key = sample_index_key((struct sample_key){{0x766b6669u, 0x706c616eu}}, s->plan->seed);
    sample_growth_time(s);
    st = sample_sites_find(s);
    if (!st)
        st = sample_family_make(s);
    if (!st)
        st = sample_fault_set_make(s);
    if (!st)
        st = sample_strata_make(s);
    if (!st)
        st = sample_waves_make(s);
    if (!st)
        st = check_faults(s);
    return st ? st : sample_contrast_check(s);
}

enum status sample_create(struct sample **out, const struct plan *plan, const struct model *model,
                          const struct sample_item *items)
{
    struct sample *s = calloc(1, sizeof(*s));
    *out = NULL;
    if (!s) {
        log_error("out of host memory for the sample of a plan");
        return STATUS_MEMORY;
    }
    s->plan = plan;
    s->model = model;
    enum status st = fill(s, items);
    if (st)
        sample_destroy(&s);
    *out = s;
    return st;
}

void sample_destroy(struct sample **sample)
{
    if (!*sample)
        return;
    free((*sample)->family);
    free((*sample)->fault_set);
    arena_finish(&(*sample)->arena);
    free(*sample);
    *sample = NULL;
}

bool sample_strikes(const struct sample *sample, uint32_t item)
{
    return !sample->item[item].left_out;
}

uint32_t sample_strata(const struct sample *sample)
{
    return sample->n_strata;
}

struct sample_stratum sample_stratum(const struct sample *sample, uint32_t index)
{
    return sample->stratum[index].shown;
}

uint64_t sample_families(const struct sample *sample)
{
    return sample->n_families;
}

void sample_family(const struct sample *sample, uint64_t index, struct fault *out)
{
    sample_fault_site(sample, &sample->family[index], out);
}
