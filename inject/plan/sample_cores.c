/* SPDX-License-Identifier: MIT */
/* Gathers cells into cores: strata by all dimensions but those of items. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "inject/plan/sample_internal.h"

static const char *const BIT_FIELDS[] = {"sign", "exponent", "mantissa", "integer"};

static uint32_t bit_field_of(const struct sample *s, const struct sample_cell *cell)
{
    struct sample_format f;
    if (cell->bits == 0)
        return SAMPLE_NONE;
    sample_extent_format(s, cell, &f);
    if (f.integer)
        return 3;
    return (cell->bits & ~f.sign) == 0                 ? 0
           : (cell->bits & ~f.exponent) == 0           ? 1
           : (cell->bits & (f.sign | f.exponent)) == 0 ? 2
                                                       : SAMPLE_NONE;
}

static uint32_t first_of_kind(const struct sample *s, uint32_t site)
{
    uint32_t i = 0;
    while (strcmp(s->site[i].kind, s->site[site].kind) != 0)
        i++;
    return i;
}

static bool is_read(const struct sample_site *site, const struct sample_cell *cell)
{
    return site->place == PLACE_OP && (cell->point == HOOK_WEIGHT || cell->point == HOOK_OPERAND);
}

static bool has_field(const struct sample *s, const struct sample_site *site,
                      const struct sample_cell *cell)
{
    return site->place == PLACE_WEIGHT || (is_read(site, cell) && cell->point == HOOK_WEIGHT &&
                                           s->model->graph.node[site->source].weight);
}

/* The cell's value in a dimension; SAMPLE_NONE: none, or all of them. */
static uint32_t key_of(const struct sample *s, const struct sample_cell *cell,
                       enum plan_dimension dimension)
{
    const struct sample_site *site = &s->site[cell->site];
    switch (dimension) {
    case PLAN_BY_LAYER:
        return site->layer == GRAPH_NO_LAYER ? SAMPLE_NONE : site->layer;
    case PLAN_BY_SITE:
        return cell->site;
    case PLAN_BY_SITE_KIND:
        return first_of_kind(s, cell->site);
    case PLAN_BY_OP:
        return site->place == PLACE_OP ? s->model->graph.node[site->source].op : SAMPLE_NONE;
    case PLAN_BY_PLACE:
        return site->place;
    case PLAN_BY_POINT:
        return cell->point;
    case PLAN_BY_BIT:
        return __builtin_popcount(cell->bits) == 1 ? (uint32_t)__builtin_ctz(cell->bits)
                                                   : SAMPLE_NONE;
    case PLAN_BY_BIT_FIELD:
        return bit_field_of(s, cell);
    case PLAN_BY_FIELD:
        return has_field(s, site, cell) ? cell->field : SAMPLE_NONE;
    case PLAN_BY_KIND:
        return cell->kind;
    case PLAN_BY_STAGE:
        return cell->stage;
    case PLAN_BY_GRANULARITY:
        return cell->granularity;
    case PLAN_BY_READERS:
        return is_read(site, cell) ? cell->readers : SAMPLE_NONE;
    case PLAN_BY_DURATION:
        return cell->duration;
    case PLAN_BY_HEAD:
        return cell->head;
    case PLAN_BY_SITE_GROUP:
        return site->group;
    case PLAN_BY_SCRUB:
        return cell->duration == DURATION_PERSISTENT ? cell->scrub : SAMPLE_NONE;
    default:
        return SAMPLE_NONE; /* items: sets */
    }
}

const char *sample_cores_text(struct sample *s, enum plan_dimension dimension, uint32_t key)
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

/* A cell's core and class, and its place in a random order. */
struct order {
    uint32_t core, class;
    uint64_t random, index;
};

static int by_order(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    if (x->core != y->core)
        return x->core < y->core ? -1 : 1;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    if (x->random != y->random)
        return x->random < y->random ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Cores by key: open addressing, at most half full. */
struct table {
    uint32_t *slot; /* (size) core + 1, 0: empty */
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
    struct sample_core *more = realloc(s->core, size / 2 * sizeof(*more));
    s->core = more ? more : s->core;
    if (!slot || !more) {
        log_error("out of host memory for %u strata", size / 2);
        free(slot);
        return STATUS_MEMORY;
    }
    for (uint32_t c = 0; c < s->n_cores; c++) {
        uint32_t at = (uint32_t)hash_of(s->core[c].key) & (size - 1);
        while (slot[at])
            at = (at + 1) & (size - 1);
        slot[at] = c + 1;
    }
    free(t->slot);
    *t = (struct table){slot, size};
    s->core_room = size / 2;
    return STATUS_OK;
}

static enum status find_core(struct sample *s, struct table *t,
                             const uint32_t key[PLAN_DIMENSION_COUNT], uint32_t *out)
{
    if (s->n_cores == SAMPLE_STRATA) {
        log_error("%s: found more than %d strata, expected fewer dimensions or sites",
                  plan_place(s->plan, "/strata"), SAMPLE_STRATA);
        return STATUS_INPUT;
    }
    if (s->n_cores == s->core_room) {
        enum status st = grow_table(s, t);
        if (st)
            return st;
    }
    uint32_t at = (uint32_t)hash_of(key) & (t->size - 1);
    for (; t->slot[at]; at = (at + 1) & (t->size - 1)) {
        *out = t->slot[at] - 1;
        if (memcmp(s->core[*out].key, key, sizeof(s->core[*out].key)) == 0)
            return STATUS_OK;
    }
    *out = s->n_cores++;
    t->slot[at] = s->n_cores;
    memset(&s->core[*out], 0, sizeof(s->core[*out]));
    memcpy(s->core[*out].key, key, sizeof(s->core[*out].key));
    return STATUS_OK;
}

static enum status assign_cores(struct sample *s)
{
    struct table t = {0};
    enum status st = STATUS_OK;
    for (uint64_t i = 0; !st && i < s->n_cells; i++) {
        uint32_t key[PLAN_DIMENSION_COUNT];
        for (uint32_t d = 0; d < PLAN_DIMENSION_COUNT; d++)
            key[d] = SAMPLE_NONE;
        for (uint32_t d = 0; d < s->plan->n_strata; d++)
            key[s->plan->strata[d]] = key_of(s, &s->cell[i], s->plan->strata[d]);
        st = find_core(s, &t, key, &s->cell[i].core);
    }
    free(t.slot);
    return st;
}

/* Cells by core and weight class, in random order within, so that systematic sampling meets no
 * period. */
static enum status sort_cells(struct sample *s)
{
    struct order *order = malloc(s->n_cells * sizeof(*order));
    struct sample_cell *sorted = malloc(s->n_cells * sizeof(*sorted));
    if (!order || !sorted) {
        log_error("out of host memory for %llu cells", (unsigned long long)s->n_cells);
        free(order);
        free(sorted);
        return STATUS_MEMORY;
    }
    for (uint64_t i = 0; i < s->n_cells; i++) {
        const struct sample_key key = sample_index_key(s->key, i);
        order[i] = (struct order){.core = s->cell[i].core,
                                  .class = s->cell[i].weight_class,
                                  .random = (uint64_t)key.word[0] << 32 | key.word[1],
                                  .index = i};
    }
    qsort(order, s->n_cells, sizeof(*order), by_order);
    for (uint64_t i = 0; i < s->n_cells; i++)
        sorted[i] = s->cell[order[i].index];
    free(order);
    free(s->cell);
    s->cell = sorted;
    s->cell_room = s->n_cells;
    return STATUS_OK;
}

/* Weight over elementary faults of a cell at the position where it is largest. Weights grow at
 * least as fast as sizes, so this is the last one; chunks and ranges count whole, and a range that
 * strikes one key counts at the key with most evaluations. */
static double largest_ratio(const struct sample *s, const struct sample_cell *cell)
{
    const struct sample_class *w = &s->class[cell->weight_class], *n = &s->class[cell->size_class];
    struct sample_extent e;
    double largest = 0;
    sample_extent_of(s, cell, &e);
    for (uint32_t i = 0; i < s->n_strike; i++) {
        const struct sample_item *item = &s->strike[i];
        uint32_t lo, hi;
        sample_growth_range(s, w, item, &lo, &hi);
        if (hi == lo)
            continue;
        const uint32_t from = cell->unit == UNIT_COLUMN ? hi - 1 : lo;
        double weight = sample_growth_sum(s, w, item, hi) - sample_growth_sum(s, w, item, from);
        double size = sample_growth_sum(s, n, item, hi) - sample_growth_sum(s, n, item, from);
        if (sample_keys_vary(cell, &e)) {
            weight = sample_keys_most(w, &e, &(struct sample_span){lo, hi});
            size = 1;
        }
        largest = fmax(largest, s->scale[i] * weight / size);
    }
    return largest * cell->weight / cell->elements;
}

/* Sums of the cells of each core. */
static void sum_cores(struct sample *s)
{
    uint64_t at = 0;
    for (uint32_t c = 0; c < s->n_cores; c++) {
        struct sample_core *core = &s->core[c];
        for (uint32_t k = 0; k < SAMPLE_CLASSES; k++) {
            core->first[k] = (uint32_t)at;
            for (; at < s->n_cells && s->cell[at].core == c && s->cell[at].weight_class == k;
                 at++) {
                struct sample_cell *cell = &s->cell[at];
                core->weight[k] += cell->weight;
                core->elements[cell->size_class] += cell->elements;
                cell->cum = core->weight[k];
                core->ratio = fmax(core->ratio, largest_ratio(s, cell));
            }
        }
        core->first[SAMPLE_CLASSES] = (uint32_t)at;
    }
}

/* Items of equal weight: each is divided by its total. */
static void set_scale(struct sample *s)
{
    double weight[SAMPLE_CLASSES] = {0};
    const bool equal =
        s->plan->item_weight == PLAN_ITEMS_EQUAL && s->plan->population != PLAN_CENSUS;
    for (uint64_t c = 0; c < s->n_cells; c++)
        weight[s->cell[c].weight_class] += s->cell[c].weight;
    for (uint32_t i = 0; i < s->n_strike; i++) {
        double all = 0;
        for (uint32_t k = 0; k < s->n_classes; k++)
            all += weight[k] * sample_growth_all(s, &s->class[k], &s -> strike[i]);
        s->scale[i] = equal && all > 0 ? 1 / all : 1;
    }
}

enum status sample_cores_make(struct sample *s)
{
    enum status st = assign_cores(s);
    if (!st)
        st = sort_cells(s);
    if (st)
        return st;
    set_scale(s);
    sum_cores(s);
    return STATUS_OK;
}
