/* SPDX-License-Identifier: MIT */
/* From the index of an elementary fault to its coordinates, mask and positions. */
#include <string.h>

#include "inject/plan/sample_internal.h"
#include "inject/space/widen.h"

/* Mixed radix: takes the lowest digit off. */
static uint32_t digit(uint64_t *index, uint64_t radix)
{
    const uint64_t value = *index % radix;
    *index /= radix;
    return (uint32_t)value;
}

uint64_t sample_fault_count(const struct sample_family *family, const struct sample_extent *extent,
                            const struct sample_span *unit, const struct sample_item *item)
{
    uint32_t first;
    const uint64_t elements = (uint64_t)sample_extent_elements(extent);
    return sample_keys_vary(family, extent) ? elements
                                            : elements * sample_keys_of(extent, unit, item, &first);
}

static uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* A share of all 32-bit draws; never 0, which would mean all. */
static uint32_t rate_bits(double rate)
{
    const double scaled = rate * 0x1p32;
    return scaled >= 0x1p32 - 1 ? UINT32_MAX : scaled < 1 ? 1 : (uint32_t)scaled;
}

void sample_fault_site(const struct sample *s, const struct sample_family *family,
                       struct fault *out)
{
    const struct sample_site *site = &s->site[family->site];
    *out = (struct fault){.place = site->place,
                          .site = site->name,
                          .layer = site->layer,
                          .point = family->point,
                          .field = (enum quant_field)family->field,
                          .value_cache = site->value_cache,
                          .granularity = (enum granularity)family->granularity,
                          .readers = (enum readers)family->readers,
                          .duration = (enum duration)family->duration,
                          .kind = (enum kind)family->kind};
    if (site->place == PLACE_OP)
        out->node = site->source;
    if (site->place == PLACE_WEIGHT)
        out->tensor = &gguf_tensors(s->model->gguf)[site->source];
    if (site->place == PLACE_TABLE)
        out->table = site->source;
    if (site->place == PLACE_CONTROL)
        out->control = (enum control)site->source;
}

/* Bits from the mask's lowest on, as many as a burst has. */
static uint32_t burst(uint32_t start, uint32_t n, uint32_t width)
{
    const uint64_t run = ((UINT64_C(1) << n) - 1) * start;
    return (uint32_t)(run & (width >= 32 ? UINT32_MAX : (1u << width) - 1));
}

static void set_bits(const struct sample *s, const struct sample_family *family, uint64_t mask,
                     struct fault *out)
{
    const struct plan_what *what = &s->plan->what;
    if (family->bits)
        out->mask = sample_extent_mask(s->plan, family, mask);
    if (out->kind == KIND_SET)
        out->value = what->value;
    if (out->kind == KIND_SCALE)
        out->value = float_bits(what->factor);
    if (out->kind == KIND_ADD)
        out->value = float_bits(what->term);
    if (out->kind == KIND_CLAMP) {
        out->low = float_bits(what->low);
        out->high = float_bits(what->high);
    }
    out->only_mask = what->only_mask;
    out->only_value = what->only_value;
}

/* Offset from a position of the strike item to that of the item run: the prompts' difference in
 * length, from the prompt's last position on. */
static uint32_t shift_of(const struct sample *s, const struct sample_place *place,
                         uint32_t position)
{
    const bool late = position + 1 >= place->strike->n_prompt;
    return late && s->plan->design != PLAN_FAULT_MAJOR
               ? place->item->n_prompt - place->strike->n_prompt
               : 0;
}

/* The ranges of elements, then the positions, none before `begin`: a stage's range is that of the
 * item run; chunks are cut at the stage's ends. A fault to the end lasts as long as the faulty
 * run. */
static void set_ranges(const struct sample *s, const struct sample_place *place, uint32_t begin,
                       struct fault *out)
{
    const struct sample_family *family = place->family;
    const struct plan *plan = s->plan;
    const struct fault_bounds bounds = {.model = s->model,
                                        .act = plan->act,
                                        .kv = plan->kv,
                                        .n_prompt = place->item->n_prompt,
                                        .positions =
                                            place->item->n_prompt + place->item->n_tokens - 1};
    const struct widen widen = {.lanes = plan->lanes, .tile = plan->tiles, .chunk = plan->chunk};
    const uint32_t shift = shift_of(s, place, place->unit.first);
    uint32_t first = place->unit.first + shift, end = place->unit.end + shift;
    if (family->unit == UNIT_RANGE)
        sample_growth_range(s, &s->curve[family->weight_curve], place->item, &first, &end);
    if (begin > first)
        first = begin;
    out->position = first;
    widen_fault(out, &bounds, &widen, (enum stage)family->stage);
    out->position = first;
    out->position_count = end - first;
    const bool ends = end == bounds.positions && !plan->when.steps.given;
    if (family->unit == UNIT_CHUNK && ends)
        out->position_count = plan->chunk - place->unit.first % plan->chunk;
    if (out->duration == DURATION_PERMANENT || (family->unit == UNIT_RANGE && ends))
        out->position_count = FAULT_FOREVER;
    if (out->duration == DURATION_PERSISTENT)
        out->position_count = plan->when.scrub.choice[family->scrub].value;
    if (out->position_count == 0)
        out->position_count = FAULT_FOREVER;
    if (out->duration == DURATION_INTERMITTENT)
        out->rate = rate_bits(plan->when.rate);
}

/* One of the axis's other values; its own if there is no other. */
static uint32_t other_on(const struct sample_axis *axis, uint32_t own, uint64_t draw)
{
    if (axis->count == 0)
        return own;
    const uint32_t index = (own - axis->first) / axis->stride;
    const uint32_t other = axis->count > 1 ? (uint32_t)(draw % (axis->count - 1)) : index;
    return axis->first + axis->stride * (other + (axis->count > 1 && other >= index));
}

/* The wrong element: another row; for a read another key if it has keys, another feature if an
 * operand has no own rows. Drawn with the fault, not counted as a fault. */
static uint32_t other_element(const struct sample *s, const struct sample_place *place,
                              const struct sample_extent *e, const struct fault *fault)
{
    const struct sample_key key =
        sample_index_key(sample_index_key(s->key, place->fault_index), place->element);
    const uint64_t draw = (uint64_t)key.word[0] << 32 | key.word[1];
    const bool read = fault->kind == KIND_WRONG_READ;
    if (read && (e->seen || e->entries || e->rows)) {
        struct sample_axis keys = {.stride = 1};
        keys.count = sample_keys_of(e, &place->unit, place->strike, &keys.first);
        if (sample_keys_vary(place->family, e))
            keys.count = sample_keys_beside(e, &place->unit, place->key, &keys.first);
        return other_on(&keys, e->rows ? fault->row : fault->key, draw);
    }
    const struct fault_bounds bounds = sample_extent_bounds(s);
    if (read && fault_from(fault, &bounds) == TAP_FROM_K)
        return other_on(&e->k, fault->k, draw);
    return other_on(&e->row, fault->row, draw);
}

void sample_fault_make(const struct sample *s, const struct sample_place *place, struct fault *out)
{
    const struct sample_family *family = place->family;
    struct sample_extent e;
    uint64_t index = place->element;
    uint32_t first_key, begin = 0;
    sample_extent_of(s, family, &e);
    sample_fault_site(s, family, out);
    const uint32_t mask = digit(&index, e.masks);
    out->row = sample_extent_start(&e.row, digit(&index, sample_extent_units(&e.row)));
    out->k = sample_extent_start(&e.k, digit(&index, sample_extent_units(&e.k)));
    if (e.reader.count)
        out->row = sample_extent_start(&e.reader, digit(&index, sample_extent_units(&e.reader)));
    const uint32_t keys = sample_keys_of(&e, &place->unit, place->strike, &first_key);
    const bool keyed = (e.seen || e.entries || e.rows) && !e.all_keys;
    const bool vary = sample_keys_vary(family, &e);
    if (vary)
        out->key = place->key;
    else if (keyed)
        *(e.rows ? &out->row : &out->key) = first_key + digit(&index, keys);
    set_bits(s, family, mask, out);
    if (hook_kinds_takes(family->kind, KIND_TAKES_OTHER))
        out->from = other_element(s, place, &e, out);
    if (keyed) {
        const uint32_t at = vary ? sample_keys_begin(&place->unit, place->key) : place->unit.first;
        const uint32_t shift = shift_of(s, place, at);
        *(e.rows ? &out->row : &out->key) += shift;
        out->from += out->kind == KIND_WRONG_READ ? shift : 0;
    }
    /* it starts where its key and the one read instead are first seen */
    if (vary)
        begin = out->kind == KIND_WRONG_READ && out->from > out->key ? out->from : out->key;
    out->key_low = s->plan->seed;
    out->key_high = place->fault_index;
    set_ranges(s, place, begin, out);
    if (s->plan->what.pattern == PLAN_PATTERN_BURST && family->bits &&
        !hook_kinds_takes(out->kind, KIND_TAKES_DRAWS) && !sample_burst_spreads(s->plan, out))
        out->mask = burst(out->mask, s->plan->what.pattern_bits, e.width);
}
