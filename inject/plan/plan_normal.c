/* SPDX-License-Identifier: MIT */
/* Choices in the one form that the draw takes and the canonical form prints: in the order of their
 * tables, and with 1 as the least weight where only ratios matter. */
#include <stdlib.h>
#include <string.h>

#include "inject/plan/plan_read.h"

#define RATIO_MOST 1e100 /* weights further apart stay as they are */
#define STORED (1u << PLACE_WEIGHT | 1u << PLACE_KV | 1u << PLACE_TABLE)
#define READ (1u << HOOK_WEIGHT | 1u << HOOK_OPERAND)

static int by_value(const void *a, const void *b)
{
    const struct plan_choice *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* `factors`: each weight matters by itself. */
static enum status order(const struct plan_reader *r, struct plan_choices *choices, bool factors)
{
    if (choices->count == 0)
        return STATUS_OK;
    struct plan_choice *choice = arena_array(r->arena, choices->count, sizeof(*choice));
    if (!choice)
        return STATUS_MEMORY;
    memcpy(choice, choices->choice, choices->count * sizeof(*choice));
    qsort(choice, choices->count, sizeof(*choice), by_value);
    double least = choice[0].weight, most = least;
    for (uint32_t i = 1; i < choices->count; i++) {
        least = choice[i].weight < least ? choice[i].weight : least;
        most = choice[i].weight > most ? choice[i].weight : most;
    }
    for (uint32_t i = 0; !factors && most / least < RATIO_MOST && i < choices->count; i++)
        choice[i].weight /= least;
    choices->choice = choice;
    return STATUS_OK;
}

static bool all_in(const struct plan_choices *choices, uint32_t set)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        if (!(set >> choices->choice[i].value & 1))
            return false;
    }
    return true;
}

/* The ratio of the weights of sites' patterns, in the order in which they match. */
static enum status scale_sites(const struct plan_reader *r)
{
    struct plan_where *where = &r->plan->where;
    struct plan_site *site = arena_array(r->arena, (size_t)where->n_sites + 1, sizeof(*site));
    if (!site)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < where->n_sites; i++) {
        site[i] = where->site[i];
        site[i].weight /= where->site[0].weight;
        if (!(site[i].weight < RATIO_MOST))
            return STATUS_OK;
    }
    where->site = site;
    return STATUS_OK;
}

/* Where bits or faults are counted, a weight multiplies its choice. If all families have a choice
 * of a list, only the ratios matter; if some have none, as the KV cache has no fields, doubled
 * weights count double against those. A census has no weights. */
enum status plan_normal(const struct plan_reader *r)
{
    struct plan *plan = r->plan;
    struct plan_where *where = &plan->where;
    const bool equal = plan->population == PLAN_EQUAL;
    const bool op = all_in(&where->place, 1u << PLACE_OP);
    const bool stored = all_in(&where->place, STORED);
    const struct {
        struct plan_choices *choices;
        bool factors;
    } all[] = {
        {&where->place, false},
        {&where->point, equal && !op},
        {&where->granularity, false},
        {&where->readers, equal && !(op && all_in(&where->point, READ))},
        {&where->field,
         (equal || plan->population == PLAN_BITS) && !all_in(&where->place, 1u << PLACE_WEIGHT)},
        {&plan->what.kind, false},
        {&plan->when.stage, false},
        {&plan->when.duration, false},
        {&plan->when.scrub, equal && !stored},
    };
    enum status st = scale_sites(r);
    for (size_t i = 0; !st && i < sizeof(all) / sizeof(*all); i++)
        st = order(r, all[i].choices, all[i].factors);
    return st;
}
