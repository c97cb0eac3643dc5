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
    const struct json *object; /* the fault that is read */
    enum status st;            /* the first failure; what is asked for after it is left as it is */
};

static void get_text(struct reader *r, const char *key, const char **out)
{
    r->st = r->st ? r->st : json_fields_text(r->doc, r->object, key, out);
}

static void get_uint(struct reader *r, const char *key, uint32_t max, uint32_t *out)
{
    r->st = r->st ? r->st : json_fields_bits(r->doc, r->object, key, max, out);
}

static void get_u64(struct reader *r, const char *key, uint64_t *out)
{
    r->st = r->st ? r->st : json_fields_bits64(r->doc, r->object, key, UINT64_MAX, out);
}

static void get_site(struct reader *r, struct fault *out)
{
    const struct model *model = r->bounds->model;
    const char *site = NULL;
    get_text(r, "site", &site);
    if (r->st)
        return;
    if (!site) {
        log_error("%s: 'site' is missing; expected a name such as \"blk.0.attn_q\" (an op), "
                  "\"blk.0.attn_q.weight\" (stored) or \"blk.0.kv_k\"",
                  json_where(r->doc, r->object));
        r->st = STATUS_INPUT;
        return;
    }
    out->site = arena_text(r->arena, site, strlen(site));
    r->st = out->site ? STATUS_OK : STATUS_MEMORY;
    if (r->st || fault_find(out, model, out->site))
        return;
    struct fault_names names;
    char suggestion[ARGS_SUGGESTION];
    r->st = fault_names_list(&names, r->arena, model);
    if (r->st)
        return;
    log_error("%s: the model has no site '%s'%s", json_where(r->doc, json_get(r->object, "site")),
              site, args_suggest(suggestion, site, names.name, names.count));
    r->st = STATUS_INPUT;
}

/* A word of a table; `*out` keeps its value if the field is absent. */
static void get_word(struct reader *r, const char *key, enum kinds_table table, uint32_t *out)
{
    const struct json_words words = {kinds_texts(table), kinds_count(table)};
    r->st = r->st ? r->st : json_fields_word(r->doc, r->object, key, words, out);
}

static void get_point(struct reader *r, struct fault *out)
{
    out->point = out->place == PLACE_OP ? HOOK_OUT : HOOK_MEM;
    get_word(r, "point", KINDS_POINT, &out->point);
    if (!r->st && out->place != PLACE_OP && out->point != HOOK_MEM) {
        log_error("%s: '%s' is %s, its only point is mem",
                  json_where(r->doc, json_get(r->object, "point")), out->site,
                  out->place == PLACE_CONTROL ? "an integer" : "stored memory");
        r->st = STATUS_INPUT;
    }
}

static void get_field(struct reader *r, struct fault *out)
{
    uint32_t found = QUANT_FIELD_CODE;
    get_word(r, "field", KINDS_FIELD, &found);
    out->field = (enum quant_field)found;
}

static bool has(const struct reader *r, const char *key)
{
    return json_get(r->object, key) != NULL;
}

static int count_masks(const struct reader *r)
{
    return has(r, "mask") + has(r, "bit") + has(r, "bits");
}

/* The bit fields that the kind takes, and no others. */
static void check_bits(struct reader *r, enum kind kind)
{
    const int masks = count_masks(r), most = hook_kinds_takes(kind, KIND_TAKES_MASK);
    const int least = hook_kinds_takes(kind, KIND_TAKES_DRAWS) ? 0 : most;
    const bool value = hook_kinds_takes(kind, KIND_TAKES_VALUE),
               range = hook_kinds_takes(kind, KIND_TAKES_RANGE),
               other = hook_kinds_takes(kind, KIND_TAKES_OTHER);
    if (r->st || (masks >= least && masks <= most && has(r, "value") == value &&
                  has(r, "low") == range && has(r, "high") == range && has(r, "from") == other))
        return;
    log_error("%s: kind %s takes %s", json_where(r->doc, r->object), kinds_text(KINDS_KIND, kind),
              least   ? "exactly one of 'mask', 'bit', 'bits'"
              : most  ? "at most one of 'mask', 'bit', 'bits'"
              : value ? "'value' and no mask"
              : range ? "'low' and 'high' and no mask"
              : other ? "'from' and no mask"
                      : "neither a mask nor a value");
    r->st = STATUS_INPUT;
}

/* f32 bits: a number, or bits written as "0x...". */
static void get_float(struct reader *r, const char *key, uint32_t *out)
{
    const struct json *value = json_get(r->object, key);
    if (r->st)
        return;
    if (!value || (json_type(value) == JSON_TEXT && strncmp(json_text(value), "0x", 2) == 0)) {
        get_uint(r, key, UINT32_MAX, out);
    } else if (json_type(value) != JSON_NUMBER) {
        log_error("%s: found %s, expected a number, or its 32 bits as a text \"0x...\"",
                  json_where(r->doc, value), json_fields_found(value).text);
        r->st = STATUS_INPUT;
    } else {
        *out = lang_bits((float)json_number(value));
    }
}

static void get_mask(struct reader *r, struct fault *out)
{
    const struct json *bits = json_get(r->object, "bits");
    if (r->st)
        return;
    uint32_t bit = 32, width = fault_width(out, r->bounds);
    if (bits && (json_type(bits) != JSON_ARRAY || json_count(bits) == 0)) {
        log_error("%s: found %s, expected a list of at least one bit", json_where(r->doc, bits),
                  json_fields_found(bits).text);
        r->st = STATUS_INPUT;
    }
    get_uint(r, "mask", UINT32_MAX, &out->mask);
    get_uint(r, "bit", 31, &bit);
    if (bit < 32)
        out->mask = 1u << bit;
    for (size_t i = 0; !r->st && bits && i < json_count(bits); i++) {
        int64_t number = 0;
        const struct json *value = json_at(bits, i);
        if (!json_integer(value, 0, 31, &number)) {
            log_error("%s: found %s, expected a bit from 0 to 31", json_where(r->doc, value),
                      json_fields_found(value).text);
            r->st = STATUS_INPUT;
        }
        out->mask |= 1u << number;
    }
    if (hook_kinds_takes(out->kind, KIND_TAKES_MASK) && count_masks(r) == 0 && width > 0)
        out->mask = UINT32_MAX >> (32 - width);
}

static void get_bits(struct reader *r, struct fault *out)
{
    check_bits(r, out->kind);
    get_mask(r, out);
    if (hook_kinds_takes(out->kind, KIND_TAKES_NUMBER))
        get_float(r, "value", &out->value);
    else
        get_uint(r, "value", UINT32_MAX, &out->value);
    get_float(r, "low", &out->low);
    get_float(r, "high", &out->high);
    get_uint(r, "from", UINT32_MAX, &out->from);
    get_uint(r, "only_mask", UINT32_MAX, &out->only_mask);
    get_uint(r, "only_value", UINT32_MAX, &out->only_value);
}

/* The share of evaluations at which an intermittent fault fires, as 32 bits. */
static void get_rate(struct reader *r, struct fault *out)
{
    static const struct json_range share = {.min = 0, .max = 1, .open_min = true};
    const struct json *value = json_get(r->object, "rate");
    const bool wanted = out->duration == DURATION_INTERMITTENT;
    double rate = 0;
    if (r->st || (!value && !wanted))
        return;
    if (!value || !wanted) {
        log_error("%s: %s", json_where(r->doc, value ? value : r->object),
                  wanted ? "duration intermittent takes 'rate', a number above 0 and up to 1"
                         : "'rate' is for duration intermittent");
        r->st = STATUS_INPUT;
        return;
    }
    r->st = json_fields_number_of(r->doc, value, share, &rate);
    out->rate = rate * 0x1p32 >= UINT32_MAX ? UINT32_MAX : (uint32_t)(rate * 0x1p32);
    out->rate = out->rate == 0 ? 1 : out->rate;
}

static void get_when(struct reader *r, struct fault *out)
{
    uint32_t step = 0, duration;
    bool memory = out->place != PLACE_OP && out->place != PLACE_CONTROL;
    if (!r->st && has(r, "position") && has(r, "step")) {
        log_error("%s: give 'position' or 'step' (position = prompt length - 1 + step), not both",
                  json_where(r->doc, r->object));
        r->st = STATUS_INPUT;
    }
    duration = memory ? DURATION_PERSISTENT : DURATION_TRANSIENT;
    get_word(r, "duration", KINDS_DURATION, &duration);
    if (!r->st && (duration == DURATION_PERSISTENT) != memory) {
        log_error("%s: duration %s; expected %s",
                  json_where(r->doc, json_get(r->object, "duration")),
                  kinds_text(KINDS_DURATION, duration),
                  memory ? "persistent: this is stored memory"
                         : "transient, intermittent or permanent: this is not stored memory");
        r->st = STATUS_INPUT;
    }
    out->duration = (enum duration)duration;
    get_rate(r, out);
    get_uint(r, "step", r->bounds->positions, &step);
    out->position = r->bounds->n_prompt - 1 + step;
    get_uint(r, "position", UINT32_MAX - 1, &out->position);
}

/* Explicit ranges, in place of those of a granularity. */
static void get_ranges(struct reader *r, struct fault *out)
{
    static const char *const ranges[] = {"rows", "row_step", "ks", "k_step", "keys"};
    uint32_t *const to[] = {&out->row_count, &out->row_step, &out->k_count, &out->k_step,
                            &out->key_count};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges) && !r->st; i++) {
        const struct json *value = json_get(r->object, ranges[i]);
        if (!value)
            continue;
        if (has(r, "granularity")) {
            log_error("%s: a range beside 'granularity'; expected one of them",
                      json_where(r->doc, value));
            r->st = STATUS_INPUT;
        }
        if (to[i] == &out->key_count && json_type(value) == JSON_TEXT &&
            strcmp(json_text(value), "all") == 0)
            out->key_count = FAULT_ALL_KEYS;
        else
            get_uint(r, ranges[i], UINT32_MAX - 1, to[i]);
    }
    get_uint(r, "positions", UINT32_MAX, &out->position_count);
}

/* `stage` says where the fault starts: at the given position, which lies in it, else at the first
 * that evaluates the site. */
static void get_stage(struct reader *r, struct fault *out, enum stage *stage)
{
    uint32_t found = STAGE_ANY;
    get_word(r, "stage", KINDS_STAGE, &found);
    const struct widen_span span = widen_stage((enum stage)found, r->bounds->n_prompt);
    const uint32_t end = span.end < r->bounds->positions ? span.end : r->bounds->positions;
    *stage = (enum stage)found;
    if (r->st)
        return;
    if (!has(r, "stage")) {
        /* a lasting fault goes on beyond the stage of its position */
        if (out->duration != DURATION_INTERMITTENT)
            *stage = widen_stage_of(out->position, r->bounds->n_prompt);
    } else if (span.first >= end) {
        log_error("%s: found stage %s, which has no position: %u of the prompt, %u in all",
                  json_where(r->doc, json_get(r->object, "stage")), kinds_text(KINDS_STAGE, found),
                  r->bounds->n_prompt, r->bounds->positions);
        r->st = STATUS_INPUT;
    } else if (!has(r, "position") && !has(r, "step")) {
        out->position = widen_first(out, r->bounds, *stage);
    } else if (out->position < r->bounds->positions &&
               (out->position < span.first || out->position >= end)) {
        log_error("%s: found stage %s with position %u, expected one of its positions, %u to %u",
                  json_where(r->doc, json_get(r->object, "stage")), kinds_text(KINDS_STAGE, found),
                  out->position, span.first, end - 1);
        r->st = STATUS_INPUT;
    }
}

/* Widens the element by granularity, readers and stage. A range given with its start is not moved:
 * a record holds ranges as they are. */
static void widen(struct reader *r, struct fault *out, const struct widen *w, enum stage stage)
{
    const uint32_t row = out->row, position = out->position;
    widen_fault(out, r->bounds, w, stage);
    if (has(r, "rows") && has(r, "row"))
        out->row = row;
    if (has(r, "positions") && (has(r, "position") || has(r, "step")))
        out->position = position;
    get_ranges(r, out);
}

/* Granularity, readers, stage. */
static void get_extent(struct reader *r, struct fault *out)
{
    struct widen w = {0};
    uint32_t granularity = GRANULARITY_ELEMENT;
    enum stage stage = STAGE_ANY;
    uint32_t readers = out->point == HOOK_OPERAND ? READERS_ALL : READERS_COLUMN;
    get_word(r, "granularity", KINDS_GRANULARITY, &granularity);
    get_word(r, "readers", KINDS_READERS, &readers);
    get_uint(r, "lanes", UINT32_MAX, &w.lanes);
    get_uint(r, "tile", UINT32_MAX, &w.tile);
    get_uint(r, "chunk", UINT32_MAX, &w.chunk);
    bool operand = readers >= READERS_ROW;
    uint32_t point = operand ? HOOK_OPERAND : HOOK_WEIGHT;
    if (!r->st && has(r, "readers") && (out->place != PLACE_OP || out->point != point)) {
        log_error("%s: readers %s at point %s; expected column, chunk or stage of a weight, row, "
                  "tile or all of an operand",
                  json_where(r->doc, json_get(r->object, "readers")),
                  kinds_text(KINDS_READERS, readers), kinds_text(KINDS_POINT, out->point));
        r->st = STATUS_INPUT;
    }
    out->granularity = (enum granularity)granularity;
    out->readers = (enum readers)readers;
    get_stage(r, out, &stage);
    if (!r->st)
        widen(r, out, &w, stage);
}

static void get_coordinates(struct reader *r, struct fault *out)
{
    get_uint(r, "row", UINT32_MAX, &out->row);
    get_uint(r, "k", UINT32_MAX, &out->k);
    get_uint(r, "key", UINT32_MAX, &out->key);
    get_u64(r, "seed", &out->key_low);
    get_u64(r, "trial", &out->key_high);
}

static enum status read_fault(struct reader *r, const struct json *object, struct fault *out)
{
    uint32_t kind = KIND_FLIP;
    *out = (struct fault){.layer = GRAPH_NO_LAYER};
    r->object = object;
    r->st = json_fields_object(r->doc, object, "a fault, an object with 'site'",
                               (struct json_words){FIELDS, sizeof(FIELDS) / sizeof(*FIELDS)});
    get_site(r, out);
    get_word(r, "kind", KINDS_KIND, &kind);
    out->kind = (enum kind)kind;
    get_point(r, out);
    get_field(r, out);
    get_bits(r, out);
    get_when(r, out);
    get_coordinates(r, out);
    get_extent(r, out);
    return r->st ? r->st : fault_check(out, r->bounds, json_where(r->doc, r->object));
}

/* The faults of one trial: an object, or a list of them. */
static enum status read_trial(struct reader *r, const struct json *value, struct fault_trial *out)
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
    struct reader r = {.doc = doc, .bounds = bounds, .arena = arena};
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
