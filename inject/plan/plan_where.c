/* SPDX-License-Identifier: MIT */
/* Where, what and when of a plan. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_field.h"

/* --- where --- */

static int by_glob(const void *a, const void *b)
{
    const struct plan_site *x = a, *y = b;
    return strcmp(x->glob, y->glob);
}

/* The first pattern that matches a site gives its weight, so the order is kept. It does not matter
 * if all weights are equal. */
static enum status put_sites(struct json_writer *w, const struct plan *plan)
{
    const struct plan_where *where = &plan->where;
    bool even = true;
    struct plan_site *site = calloc(where->n_sites ? where->n_sites : 1, sizeof(*site));
    if (!site) {
        log_error("out of host memory, %u patterns of sites", where->n_sites);
        return STATUS_MEMORY;
    }
    if (where->n_sites > 0)
        memcpy(site, where->site, where->n_sites * sizeof(*site));
    for (uint32_t i = 1; i < where->n_sites; i++)
        even = even && site[i].weight == site[0].weight;
    if (even)
        qsort(site, where->n_sites, sizeof(*site), by_glob);
    json_put_key(w, "sites");
    json_array_open(w);
    for (uint32_t i = 0; i < where->n_sites; i++) {
        json_array_open(w);
        json_put_text(w, site[i].glob);
        json_put_number(w, site[i].weight);
        json_array_close(w);
    }
    json_array_close(w);
    free(site);
    return STATUS_OK;
}

static const struct plan_field WHERE[] = {
    {"sites", NULL, .read = plan_choices_sites, .put = put_sites,
     .form =
         "{'oneOf': [{'$ref': '#/$defs/globs'}, {'type': 'object', 'minProperties': 1, "
         "'propertyNames': {'minLength': 1}, 'additionalProperties': {'$ref': '#/$defs/weight'}}]}",
     .examples = "['blk.*.ffn_*', ['blk.0.*', 'output'], {'blk.*.ffn_down': 2, 'blk.*': 1}]",
     .what = "Patterns (*, ?, [...]) of site names as `vkfi sites` lists them: one, a list, or an "
             "object of patterns and weights; the first that matches a site gives its weight. All "
             "by default."},
    {"layers", NULL, PLAN_FIELD_PAIR, .at = PLAN_AT(where.layers), .span = {0, 1000000},
     .examples = "[[0, 9]]",
     .what = "First and last layer, in rising order. All by default, and what has no layer."},
    {"exclude", NULL, PLAN_FIELD_GLOBS, .at = PLAN_AT(where.exclude),
     .examples = "[['blk.0.*', 'output*'], '*.attn_norm']",
     .what = "Patterns of sites that are left out, whatever sites names. None by default."},
    {"place", NULL, PLAN_FIELD_CHOICES, KINDS_PLACE, PLAN_AT(where.place), .fallback = "'op'",
     .examples = "['op', ['op', 'control']]",
     .what = "op: an evaluation; weight, kv, table: stored bits; control: an integer that steers "
             "the run. op by default, weight with population bits."},
    {"point", NULL, PLAN_FIELD_CHOICES, KINDS_POINT, PLAN_AT(where.point), .fallback = "'out'",
     .examples = "['operand', {'out': 2, 'partial': 1}]",
     .what = "Where in an op: operand and weight as read, partial sums, accumulator (a running "
             "partial after a block of 32), out (the result), mem (the stored result)."},
    {"granularity", NULL, PLAN_FIELD_CHOICES, KINDS_GRANULARITY, PLAN_AT(where.granularity),
     .fallback = "'element'", .examples = "['vector']",
     .what = "What one fault covers: an element; a vector (all of a position); a feature (an "
             "element at all positions of the stage); a tensor (all at all); every lanes-th "
             "element; a tile of neighbours."},
    {"readers", NULL, PLAN_FIELD_CHOICES, KINDS_READERS, PLAN_AT(where.readers),
     .examples = "['chunk']",
     .what = "Who sees a weight (column, chunk, stage) or an operand (row, tile, all) as read; "
             "column and all by default."},
    {"field", NULL, PLAN_FIELD_CHOICES, KINDS_FIELD, PLAN_AT(where.field),
     .examples = "['scale', ['code', 'scale']]",
     .what = "Of a quantised block: code, scale, min, subscale, submin. All that the type has by "
             "default."}};
PLAN_FIELDS(plan_fields_where, "an object with 'sites', 'point', ...", WHERE, false);

/* --- what --- */

static enum status read_bit_list(const struct plan_reader *r, const struct json *list)
{
    struct plan_what *what = &r->plan->what;
    const size_t count = json_count(list);
    uint32_t seen = 0;
    uint32_t *bit = arena_array(r->arena, count ? count : 1, sizeof(*bit));
    if (!bit)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        int64_t number = 0;
        const struct json *value = json_at(list, i);
        if (!json_integer(value, 0, 31, &number) || seen >> number & 1) {
            log_error("%s: found %s, expected a bit from 0 to 31, each once",
                      json_where(r->doc, value), json_fields_found(value).text);
            return STATUS_INPUT;
        }
        bit[i] = (uint32_t)number;
        seen |= 1u << number;
    }
    if (count == 0) {
        log_error("%s: found an empty list, expected at least one bit", json_where(r->doc, list));
        return STATUS_INPUT;
    }
    what->bits = PLAN_BITS_LIST;
    what->bit = bit;
    what->n_bits = (uint32_t)count;
    return STATUS_OK;
}

static enum status read_bits(const struct plan_reader *r, const struct json *bits)
{
    const struct json_words words = {kinds_texts(KINDS_MASK_BITS), PLAN_BITS_LIST};
    uint32_t found = PLAN_BITS_ANY;
    if (json_type(bits) == JSON_ARRAY)
        return read_bit_list(r, bits);
    const enum status st = json_fields_word_of(r->doc, bits, words, &found);
    r->plan->what.bits = (enum plan_bits)found;
    return st;
}

static enum status put_bits(struct json_writer *w, const struct plan *plan)
{
    uint32_t set = 0;
    for (uint32_t i = 0; i < plan->what.n_bits; i++)
        set |= 1u << plan->what.bit[i];
    json_member_text(w, "bits", kinds_text(KINDS_MASK_BITS, plan->what.bits));
    json_member_int(w, "bit_set", set);
    return STATUS_OK;
}

/* "single", {"random": n}, {"burst": n}. */
static enum status read_pattern(const struct plan_reader *r, const struct json *pattern)
{
    static const struct json_span bits = {2, 32};
    const struct json_words single = {kinds_texts(KINDS_PATTERN), PLAN_PATTERN_RANDOM},
                            known = {kinds_texts(KINDS_PATTERN) + PLAN_PATTERN_RANDOM, 2};
    struct plan_what *what = &r->plan->what;
    uint32_t found = 0;
    if (json_type(pattern) != JSON_OBJECT)
        return json_fields_word_of(r->doc, pattern, single, &found);
    enum status st = json_fields_object(r->doc, pattern, "an object", known);
    if (st)
        return st;
    if (json_count(pattern) != 1) {
        log_error("%s: found %zu members, expected \"single\", {\"random\": bits} or {\"burst\": "
                  "bits}",
                  json_where(r->doc, pattern), json_count(pattern));
        return STATUS_INPUT;
    }
    what->pattern = json_get(pattern, "random") ? PLAN_PATTERN_RANDOM : PLAN_PATTERN_BURST;
    return json_fields_u32(r->doc, pattern, kinds_text(KINDS_PATTERN, what->pattern), bits,
                           &what->pattern_bits);
}

static enum status put_pattern(struct json_writer *w, const struct plan *plan)
{
    json_member_text(w, "pattern", kinds_text(KINDS_PATTERN, plan->what.pattern));
    json_member_int(w, "pattern_bits", plan->what.pattern_bits);
    /* in plans without this they ended with the row */
    if (plan->what.pattern == PLAN_PATTERN_BURST &&
        plan_choices_has(&plan->where.place, PLACE_WEIGHT))
        json_member_text(w, "burst_end", "tensor");
    return STATUS_OK;
}

static const struct plan_field ONLY[] = {
    {"mask", "only_mask", PLAN_FIELD_BITS, .at = PLAN_AT(what.only_mask),
     .need = "both 'mask' and 'value': the fault fires where (bits & mask) == value",
     .examples = "['0x80000000']", .what = "Bits looked at. Must be given."},
    {"value", "only_value", PLAN_FIELD_BITS, .at = PLAN_AT(what.only_value),
     .need = "both 'mask' and 'value': the fault fires where (bits & mask) == value",
     .examples = "['0x80000000', 0]", .what = "What they must be. Must be given."}};
static PLAN_FIELDS(fields_only, "an object with 'mask' and 'value'", ONLY, true);

static const struct plan_field WHAT[] = {
    {"kind", NULL, PLAN_FIELD_CHOICES, KINDS_KIND, PLAN_AT(what.kind), .fallback = "'flip'",
     .examples = "['zero', {'flip': 3, 'random': 1}]",
     .what = "flip, stuck_at_0, stuck_at_1 (bits of the mask); set, zero, random; stale, mix (the "
             "bits one position earlier, all or some); clamp, scale, add (numbers); wrong_read, "
             "wrong_write (another element's place); dry (the control)."},
    {"bits", NULL, .read = read_bits, .put = put_bits,
     .form = "{'oneOf': [{'enum': ['any', 'sign', 'exponent', 'mantissa']}, {'type': 'array', "
             "'minItems': 1, 'uniqueItems': true, 'items': {'type': 'integer', 'minimum': 0, "
             "'maximum': 31}}]}",
     .fallback = "'any'", .examples = "['exponent', [23, 30]]",
     .what = "Bits that masks are made of: any, a part of the number, or a list."},
    {"pattern", NULL, .read = read_pattern, .put = put_pattern,
     .form = "{'oneOf': [{'const': 'single'}, {'type': 'object', 'minProperties': 1, "
             "'maxProperties': 1, 'propertyNames': {'enum': ['random', 'burst']}, "
             "'additionalProperties': {'type': 'integer', 'minimum': 2, 'maximum': 32}}]}",
     .fallback = "'single'", .examples = "[{'random': 2}, {'burst': 4}]",
     .what = "One bit, so many random ones of those named, or so many adjacent ones (of stored "
             "weights: in GGUF byte order, whatever fields they belong to, from row to row, fewer "
             "only at the tensor's end; where a fault strikes several elements of a row, within "
             "the field of each; elsewhere within the value, beginning where all fit)."},
    {"value", NULL, PLAN_FIELD_BITS, .at = PLAN_AT(what.value), .examples = "['0x7f800000', 0]",
     .what = "Of set, which must give it: the bits."},
    {"factor", NULL, PLAN_FIELD_FLOAT, .at = PLAN_AT(what.factor), .examples = "[2]",
     .what = "Of scale, which must give it."},
    {"term", NULL, PLAN_FIELD_FLOAT, .at = PLAN_AT(what.term), .examples = "[-1.5]",
     .what = "Of add, which must give it."},
    {"low", NULL, PLAN_FIELD_FLOAT, .at = PLAN_AT(what.low), .examples = "[-1]",
     .what = "Of clamp, which must give it."},
    {"high", NULL, PLAN_FIELD_FLOAT, .at = PLAN_AT(what.high), .examples = "[1]",
     .what = "Of clamp, which must give it; not below low."},
    {"only", NULL, PLAN_FIELD_GROUP, .members = &fields_only,
     .examples = "[{'mask': '0x80000000', 'value': '0x80000000'}]",
     .what = "Fires only where (bits & mask) == value. Everywhere by default."}};
PLAN_FIELDS(plan_fields_what, "an object with 'kind', 'bits', ...", WHAT, false);

/* --- when --- */

/* Positions; one alone as a number. */
static enum status put_scrub(struct json_writer *w, const struct plan *plan)
{
    const struct plan_choices *scrub = &plan->when.scrub;
    if (scrub->count == 1 && !(scrub->choice[0].weight > 1) && !(scrub->choice[0].weight < 1)) {
        json_member_int(w, "scrub", scrub->choice[0].value);
        return STATUS_OK;
    }
    json_put_key(w, "scrub");
    json_object_open(w);
    for (uint32_t i = 0; i < scrub->count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%" PRIu32, scrub->choice[i].value);
        json_member_number(w, text, scrub->choice[i].weight);
    }
    json_object_close(w);
    return STATUS_OK;
}

/* One key through a stage, if the site has keys: such plans once struck only key 0, which is
 * another sample. */
static bool strikes_one_key(const struct plan *plan)
{
    const bool feature = plan_choices_has(&plan->where.granularity, GRANULARITY_FEATURE);
    return plan_choices_has(&plan->where.place, PLACE_OP) &&
           (feature || (plan_choices_has(&plan->when.duration, DURATION_INTERMITTENT) &&
                        plan_choices_has(&plan->where.granularity, GRANULARITY_ELEMENT)));
}

static enum status put_keys(struct json_writer *w, const struct plan *plan)
{
    if (strikes_one_key(plan))
        json_member_text(w, "keys", "each");
    return STATUS_OK;
}

static const struct plan_field WHEN[] = {
    {"stage", NULL, PLAN_FIELD_CHOICES, KINDS_STAGE, PLAN_AT(when.stage), .fallback = "'any'",
     .examples = "['decode', {'prefill': 1, 'decode': 3}]",
     .what = "Where a fault begins. prefill: positions before the prompt's last; first: the last; "
             "decode: those after; any, never beside others. A transient fault lies in the stage, "
             "an intermittent one ends with it, a permanent one lasts to the end of the run."},
    {"duration", NULL, PLAN_FIELD_CHOICES, KINDS_DURATION, PLAN_AT(when.duration),
     .fallback = "'transient'", .examples = "['permanent', ['transient', 'permanent']]",
     .what = "transient: one evaluation, or the stage that a granularity or readers span; "
             "intermittent: evaluations of the stage with chance rate; permanent: each from the "
             "first on; persistent: stored bits. transient by default, persistent for stored "
             "bits."},
    {"rate", NULL, PLAN_FIELD_NUMBER, .at = PLAN_AT(when.rate),
     .range = {.min = 0, .max = 1, .open_min = true}, .examples = "[0.5]",
     .what = "Of intermittent, which must give it: chance that an evaluation is struck."},
    {"scrub", NULL, .read = plan_choices_scrub, .put = put_scrub,
     .form = "{'oneOf': [{'type': 'integer', 'minimum': 0, 'maximum': 1000000}, {'const': "
             "'never'}, {'type': 'array', 'minItems': 1, 'maxItems': 64, 'uniqueItems': true, "
             "'items': {'oneOf': [{'type': 'integer', 'minimum': 0, 'maximum': 1000000}, {'const': "
             "'never'}]}}, {'type': 'object', 'minProperties': 1, 'maxProperties': 64, "
             "'propertyNames': {'pattern': '^(never|0|[1-9][0-9]{0,5}|1000000)$'}, "
             "'additionalProperties': {'$ref': '#/$defs/weight'}}]}",
     .fallback = "'never'", .examples = "[8, [1, 16, 'never'], {'8': 2, 'never': 1}]",
     .what = "Of persistent: positions until the stored bits are put right, or never (also 0): "
             "one, a list, or an object of positions and weights; a dimension of strata. never by "
             "default."},
    {"steps", NULL, PLAN_FIELD_PAIR, .at = PLAN_AT(when.steps), .span = {0, 1000000},
     .examples = "[[0, 7]]",
     .what = "First and last decode step struck, in rising order; step 0 gives the first token. "
             "All positions by default."},
    {.put = put_keys}};
PLAN_FIELDS(plan_fields_when, "an object with 'stage', 'duration', ...", WHEN, false);
