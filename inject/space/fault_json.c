/* SPDX-License-Identifier: MIT */
/* Reads faults from JSON: every field known, every value checked, errors with pointer and line. */
#include <string.h>

#include "base/args.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "inject/space/fault.h"
#include "inject/space/widen.h"

static const char *const FIELDS[] = {
    "site",      "point", "kind",     "mask",      "bit",        "bits",     "value",
    "low",       "high",  "from",     "only_mask", "only_value", "position", "step",
    "positions", "stage", "duration", "rate",      "row",        "rows",     "row_step",
    "k",         "ks",    "k_step",   "key",       "keys",       "field",    "granularity",
    "readers",   "lanes", "tile",     "chunk",     "seed",       "trial",    "title"};

struct reader {
    const struct json_doc *doc;
    const struct fault_bounds *bounds;
    struct arena *arena;
};

static enum status get_text(const struct reader *r, const struct json *object, const char *key,
                            const char **out)
{
    return json_fields_text(r->doc, object, key, out);
}

static enum status get_uint(const struct reader *r, const struct json *object, const char *key,
                            uint32_t max, uint32_t *out)
{
    return json_fields_bits(r->doc, object, key, max, out);
}

static enum status get_site(const struct reader *r, const struct json *object, struct fault *out)
{
    const struct model *model = r->bounds->model;
    const char *site = NULL;
    enum status st = get_text(r, object, "site", &site);
    if (st)
        return st;
    if (!site) {
        log_error("%s: 'site' is missing; expected a name such as \"blk.0.attn_q\" (an op), "
                  "\"blk.0.attn_q.weight\" (stored) or \"blk.0.kv_k\"",
                  json_where(r->doc, object));
        return STATUS_INPUT;
    }
    out->site = arena_text(r->arena, site, strlen(site));
    if (!out->site)
        return STATUS_MEMORY;
    if (fault_find(out, model, out->site))
        return STATUS_OK;
    struct fault_names names;
    char suggestion[ARGS_SUGGESTION];
    st = fault_names_list(&names, r->arena, model);
    if (st)
        return st;
    log_error("%s: the model has no site '%s'%s", json_where(r->doc, json_get(object, "site")),
              site, args_suggest(suggestion, site, names.name, names.count));
    return STATUS_INPUT;
}

/* A word of a table; `*out` keeps its value if the field is absent. */
static enum status get_word(const struct reader *r, const struct json *object, const char *key,
                            enum kinds_table table, uint32_t *out)
{
    return json_fields_word(r->doc, object, key,
                            (struct json_words){kinds_texts(table), kinds_count(table)}, out);
}

static enum status get_point(const struct reader *r, const struct json *object, struct fault *out)
{
    out->point = out->place == PLACE_OP ? HOOK_OUT : HOOK_MEM;
    enum status st = get_word(r, object, "point", KINDS_POINT, &out->point);
    if (!st && out->place != PLACE_OP && out->point != HOOK_MEM) {
        log_error("%s: '%s' is %s, its only point is mem",
                  json_where(r->doc, json_get(object, "point")), out->site,
                  out->place == PLACE_CONTROL ? "an integer" : "stored memory");
        return STATUS_INPUT;
    }
    return st;
}

static enum status get_field(const struct reader *r, const struct json *object, struct fault *out)
{
    uint32_t found = QUANT_FIELD_CODE;
    enum status st = get_word(r, object, "field", KINDS_FIELD, &found);
    out->field = (enum quant_field)found;
    return st;
}

static bool has(const struct json *object, const char *key)
{
    return json_get(object, key) != NULL;
}

static int count_masks(const struct json *object)
{
    return has(object, "mask") + has(object, "bit") + has(object, "bits");
}

/* The bit fields that the kind takes, and no others. */
static enum status check_bits(const struct reader *r, const struct json *object, enum kind kind)
{
    const int masks = count_masks(object), most = hook_kinds_takes(kind, KIND_TAKES_MASK);
    const int least = hook_kinds_takes(kind, KIND_TAKES_DRAWS) ? 0 : most;
    const bool value = hook_kinds_takes(kind, KIND_TAKES_VALUE),
               range = hook_kinds_takes(kind, KIND_TAKES_RANGE),
               other = hook_kinds_takes(kind, KIND_TAKES_OTHER);
    if (masks >= least && masks <= most && has(object, "value") == value &&
        has(object, "low") == range && has(object, "high") == range && has(object, "from") == other)
        return STATUS_OK;
    log_error("%s: kind %s takes %s", json_where(r->doc, object), kinds_text(KINDS_KIND, kind),
              least   ? "exactly one of 'mask', 'bit', 'bits'"
              : most  ? "at most one of 'mask', 'bit', 'bits'"
              : value ? "'value' and no mask"
              : range ? "'low' and 'high' and no mask"
              : other ? "'from' and no mask"
                      : "neither a mask nor a value");
    return STATUS_INPUT;
}

/* f32 bits: a number, or bits written as "0x...". */
static enum status get_float(const struct reader *r, const struct json *object, const char *key,
                             uint32_t *out)
{
    const struct json *value = json_get(object, key);
    if (!value || (json_type(value) == JSON_TEXT && strncmp(json_text(value), "0x", 2) == 0))
        return get_uint(r, object, key, UINT32_MAX, out);
    if (json_type(value) != JSON_NUMBER) {
        log_error("%s: found %s, expected a number, or its 32 bits as a text \"0x...\"",
                  json_where(r->doc, value), json_fields_found(value).text);
        return STATUS_INPUT;
    }
    *out = lang_bits((float)json_number(value));
    return STATUS_OK;
}

static enum status get_mask(const struct reader *r, const struct json *object, struct fault *out)
{
    const struct json *bits = json_get(object, "bits");
    uint32_t bit = 32, width = fault_width(out, r->bounds);
    if (bits && (json_type(bits) != JSON_ARRAY || json_count(bits) == 0)) {
        log_error("%s: found %s, expected a list of at least one bit", json_where(r->doc, bits),
                  json_fields_found(bits).text);
        return STATUS_INPUT;
    }
    enum status st = get_uint(r, object, "mask", UINT32_MAX, &out->mask);
    if (!st)
        st = get_uint(r, object, "bit", 31, &bit);
    if (!st && bit < 32)
        out->mask = 1u << bit;
    for (size_t i = 0; !st && bits && i < json_count(bits); i++) {
        int64_t number = 0;
        const struct json *value = json_at(bits, i);
        if (!json_integer(value, 0, 31, &number)) {
            log_error("%s: found %s, expected a bit from 0 to 31", json_where(r->doc, value),
                      json_fields_found(value).text);
            return STATUS_INPUT;
        }
        out->mask |= 1u << number;
    }
    if (!st && hook_kinds_takes(out->kind, KIND_TAKES_MASK) && count_masks(object) == 0 &&
        width > 0)
        out->mask = UINT32_MAX >> (32 - width);
    return st;
}

static enum status get_bits(const struct reader *r, const struct json *object, struct fault *out)
{
    enum status st = check_bits(r, object, out->kind);
    if (!st)
        st = get_mask(r, object, out);
    if (!st)
        st = hook_kinds_takes(out->kind, KIND_TAKES_NUMBER)
                 ? get_float(r, object, "value", &out->value)
                 : get_uint(r, object, "value", UINT32_MAX, &out->value);
    if (!st)
        st = get_float(r, object, "low", &out->low);
    if (!st)
        st = get_float(r, object, "high", &out->high);
    if (!st)
        st = get_uint(r, object, "from", UINT32_MAX, &out->from);
    if (!st)
        st = get_uint(r, object, "only_mask", UINT32_MAX, &out->only_mask);
    return st ? st : get_uint(r, object, "only_value", UINT32_MAX, &out->only_value);
}

/* The share of evaluations at which an intermittent fault fires, as 32 bits. */
static enum status get_rate(const struct reader *r, const struct json *object, struct fault *out)
{
    static const struct json_range share = {.min = 0, .max = 1, .open_min = true};
    const struct json *value = json_get(object, "rate");
    const bool wanted = out->duration == DURATION_INTERMITTENT;
    double rate = 0;
    if (!value && !wanted)
        return STATUS_OK;
    if (!value || !wanted) {
        log_error("%s: %s", json_where(r->doc, value ? value : object),
                  wanted ? "duration intermittent takes 'rate', a number above 0 and up to 1"
                         : "'rate' is for duration intermittent");
        return STATUS_INPUT;
    }
    enum status st = json_fields_number_of(r->doc, value, share, &rate);
    if (st)
        return st;
    out->rate = rate * 0x1p32 >= UINT32_MAX ? UINT32_MAX : (uint32_t)(rate * 0x1p32);
    out->rate = out->rate == 0 ? 1 : out->rate;
    return STATUS_OK;
}

static enum status get_when(const struct reader *r, const struct json *object, struct fault *out)
{
    uint32_t step = 0, duration;
    bool memory = out->place != PLACE_OP && out->place != PLACE_CONTROL;
    if (has(object, "position") && has(object, "step")) {
        log_error("%s: give 'position' or 'step' (position = prompt length - 1 + step), not both",
                  json_where(r->doc, object));
        return STATUS_INPUT;
    }
    duration = memory ? DURATION_PERSISTENT : DURATION_TRANSIENT;
    enum status st = get_word(r, object, "duration", KINDS_DURATION, &duration);
    if (!st && (duration == DURATION_PERSISTENT) != memory) {
        log_error("%s: duration %s; expected %s", json_where(r->doc, json_get(object, "duration")),
                  kinds_text(KINDS_DURATION, duration),
                  memory ? "persistent: this is stored memory"
                         : "transient, intermittent or permanent: this is not stored memory");
        return STATUS_INPUT;
    }
    out->duration = (enum duration)duration;
    if (!st)
        st = get_rate(r, object, out);
    if (!st)
        st = get_uint(r, object, "step", r->bounds->positions, &step);
    out->position = r->bounds->n_prompt - 1 + step;
    return st ? st : get_uint(r, object, "position", UINT32_MAX - 1, &out->position);
}

/* Explicit ranges, in place of those of a granularity. */
static enum status get_ranges(const struct reader *r, const struct json *object, struct fault *out)
{
    static const char *const ranges[] = {"rows", "row_step", "ks", "k_step", "keys"};
    uint32_t *const to[] = {&out->row_count, &out->row_step, &out->k_count, &out->k_step,
                            &out->key_count};
    enum status st = STATUS_OK;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges) && !st; i++) {
        const struct json *value = json_get(object, ranges[i]);
        if (!value)
            continue;
        if (has(object, "granularity")) {
            log_error("%s: a range beside 'granularity'; expected one of them",
                      json_where(r->doc, value));
            return STATUS_INPUT;
        }
        if (to[i] == &out->key_count && json_type(value) == JSON_TEXT &&
            strcmp(json_text(value), "all") == 0)
            out->key_count = FAULT_ALL_KEYS;
        else
            st = get_uint(r, object, ranges[i], UINT32_MAX - 1, to[i]);
    }
    return st ? st : get_uint(r, object, "positions", UINT32_MAX, &out->position_count);
}

/* `stage` says where the fault begins: at the given position, which lies in it, else at the first
 * that evaluates the site. */
static enum status get_stage(const struct reader *r, const struct json *object, struct fault *out,
                             enum stage *stage)
{
    uint32_t found = STAGE_ANY;
    enum status st = get_word(r, object, "stage", KINDS_STAGE, &found);
    const struct widen_span span = widen_stage((enum stage)found, r->bounds->n_prompt);
    const uint32_t end = span.end < r->bounds->positions ? span.end : r->bounds->positions;
    *stage = (enum stage)found;
    if (st)
        return st;
    if (!has(object, "stage")) {
        /* a lasting fault goes on beyond the stage of its position */
        if (out->duration != DURATION_INTERMITTENT)
            *stage = widen_stage_of(out->position, r->bounds->n_prompt);
        return STATUS_OK;
    }
    if (span.first >= end) {
        log_error("%s: found stage %s, which has no position: %u of the prompt, %u in all",
                  json_where(r->doc, json_get(object, "stage")), kinds_text(KINDS_STAGE, found),
                  r->bounds->n_prompt, r->bounds->positions);
        return STATUS_INPUT;
    }
    if (!has(object, "position") && !has(object, "step")) {
        out->position = widen_first(out, r->bounds, *stage);
        return STATUS_OK;
    }
    if (out->position < r->bounds->positions &&
        (out->position < span.first || out->position >= end)) {
        log_error("%s: found stage %s with position %u, expected one of its positions, %u to %u",
                  json_where(r->doc, json_get(object, "stage")), kinds_text(KINDS_STAGE, found),
                  out->position, span.first, end - 1);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

/* Widens the element by granularity, readers and stage. A range given with its start is not moved:
 * a record holds ranges as they are. */
static enum status widen(const struct reader *r, const struct json *object, struct fault *out,
                         const struct widen *w, enum stage stage)
{
    const uint32_t row = out->row, position = out->position;
    widen_fault(out, r->bounds, w, stage);
    if (has(object, "rows") && has(object, "row"))
        out->row = row;
    if (has(object, "positions") && (has(object, "position") || has(object, "step")))
        out->position = position;
    return get_ranges(r, object, out);
}

/* Granularity, readers, stage. */
static enum status get_extent(const struct reader *r, const struct json *object, struct fault *out)
{
    struct widen w = {0};
    uint32_t granularity = GRANULARITY_ELEMENT;
    enum stage stage = STAGE_ANY;
    uint32_t readers = out->point == HOOK_OPERAND ? READERS_ALL : READERS_COLUMN;
    enum status st = get_word(r, object, "granularity", KINDS_GRANULARITY, &granularity);
    if (!st)
        st = get_word(r, object, "readers", KINDS_READERS, &readers);
    if (!st)
        st = get_uint(r, object, "lanes", UINT32_MAX, &w.lanes);
    if (!st)
        st = get_uint(r, object, "tile", UINT32_MAX, &w.tile);
    if (!st)
        st = get_uint(r, object, "chunk", UINT32_MAX, &w.chunk);
    if (st)
        return st;
    bool operand = readers >= READERS_ROW;
    uint32_t point = operand ? HOOK_OPERAND : HOOK_WEIGHT;
    if (has(object, "readers") && (out->place != PLACE_OP || out->point != point)) {
        log_error("%s: readers %s at point %s; expected column, chunk or stage of a weight, row, "
                  "tile or all of an operand",
                  json_where(r->doc, json_get(object, "readers")),
                  kinds_text(KINDS_READERS, readers), kinds_text(KINDS_POINT, out->point));
        return STATUS_INPUT;
    }
    out->granularity = (enum granularity)granularity;
    out->readers = (enum readers)readers;
    st = get_stage(r, object, out, &stage);
    if (st)
        return st;
    return widen(r, object, out, &w, stage);
}

static enum status get_coordinates(const struct reader *r, const struct json *object,
                                   struct fault *out)
{
    enum status st = get_uint(r, object, "row", UINT32_MAX, &out->row);
    if (!st)
        st = get_uint(r, object, "k", UINT32_MAX, &out->k);
    if (!st)
        st = get_uint(r, object, "key", UINT32_MAX, &out->key);
    if (!st)
        st = json_fields_bits64(r->doc, object, "seed", UINT64_MAX, &out->key_low);
    return st ? st : json_fields_bits64(r->doc, object, "trial", UINT64_MAX, &out->key_high);
}

static enum status read_fault(const struct reader *r, const struct json *object, struct fault *out)
{
    uint32_t kind = KIND_FLIP;
    *out = (struct fault){.layer = GRAPH_NO_LAYER};
    enum status st =
        json_fields_object(r->doc, object, "a fault, an object with 'site'",
                           (struct json_words){FIELDS, sizeof(FIELDS) / sizeof(*FIELDS)});
    if (!st)
        st = get_site(r, object, out);
    if (!st)
        st = get_word(r, object, "kind", KINDS_KIND, &kind);
    out->kind = (enum kind)kind;
    if (!st)
        st = get_point(r, object, out);
    if (!st)
        st = get_field(r, object, out);
    if (!st)
        st = get_bits(r, object, out);
    if (!st)
        st = get_when(r, object, out);
    if (!st)
        st = get_coordinates(r, object, out);
    if (!st)
        st = get_extent(r, object, out);
    return st ? st : fault_check(out, r->bounds, json_where(r->doc, object));
}

/* The faults of one trial: an object, or a list of them. */
static enum status read_trial(const struct reader *r, const struct json *value,
                              struct fault_trial *out)
{
    const bool list = json_type(value) == JSON_ARRAY;
    const size_t count = list ? json_count(value) : 1;
    enum status st = STATUS_OK;
    if (count == 0 || count > FAULT_TRIAL_MOST) {
        log_error("%s: found %zu faults, expected 1 to %d in a trial", json_where(r->doc, value),
                  count, FAULT_TRIAL_MOST);
        return STATUS_INPUT;
    }
    out->count = (uint32_t)count;
    out->fault = arena_array(r->arena, count, sizeof(*out->fault));
    for (size_t i = 0; out->fault && !st && i < count; i++)
        st = read_fault(r, list ? json_at(value, i) : value, &out->fault[i]);
    return out->fault ? st : STATUS_MEMORY;
}

enum status fault_parse_trials(struct fault_trials *out, struct arena *arena,
                               const struct json_doc *doc, const struct fault_bounds *bounds)
{
    const struct reader r = {.doc = doc, .bounds = bounds, .arena = arena};
    const struct json *root = json_root(doc);
    const bool list = json_type(root) == JSON_ARRAY;
    const size_t count = list ? json_count(root) : 1;
    enum status st = STATUS_OK;
    if (count == 0 || count > UINT32_MAX / sizeof(*out->trial)) {
        log_error("%s: found %s, expected at least one fault", json_where(doc, root),
                  json_fields_found(root).text);
        return STATUS_INPUT;
    }
    out->count = (uint32_t)count;
    out->trial = arena_array(arena, count, sizeof(*out->trial));
    for (size_t i = 0; out->trial && !st && i < count; i++)
        st = read_trial(&r, list ? json_at(root, i) : root, &out->trial[i]);
    return out->trial ? st : STATUS_MEMORY;
}

enum status fault_parse(struct fault **out, uint32_t *out_count, struct arena *arena,
                        const struct json_doc *doc, const struct fault_bounds *bounds)
{
    struct fault_trials trials;
    uint32_t count = 0;
    enum status st = fault_parse_trials(&trials, arena, doc, bounds);
    if (st)
        return st;
    for (uint32_t i = 0; i < trials.count; i++)
        count += trials.trial[i].count;
    *out = arena_array(arena, count, sizeof(**out));
    *out_count = 0;
    for (uint32_t i = 0; *out && i < trials.count; i++) {
        for (uint32_t k = 0; k < trials.trial[i].count; k++)
            (*out)[(*out_count)++] = trials.trial[i].fault[k];
    }
    return *out ? STATUS_OK : STATUS_MEMORY;
}
