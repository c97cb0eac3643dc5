/* SPDX-License-Identifier: MIT */
/* Where, what and when of a plan. */
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_read.h"
#include "model/quant.h"

/* [first, last] as a list of two integers. */
static enum status read_pair(const struct plan_reader *r, const struct json *value, uint32_t *first,
                             uint32_t *last)
{
    int64_t a = 0, b = 0;
    if (json_type(value) != JSON_ARRAY || json_count(value) != 2 ||
        !json_integer(json_at(value, 0), 0, 1000000, &a) ||
        !json_integer(json_at(value, 1), 0, 1000000, &b)) {
        log_error("%s: found %s, expected a list of two integers from 0 to 1000000, the first and "
                  "the last",
                  json_where(r->doc, value), json_fields_found(value).text);
        return STATUS_INPUT;
    }
    if (a > b) {
        log_error("%s: found %d behind %d, expected the first and the last in rising order",
                  json_where(r->doc, value), (int)b, (int)a);
        return STATUS_INPUT;
    }
    *first = (uint32_t)a;
    *last = (uint32_t)b;
    return STATUS_OK;
}

enum status plan_where_read(const struct plan_reader *r, const struct json *root)
{
    static const char *const known[] = {"sites", "exclude",     "layers",  "place",
                                        "point", "granularity", "readers", "field"};
    const struct json *object = json_get(root, "where");
    struct plan_where *where = &r->plan->where;
    const struct plan_table place = {"place", KINDS_PLACE};
    const struct plan_table point = {"point", KINDS_POINT};
    const struct plan_table granularity = {"granularity", KINDS_GRANULARITY};
    const struct plan_table readers = {"readers", KINDS_READERS};
    const struct plan_table field = {"field", KINDS_FIELD};
    if (!object)
        return STATUS_OK;
    enum status st =
        json_fields_object(r->doc, object, "an object with 'sites', 'point', ...", WORDS(known));
    if (!st)
        st = plan_choices_sites(r, object);
    if (!st && json_get(object, "exclude"))
        st = plan_groups_globs(r, json_get(object, "exclude"), &where->exclude);
    if (!st)
        st = plan_choices_read(r, object, &place, &where->place);
    if (!st)
        st = plan_choices_read(r, object, &point, &where->point);
    if (!st)
        st = plan_choices_read(r, object, &granularity, &where->granularity);
    if (!st)
        st = plan_choices_read(r, object, &readers, &where->readers);
    if (!st)
        st = plan_choices_read(r, object, &field, &where->field);
    const struct json *layers = json_get(object, "layers");
    if (!st && layers) {
        where->has_layers = true;
        st = read_pair(r, layers, &where->layer_first, &where->layer_last);
    }
    return st;
}

static enum status read_bit_list(const struct plan_reader *r, const struct json *list)
{
    struct plan_what *what = &r->plan->what;
    const size_t count = json_count(list);
    uint32_t seen = 0;
    uint32_t *bit = arena_array(r->arena, count ? count : 1, sizeof *bit);
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

static enum status read_bits(const struct plan_reader *r, const struct json *object)
{
    const struct json_words words = {kinds_texts(KINDS_MASK_BITS), PLAN_BITS_LIST};
    const struct json *bits = json_get(object, "bits");
    uint32_t found = PLAN_BITS_ANY;
    if (json_type(bits) == JSON_ARRAY)
        return read_bit_list(r, bits);
    enum status st = json_fields_word(r->doc, object, "bits", words, &found);
    r->plan->what.bits = (enum plan_bits)found;
    return st;
}

/* "single", {"random": n}, {"burst": n}. */
static enum status read_pattern(const struct plan_reader *r, const struct json *object)
{
    const struct json_words single = {kinds_texts(KINDS_PATTERN), PLAN_PATTERN_RANDOM},
                            known = {kinds_texts(KINDS_PATTERN) + PLAN_PATTERN_RANDOM, 2};
    static const struct json_span bits = {2, 32};
    struct plan_what *what = &r->plan->what;
    const struct json *pattern = json_get(object, "pattern");
    uint32_t found = 0;
    what->pattern_bits = 1;
    if (json_type(pattern) != JSON_OBJECT)
        return json_fields_word(r->doc, object, "pattern", single, &found);
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
    st = json_fields_u32(r->doc, pattern, "random", bits, &what->pattern_bits);
    return st ? st : json_fields_u32(r->doc, pattern, "burst", bits, &what->pattern_bits);
}

static enum status read_float(const struct plan_reader *r, const struct json *object,
                              const char *key, float *out)
{
    static const struct json_range finite = {.min = -3.4028234e38, .max = 3.4028234e38};
    double number = *out;
    enum status st = json_fields_number(r->doc, object, key, finite, &number);
    *out = (float)number;
    return st;
}

/* "only": fires only where (bits & mask) == value. */
static enum status read_only(const struct plan_reader *r, const struct json *object)
{
    static const char *const known[] = {"mask", "value"};
    const struct json *only = json_get(object, "only");
    struct plan_what *what = &r->plan->what;
    if (!only)
        return STATUS_OK;
    enum status st =
        json_fields_object(r->doc, only, "an object with 'mask' and 'value'", WORDS(known));
    if (st)
        return st;
    if (!json_get(only, "mask") || !json_get(only, "value")) {
        log_error("%s: expected both 'mask' and 'value': the fault fires where (bits & mask) == "
                  "value",
                  json_where(r->doc, only));
        return STATUS_INPUT;
    }
    st = json_fields_bits(r->doc, only, "mask", UINT32_MAX, &what->only_mask);
    if (!st)
        st = json_fields_bits(r->doc, only, "value", UINT32_MAX, &what->only_value);
    if (!st && (what->only_value & ~what->only_mask) != 0) {
        log_error("%s: found bits outside of 'mask', expected a value that the masked bits can "
                  "have",
                  json_where(r->doc, json_get(only, "value")));
        return STATUS_INPUT;
    }
    return st;
}

enum status plan_what_read(const struct plan_reader *r, const struct json *root)
{
    static const char *const known[] = {"kind", "bits", "pattern", "value", "factor",
                                        "term", "low",  "high",    "only"};
    const struct json *object = json_get(root, "what");
    struct plan_what *what = &r->plan->what;
    const struct plan_table kind = {"kind", KINDS_KIND};
    what->pattern_bits = 1;
    if (!object)
        return STATUS_OK;
    enum status st =
        json_fields_object(r->doc, object, "an object with 'kind', 'bits', ...", WORDS(known));
    if (!st)
        st = plan_choices_read(r, object, &kind, &what->kind);
    if (!st)
        st = read_bits(r, object);
    if (!st)
        st = read_pattern(r, object);
    if (!st)
        st = json_fields_bits(r->doc, object, "value", UINT32_MAX, &what->value);
    if (!st)
        st = read_float(r, object, "factor", &what->factor);
    if (!st)
        st = read_float(r, object, "term", &what->term);
    if (!st)
        st = read_float(r, object, "low", &what->low);
    if (!st)
        st = read_float(r, object, "high", &what->high);
    return st ? st : read_only(r, object);
}

enum status plan_when_read(const struct plan_reader *r, const struct json *root)
{
    static const char *const known[] = {"stage", "duration", "rate", "scrub", "steps"};
    static const struct json_range rate = {.min = 0, .max = 1, .open_min = true};
    const struct json *object = json_get(root, "when");
    struct plan_when *when = &r->plan->when;
    const struct plan_table stage = {"stage", KINDS_STAGE};
    const struct plan_table duration = {"duration", KINDS_DURATION};
    if (!object)
        return STATUS_OK;
    enum status st =
        json_fields_object(r->doc, object, "an object with 'stage', 'duration', ...", WORDS(known));
    if (!st)
        st = plan_choices_read(r, object, &stage, &when->stage);
    if (!st)
        st = plan_choices_read(r, object, &duration, &when->duration);
    if (!st)
        st = json_fields_number(r->doc, object, "rate", rate, &when->rate);
    if (!st)
        st = plan_choices_scrub(r, object);
    const struct json *steps = json_get(object, "steps");
    if (!st && steps) {
        when->has_steps = true;
        st = read_pair(r, steps, &when->step_first, &when->step_last);
    }
    return st;
}
