/* SPDX-License-Identifier: MIT */
/* Gathers families into fault sets: strata by all dimensions but those of items. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "inject/plan/sample_internal.h"

static const char *const BIT_FIELDS[] = {"sign", "exponent", "mantissa", "integer"};

static uint32_t bit_field_of(const struct sample *s, const struct sample_family *family)
{
    struct sample_format f;
    if (family->bits == 0)
        return SAMPLE_NONE;
    sample_extent_format(s, family, &f);
    if (f.integer)
        return 3;
    return (family->bits & ~f.sign) == 0                 ? 0
           : (family->bits & ~f.exponent) == 0           ? 1
           : (family->bits & (f.sign | f.exponent)) == 0 ? 2
                                                         : SAMPLE_NONE;
}

static uint32_t first_of_kind(const struct sample *s, uint32_t site)
{
    uint32_t i = 0;
    while (strcmp(s->site[i].kind, s->site[site].kind) != 0)
        i++;
    return i;
}

static bool is_read(const struct sample_site *site, const struct sample_family *family)
{
    return site->place == PLACE_OP &&
           (family->point == HOOK_WEIGHT || family->point == HOOK_OPERAND);
}

static bool has_field(const struct sample *s, const struct sample_site *site,
                      const struct sample_family *family)
{
    return site->place == PLACE_WEIGHT || (is_read(site, family) && family->point == HOOK_WEIGHT &&
                                           s->model->graph.node[site->source].weight);
}

/* The family's value in a dimension; SAMPLE_NONE: none, or all of them. */
static uint32_t key_of(const struct sample *s, const struct sample_family *family,
                       enum plan_dimension dimension)
{
    const struct sample_site *site = &s->site[family->site];
    switch (dimension) {
    case PLAN_BY_LAYER:
        return site->layer == GRAPH_NO_LAYER ? SAMPLE_NONE : site->layer;
    case PLAN_BY_SITE:
        return family->site;
    case PLAN_BY_SITE_KIND:
        return first_of_kind(s, family->site);
    case PLAN_BY_OP:
        return site->place == PLACE_OP ? s->model->graph.node[site->source].op : SAMPLE_NONE;
    case PLAN_BY_PLACE:
        return site->place;
    case PLAN_BY_POINT:
        return family->point;
    case PLAN_BY_BIT:
        return __builtin_popcount(family->bits) == 1 ? (uint32_t)__builtin_ctz(family->bits)
                                                     : SAMPLE_NONE;
    case PLAN_BY_BIT_FIELD:
        return bit_field_of(s, family);
    case PLAN_BY_FIELD:
        return has_field(s, site, family) ? family->field : SAMPLE_NONE;
    case PLAN_BY_KIND:
        return family->kind;
    case PLAN_BY_STAGE:
        return family->stage;
    case PLAN_BY_GRANULARITY:
        return family->granularity;
    case PLAN_BY_READERS:
        return is_read(site, family) ? family->readers : SAMPLE_NONE;
    case PLAN_BY_DURATION:
        return family->duration;
    case PLAN_BY_HEAD:
        return family->head;
    case PLAN_BY_SITE_GROUP:
        return site->group;
    case PLAN_BY_SCRUB:
        return family->duration == DURATION_PERSISTENT ? family->scrub : SAMPLE_NONE;
    default:
        return SAMPLE_NONE; /* items: sets */
    }
}

const char *sample_fault_set_text(struct sample *s, enum plan_dimension dimension, uint32_t key)
{
    if (key == SAMPLE_NONE)
        return "none";
    switch (dimension) {
    case PLAN_BY_SITE:
        return s->site[key].name;
    case PLAN_BY_SITE_KIND:
        return s->site[key].kind;
    case PLAN_BY_OP:
        return graph_op_name((enum op)key);
    case PLAN_BY_PLACE:
        return kinds_text(KINDS_PLACE, key);
    case PLAN_BY_POINT:
        return kinds_text(KINDS_POINT, key);
    case PLAN_BY_BIT_FIELD:
        return BIT_FIELDS[key];
    case PLAN_BY_FIELD:
        return quant_field_name((enum quant_field)key);
    case PLAN_BY_KIND:
        return kinds_text(KINDS_KIND, key);
    case PLAN_BY_STAGE:
        return kinds_text(KINDS_STAGE, key);
    case PLAN_BY_GRANULARITY:
        return kinds_text(KINDS_GRANULARITY, key);
    case PLAN_BY_READERS:
        return kinds_text(KINDS_READERS, key);
    case PLAN_BY_DURATION:
        return kinds_text(KINDS_DURATION, key);
    case PLAN_BY_SITE_GROUP:
        return s->plan->group[key].name;
    case PLAN_BY_SCRUB:
        key = s->plan->when.scrub.choice[key].value;
        return key ? arena_printf(&s->arena, "%u", key) : "never";
    default:
        return arena_printf(&s->arena, "%u", key);
    }
}

/* A family's fault set and curve, and its place in a random order. */
struct order {
    uint32_t fault_set, curve;
    uint64_t random, index;
};

static int by_order(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    if (x->fault_set != y->fault_set)
        return x->fault_set < y->fault_set ? -1 : 1;
    if (x->curve != y->curve)
        return x->curve < y->curve ? -1 : 1;
    if (x->random != y->random)
        return x->random < y->random ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Cores by key: open addressing, at most half full. */
struct table {
    uint32_t *slot; /* (size) fault set + 1, 0: empty */
    uint32_t size;
};

static uint64_t hash_of(const uint32_t key[PLAN_DIMENSION_COUNT])
{
    uint64_t hash = 0;
    for (uint32_t d = 0; d < PLAN_DIMENSION_COUNT; d++)
        hash = hash_fold64(hash, key[d]);
    return hash;
}

static enum status grow_table(struct sample *s, struct table *t)
{
    const uint32_t size = t->size ? 2 * t->size : 1024;
    uint32_t *slot = calloc(size, sizeof(*slot));
    struct sample_fault_set *more = realloc(s->fault_set, size / 2 * sizeof(*more));
    s->fault_set = more ? more : s->fault_set;
    if (!slot || !more) {
        log_error("out of host memory for %u strata", size / 2);
        free(slot);
        return STATUS_MEMORY;
    }
    for (uint32_t c = 0; c < s->n_fault_sets; c++) {
        uint32_t at = (uint32_t)hash_of(s->fault_set[c].key) & (size - 1);
        while (slot[at])
            at = (at + 1) & (size - 1);
        slot[at] = c + 1;
    }
    free(t->slot);
    *t = (struct table){slot, size};
    s->fault_set_room = size / 2;
    return STATUS_OK;
}

static enum status find_fault_set(struct sample *s, struct table *t,
                                  const uint32_t key[PLAN_DIMENSION_COUNT], uint32_t *out)
{
    if (s->n_fault_sets == SAMPLE_STRATA) {
        log_error("%s: found more than %d strata, expected fewer dimensions or sites",
                  plan_place(s->plan, "/strata"), SAMPLE_STRATA);
        return STATUS_INPUT;
    }
    if (s->n_fault_sets == s->fault_set_room) {
        enum status st = grow_table(s, t);
        if (st)
            return st;
    }
    uint32_t at = (uint32_t)hash_of(key) & (t->size - 1);
    for (; t->slot[at]; at = (at + 1) & (t->size - 1)) {
        *out = t->slot[at] - 1;
        if (memcmp(s->fault_set[*out].key, key, sizeof(s->fault_set[*out].key)) == 0)
            return STATUS_OK;
    }
    *out = s->n_fault_sets++;
    t->slot[at] = s->n_fault_sets;
    memset(&s->fault_set[*out], 0, sizeof(s->fault_set[*out]));
    memcpy(s->fault_set[*out].key, key, sizeof(s->fault_set[*out].key));
    return STATUS_OK;
}

static enum status assign_fault_sets(struct sample *s)
{
    struct table t = {0};
    enum status st = STATUS_OK;
    for (uint64_t i = 0; !st && i < s->n_families; i++) {
        uint32_t key[PLAN_DIMENSION_COUNT];
        for (uint32_t d = 0; d < PLAN_DIMENSION_COUNT; d++)
            key[d] = SAMPLE_NONE;
        for (uint32_t d = 0; d < s->plan->n_strata; d++)
            key[s->plan->strata[d]] = key_of(s, &s->family[i], s->plan->strata[d]);
        st = find_fault_set(s, &t, key, &s->family[i].fault_set);
    }
    free(t.slot);
    return st;
}

/* Families by fault set and weight curve, in random order within, so that systematic sampling meets
 * no period. */
static enum status sort_families(struct sample *s)
{
    struct order *order = malloc(s->n_families * sizeof(*order));
    struct sample_family *sorted = malloc(s->n_families * sizeof(*sorted));
    if (!order || !sorted) {
        log_error("out of host memory for %llu families of faults",
                  (unsigned long long)s->n_families);
        free(order);
        free(sorted);
        return STATUS_MEMORY;
    }
    for (uint64_t i = 0; i < s->n_families; i++) {
        const struct sample_key key = sample_index_key(s->key, i);
        order[i] = (struct order){.fault_set = s->family[i].fault_set,
                                  .curve = s->family[i].weight_curve,
                                  .random = (uint64_t)key.word[0] << 32 | key.word[1],
                                  .index = i};
    }
    qsort(order, s->n_families, sizeof(*order), by_order);
    for (uint64_t i = 0; i < s->n_families; i++)
        sorted[i] = s->family[order[i].index];
    free(order);
    free(s->family);
    s->family = sorted;
    s->family_room = s->n_families;
    return STATUS_OK;
}

/* Weight over elementary faults of a family at the position where it is largest. Weights grow at
 * least as fast as sizes, so this is the last one; chunks and ranges count whole, and a range that
 * strikes one key counts at the key with most evaluations. */
static double largest_ratio(const struct sample *s, const struct sample_family *family)
{
    const struct sample_curve *w = &s->curve[family->weight_curve],
                              *n = &s->curve[family->size_curve];
    struct sample_extent e;
    double largest = 0;
    sample_extent_of(s, family, &e);
    for (uint32_t i = 0; i < s->n_strike; i++) {
        const struct sample_item *item = &s->strike[i];
        uint32_t lo, hi;
        sample_growth_range(s, w, item, &lo, &hi);
        if (hi == lo)
            continue;
        const uint32_t from = family->unit == UNIT_COLUMN ? hi - 1 : lo;
        double weight = sample_growth_sum(s, w, item, hi) - sample_growth_sum(s, w, item, from);
        double size = sample_growth_sum(s, n, item, hi) - sample_growth_sum(s, n, item, from);
        if (sample_keys_vary(family, &e)) {
            weight = sample_keys_most(w, &e, &(struct sample_span){lo, hi});
            size = 1;
        }
        largest = fmax(largest, s->scale[i] * weight / size);
    }
    return largest * family->weight / family->elements;
}

/* Sums of the families of each fault set. */
static void sum_fault_sets(struct sample *s)
{
    uint64_t at = 0;
    for (uint32_t c = 0; c < s->n_fault_sets; c++) {
        struct sample_fault_set *faults = &s->fault_set[c];
        for (uint32_t k = 0; k < SAMPLE_CURVES; k++) {
            faults->first[k] = (uint32_t)at;
            for (; at < s->n_families && s->family[at].fault_set == c &&
                   s->family[at].weight_curve == k;
                 at++) {
                struct sample_family *family = &s->family[at];
                faults->weight[k] += family->weight;
                faults->elements[family->size_curve] += family->elements;
                family->cum = faults->weight[k];
                faults->ratio = fmax(faults->ratio, largest_ratio(s, family));
            }
        }
        faults->first[SAMPLE_CURVES] = (uint32_t)at;
    }
}

/* Items of equal weight: each is divided by its total. */
static void set_scale(struct sample *s)
{
    double weight[SAMPLE_CURVES] = {0};
    const bool equal =
        s->plan->item_weight == PLAN_ITEMS_EQUAL && s->plan->population != PLAN_CENSUS;
    for (uint64_t c = 0; c < s->n_families; c++)
        weight[s->family[c].weight_curve] += s->family[c].weight;
    for (uint32_t i = 0; i < s->n_strike; i++) {
        double all = 0;
        for (uint32_t k = 0; k < s->n_curves; k++)
            all += weight[k] * sample_growth_all(s, &s->curve[k], &s->strike[i]);
        s->scale[i] = equal && all > 0 ? 1 / all : 1;
    }
}

enum status sample_fault_set_make(struct sample *s)
{
    enum status st = assign_fault_sets(s);
    if (!st)
        st = sort_families(s);
    if (st)
        return st;
    set_scale(s);
    sum_fault_sets(s);
    return STATUS_OK;
}
