/* SPDX-License-Identifier: MIT */
/* Crosses fault sets with sets of items into strata: their weights, sizes and labels. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "inject/plan/plan_confirm.h"
#include "inject/plan/sample_internal.h"

#define ORDER_KEY UINT64_C(0x6974656d) /* apart from all keys of draws */

static bool has_dimension(const struct plan *plan, enum plan_dimension dimension)
{
    for (uint32_t i = 0; i < plan->n_strata; i++) {
        if (plan->strata[i] == dimension)
            return true;
    }
    return false;
}

/* The set of an item, created for its first item; the set of one item has all its samples. */
static uint32_t set_of(struct sample *s, uint32_t item)
{
    const bool by_item = has_dimension(s->plan, PLAN_BY_ITEM);
    if (by_item && s->plan->item[item].sample > 0)
        return s->n_item_sets - 1; /* its samples follow each other */
    const char *label = has_dimension(s->plan, PLAN_BY_GROUP) ? s->plan->item[item].group : "";
    for (uint32_t k = 0; !by_item && k < s->n_item_sets; k++) {
        if (strcmp(s->item_set[k].label, label) == 0)
            return k;
    }
    s->item_set[s->n_item_sets] = (struct sample_item_set){.label = label};
    return s->n_item_sets++;
}

/* Trials are spread evenly over the items in this order. Samples of an item come at random, so that
 * they are struck apart from each other (pass@k needs it): of neighbours only one is, where there
 * are fewer trials than samples. */
static uint32_t item_at(const struct sample *s, uint32_t place)
{
    const struct sample_key key = sample_index_key(s->key, ORDER_KEY);
    return s->plan->samples > 1 ? (uint32_t)sample_index_permute(key, place, s->n_strike) : place;
}

/* One set of all items, or one per item or group. */
static enum status make_sets(struct sample *s)
{
    uint32_t *set = arena_array(&s->arena, s->n_strike, sizeof(*set));
    s->item_set = arena_array(&s->arena, s->n_strike, sizeof(*s->item_set));
    s->set_item = arena_array(&s->arena, s->n_strike, sizeof(*s->set_item));
    if (!set || !s->item_set || !s->set_item)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < s->n_strike; i++) {
        set[i] = set_of(s, i);
        s->item_set[set[i]].count++;
    }
    for (uint32_t k = 1; k < s->n_item_sets; k++)
        s->item_set[k].first = s->item_set[k - 1].first + s->item_set[k - 1].count;
    for (uint32_t k = 0; k < s->n_item_sets; k++)
        s->item_set[k].count = 0;
    for (uint32_t i = 0; i < s->n_strike; i++) {
        const uint32_t item = item_at(s, i);
        struct sample_item_set *to = &s->item_set[set[item]];
        s->set_item[to->first + to->count++] = item;
    }
    return STATUS_OK;
}

/* The sum over the curves of a fault set, for an item. */
static double sum_of(const struct sample *s, const double *by_class, uint32_t item)
{
    double sum = 0;
    for (uint32_t k = 0; k < s->n_curves; k++) {
        if (by_class[k] > 0)
            sum += by_class[k] * sample_growth_all(s, &s->curve[k], &s->strike[item]);
    }
    return sum;
}

static enum status put_label(struct sample *s, struct sample_weighed *h)
{
    const struct plan *plan = s->plan;
    const struct sample_item_set *set = &s->item_set[h->item_set];
    const struct plan_item *item = &plan->item[s->set_item[set->first]];
    struct text text = {0};
    const char **value = arena_array(&s->arena, PLAN_DIMENSION_COUNT, sizeof(*value));
    if (!value)
        return STATUS_MEMORY;
    enum status st = text_add(&text, plan->n_strata ? "" : "all", plan->n_strata ? 0 : 3);
    for (uint32_t i = 0; !st && i < plan->n_strata; i++) {
        const enum plan_dimension d = plan->strata[i];
        if (d == PLAN_BY_ITEM)
            value[d] = arena_printf(&s->arena, "%u", item->base);
        else if (d == PLAN_BY_GROUP)
            value[d] = item->group[0] ? item->group : "none";
        else
            value[d] = sample_fault_set_text(s, d, s->fault_set[h->fault_set].key[d]);
        if (!value[d])
            st = STATUS_MEMORY;
        else
            st =
                text_addf(&text, "%s%s=%s", i ? " " : "", kinds_text(KINDS_DIMENSION, d), value[d]);
    }
    h->shown.value = value;
    h->shown.label = st ? NULL : arena_text(&s->arena, text.data, text.size);
    text_finish(&text);
    return st ? st : h->shown.label ? STATUS_OK : STATUS_MEMORY;
}

/* Adds the stratum unless its items leave it empty. */
static enum status add_row(struct sample *s, uint32_t fault_set, uint32_t set)
{
    struct sample_weighed *h = &s->stratum[s->n_strata];
    const struct sample_item_set *items = &s->item_set[set];
    double *cum = arena_array(&s->arena, items->count, sizeof(*cum));
    if (!cum)
        return STATUS_MEMORY;
    *h = (struct sample_weighed){.fault_set = fault_set, .item_set = set, .item = cum};
    for (uint32_t i = 0; i < items->count; i++) {
        const uint32_t item = s->set_item[items->first + i];
        h->weight += sum_of(s, s->fault_set[fault_set].weight, item) * s->scale[item];
        h->shown.size += sum_of(s, s->fault_set[fault_set].elements, item);
        cum[i] = h->weight;
    }
    if (!(h->weight > 0))
        return STATUS_OK;
    s->n_strata++;
    return put_label(s, h);
}

/* A plan that confirms keeps only its own strata. */
static enum status keep_confirmed(struct sample *s)
{
    const struct plan_confirm *confirm = &s->plan->confirm;
    uint32_t kept = 0;
    if (confirm->n_strata == 0 || s->n_strata == 0)
        return STATUS_OK;
    for (uint32_t i = 0; i < s->n_strata; i++) {
        if (plan_confirm_has(confirm, s->stratum[i].shown.label)) {
            const struct sample_weighed h = s->stratum[i];
            s->stratum[i] = s->stratum[kept]; /* a dropped stratum may still give the example */
            s->stratum[kept++] = h;
        }
    }
    for (uint32_t c = 0; kept < confirm->n_strata && c < confirm->n_strata; c++) {
        uint32_t i = 0;
        while (i < kept && strcmp(s->stratum[i].shown.label, confirm->stratum[c]) != 0)
            i++;
        if (i < kept)
            continue;
        log_error("%s: found no stratum '%s', expected one of the plan's %" PRIu32 " such as '%s'",
                  plan_place(s->plan, "/confirm/strata"), confirm->stratum[c], s->n_strata,
                  s->stratum[0].shown.label);
        return STATUS_INPUT;
    }
    s->n_strata = kept;
    return STATUS_OK;
}

static enum status make_rows(struct sample *s)
{
    const uint64_t room = (uint64_t)s->n_fault_sets * s->n_item_sets;
    const bool total = s->plan->population == PLAN_OPS || s->plan->population == PLAN_BITS;
    double sum = 0;
    enum status st = STATUS_OK;
    if (room > SAMPLE_STRATA) {
        log_error("%s: found %" PRIu64 " strata, expected at most %d",
                  plan_place(s->plan, "/strata"), room, SAMPLE_STRATA);
        return STATUS_INPUT;
    }
    s->stratum = arena_array(&s->arena, room, sizeof(*s->stratum));
    if (!s->stratum)
        return STATUS_MEMORY;
    for (uint32_t c = 0; !st && c < s->n_fault_sets; c++) {
        for (uint32_t k = 0; !st && k < s->n_item_sets; k++)
            st = add_row(s, c, k);
    }
    if (!st && s->n_strata == 0) {
        log_error("%s: found no position at which something could be struck, expected stages and "
                  "steps that the items reach",
                  plan_place(s->plan, "/when"));
        return STATUS_INPUT;
    }
    if (!st)
        st = keep_confirmed(s);
    for (uint32_t i = 0; i < s->n_strata; i++)
        sum += s->stratum[i].weight;
    for (uint32_t i = 0; i < s->n_strata; i++)
        s->stratum[i].shown.weight = total ? s->stratum[i].weight / sum : NAN;
    return st;
}

enum status sample_strata_make(struct sample *s)
{
    enum status st = make_sets(s);
    return st ? st : make_rows(s);
}

double sample_strata_bits(const struct sample *s, const struct sample_weighed *h, uint32_t item)
{
    const struct sample_fault_set *faults = &s->fault_set[h->fault_set];
    const struct sample_item *strike = &s->strike[item];
    double sum = 0;
    if (s->plan->population != PLAN_BITS)
        return sum_of(s, faults->elements, item);
    /* at rest: each bit once, at however many positions it may be struck */
    for (uint32_t k = 0; k < s->n_curves; k++) {
        const double end = strike->n_prompt + strike->n_tokens - 1;
        const double copies = s->curve[k].growth == GROWTH_ENTRIES ? end - 1
                              : s->curve[k].growth == GROWTH_ROWS  ? end
                                                                   : 1;
        sum += faults->elements[k] > 0 ? faults->elements[k] * copies : 0;
    }
    return sum;
}
