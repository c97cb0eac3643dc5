/* SPDX-License-Identifier: MIT */
/* Cuts the sites of a plan into families of faults. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_read.h"
#include "inject/plan/sample_internal.h"
#include "model/op.h"

struct builder {
    struct sample *s;
    const struct sample_site *site;
    const struct node *node;     /* of PLACE_OP */
    struct sample_family family; /* being made */
    double weight;               /* of its choices */
    struct sample_share share;   /* of points, by elements */
    struct sample_format format;
};

static bool by_size(const struct plan *plan)
{
    return plan->population == PLAN_EQUAL || plan->population == PLAN_CENSUS;
}

static bool stratified(const struct plan *plan, enum plan_dimension dimension)
{
    for (uint32_t i = 0; i < plan->n_strata; i++) {
        if (plan->strata[i] == dimension)
            return true;
    }
    return false;
}

typedef bool allowed(const struct builder *b, uint32_t value);

/* Evaluations whose points and fields weigh by the elements read, added or written there. */
static bool by_elements(const struct builder *b)
{
    return b->node && b->s->plan->population == PLAN_OPS &&
           b->s->plan->point_weight == PLAN_POINTS_ELEMENTS;
}

/* Where weights divide a site's weight, they sum to 1 over what is allowed there; where faults are
 * counted they multiply. */
static void options_of(struct sample_options *out, const struct builder *b,
                       const struct plan_choices *choices, allowed *is_allowed)
{
    out->count = 0;
    for (uint32_t i = 0; i < choices->count; i++) {
        if (!is_allowed(b, choices->choice[i].value))
            continue;
        out->value[out->count] = choices->choice[i].value;
        out->weight[out->count] = choices->choice[i].weight;
        out->count++;
    }
    if (!by_size(b->s->plan))
        sample_share_equal(out);
}

static bool point_allowed(const struct builder *b, uint32_t point)
{
    struct op_point c;
    return op_point(&c, b->node, point);
}

static const struct tensor *tensor_of(const struct builder *b)
{
    if (b->site->place == PLACE_WEIGHT)
        return &gguf_tensors(b->s->model->gguf)[b->site->source];
    return b->node && b->family.point == HOOK_WEIGHT ? b->node->weight : NULL;
}

static bool field_allowed(const struct builder *b, uint32_t field)
{
    return quant_field_width(tensor_of(b)->type, (enum quant_field)field) > 0;
}

static bool granularity_allowed(const struct builder *b, uint32_t granularity)
{
    if (b->site->place == PLACE_CONTROL)
        return granularity == GRANULARITY_ELEMENT || granularity == GRANULARITY_FEATURE;
    return true;
}

static bool readers_allowed(const struct builder *b, uint32_t readers)
{
    struct op_point c;
    if (b->family.point == HOOK_WEIGHT)
        return readers == READERS_COLUMN ||
               (tensor_of(b) && (readers == READERS_CHUNK || readers == READERS_STAGE));
    return readers == READERS_ALL || (op_point(&c, b->node, b->family.point) && c.shared &&
                                      (readers == READERS_ROW || readers == READERS_TILE));
}

static bool duration_allowed(const struct builder *b, uint32_t duration)
{
    const bool stored = b->site->place != PLACE_OP && b->site->place != PLACE_CONTROL;
    return stored == (duration == DURATION_PERSISTENT);
}

/* As in fault_check. */
static bool kind_allowed(const struct builder *b, uint32_t kind)
{
    const bool op = b->site->place == PLACE_OP;
    const bool weight = b->site->place == PLACE_WEIGHT || (op && b->family.point == HOOK_WEIGHT);
    const bool one = b->family.granularity == GRANULARITY_ELEMENT ||
                     (op && b->family.granularity == GRANULARITY_FEATURE);
    if (hook_kinds_takes(kind, KIND_TAKES_EARLIER) && weight)
        return false;
    if (hook_kinds_takes(kind, KIND_TAKES_NUMBER) && b->format.integer)
        return false;
    if (kind == KIND_WRONG_WRITE)
        return one && op && HOOK_IS_RESULT(b->family.point);
    if (kind == KIND_WRONG_READ)
        return one && b->site->place != PLACE_CONTROL && !(op && HOOK_IS_SUM(b->family.point));
    return true;
}

/* Bits that masks may have. */
static uint32_t allowed_bits(const struct builder *b)
{
    const struct plan_what *what = &b->s->plan->what;
    const struct sample_format *f = &b->format;
    const uint32_t all = f->width >= 32 ? UINT32_MAX : (1u << f->width) - 1;
    uint32_t bits = all;
    if (what->bits == PLAN_BITS_SIGN)
        bits = f->integer ? 0 : f->sign;
    if (what->bits == PLAN_BITS_EXPONENT)
        bits = f->integer ? 0 : f->exponent;
    if (what->bits == PLAN_BITS_MANTISSA)
        bits = f->integer ? 0 : all & ~f->sign & ~f->exponent;
    if (what->bits == PLAN_BITS_LIST) {
        bits = 0;
        for (uint32_t i = 0; i < what->n_bits; i++)
            bits |= what->bit[i] < f->width ? 1u << what->bit[i] : 0;
    }
    if (what->pattern == PLAN_PATTERN_BURST && b->site->place != PLACE_WEIGHT &&
        !hook_kinds_takes(b->family.kind, KIND_TAKES_DRAWS)) {
        const uint32_t n = what->pattern_bits;
        bits &= n >= f->width ? 1u : (1u << (f->width - n + 1)) - 1;
    }
    return bits;
}

/* MACs of an evaluation, or elements it writes; times keys seen if `*out_seen`. */
static double evaluation_macs(const struct builder *b, bool *out_seen)
{
    const struct node *node = b->node;
    *out_seen = false;
    if (!node)
        return 1; /* a control integer */
    *out_seen = op_per_key(node->op);
    const uint64_t macs = op_macs(node, 1);
    return (double)(macs ? macs : node->rows);
}

/* The population's weight of a family, without its choices and positions. */
static double population_weight(const struct builder *b, const struct sample_extent *e,
                                struct sample_curve *curve)
{
    const struct plan *plan = b->s->plan;
    bool seen;
    if (by_size(plan))
        return sample_extent_elements(e);
    if (plan->population == PLAN_OPS) {
        const double macs = evaluation_macs(b, &seen);
        curve->growth = seen ? GROWTH_SEEN : GROWTH_ONE;
        curve->window = seen ? b->node->window : 0;
        return by_elements(b) ? macs * sample_share_of(&b->share, b->family.point, curve) : macs;
    }
    const uint32_t bits =
        b->family.bits ? b->family.bits : (e->width >= 32 ? UINT32_MAX : (1u << e->width) - 1);
    curve->growth = e->entries ? GROWTH_ENTRIES_TIME : e->rows ? GROWTH_ROWS_TIME : GROWTH_TIME;
    curve->window = 0;
    /* all that is stored, whatever one fault covers */
    struct sample_family element = b->family;
    struct sample_extent stored;
    element.granularity = GRANULARITY_ELEMENT;
    sample_extent_of(b->s, &element, &stored);
    return sample_extent_elements(&stored) / (double)stored.masks * __builtin_popcount(bits);
}

/* Appends the family to its fault set; `fault_set` is filled in by sample_fault_set_make. */
static enum status append(struct sample *s, const struct sample_family *family)
{
    if (s->n_families == s->family_room) {
        const uint64_t room = s->family_room ? 2 * s->family_room : 4096;
        struct sample_family *more = realloc(s->family, room * sizeof(*more));
        if (!more) {
            log_error("out of host memory for %llu families of faults of the plan",
                      (unsigned long long)room);
            return STATUS_MEMORY;
        }
        s->family = more;
        s->family_room = room;
    }
    s->family[s->n_families++] = *family;
    return STATUS_OK;
}

/* Adds the family with its curves, weight and size, for its share of the site's weight. */
static enum status finish_family(struct builder *b, double share)
{
    struct sample *s = b->s;
    struct sample_extent e;
    sample_extent_of(s, &b->family, &e);
    const bool late = (b->node && op_is_output(b->node)) ||
                      (b->site->place == PLACE_CONTROL && b->site->source == CONTROL_SAMPLER);
    const struct sample_curve size = {.growth =
                                          sample_growth_size(&e, (enum sample_unit)b->family.unit),
                                      .window = e.window,
                                      .stage = (enum stage)b->family.stage,
                                      .late = late,
                                      .least = e.entries ? 1 : 0};
    struct sample_curve weight = size;
    b->family.elements = sample_extent_elements(&e);
    if (!(b->family.elements > 0))
        return STATUS_OK;
    b->family.weight = population_weight(b, &e, &weight) * b->weight * share;
    const uint32_t of_size = sample_growth_curve(s, &size),
                   of_weight = sample_growth_curve(s, &weight);
    if (of_size == SAMPLE_NONE || of_weight == SAMPLE_NONE) {
        log_error("%s: found more than %d ways in which weights grow with the position",
                  plan_place(s->plan, "/where"), SAMPLE_CURVES);
        return STATUS_INPUT;
    }
    b->family.size_curve = (uint8_t)of_size;
    b->family.weight_curve = (uint8_t)of_weight;
    if (weight.rest > 0 && !s->curve[of_weight].sum) {
        const enum status st = sample_growth_table(s, &s->curve[of_weight]);
        if (st)
            return st;
    }
    return append(s, &b->family);
}

/* One family, or one per head. */
static enum status split_heads(struct builder *b, double share)
{
    const struct plan *plan = b->s->plan;
    const uint32_t heads =
        stratified(plan, PLAN_BY_HEAD) ? sample_extent_heads(b->s, b->site, b->family.point) : 0;
    const bool ranged = b->family.granularity != GRANULARITY_ELEMENT &&
                        b->family.granularity != GRANULARITY_FEATURE;
    enum status st = STATUS_OK;
    b->family.head = SAMPLE_NONE;
    if (heads == 0 || ranged)
        return finish_family(b, share);
    /* sizes and stored bits are counted head by head; evaluations are divided */
    const double a_head = plan->population == PLAN_OPS ? share / heads : share;
    for (uint32_t h = 0; !st && h < heads; h++) {
        b->family.head = h;
        st = finish_family(b, a_head);
    }
    return st;
}

static bool beyond(const struct sample_format *f, uint32_t bits)
{
    return f->width < 32 && bits >> f->width != 0;
}

static uint32_t part_of(const struct sample_format *f, uint32_t part)
{
    const uint32_t parts[] = {f->sign, f->exponent, ~f->sign & ~f->exponent};
    return parts[part];
}

/* One family, or one per bit or part of the number, as the strata require. */
static enum status split_bits(struct builder *b)
{
    const struct plan *plan = b->s->plan;
    const bool masked = hook_kinds_takes(b->family.kind, KIND_TAKES_MASK);
    /* if the bits are drawn, the mask holds all of them */
    const bool single = plan->what.pattern == PLAN_PATTERN_SINGLE &&
                        !hook_kinds_takes(b->family.kind, KIND_TAKES_DRAWS);
    const uint32_t all = masked ? allowed_bits(b) : 0;
    const uint32_t value = b->family.kind == KIND_SET ? plan->what.value : 0;
    const bool divide = plan->population == PLAN_OPS;
    const double n = __builtin_popcount(all);
    enum status st = STATUS_OK;
    b->family.bits = all;
    /* a pattern of absent bits has no family */
    if ((masked && all == 0) || beyond(&b->format, plan->what.only_mask | value))
        return STATUS_OK;
    if (masked && single && stratified(plan, PLAN_BY_BIT)) {
        for (uint32_t bit = 0; !st && bit < 32; bit++) {
            b->family.bits = all & 1u << bit;
            if (b->family.bits)
                st = split_heads(b, divide ? 1 / n : 1);
        }
        return st;
    }
    if (masked && single && stratified(plan, PLAN_BY_BIT_FIELD) && !b->format.integer) {
        for (uint32_t part = 0; !st && part < 3; part++) {
            b->family.bits = all & part_of(&b->format, part);
            if (b->family.bits)
                st = split_heads(b, divide ? __builtin_popcount(b->family.bits) / n : 1);
        }
        return st;
    }
    return split_heads(b, 1);
}

static enum status with_stage(struct builder *b)
{
    const struct plan_choices *stages = &b->s->plan->when.stage;
    const bool split =
        stages->choice[0].value == STAGE_ANY && stratified(b->s->plan, PLAN_BY_STAGE);
    const double weight = b->weight;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < (split ? 3 : stages->count); i++) {
        b->family.stage = (uint8_t)(split ? i : stages->choice[i].value);
        b->weight = weight * (split ? 1 : stages->choice[i].weight);
        st = split_bits(b);
    }
    b->weight = weight;
    return st;
}

static bool scrub_allowed(const struct builder *b, uint32_t scrub)
{
    (void)scrub;
    return b->family.duration == DURATION_PERSISTENT;
}

/* Each of the plan's times until a stored fault is scrubbed. */
static enum status with_scrub(struct builder *b)
{
    struct sample_options scrubs;
    const double weight = b->weight;
    enum status st = STATUS_OK;
    options_of(&scrubs, b, &b->s->plan->when.scrub, scrub_allowed);
    for (uint32_t i = 0; !st && i < scrubs.count; i++) {
        b->family.scrub = (uint8_t)i;
        b->weight = weight * scrubs.weight[i];
        st = with_stage(b);
    }
    b->family.scrub = 0;
    b->weight = weight;
    return st || scrubs.count > 0 ? st : with_stage(b);
}

static enum sample_unit unit_of(const struct builder *b)
{
    const struct sample_family *family = &b->family;
    if (b->site->place != PLACE_OP && b->site->place != PLACE_CONTROL)
        return UNIT_COLUMN;
    if (family->granularity == GRANULARITY_FEATURE || family->granularity == GRANULARITY_TENSOR ||
        family->duration == DURATION_INTERMITTENT || family->readers == READERS_STAGE)
        return UNIT_RANGE;
    return family->readers == READERS_CHUNK && family->point == HOOK_WEIGHT ? UNIT_CHUNK
                                                                            : UNIT_COLUMN;
}

/* Kinds and durations of faults there. */
static enum status with_kind(struct builder *b)
{
    const struct plan *plan = b->s->plan;
    struct sample_options kinds, durations;
    const double weight = b->weight;
    enum status st = STATUS_OK;
    sample_extent_format(b->s, &b->family, &b->format);
    options_of(&kinds, b, &plan->what.kind, kind_allowed);
    options_of(&durations, b, &plan->when.duration, duration_allowed);
    for (uint32_t i = 0; !st && i < kinds.count * durations.count; i++) {
        const uint32_t kind = i / durations.count, duration = i % durations.count;
        b->family.kind = (uint8_t)kinds.value[kind];
        b->family.duration = (uint8_t)durations.value[duration];
        b->family.unit = (uint8_t)unit_of(b);
        b->weight = weight * kinds.weight[kind] * durations.weight[duration];
        st = with_scrub(b);
    }
    b->weight = weight;
    return st;
}

/* Granularity, and readers of weights and operands. */
static enum status with_granularity(struct builder *b)
{
    const struct plan *plan = b->s->plan;
    const bool read =
        b->node && (b->family.point == HOOK_WEIGHT || b->family.point == HOOK_OPERAND);
    struct sample_options granularities, readers = {{READERS_COLUMN}, {1}, 1};
    const double weight = b->weight;
    enum status st = STATUS_OK;
    options_of(&granularities, b, &plan->where.granularity, granularity_allowed);
    if (read) {
        options_of(&readers, b, &plan->where.readers, readers_allowed);
        if (readers.count == 0)
            readers = (struct sample_options){
                {b->family.point == HOOK_WEIGHT ? READERS_COLUMN : READERS_ALL}, {1}, 1};
    }
    for (uint32_t i = 0; !st && i < granularities.count * readers.count; i++) {
        const uint32_t granularity = i / readers.count, reader = i % readers.count;
        b->family.granularity = (uint8_t)granularities.value[granularity];
        b->family.readers = (uint8_t)readers.value[reader];
        b->weight = weight * granularities.weight[granularity] * readers.weight[reader];
        st = with_kind(b);
    }
    b->weight = weight;
    return st;
}

/* Fields of a stored or read weight: all of its type unless the plan names some. */
static void fields_of(const struct builder *b, struct sample_options *out)
{
    struct plan_choice all[QUANT_FIELD_COUNT];
    struct plan_choices choices = b->s->plan->where.field;
    for (uint32_t f = 0; f < QUANT_FIELD_COUNT; f++)
        all[f] = (struct plan_choice){f, 1};
    if (choices.count == 0)
        choices = (struct plan_choices){all, QUANT_FIELD_COUNT};
    *out = (struct sample_options){{QUANT_FIELD_CODE}, {1}, 1};
    if (tensor_of(b))
        options_of(out, b, &choices, field_allowed);
}

static enum status with_field(struct builder *b)
{
    const struct plan_choices choices = b->s->plan->where.field;
    struct sample_options fields;
    const double weight = b->weight;
    enum status st = STATUS_OK;
    fields_of(b, &fields);
    if (by_elements(b))
        sample_share_fields(b->s, &b->family, &fields);
    for (uint32_t i = 0; !st && i < fields.count; i++) {
        const bool counted = b->s->plan->population == PLAN_BITS;
        b->family.field = (uint8_t)fields.value[i];
        b->weight = weight * (counted ? 1 : fields.weight[i]);
        for (uint32_t c = 0; counted && tensor_of(b) && c < choices.count; c++)
            b->weight *= choices.choice[c].value == fields.value[i] ? choices.choice[c].weight : 1;
        st = with_granularity(b);
    }
    b->weight = weight;
    return st;
}

/* The elements of all the site's points. */
static void count_elements(struct builder *b, const struct sample_options *points)
{
    struct sample_options fields;
    for (uint32_t i = 0; i < points->count; i++) {
        b->family.point = (uint8_t)points->value[i];
        fields_of(b, &fields);
        sample_share_count(&b->share, b->s, &b->family, &fields);
        sample_share_add(&b->share, points->value[i], points->weight[i]);
    }
}

static enum status cut_site(struct sample *s, uint32_t index)
{
    struct builder b = {.s = s, .site = &s->site[index], .family = {.site = index}};
    struct sample_options points = {{HOOK_MEM}, {1}, 1};
    double place = 1;
    enum status st = STATUS_OK;
    const struct plan_choices *places = &s->plan->where.place;
    for (uint32_t i = 0; i < places->count; i++)
        place = places->choice[i].value == b.site->place ? places->choice[i].weight : place;
    if (b.site->place == PLACE_OP) {
        b.node = &s->model->graph.node[b.site->source];
        options_of(&points, &b, &s->plan->where.point, point_allowed);
        if (by_elements(&b))
            count_elements(&b, &points);
    }
    for (uint32_t i = 0; !st && i < points.count; i++) {
        b.family.point = (uint8_t)points.value[i];
        b.weight = b.site->weight * place * points.weight[i];
        st = with_field(&b);
    }
    return st;
}

enum status sample_family_make(struct sample *s)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < s->n_sites; i++)
        st = cut_site(s, i);
    if (!st && s->n_families == 0) {
        log_error("%s: found nothing to strike, expected sites that have the points, fields, kinds "
                  "and bits asked for",
                  plan_place(s->plan, "/where"));
        st = STATUS_INPUT;
    }
    return st;
}
